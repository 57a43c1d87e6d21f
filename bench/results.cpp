// cenote: SPDX-License-Identifier: MIT
#include "results.hpp"

#include "patterns/crew.hpp"
#include "patterns/distance.hpp"
#include "text.hpp"

#include <algorithm>
#include <cstdlib>
#include <ctime>
#include <fmt/chrono.h>
#include <fmt/format.h>
#include <fstream>
#include <set>
#include <sys/utsname.h>

namespace cenote::bench {
namespace {

std::string processor() {
    std::ifstream info("/proc/cpuinfo");
    for (std::string line; std::getline(info, line);)
        if (line.starts_with("model name")) return line.substr(line.find(':') + 2);
    return "unknown processor";
}

} // namespace

bool had_what_it_asked_for(std::string_view who, const outcome& numbers) {
    return who != names::huge_pages || (!numbers.figures.empty() && numbers.figures.front() > 0);
}

double middle(std::vector<double> sorted) {
    std::sort(sorted.begin(), sorted.end());
    const std::size_t half = sorted.size() / 2;
    return sorted.size() % 2 == 1 ? sorted[half] : (sorted[half - 1] + sorted[half]) / 2;
}

void row::add(const outcome& numbers, double load, double length) {
    for (std::size_t i = 0; i < numbers.ns.size(); ++i)
        (numbers.is_clean ? clean_ : disturbed_)
            .push_back({numbers.ns[i], i < numbers.trips_ns.size() ? numbers.trips_ns[i] : 0, rounds_run_});
    if (!numbers.figures.empty()) figures_.push_back(numbers.figures);
    medians_.push_back(middle(numbers.ns));
    discarded += numbers.discarded;
    peak_bytes = std::max(peak_bytes, numbers.peak_bytes);
    window_ns = rounds_run_ == 0 ? length : std::min(window_ns, length);
    load_sum_ += load;
    ++rounds_run_;
}

unsigned row::rounds() const {
    std::set<unsigned> those;
    for (const window& one : counted()) those.insert(one.round);
    return static_cast<unsigned>(those.size());
}

std::vector<double> row::ns() const {
    std::vector<double> all;
    for (const window& one : counted()) all.push_back(one.ns);
    return all;
}

std::vector<double> row::trips() const {
    std::vector<double> all;
    for (const window& one : counted())
        if (one.trip_ns > 0) all.push_back(one.trip_ns);
    return all;
}

void row::keep_trips(double least_ns, double most_ns) {
    const auto is_other = [&](const window& one) { return one.trip_ns < least_ns || most_ns < one.trip_ns; };
    if (std::all_of(clean_.begin(), clean_.end(), is_other)) {
        disturbed_ = std::move(clean_);
        clean_.clear();
    } else {
        discarded += static_cast<unsigned>(std::erase_if(clean_, is_other));
    }
}

double row::best() const {
    const std::vector<double> all = ns();
    return *std::min_element(all.begin(), all.end());
}

double row::median() const {
    return middle(ns());
}

std::vector<double> row::series(statistic which, std::size_t figure_of) const {
    if (which != statistic::figure) return medians_;
    std::vector<double> all;
    for (const std::vector<double>& round : figures_)
        if (figure_of < round.size()) all.push_back(round[figure_of]);
    return all;
}

std::optional<double> row::figure(std::size_t which) const {
    const std::vector<double> all = series(statistic::figure, which);
    if (all.empty()) return std::nullopt;
    return middle(all);
}

std::optional<double> row::worst_figure(const test_case& which) const {
    const std::vector<double> all = series(statistic::figure, 0);
    if (all.empty()) return std::nullopt;
    return which.wants_much() ? *std::min_element(all.begin(), all.end())
                              : *std::max_element(all.begin(), all.end());
}

std::optional<double> row::value(statistic which, std::size_t figure_of) const {
    if (which == statistic::figure) return figure(figure_of);
    return which == statistic::best ? best() : median();
}

const row* results::find(const std::string& which, std::string_view who) const {
    const auto found = rows.find(std::pair(which, std::string(who)));
    return found == rows.end() ? nullptr : &found->second;
}

namespace {

struct stretch {
    double least = 0;
    double most = 0;
    std::size_t rows = 0;
    std::size_t windows = 0;
    [[nodiscard]] std::pair<std::size_t, std::size_t> weight() const { return {rows, windows}; }
};

// Of the round trips that are about as long, those of which most contenders have windows.
stretch usual_trips(const std::vector<row*>& rows) {
    std::vector<std::pair<double, const row*>> trips;
    for (const row* const one : rows)
        for (const double trip : one->trips()) trips.emplace_back(trip, one);
    std::sort(trips.begin(), trips.end());
    stretch usual;
    for (std::size_t first = 0; first < trips.size(); ++first) {
        stretch here{.least = trips[first].first};
        std::set<const row*> whose;
        for (std::size_t i = first; i < trips.size() && trips[i].first <= same_distance * here.least; ++i) {
            here.most = trips[i].first;
            whose.insert(trips[i].second);
            ++here.windows;
        }
        here.rows = whose.size();
        if (here.weight() > usual.weight()) usual = here;
    }
    return usual;
}

} // namespace

void results::level() {
    for (const test_case& which : cases) {
        std::vector<row*> taking;
        for (auto& [key, one] : rows)
            if (key.first == which.name() && one.is_clean() && !one.trips().empty()) taking.push_back(&one);
        const stretch usual = usual_trips(taking);
        for (row* const one : taking) one->keep_trips(usual.least, usual.most);
    }
}

std::vector<test_case> results::too_few_rounds() const {
    results levelled = *this;
    levelled.level();
    std::vector<test_case> few;
    for (const test_case& which : cases) {
        if (which.is_survey() || which.is_long()) continue;
        const bool lacks = std::any_of(levelled.rows.begin(), levelled.rows.end(), [&](const auto& one) {
            return one.first.first == which.name() && !one.second.has_rounds(least_rounds);
        });
        if (lacks) few.push_back(which);
    }
    return few;
}

double load_average() {
    double load = 0;
    return ::getloadavg(&load, 1) == 1 ? load : 0;
}

std::string machine() {
    utsname system{};
    ::uname(&system);
    return fmt::format("{}, {}, {} {}", processor(), tool::counted(usable_cores().size(), "core", "cores"),
                       system.sysname, system.release);
}

std::string today() {
    std::tm now{};
    const std::time_t seconds = std::time(nullptr);
    ::gmtime_r(&seconds, &now);
    return fmt::format("{:%Y-%m-%d}", now);
}

} // namespace cenote::bench
