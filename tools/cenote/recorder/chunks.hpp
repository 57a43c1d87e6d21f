// cenote: SPDX-License-Identifier: MIT
//
// The chunks of a stream's file: claimed by threads as they fill them, given back half full by threads that
// end, so that a program of many short-lived threads does not claim one for each.
#pragma once

#include "recorder/spool.hpp"

#include <cstddef>
#include <cstdint>

namespace cenote::recorder {

struct chunk {
    void* where;
    std::size_t size;
    spool::event* next; // the first unwritten event
};

// Where the spool is, from the environment of this program; false when it says nothing.
[[nodiscard]] bool find_spool() noexcept;
// Makes the file of a new stream, from now on this process's; a descriptor, or -1.
[[nodiscard]] int create_stream_file(std::uint64_t pid, std::uint64_t started) noexcept;

// A chunk to write to, larger the more the thread has claimed; `where` is null when there is no room.
[[nodiscard]] chunk take_chunk(std::size_t claimed_before) noexcept;
void give_back(const chunk& half_full) noexcept;
void forget_chunks() noexcept;

} // namespace cenote::recorder
