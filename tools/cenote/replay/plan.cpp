// cenote: SPDX-License-Identifier: MIT
#include "replay/plan.hpp"

#include "progress.hpp"
#include "text.hpp"
#include "trace/flat_map.hpp"
#include "trace/reader.hpp"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <fmt/format.h>
#include <sys/mman.h>
#include <unistd.h>
#include <vector>

namespace cenote::tool {
namespace {

constexpr std::uint64_t most_ops = std::uint64_t{64} << 20; // a GiB of operations

void count(plan& p, std::uint64_t index, const trace::event& e) {
    const std::uint64_t peak = p.process.counts.peak_live_bytes;
    p.process.counts.add(e);
    if (p.process.counts.peak_live_bytes > peak) p.peak_op = index;
}

// Turns events into operations and keeps the books on which slot holds which block.
class plan_builder {
public:
    explicit plan_builder(plan& out) : out_(out) {}

    void take(const trace::event& e) {
        op& o = reinterpret_cast<op*>(out_.ops.data().data())[out_.count++];
        o = op{.size = e.size & ((std::uint64_t{1} << size_bits) - 1),
               .kind = op_kind::allocate,
               .log2_alignment = e.log2_alignment,
               .slot = slot_for(e),
               .thread = number_of(e.thread)};
        if (e.kind == trace::event_kind::allocate && e.zeroed) o.kind = op_kind::allocate_zeroed;
        if (e.kind == trace::event_kind::deallocate) o.kind = op_kind::deallocate;
        if (e.kind == trace::event_kind::reallocate) o.kind = op_kind::reallocate;
        if (e.kind == trace::event_kind::reallocate) o.log2_alignment = trace::default_log2_alignment;
        count(out_, out_.count - 1, e);
    }

private:
    std::uint32_t number_of(std::uint32_t thread) {
        if (thread == last_thread_) return last_number_;
        last_thread_ = thread;
        if (const std::uint32_t* known = numbers_.find(thread); known != nullptr)
            return last_number_ = *known;
        numbers_.insert(thread, out_.threads);
        return last_number_ = out_.threads++;
    }

    std::uint32_t slot_for(const trace::event& e) {
        if (e.kind != trace::event_kind::allocate) {
            const std::uint32_t slot = *slots_.find(e.block);
            if (e.kind == trace::event_kind::deallocate) {
                slots_.erase(e.block);
                free_.push_back(slot);
            }
            return slot;
        }
        std::uint32_t slot = static_cast<std::uint32_t>(out_.slots);
        if (free_.empty()) {
            ++out_.slots;
        } else {
            slot = free_.back();
            free_.pop_back();
        }
        slots_.insert(e.block, slot);
        return slot;
    }

    plan& out_;
    trace::flat_map<std::uint32_t> slots_;
    std::vector<std::uint32_t> free_;
    trace::flat_map<std::uint32_t> numbers_; // recorded thread → its number in the plan
    std::uint32_t last_thread_ = trace::max_threads;
    std::uint32_t last_number_ = 0;
};

struct survey {
    std::vector<trace::process> processes;
    bool truncated = false;
};

survey look_through(const std::string& file) {
    trace::file_source source(file);
    trace::reader reader(source);
    for (trace::event e; reader.next(e);) {
    }
    return {reader.processes(), reader.truncated()};
}

std::uint32_t choose(const std::vector<trace::process>& all, std::optional<std::uint64_t> pid) {
    const trace::process* best = nullptr;
    for (const trace::process& p : all)
        if ((!pid || p.pid == *pid) && (best == nullptr || p.counts.allocations > best->counts.allocations))
            best = &p;
    if (best == nullptr && pid) {
        std::string known;
        for (std::size_t i = 0; i < all.size() && i < 10; ++i)
            known += fmt::format("{}{} ({})", i == 0 ? "" : ", ", all[i].pid,
                                 printable(base_name(all[i].program)));
        throw failure(fmt::format("the recording holds no process {}; it holds {}{}", *pid, known,
                                  all.size() > 10 ? ", …" : ""));
    }
    if (best == nullptr || best->counts.events() == 0)
        throw failure("the recording holds no allocation; record a program that makes some");
    return static_cast<std::uint32_t>(best - all.data());
}

} // namespace

shared_file::shared_file(const char* name, std::size_t bytes) : fd_(::memfd_create(name, 0)), bytes_(bytes) {
    void* where = MAP_FAILED;
    if (fd_ >= 0 && bytes > 0 && ::ftruncate(fd_, static_cast<off_t>(bytes)) == 0)
        where = ::mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_SHARED, fd_, 0);
    if (where != MAP_FAILED) {
        data_ = static_cast<std::byte*>(where);
        return;
    }
    const int reason = errno;
    if (fd_ >= 0) ::close(fd_);
    throw failure(fmt::format("no memory for the replay: {}; close other programs", std::strerror(reason)));
}

shared_file::~shared_file() {
    if (data_ != nullptr) ::munmap(data_, bytes_);
    if (fd_ >= 0) ::close(fd_);
}

plan make_plan(const std::string& file, std::optional<std::uint64_t> pid) {
    const survey all = look_through(file);
    const std::uint32_t wanted = choose(all.processes, pid);
    const std::uint64_t recorded = all.processes[wanted].counts.events();
    plan out(std::min(recorded, most_ops));
    out.process = all.processes[wanted];
    out.process.counts = {};
    out.recorded_ops = recorded;
    out.processes = all.processes.size();
    out.truncated = all.truncated;
    plan_builder builder(out);
    trace::file_source source(file);
    trace::reader reader(source);
    progress_bar bar("reading the recording");
    for (trace::event e; out.count < std::min(recorded, most_ops) && reader.next(e);) {
        if (e.process != wanted) continue;
        builder.take(e);
        if (out.count % 65536 == 0) bar.show(static_cast<double>(out.count) / static_cast<double>(recorded));
    }
    return out;
}

void plan::shorten(std::uint64_t n) {
    if (n >= count) return;
    count = n;
    std::vector<std::uint64_t> sizes(slots);
    process.counts = {};
    peak_op = 0;
    threads = 0;
    for (std::uint64_t i = 0; i < n; ++i) {
        const op& o = view()[i];
        trace::event e{.thread = o.thread, .size = o.size, .old_size = sizes[o.slot]};
        threads = std::max(threads, o.thread + 1);
        if (o.kind == op_kind::deallocate) e.kind = trace::event_kind::deallocate;
        if (o.kind == op_kind::reallocate) e.kind = trace::event_kind::reallocate;
        tool::count(*this, i, e);
        sizes[o.slot] = o.size;
    }
}

} // namespace cenote::tool
