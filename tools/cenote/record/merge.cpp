// cenote: SPDX-License-Identifier: MIT
#include "record/merge.hpp"

#include "record/spool_reader.hpp"
#include "text.hpp"
#include "trace/flat_map.hpp"

#include <algorithm>
#include <cstring>
#include <filesystem>
#include <map>
#include <optional>

namespace cenote::tool {
namespace {

using spool::kind;
namespace fs = std::filesystem;

// Follows one stream's events and knows which block lives at which address.
class stream_merger {
public:
    explicit stream_merger(trace::writer& out) : out_(out) {}

    void take(const spool::event& e) {
        const std::uint32_t thread = e.thread_and_alignment >> 8;
        switch (static_cast<kind>(e.stamp & ((1U << spool::kind_bits) - 1))) {
        case kind::allocate:
            allocate(e, thread, false);
            break;
        case kind::allocate_zeroed:
            allocate(e, thread, true);
            break;
        case kind::deallocate:
            deallocate(e, thread);
            break;
        case kind::reallocate_begin:
            pending_[thread] = take_out(e.address);
            break;
        case kind::reallocate_end:
            reallocate(e, thread);
            break;
        case kind::reallocate_failed:
            if (const auto block = take_pending(thread)) blocks_.insert(e.address, *block);
            break;
        case kind::reallocate_freed:
            if (const auto block = take_pending(thread))
                out_.deallocate(*block, thread, e.site);
            else
                ++unknown_frees_;
            break;
        }
    }

    [[nodiscard]] std::uint64_t unknown_frees() const { return unknown_frees_; }

private:
    void allocate(const spool::event& e, std::uint32_t thread, bool zeroed) {
        free_stale(e, thread);
        const auto log2 =
            static_cast<std::uint8_t>(std::min(e.thread_and_alignment & 0xFFU, trace::max_log2_alignment));
        blocks_.insert(e.address, out_.allocate({.zeroed = zeroed,
                                                 .log2_alignment = log2,
                                                 .thread = thread,
                                                 .site = e.site,
                                                 .size = std::min(e.size, trace::max_block_bytes)}));
    }

    void deallocate(const spool::event& e, std::uint32_t thread) {
        if (const auto block = take_out(e.address))
            out_.deallocate(*block, thread, e.site);
        else
            ++unknown_frees_;
    }

    void reallocate(const spool::event& e, std::uint32_t thread) {
        const auto block = take_pending(thread);
        if (!block) {
            ++unknown_frees_;
            return allocate(e, thread, false);
        }
        free_stale(e, thread);
        out_.reallocate(*block, std::min(e.size, trace::max_block_bytes), thread, e.site);
        blocks_.insert(e.address, *block);
    }

    // An address that is given out while it is live was freed where the recorder could not see it.
    void free_stale(const spool::event& e, std::uint32_t thread) {
        if (const auto stale = take_out(e.address)) out_.deallocate(*stale, thread, e.site);
    }

    std::optional<std::uint64_t> take_out(std::uint64_t address) {
        const std::uint64_t* found = blocks_.find(address);
        if (found == nullptr) return std::nullopt;
        const std::uint64_t block = *found;
        blocks_.erase(address);
        return block;
    }

    std::optional<std::uint64_t> take_pending(std::uint32_t thread) {
        const auto block = pending_[thread];
        pending_.erase(thread);
        return block;
    }

    trace::writer& out_;
    trace::flat_map<std::uint64_t> blocks_;                         // address → block
    std::map<std::uint32_t, std::optional<std::uint64_t>> pending_; // thread → the block it is reallocating
    std::uint64_t unknown_frees_ = 0;
};

struct stream_file {
    fs::path path;
    std::uint64_t pid = 0;
    std::uint64_t started = 0;
    std::uint64_t bytes = 0;
    std::uint64_t id = 0;
    std::uint32_t process = 0; // its number in the trace
    bool usable = false;
};

std::vector<stream_file> list_streams(const std::string& folder) {
    std::vector<stream_file> found;
    for (const fs::directory_entry& entry : fs::directory_iterator(folder)) {
        stream_file s;
        s.path = entry.path();
        if (s.path.extension() != spool::stream_suffix) continue;
        char* end = nullptr;
        const std::string name = s.path.filename();
        s.pid = std::strtoull(name.c_str(), &end, 10);
        if (*end == '-') s.started = std::strtoull(end + 1, nullptr, 10);
        s.bytes = entry.file_size();
        found.push_back(std::move(s));
    }
    std::sort(found.begin(), found.end(), [](const stream_file& a, const stream_file& b) {
        return a.started != b.started ? a.started < b.started : a.pid < b.pid;
    });
    return found;
}

// The stream a process came from: the one it was forked from, else its own one before exec, else its
// parent's.
std::optional<std::uint32_t> parent_of(const spool::header& h, const std::vector<stream_file>& all,
                                       std::size_t self) {
    const auto latest_before = [&](auto matches) -> std::optional<std::uint32_t> {
        for (std::size_t i = self; i-- > 0;)
            if (all[i].usable && matches(all[i])) return all[i].process;
        return std::nullopt;
    };
    if (h.parent_id != 0) return latest_before([&](const stream_file& s) { return s.id == h.parent_id; });
    if (const auto same = latest_before([&](const stream_file& s) { return s.pid == h.pid; })) return same;
    return latest_before([&](const stream_file& s) { return s.pid == h.parent_pid; });
}

trace::process describe(const spool::header& h, const std::vector<stream_file>& all, std::size_t self) {
    trace::process p;
    p.pid = h.pid;
    p.parent = parent_of(h, all, self);
    p.forked = h.parent_id != 0;
    p.lost_events = h.lost_events.load();
    p.program.assign(h.program, strnlen(h.program, sizeof h.program));
    return p;
}

} // namespace

merge_result merge_spool(const std::string& folder, trace::writer& out,
                         const std::function<void(double)>& progress) {
    merge_result result;
    std::vector<stream_file> all = list_streams(folder);
    double total = 0;
    for (const stream_file& s : all) total += static_cast<double>(s.bytes);
    double done = 0;
    for (std::size_t i = 0; i < all.size(); ++i) {
        {
            spool_stream stream(all[i].path);
            if (stream.header() == nullptr) {
                ++result.unrecorded_processes;
                continue;
            }
            const spool::header& h = *stream.header();
            trace::process p = describe(h, all, i);
            result.lost_events += p.lost_events;
            result.unrecorded_processes += h.lost_children.load();
            all[i].id = h.id;
            all[i].usable = true;
            all[i].process = out.begin_process(p);
            stream_merger merger(out);
            std::uint64_t events = 0;
            for (spool::event e; stream.next(e);) {
                merger.take(e);
                if (++events % 65536 == 0 && total > 0)
                    progress(std::min(1.0, (done + static_cast<double>(events * sizeof e)) / total));
            }
            p.unknown_frees = merger.unknown_frees();
            p.counts = out.end_process(p.unknown_frees);
            result.processes.push_back(std::move(p));
        }
        done += static_cast<double>(all[i].bytes);
        fs::remove(all[i].path);
    }
    return result;
}

} // namespace cenote::tool
