// cenote: SPDX-License-Identifier: MIT
#include "trace/reader.hpp"

#include <algorithm>
#include <array>
#include <fmt/format.h>
#include <limits>

namespace cenote::trace {

reader::reader(byte_source& source, limits limits) : source_(source), limits_(limits) {
    check_file_header(source_);
}

bool reader::next(event& out) {
    while (events_left_ == 0) {
        if (!rest_.empty()) fail("has bytes left over");
        if (ended_ || !next_frame()) return false;
    }
    parse(out);
    --events_left_;
    return true;
}

bool reader::next_frame() {
    switch (read_frame(source_, frame_, offset_)) {
    case frame_state::whole:
        break;
    case frame_state::end_of_file:
    case frame_state::cut_off:
        ended_ = truncated_ = true;
        return false;
    }
    rest_ = frame_.payload;
    switch (frame_.kind) {
    case frame_kind::process:
        open_process();
        break;
    case frame_kind::events:
        open_events();
        break;
    case frame_kind::totals:
        close_process();
        break;
    case frame_kind::end:
        close_file();
        break;
    }
    return !ended_;
}

void reader::open_process() {
    if (process_open_) fail("begins a process before the last one ended");
    if (processes_.size() >= limits_.processes) fail("begins more processes than can be read");
    if (take("process number") != processes_.size()) fail("begins a process out of order");
    process p;
    p.pid = take_at_most(std::numeric_limits<std::int32_t>::max(), "a process id");
    if (const std::uint64_t parent = take_at_most(processes_.size(), "a parent process"); parent > 0)
        p.parent = static_cast<std::uint32_t>(parent - 1);
    p.forked = take_at_most(1, "a process flag") != 0;
    p.lost_events = take("a count of lost events");
    const std::uint64_t length = take_at_most(std::min(rest_.size(), max_program_bytes), "a program's name");
    p.program.assign(rest_.begin(), rest_.begin() + static_cast<std::ptrdiff_t>(length));
    rest_ = rest_.subspan(length);
    processes_.push_back(std::move(p));
    live_.clear();
    process_open_ = true;
}

void reader::open_events() {
    if (!process_open_) fail("holds events of no process");
    const totals& counts = processes_.back().counts;
    if (take("process number") != processes_.size() - 1)
        fail("holds events of another process than the last begun");
    if (take("event number") != counts.events()) fail("does not follow the frame before it: one is missing");
    if (take("block number") != counts.allocations)
        fail("does not follow the frame before it: one is missing");
    thread_ = static_cast<std::uint32_t>(take_at_most(max_threads - 1, "a thread"));
    events_left_ = take("number of events");
    // An event takes three bytes at least, so a giant count is caught here and not by running off the end.
    if (events_left_ == 0 || events_left_ > rest_.size() / 3) fail("claims more events than it has room for");
    sites_.clear();
}

void reader::close_process() {
    if (!process_open_) fail("ends a process that never began");
    if (take("process number") != processes_.size() - 1) fail("ends another process than the last begun");
    process& p = processes_.back();
    const totals& c = p.counts;
    for (const std::uint64_t counted : {c.allocations, c.deallocations, c.reallocations, c.requested_bytes,
                                        c.live_bytes, c.peak_live_bytes, c.peak_live_blocks, c.threads})
        if (take("a total") != counted) fail("states totals that its events do not add up to");
    p.unknown_frees = take("a count of unknown frees");
    process_open_ = false;
}

void reader::close_file() {
    if (process_open_) fail("ends the file within a process");
    if (take("number of processes") != processes_.size())
        fail("states another number of processes than there are");
    if (!rest_.empty()) fail("has bytes left over");
    std::array<unsigned char, 1> more{};
    if (source_.read(more) != 0) fail("ends the file, and yet there is more behind it");
    ended_ = true;
}

void reader::parse(event& out) {
    out = event{};
    if (rest_.empty()) fail("ends within an event");
    unsigned char first = rest_.front();
    rest_ = rest_.subspan(1);
    if (first == kind_thread) {
        const auto thread = static_cast<std::uint32_t>(take_at_most(max_threads - 1, "a thread"));
        if (thread == thread_) fail("changes from a thread to itself");
        thread_ = thread;
        if (rest_.empty()) fail("ends within an event");
        first = rest_.front();
        rest_ = rest_.subspan(1);
    }
    out.process = static_cast<std::uint32_t>(processes_.size() - 1);
    out.thread = thread_;
    if ((first & kind_mask) == static_cast<unsigned char>(event_kind::allocate))
        parse_allocation(out, first);
    else
        parse_known(out, first);
    processes_.back().counts.add(out);
}

void reader::parse_allocation(event& out, unsigned char first) {
    if ((first & ~(flag_zeroed | flag_aligned)) != 0) fail("holds an event of an unknown kind");
    totals& counts = processes_.back().counts;
    if (live_.size() >= limits_.live_blocks) fail("has more blocks live at once than can be read");
    out.zeroed = (first & flag_zeroed) != 0;
    if ((first & flag_aligned) != 0) {
        if (rest_.empty()) fail("ends within an event");
        out.log2_alignment = rest_.front();
        rest_ = rest_.subspan(1);
        if (out.log2_alignment > max_log2_alignment) fail("holds an impossible alignment");
        if (out.log2_alignment == default_log2_alignment) fail("holds a needless alignment");
    }
    out.size = take_at_most(max_block_bytes, "a block's size");
    out.site = take_site();
    out.block = counts.allocations;
    if (counts.requested_bytes > std::numeric_limits<std::uint64_t>::max() - out.size)
        fail("adds up to an impossible size");
    live_.insert(out.block, live_block{out.size, out.log2_alignment});
}

void reader::parse_known(event& out, unsigned char first) {
    if (first != static_cast<unsigned char>(event_kind::deallocate) &&
        first != static_cast<unsigned char>(event_kind::reallocate))
        fail("holds an event of an unknown kind");
    out.kind = static_cast<event_kind>(first);
    const totals& counts = processes_.back().counts;
    const std::uint64_t distance = take("a block");
    if (distance == 0 || distance > counts.allocations) fail("speaks of a block that was never allocated");
    out.block = counts.allocations - distance;
    live_block* block = live_.find(out.block);
    if (block == nullptr) fail("speaks of a block that is no longer live");
    out.old_size = block->size;
    out.log2_alignment = block->log2_alignment;
    if (out.kind == event_kind::reallocate) out.size = take_at_most(max_block_bytes, "a block's size");
    out.site = take_site();
    if (out.kind == event_kind::deallocate) {
        live_.erase(out.block);
        return;
    }
    if (counts.requested_bytes > std::numeric_limits<std::uint64_t>::max() - out.size)
        fail("adds up to an impossible size");
    *block = live_block{out.size, default_log2_alignment};
}

std::uint32_t reader::take_site() {
    const std::uint64_t number = take_at_most(sites_.size(), "a call site");
    if (number < sites_.size()) return sites_[number];
    if (rest_.size() < 4) fail("ends within an event");
    std::uint32_t site = 0;
    for (std::size_t i = 0; i < 4; ++i) site |= static_cast<std::uint32_t>(rest_[i]) << (8 * i);
    rest_ = rest_.subspan(4);
    sites_.push_back(site);
    return site;
}

std::uint64_t reader::take(const char* what) {
    return take_at_most(std::numeric_limits<std::uint64_t>::max(), what);
}

std::uint64_t reader::take_at_most(std::uint64_t limit, const char* what) {
    const std::optional<std::uint64_t> value = take_varint(rest_);
    if (!value)
        throw error(
            fmt::format("the recording is damaged: {} before byte {} is no whole number", what, offset_));
    if (*value > limit)
        throw error(
            fmt::format("the recording is damaged: {} before byte {} is out of range", what, offset_));
    return *value;
}

void reader::fail(const char* what) const {
    throw error(fmt::format("the recording is damaged: the frame that ends at byte {} {}", offset_, what));
}

} // namespace cenote::trace
