// cenote: SPDX-License-Identifier: MIT
//
// What the recorder's C and C++ faces share: whether a call is the program's own, and how it is noted.
#pragma once

#include "recorder/stream.hpp"

#include <cstddef>

#define CENOTE_EXPORT __attribute__((visibility("default"), noinline))

namespace cenote::recorder {

// True when this call is to be noted: recording goes on, and the call is not made by the allocator itself.
[[nodiscard]] bool outermost() noexcept;

class entered {
public:
    entered() noexcept { my_pen.inside = true; }
    ~entered() { my_pen.inside = false; }
    entered(const entered&) = delete;
    entered& operator=(const entered&) = delete;
};

// Notes an allocation that succeeded (null: nothing to note) and returns it.
void* noted(void* p, std::size_t size, std::size_t alignment, bool zeroed, const void* caller) noexcept;
void note_free(const void* p, const void* caller) noexcept;
[[nodiscard]] void* allocate_noted(std::size_t size, const void* caller) noexcept;

} // namespace cenote::recorder
