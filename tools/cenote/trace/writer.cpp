// cenote: SPDX-License-Identifier: MIT
#include "trace/writer.hpp"

#include <algorithm>

namespace cenote::trace {
namespace {

constexpr std::size_t frame_target_bytes = std::size_t{256} << 10;

} // namespace

writer::writer(byte_sink& sink) : sink_(sink) {
    sink_.write(pack_file_header());
}

std::uint32_t writer::begin_process(const process& p) {
    bytes out;
    append_varint(out, processes_);
    append_varint(out, p.pid);
    append_varint(out, p.parent ? std::uint64_t{*p.parent} + 1 : 0);
    append_varint(out, p.forked ? 1 : 0);
    append_varint(out, p.lost_events);
    const std::size_t length = std::min(p.program.size(), max_program_bytes);
    append_varint(out, length);
    out.insert(out.end(), p.program.begin(), p.program.begin() + static_cast<std::ptrdiff_t>(length));
    sink_.write(pack_frame(frame_kind::process, out));
    totals_ = {};
    live_.clear();
    first_event_ = first_block_ = 0;
    first_thread_ = thread_ = 0;
    return processes_++;
}

std::uint64_t writer::allocate(const event& e) {
    begin_event(e.thread);
    const bool aligned = e.log2_alignment != default_log2_alignment;
    buffer_.push_back(
        static_cast<unsigned char>((e.zeroed ? flag_zeroed : 0) | (aligned ? flag_aligned : 0)));
    if (aligned) buffer_.push_back(e.log2_alignment);
    append_varint(buffer_, e.size);
    append_site(e.site);
    const std::uint64_t block = totals_.allocations;
    live_.insert(block, e.size);
    event counted = e;
    counted.kind = event_kind::allocate;
    totals_.add(counted);
    return block;
}

void writer::deallocate(std::uint64_t block, std::uint32_t thread, std::uint32_t site) {
    const std::uint64_t* size = live_.find(block);
    if (size == nullptr) throw error("a block is freed that is not live: the recording cannot be written");
    begin_event(thread);
    buffer_.push_back(static_cast<unsigned char>(event_kind::deallocate));
    append_varint(buffer_, totals_.allocations - block);
    append_site(site);
    const event e{.kind = event_kind::deallocate, .thread = thread, .old_size = *size};
    live_.erase(block);
    totals_.add(e);
}

void writer::reallocate(std::uint64_t block, std::uint64_t size, std::uint32_t thread, std::uint32_t site) {
    std::uint64_t* old = live_.find(block);
    if (old == nullptr)
        throw error("a block is reallocated that is not live: the recording cannot be written");
    begin_event(thread);
    buffer_.push_back(static_cast<unsigned char>(event_kind::reallocate));
    append_varint(buffer_, totals_.allocations - block);
    append_varint(buffer_, size);
    append_site(site);
    const event e{.kind = event_kind::reallocate, .thread = thread, .size = size, .old_size = *old};
    *old = size;
    totals_.add(e);
}

totals writer::end_process(std::uint64_t unknown_frees) {
    flush();
    bytes out;
    for (const std::uint64_t value :
         {std::uint64_t{processes_ - 1}, totals_.allocations, totals_.deallocations, totals_.reallocations,
          totals_.requested_bytes, totals_.live_bytes, totals_.peak_live_bytes, totals_.peak_live_blocks,
          totals_.threads, unknown_frees})
        append_varint(out, value);
    sink_.write(pack_frame(frame_kind::totals, out));
    return totals_;
}

void writer::finish() {
    bytes out;
    append_varint(out, processes_);
    sink_.write(pack_frame(frame_kind::end, out));
}

void writer::begin_event(std::uint32_t thread) {
    if (buffer_.size() >= frame_target_bytes) flush();
    if (buffered_ == 0) {
        first_event_ = totals_.events();
        first_block_ = totals_.allocations;
        first_thread_ = thread_ = thread;
    }
    if (thread != thread_) {
        buffer_.push_back(kind_thread);
        append_varint(buffer_, thread);
        thread_ = thread;
    }
    ++buffered_;
}

// Call sites repeat, and their hashes are four bytes of noise: each frame numbers those it meets.
void writer::append_site(std::uint32_t site) {
    if (const std::uint32_t* known = sites_.find(site); known != nullptr) {
        append_varint(buffer_, *known);
        return;
    }
    append_varint(buffer_, sites_.size());
    for (int shift = 0; shift < 32; shift += 8) buffer_.push_back(static_cast<unsigned char>(site >> shift));
    sites_.insert(site, static_cast<std::uint32_t>(sites_.size()));
}

void writer::flush() {
    if (buffered_ == 0) return;
    bytes out;
    for (const std::uint64_t value :
         {std::uint64_t{processes_ - 1}, first_event_, first_block_, std::uint64_t{first_thread_}, buffered_})
        append_varint(out, value);
    out.insert(out.end(), buffer_.begin(), buffer_.end());
    sink_.write(pack_frame(frame_kind::events, out));
    buffer_.clear();
    buffered_ = 0;
    sites_.clear();
}

} // namespace cenote::trace
