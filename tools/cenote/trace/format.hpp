// cenote: SPDX-License-Identifier: MIT
//
// What a trace file holds, shared by its writer and its reader; docs/trace-format.md describes the bytes.
// A file is a 16-byte header and frames; a frame is a 20-byte header and an independently compressed payload
// of at most one MiB, so a truncated file reads up to its last whole frame and no frame can make the reader
// take much memory.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <stdexcept>
#include <string>

namespace cenote::trace {

inline constexpr std::array<unsigned char, 8> file_magic{0xC7, 'c', 'e', 'n', 'o', 't', 'e', '\n'};
inline constexpr std::uint32_t file_version = 1;
inline constexpr std::size_t file_header_bytes = 16;
inline constexpr std::size_t frame_header_bytes = 20;
inline constexpr std::size_t max_frame_bytes = std::size_t{1} << 20;
inline constexpr std::size_t max_program_bytes = 4096;
inline constexpr std::uint64_t max_block_bytes = std::uint64_t{1} << 47;
inline constexpr unsigned max_log2_alignment = 40;
inline constexpr unsigned default_log2_alignment = 4;
inline constexpr std::uint32_t max_threads = std::uint32_t{1} << 24;

enum class frame_kind : unsigned char { process = 'P', events = 'E', totals = 'T', end = 'Z' };

enum class event_kind : unsigned char { allocate = 0, deallocate = 1, reallocate = 2 };

// The bits of an event's first byte beside its kind (the low two bits; 3 there means "the thread changes").
inline constexpr unsigned char kind_mask = 0x03;
inline constexpr unsigned char kind_thread = 0x03;
inline constexpr unsigned char flag_zeroed = 0x04;
inline constexpr unsigned char flag_aligned = 0x08;

// One event. `block` is the number of the allocation in its process, from 0. A deallocation's `old_size` and
// `log2_alignment` are those of the block; a reallocation goes from `old_size` to `size` and keeps the
// number.
struct event {
    event_kind kind = event_kind::allocate;
    bool zeroed = false;
    std::uint8_t log2_alignment = default_log2_alignment;
    std::uint32_t process = 0;
    std::uint32_t thread = 0;
    std::uint32_t site = 0;
    std::uint64_t block = 0;
    std::uint64_t size = 0;
    std::uint64_t old_size = 0;

    bool operator==(const event&) const = default;
};

struct totals {
    std::uint64_t allocations = 0;
    std::uint64_t deallocations = 0;
    std::uint64_t reallocations = 0;
    std::uint64_t requested_bytes = 0; // allocations and the new sizes of reallocations, summed
    std::uint64_t live_bytes = 0;
    std::uint64_t peak_live_bytes = 0;
    std::uint64_t peak_live_blocks = 0;
    std::uint64_t threads = 0;

    [[nodiscard]] std::uint64_t live_blocks() const { return allocations - deallocations; }
    [[nodiscard]] std::uint64_t events() const { return allocations + deallocations + reallocations; }
    void add(const event& e);
    bool operator==(const totals&) const = default;
};

struct process {
    std::uint64_t pid = 0;
    std::optional<std::uint32_t> parent{}; // an earlier process of this file
    bool forked = false; // a child of fork, which shares its parent's blocks; else a program started anew
    std::uint64_t lost_events = 0; // that the recorder could not write
    std::string program{};
    totals counts{};
    std::uint64_t unknown_frees =
        0; // of blocks that were not allocated in this process; known at the end of the file
};

// Anything wrong with a trace, as a sentence for people.
class error : public std::runtime_error {
public:
    using std::runtime_error::runtime_error;
};

inline void totals::add(const event& e) {
    if (e.thread >= threads) threads = std::uint64_t{e.thread} + 1;
    if (e.kind != event_kind::allocate) live_bytes -= e.old_size;
    if (e.kind != event_kind::deallocate) {
        live_bytes += e.size;
        requested_bytes += e.size;
    }
    allocations += e.kind == event_kind::allocate ? 1 : 0;
    deallocations += e.kind == event_kind::deallocate ? 1 : 0;
    reallocations += e.kind == event_kind::reallocate ? 1 : 0;
    if (live_bytes > peak_live_bytes) peak_live_bytes = live_bytes;
    if (live_blocks() > peak_live_blocks) peak_live_blocks = live_blocks();
}

} // namespace cenote::trace
