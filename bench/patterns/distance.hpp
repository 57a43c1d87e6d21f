// cenote: SPDX-License-Identifier: MIT
//
// How far the cores are from each other. A virtual machine's processors are moved about by its host: one
// moment two of them share a core's caches, the next a line takes several times as long from one to the
// other, and what threads hand over costs as much more. Windows are compared with their like only.
#pragma once

namespace cenote::bench {

// Nanoseconds in which a word goes from one core to the other and back: the shortest of some runs. A few
// tenths of a millisecond where nothing else runs; 0 where the cores are not to be had.
[[nodiscard]] double round_trip_ns(int one, int other);

// Two round trips that differ more than by this were not measured with the cores where they were.
inline constexpr double same_distance = 1.5;

// False where nobody looked.
[[nodiscard]] constexpr bool is_elsewhere(double trip_ns, double other_ns) {
    if (trip_ns <= 0 || other_ns <= 0) return false;
    return trip_ns > same_distance * other_ns || other_ns > same_distance * trip_ns;
}

// Whether a crew looks before and after every run: not while the length of a window is sought, in many runs.
inline bool is_distance_watched = false;

} // namespace cenote::bench
