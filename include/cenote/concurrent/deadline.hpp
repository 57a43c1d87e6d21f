// cenote: SPDX-License-Identifier: MIT
//
// Times of the standard library as the deadlines that waits understand: nanoseconds of the steady clock, set
// once for a whole call, so that a wait that is woken early does not drift. Durations too long to count are
// for ever; those that are no number are over.
#pragma once

#include <cenote/base/sync.hpp>

#include <chrono>

namespace cenote::inline v0_1::engine {

[[nodiscard]] constexpr std::int64_t deadline_at(std::chrono::steady_clock::time_point when) noexcept {
    const std::int64_t since = std::chrono::nanoseconds(when.time_since_epoch()).count();
    return since < 0 ? 0 : since;
}

/// `length` after `now`.
template<class Rep, class Period>
[[nodiscard]] constexpr std::int64_t deadline_after(std::chrono::duration<Rep, Period> length,
                                                    std::int64_t now) noexcept {
    const double nanoseconds = std::chrono::duration<double, std::nano>(length).count();
    if (!(nanoseconds > 0)) return now;
    if (nanoseconds >= static_cast<double>(sync::no_deadline - now) / 2) return sync::no_deadline;
    return now + std::chrono::ceil<std::chrono::nanoseconds>(length).count();
}

} // namespace cenote::inline v0_1::engine
