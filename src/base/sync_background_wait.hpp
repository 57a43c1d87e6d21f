// cenote: SPDX-License-Identifier: MIT
//
// What the library's own thread says and how long it sleeps, on every system.
#pragma once

#include <cenote/base/sync.hpp>

#include <algorithm>

namespace cenote::inline v0_1::sync {

inline constexpr char stops = 's';
inline constexpr char wakes = 'w';

/// Whole milliseconds from now until `when`, at most an hour; none when that is past.
[[nodiscard]] inline int milliseconds_until(std::int64_t when) noexcept {
    constexpr std::int64_t millisecond = 1'000'000;
    constexpr std::int64_t longest_sleep = 3'600'000;
    const std::int64_t now = steady_now();
    if (when <= now) return 0;
    return static_cast<int>(std::min((when - now - 1) / millisecond + 1, longest_sleep));
}

} // namespace cenote::inline v0_1::sync
