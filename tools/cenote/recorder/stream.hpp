// cenote: SPDX-License-Identifier: MIT
//
// The recorder's pen: `note` writes one event of this thread into this process's stream. A thread writes into
// a chunk of the stream's file that is its own; only the sequence counter is shared. A child of fork begins a
// stream of its own at its first event; a child of vfork shares its parent's memory and so, rightly, its
// stream. Takes no lock that a fork could leave held, allocates nothing, keeps errno, holds no file
// descriptor between calls.
#pragma once

#include "recorder/spool.hpp"

#include <atomic>
#include <cstddef>
#include <cstdint>

namespace cenote::recorder {

inline constexpr unsigned usual_log2_alignment = 4;

// Reads the environment and opens this process's stream. Called once, before the first `note`; false when
// this process is not to be recorded or cannot be.
[[nodiscard]] bool open_stream() noexcept;

struct pen {
    spool::event* next = nullptr;
    spool::event* end = nullptr;
    std::uint64_t generation = 0;
    void* chunk = nullptr;
    std::size_t chunk_bytes = 0;
    std::size_t claimed = 0; // how many chunks this thread has had
    std::uint32_t thread = 0;
    std::uint32_t site = 0; // for the next allocation, when an operator new knows it better; 0 when none does
    const void* last_noted =
        nullptr; // the last allocation, so that operator new sees whether malloc noted its own
    std::size_t last_size = 0;
    bool inside = false; // within an interposed call: what that calls in turn is no call of the program
};

extern constinit thread_local pen my_pen __attribute__((tls_model("initial-exec")));

// Its page reads zero in a child of fork (MADV_WIPEONFORK), which is how a child knows that it is one.
extern std::atomic<std::uint64_t>* generation;
extern std::atomic<std::uint64_t> sequence;

// Makes room for an event, or says that there is none: then the event is counted as lost.
[[nodiscard]] bool claim() noexcept;

inline void note(spool::kind kind, const void* address, std::size_t size, unsigned log2_alignment,
                 std::uint32_t site) noexcept {
    pen& p = my_pen;
    if (p.next == p.end || p.generation != generation->load(std::memory_order_relaxed)) [[unlikely]]
        if (!claim()) return;
    spool::event& e = *p.next++;
    e.address = reinterpret_cast<std::uintptr_t>(address);
    e.size = size;
    e.site = site;
    e.thread_and_alignment = p.thread << 8 | log2_alignment;
    const std::uint64_t number = sequence.fetch_add(1, std::memory_order_relaxed) + 1;
    std::atomic_ref<std::uint64_t>(e.stamp).store(
        number << spool::kind_bits | static_cast<std::uint64_t>(kind), std::memory_order_release);
}

} // namespace cenote::recorder
