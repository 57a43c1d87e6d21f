// cenote: SPDX-License-Identifier: MIT
//
// Measures a case for one contender, in this process: warm-up, a window length found by trial, then the
// windows. A window in which a worker waited for its core, or the cores were moved, is measured again, a few
// times.
#pragma once

#include "patterns/buffers.hpp"
#include "patterns/distance.hpp"
#include "patterns/one_thread.hpp"
#include "patterns/pools.hpp"
#include "patterns/sizes.hpp"
#include "patterns/threads.hpp"
#include "roster.hpp"

#include <limits>

namespace cenote::bench {

inline constexpr unsigned most_attempts = 4;    // for each window wanted
inline constexpr double longest_trial_ns = 6e6; // that must still be made twice as long

// How long that many steps take: the shorter of two runs, unless the first is short enough, and without the
// time that a worker waited. Where others use the machine, a single run may be long for no reason of its own.
template<class Loop>
double trial_ns(Loop& loop, std::size_t steps, double enough) {
    double shortest = 0;
    for (unsigned trial = 0; trial < 2; ++trial) {
        const sample got = loop.run(steps);
        const double took = got.work_ns() - std::min(got.waited_ns, got.work_ns() / 2);
        shortest = trial == 0 ? took : std::min(shortest, took);
        if (shortest < enough || steps == 1) break;
    }
    return shortest;
}

// How many steps make a window. The trials are the warm-up, for which some milliseconds are enough, however
// long a window is.
template<class Loop>
std::size_t calibrate(Loop& loop, double window_ns) {
    if constexpr (requires { Loop::fixed_steps; }) return Loop::fixed_steps;
    const double enough = std::min(window_ns / 2, longest_trial_ns);
    for (std::size_t steps = 1;; steps *= 2) {
        const double took = trial_ns(loop, steps, enough);
        if (took < enough) continue;
        const double fitting = static_cast<double>(steps) * window_ns / took;
        return fitting < 1 ? 1 : static_cast<std::size_t>(fitting);
    }
}

// Whether the trials were wrong: then the window shows the start of the workers more than their work.
template<class Loop>
bool is_too_short(const sample& got, double window_ns) {
    if constexpr (requires { Loop::fixed_steps; }) return false;
    return got.work_ns() < window_ns / 4;
}

// The windows that count, or else one of the others: of those in which least was waited, the first.
template<class Loop>
void take_windows(Loop& loop, std::size_t steps, unsigned windows, double window_ns, outcome& result) {
    double least_waited = std::numeric_limits<double>::infinity();
    double then_ns = 0;
    double then_trip_ns = 0;
    std::vector<double> lengths;
    is_distance_watched = true;
    for (unsigned attempt = 0; result.ns.size() < windows && attempt < most_attempts * windows; ++attempt) {
        const sample got = loop.run(steps);
        const double ns = got.ns * got.share / static_cast<double>(steps * Loop::operations_a_step);
        const bool counts = got.waited_ns <= most_waiting * got.ns && !got.has_moved;
        if (is_too_short<Loop>(got, window_ns)) {
            steps = static_cast<std::size_t>(static_cast<double>(steps) * window_ns / got.work_ns());
            result.ns.clear();
            result.trips_ns.clear();
            lengths.clear();
            least_waited = std::numeric_limits<double>::infinity();
            then_ns = ns; // better than nothing, when all attempts end here
        } else if (counts) {
            result.ns.push_back(ns);
            result.trips_ns.push_back(got.trip_ns);
            lengths.push_back(got.ns);
        } else {
            ++result.discarded;
        }
        if (!counts && got.waited_ns < least_waited) {
            least_waited = got.waited_ns;
            then_ns = ns;
            then_trip_ns = got.trip_ns;
        }
    }
    result.is_clean = !result.ns.empty();
    std::sort(lengths.begin(), lengths.end());
    if (!lengths.empty()) result.window_ns = lengths[lengths.size() / 2];
    if (!result.is_clean && then_ns > 0) {
        result.ns.push_back(then_ns);
        result.trips_ns.push_back(then_trip_ns);
    }
}

// The loop stays: the process ends with the measurement, and what is live is not worth the time to free it.
template<class Loop>
outcome measure(const job& what) {
    auto& loop = *new Loop(what.which);
    outcome result;
    const peak_watch memory;
    loop.prepare();
    const std::size_t steps = calibrate(loop, what.window_ns);
    unsigned windows = what.windows;
    if constexpr (requires { Loop::fixed_windows; }) windows = Loop::fixed_windows;
    take_windows(loop, steps, windows, what.window_ns, result);
    result.peak_bytes = memory.bytes();
    if constexpr (requires { loop.figure(); }) result.figures = {loop.figure()};
    return result;
}

template<class C>
outcome run_one_size(const job& what) {
    switch (what.which.what) {
    case pattern::batch_reverse:
        return measure<batch_loop<C, pattern::batch_reverse>>(what);
    case pattern::batch_in_order:
        return measure<batch_loop<C, pattern::batch_in_order>>(what);
    case pattern::batch_shuffled:
        return measure<batch_loop<C, pattern::batch_shuffled>>(what);
    case pattern::drop_in_order:
    case pattern::drop_shuffled:
        return measure<drop_loop<C>>(what);
    case pattern::metadata:
        return measure<metadata_loop<C>>(what);
    default:
        return {};
    }
}

template<class C, unsigned Abilities>
outcome run_alone(const job& what) {
    switch (what.which.what) {
    case pattern::random_replacement:
        if constexpr (has(Abilities, ability::alone) || has(Abilities, ability::replacement))
            return measure<random_loop<C>>(what);
        break;
    case pattern::pair:
        if constexpr (has(Abilities, ability::alone) || has(Abilities, ability::calls))
            return measure<pair_loop<C>>(what);
        break;
    case pattern::scratch:
        if constexpr (has(Abilities, ability::scratch)) return measure<scratch_loop<C>>(what);
        break;
    case pattern::bulk_32:
        if constexpr (has(Abilities, ability::bulk)) return measure<bulk_loop<C>>(what);
        break;
    case pattern::lifecycle:
        if constexpr (has(Abilities, ability::brief)) return measure<lifecycle_loop<C>>(what);
        break;
    case pattern::random_sizes:
        if constexpr (has(Abilities, ability::sizes)) return measure<sizes_loop<C>>(what);
        break;
    default:
        if constexpr (has(Abilities, ability::alone)) return run_one_size<C>(what);
    }
    return {};
}

template<class C>
outcome run_buffers(const job& what) {
    if (what.which.what == pattern::buffers_hour) return measure<buffers_hour_loop<C>>(what);
    if (is_of_workers(what.which.what)) return measure<buffer_workers_loop<C>>(what);
    return measure<buffers_loop<C>>(what);
}

template<class C, unsigned Abilities>
outcome run_shared(const job& what) {
    switch (what.which.what) {
    case pattern::threads_sizes:
        if constexpr (has(Abilities, ability::shared_sizes)) return measure<threads_sizes_loop<C>>(what);
        break;
    case pattern::unsized_pair:
        if constexpr (has(Abilities, ability::unsized)) return measure<threads_pair_loop<C>>(what);
        break;
    case pattern::bounded_plenty:
    case pattern::bounded_short:
        if constexpr (has(Abilities, ability::bounded) || has(Abilities, ability::unwaited))
            return measure<threads_pair_loop<C>>(what);
        break;
    case pattern::wake_up:
        if constexpr (has(Abilities, ability::waking)) return measure<wake_up_loop<C>>(what);
        break;
    case pattern::buffers:
    case pattern::buffers_over:
    case pattern::buffers_16:
    case pattern::buffers_16_touched:
    case pattern::buffers_touched:
    case pattern::buffers_over_touched:
    case pattern::workers_touched:
    case pattern::buffer_workers:
    case pattern::buffers_hour:
        if constexpr (has(Abilities, ability::buffers)) return run_buffers<C>(what);
        break;
    case pattern::alternating:
        if constexpr (has(Abilities, ability::several)) return measure<alternating_loop<C>>(what);
        break;
    default:
        if constexpr (has(Abilities, ability::shared)) {
            if (what.which.what == pattern::threads_pair) return measure<threads_pair_loop<C>>(what);
            if (what.which.what == pattern::producer_consumer)
                return measure<producer_consumer_loop<C>>(what);
            if (what.which.what == pattern::free_each_other)
                return what.which.parcel == large_parcel_blocks
                           ? measure<free_each_other_loop<C, large_parcel_blocks>>(what)
                           : measure<free_each_other_loop<C>>(what);
            if (what.which.what == pattern::short_threads) return measure<short_threads_loop<C>>(what);
        }
    }
    return {};
}

[[nodiscard]] constexpr bool is_for_sharing(pattern what) {
    return what == pattern::threads_sizes || what == pattern::unsized_pair || what == pattern::alternating ||
           what == pattern::threads_pair || what == pattern::producer_consumer ||
           what == pattern::free_each_other || what == pattern::short_threads ||
           what >= pattern::bounded_plenty;
}

// An outcome without windows says that the contender does not take part.
template<class C, unsigned Abilities>
outcome run_case(const job& what) {
    return is_for_sharing(what.which.what) ? run_shared<C, Abilities>(what) : run_alone<C, Abilities>(what);
}

} // namespace cenote::bench
