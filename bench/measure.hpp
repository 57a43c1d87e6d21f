// cenote: SPDX-License-Identifier: MIT
//
// Measures a case for one contender, in this process: warm-up, a window length found by trial, then the
// windows.
#pragma once

#include "patterns.hpp"

namespace cenote::bench {

template<class Loop>
std::uint64_t resident_now(const Loop& loop) {
    std::uint64_t most = tool::resident_bytes();
    if constexpr (requires { loop.most_resident(); }) most = std::max(most, loop.most_resident());
    return most;
}

// How many steps make a window. The trials are the warm-up.
template<class Loop>
std::size_t calibrate(Loop& loop, double window_ns) {
    for (std::size_t steps = 1;; steps *= 2) {
        const double took = loop.run(steps);
        if (took < window_ns / 2) continue;
        const double fitting = static_cast<double>(steps) * window_ns / took;
        return fitting < 1 ? 1 : static_cast<std::size_t>(fitting);
    }
}

template<class Loop>
outcome measure(Loop&& loop, const job& what) {
    outcome result;
    const std::uint64_t before = tool::resident_bytes();
    loop.prepare();
    const std::size_t steps = calibrate(loop, what.window_ns);
    std::uint64_t most = resident_now(loop);
    for (unsigned window = 0; window < what.windows; ++window) {
        const double took = loop.run(steps);
        result.ns.push_back(took / static_cast<double>(steps * Loop::operations_a_step));
    }
    most = std::max(most, resident_now(loop));
    result.peak_bytes = most > before ? most - before : 0;
    return result;
}

template<contender C>
outcome run_case(const job& what) {
    const std::size_t size = what.which.block_size;
    switch (what.which.what) {
    case pattern::pair:
        return measure(pair_loop<C>(size), what);
    case pattern::batch_reverse:
        return measure(batch_loop<C, pattern::batch_reverse>(size), what);
    case pattern::batch_in_order:
        return measure(batch_loop<C, pattern::batch_in_order>(size), what);
    case pattern::batch_shuffled:
        return measure(batch_loop<C, pattern::batch_shuffled>(size), what);
    case pattern::random_replacement:
        return measure(random_loop<C, pattern::random_replacement>(size), what);
    case pattern::random_free_first:
        return measure(random_loop<C, pattern::random_free_first>(size), what);
    case pattern::bulk_32:
        return measure(bulk_loop<C>(size), what);
    case pattern::drop_in_order:
        return measure(drop_loop<C>(size, false), what);
    case pattern::drop_shuffled:
        return measure(drop_loop<C>(size, true), what);
    }
    return {};
}

} // namespace cenote::bench
