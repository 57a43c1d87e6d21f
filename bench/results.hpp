// cenote: SPDX-License-Identifier: MIT
//
// What came out: for each case and contender, the windows of all rounds.
#pragma once

#include "job.hpp"
#include "roster.hpp"

#include <map>
#include <string>
#include <utility>

namespace cenote::bench {

enum class statistic { best, median, figure };

// Whether a contender had what its row is to show: a round in which the kernel gave no huge pages shows none.
[[nodiscard]] bool had_what_it_asked_for(std::string_view who, const outcome& numbers);

// The median.
[[nodiscard]] double middle(std::vector<double> some);

class row {
public:
    void add(const outcome& numbers, double load, double window_ns);

    // Nanoseconds an operation, of the undisturbed windows if there are any.
    [[nodiscard]] double best() const;
    [[nodiscard]] double median() const;
    // The median of the rounds, or nothing.
    [[nodiscard]] std::optional<double> figure(std::size_t which = 0) const;
    [[nodiscard]] std::optional<double> value(statistic which, std::size_t figure_of = 0) const;
    // That of the round in which the case's only figure was worst, or nothing.
    [[nodiscard]] std::optional<double> worst_figure(const test_case& which) const;
    // One number a round: the figure, or the median of its windows.
    [[nodiscard]] std::vector<double> series(statistic which, std::size_t figure_of) const;

    // The round trips between the cores of the windows that count, where somebody looked.
    [[nodiscard]] std::vector<double> trips() const;
    // Only windows with such a round trip count.
    void keep_trips(double least_ns, double most_ns);

    [[nodiscard]] bool is_clean() const { return !clean_.empty(); }
    [[nodiscard]] std::size_t windows() const { return clean_.empty() ? disturbed_.size() : clean_.size(); }
    [[nodiscard]] double load() const { return load_sum_ / rounds_run_; }

    // Those of which a window counts.
    [[nodiscard]] unsigned rounds() const;
    [[nodiscard]] bool has_rounds(unsigned least) const { return is_clean() && rounds() >= least; }

    unsigned discarded = 0; // windows that do not count
    double window_ns = 0;   // of the round in which windows were shortest
    std::uint64_t peak_bytes = 0;

private:
    struct window {
        double ns = 0;
        double trip_ns = 0;
        unsigned round = 0;
    };
    [[nodiscard]] const std::vector<window>& counted() const { return clean_.empty() ? disturbed_ : clean_; }
    [[nodiscard]] std::vector<double> ns() const;

    std::vector<window> clean_;
    std::vector<window> disturbed_;            // of a round that had no other
    std::vector<std::vector<double>> figures_; // of each round
    std::vector<double> medians_;              // of each round
    unsigned rounds_run_ = 0;
    double load_sum_ = 0; // of the machine, before each round
};

struct results {
    std::vector<test_case> cases{};
    std::vector<participant> contenders{};
    std::map<std::pair<std::string, std::string>, row, std::less<>> rows{}; // by case and contender
    std::vector<std::string> problems{};                                    // of contenders that failed
    unsigned least_rounds = 1;      // of a row and of what it is held to; with fewer nothing is reached
    unsigned least_long_rounds = 1; // the same of cases that take long
    bool tells_who_waits = true;    // the kernel
    double load_before = 0;         // over the last minute
    double load_after = 0;
    double seconds = 0;
    double more_seconds = 0; // of these, for the rounds of cases that had too few

    [[nodiscard]] const row* find(const std::string& which, std::string_view who) const;
    [[nodiscard]] unsigned least_rounds_of(const test_case& which) const {
        return which.is_long() ? least_long_rounds : least_rounds;
    }
    // In each case of several threads only those windows count in which the cores were about as far apart as
    // in most contenders' windows: the best of one contender is not compared with another's on other cores.
    void level();
    // Of the cases of which something is demanded, those where some row has fewer rounds than `least_rounds`
    // once all are levelled. None of the long ones: their rounds are pairs.
    [[nodiscard]] std::vector<test_case> too_few_rounds() const;
};

// The machine's load over the last minute.
[[nodiscard]] double load_average();
[[nodiscard]] std::string machine(); // "AMD EPYC, 2 cores, Linux 6.1"
[[nodiscard]] std::string today();   // "2025-02-28"

} // namespace cenote::bench
