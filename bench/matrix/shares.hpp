// cenote: SPDX-License-Identifier: MIT
//
// How the time of a contender divides: the arithmetic is measured alone, and what is beyond it is memory.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <optional>

namespace cenote::matrices {

/// Of the rounds of a contender.
struct row {
    double seconds = 0; // of the best
    std::uint64_t most_resident = 0;
};

/// The first round of a row counts whatever it is.
inline void note_round(row& best, bool is_first, double seconds, std::uint64_t most_resident) {
    if (is_first || seconds < best.seconds) best.seconds = seconds;
    best.most_resident = std::max(best.most_resident, most_resident);
}

struct shares {
    double memory = 0; // seconds; noise may put it below zero
    double microseconds_a_matrix = 0;
    std::optional<double> of_malloc; // nothing where malloc took no time that could be seen
};

[[nodiscard]] inline shares shares_of(const row& one, const row& arithmetic, const row& of_malloc,
                                      std::size_t matrices) {
    shares result;
    result.memory = one.seconds - arithmetic.seconds;
    result.microseconds_a_matrix = result.memory * 1e6 / static_cast<double>(matrices);
    const double mallocs = of_malloc.seconds - arithmetic.seconds;
    if (mallocs > 0) result.of_malloc = result.memory / mallocs;
    return result;
}

} // namespace cenote::matrices
