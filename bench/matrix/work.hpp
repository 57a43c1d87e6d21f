// cenote: SPDX-License-Identifier: MIT
//
// The work of the matrix benchmark, the same for everybody: rounds of matrices that are made and filled, and
// then, in their order of death, summed, checked and dropped. The sum is taken when all matrices of the round
// are filled, so that two in one place are noticed: nobody wins by handing out the same memory twice.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <ctime>
#include <numeric>
#include <random>
#include <vector>

namespace cenote::matrices {

inline constexpr std::size_t rows_of_a_matrix = 100, columns = 100;
inline constexpr std::size_t elements = rows_of_a_matrix * columns;
inline constexpr std::size_t matrix_bytes = elements * sizeof(double);

struct plan {
    std::size_t matrices = 100'000; // in all
    std::size_t live = 64;          // of a round, at once
    bool shuffled = false;          // die in random order, else in the order they were made
};

struct outcome {
    double seconds = 0;    // of the processor, page faults included
    std::size_t wrong = 0; // matrices whose sum was not theirs
};

/// Gives a matrix and takes it back; `end_round` when all of a round are back.
template<class C>
concept maker = requires(C& maker, double* matrix, std::size_t slot) {
    { maker.get(slot) } -> std::same_as<double*>;
    maker.put(matrix, slot);
    maker.end_round();
};

inline void fill(double* matrix, std::size_t number) {
    for (std::size_t i = 0; i < elements; ++i) matrix[i] = static_cast<double>(number + i);
}

[[nodiscard]] inline double sum(const double* matrix) {
    double all = 0;
    for (std::size_t i = 0; i < elements; ++i) all += matrix[i];
    return all;
}

// Whole numbers below 2^53: exact.
[[nodiscard]] inline double expected_sum(std::size_t number) {
    return static_cast<double>(elements * number + elements * (elements - 1) / 2);
}

[[nodiscard]] inline double processor_seconds() {
    std::timespec now{};
    ::clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
    return static_cast<double>(now.tv_sec) + static_cast<double>(now.tv_nsec) / 1e9;
}

template<maker C>
[[nodiscard]] outcome work(C& maker, const plan& what) {
    outcome result;
    std::vector<double*> live(what.live);
    std::vector<std::size_t> order(what.live);
    std::mt19937 random(1);
    const double start = processor_seconds();
    for (std::size_t first = 0; first < what.matrices; first += what.live) {
        const std::size_t count = std::min(what.live, what.matrices - first);
        for (std::size_t i = 0; i < count; ++i) {
            live[i] = maker.get(i);
            fill(live[i], first + i);
        }
        order.resize(count);
        std::iota(order.begin(), order.end(), std::size_t{0});
        if (what.shuffled) std::shuffle(order.begin(), order.end(), random);
        for (const std::size_t i : order) {
            if (sum(live[i]) != expected_sum(first + i)) ++result.wrong;
            maker.put(live[i], i);
        }
        maker.end_round();
    }
    result.seconds = processor_seconds() - start;
    return result;
}

} // namespace cenote::matrices
