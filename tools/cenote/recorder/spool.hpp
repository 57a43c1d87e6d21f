// cenote: SPDX-License-Identifier: MIT
//
// The spool: how the recorder inside a program hands its events to `cenote record` outside. A folder with one
// file for each process image ("stream"); a file is a row of 64 KiB units, the first a header, the others
// full of 32-byte events. Events are written through shared mappings, so a program that is killed loses
// nothing it had recorded. An event's stamp is written last and is never zero: zero means "not written". The
// stamps order the events of a stream.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>

namespace cenote::spool {

inline constexpr char environment_name[] = "CENOTE_RECORD_SPOOL";
inline constexpr char stream_suffix[] = ".stream";
inline constexpr std::uint64_t magic = 0x31'6C'6F'6F'70'73'65'63U; // "cespool1", little end first
inline constexpr std::size_t unit_bytes = std::size_t{64} << 10;
inline constexpr std::size_t program_bytes = 4096;
inline constexpr unsigned kind_bits = 3;

enum class kind : std::uint64_t {
    allocate = 0,          // stamped after the allocator returned
    allocate_zeroed = 1,   // the same, by calloc
    deallocate = 2,        // stamped before the allocator is called
    reallocate_begin = 3,  // stamped before: the old address
    reallocate_end = 4,    // stamped after: the new address and size, same thread as the last begin
    reallocate_failed = 5, // the old block lives on
    reallocate_freed = 6,  // realloc(p, 0) that freed
};

struct event {
    std::uint64_t stamp; // sequence << kind_bits | kind, the sequence from 1
    std::uint64_t address;
    std::uint64_t size;
    std::uint32_t site;
    std::uint32_t thread_and_alignment; // thread << 8 | log2 of the alignment
};
static_assert(sizeof(event) == 32 && unit_bytes % sizeof(event) == 0);

struct header {
    std::uint64_t magic; // written last
    std::uint64_t pid;
    std::uint64_t parent_pid;
    std::uint64_t id;        // of the stream, unique in its spool
    std::uint64_t parent_id; // of the stream this process was forked from; 0 for a program started anew
    std::uint64_t started_ns;
    std::atomic<std::uint64_t> lost_events;
    std::atomic<std::uint64_t> lost_children; // forked children that could not begin a stream
    char program[program_bytes];
};
static_assert(sizeof(header) <= unit_bytes);
static_assert(std::atomic<std::uint64_t>::is_always_lock_free);

} // namespace cenote::spool
