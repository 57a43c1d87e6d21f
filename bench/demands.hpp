// cenote: SPDX-License-Identifier: MIT
//
// What is demanded of cenote's pools: how much of a rival's time, or of a figure, each may take. The table in
// demands.cpp is the only place that says so.
#pragma once

#include "results.hpp"

#include <optional>
#include <span>
#include <string>

namespace cenote::bench {

enum class rival {
    best_peer,    // the fastest contender that is neither ours nor a reference
    best_general, // the fastest general allocator
    named,        // the contender `name`
    own_case,     // the same contender in the case `name`
    above,        // the contender `name`, and so many nanoseconds more: a difference, not a ratio
    nothing,      // the number itself is limited
};

struct demand {
    const char* cases; // a regular expression for whole names
    std::string_view contender;
    statistic judged;
    rival against;
    std::string_view name;
    double at_most;
    bool is_stretch;              // hoped for: shown, never a failure
    std::string_view figure = {}; // which, where a figure is judged; empty: the first
    bool is_paired = false;       // the ratio is the median of those of the rounds, with an interval
};

// Where the median of what is drawn lies with a probability of 95 % at least; all there is for fewer than
// six.
struct interval {
    double low = 0, high = 0;
};
[[nodiscard]] interval of_median(std::vector<double> drawn);

inline constexpr std::size_t least_pairs = 10; // an interval of fewer says too little

[[nodiscard]] std::span<const demand> all_demands();

struct verdict {
    const demand* asked = nullptr;
    std::string which;            // the case
    std::string rival_name;       // empty: none
    std::string doubtful;         // a peer with a lower number, of windows that do not count; empty: none
    std::optional<double> own;    // missing: the contender or the figure
    std::optional<double> theirs; // missing: the rival
    std::optional<double> ratio;  // or the difference
    std::optional<interval> range;
    std::size_t pairs = 0;  // of rounds, whose ratios have that interval
    bool is_clean = true;   // false: a side has no window that counts, or no huge pages, and its number says
                            // nothing; or a peer that has none may be better than the rival
    bool has_rounds = true; // false: windows that count are of fewer rounds than were wanted

    // With an interval: unless all of it lies beyond what is demanded.
    [[nodiscard]] bool passes() const {
        return ratio && is_clean && has_rounds && (range ? range->low : *ratio) <= asked->at_most;
    }
    // "pass", "FAIL", "short" of a stretch, "missing", "unclean", "few"
    [[nodiscard]] const char* word() const;
};

// A verdict for each demand and each case that it names. What is not there is a verdict that says so.
[[nodiscard]] std::vector<verdict> judge(const results& all, std::span<const demand> demands);

struct tally {
    std::size_t rows = 0, reached = 0, stretch_rows = 0, stretch_reached = 0;
};
[[nodiscard]] tally count(const std::vector<verdict>& verdicts);

// A sentence for each verdict that has no number.
[[nodiscard]] std::vector<std::string> missing_numbers(const std::vector<verdict>& verdicts);
// What a run ends with: 1 where something is missing or has failed; 3, if `is_strict`, where a row misses
// what is demanded.
[[nodiscard]] int exit_status(bool has_problems, const tally& sum, bool is_strict);

} // namespace cenote::bench
