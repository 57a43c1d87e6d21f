// cenote: SPDX-License-Identifier: MIT
#include "results.hpp"

#include "patterns/crew.hpp"
#include "text.hpp"

#include <algorithm>
#include <cstdlib>
#include <ctime>
#include <fmt/chrono.h>
#include <fmt/format.h>
#include <fstream>
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

double middle(std::vector<double> sorted) {
    std::sort(sorted.begin(), sorted.end());
    const std::size_t half = sorted.size() / 2;
    return sorted.size() % 2 == 1 ? sorted[half] : (sorted[half - 1] + sorted[half]) / 2;
}

void row::add(const outcome& numbers, double load, double window) {
    std::vector<double>& into = numbers.is_clean ? clean_ : disturbed_;
    into.insert(into.end(), numbers.ns.begin(), numbers.ns.end());
    if (!numbers.figures.empty()) figures_.push_back(numbers.figures);
    medians_.push_back(middle(numbers.ns));
    discarded += numbers.discarded;
    peak_bytes = std::max(peak_bytes, numbers.peak_bytes);
    window_ns = window;
    load_sum_ += load;
    ++rounds;
}

double row::best() const {
    return *std::min_element(ns().begin(), ns().end());
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

std::optional<double> row::value(statistic which, std::size_t figure_of) const {
    if (which == statistic::figure) return figure(figure_of);
    return which == statistic::best ? best() : median();
}

const row* results::find(const std::string& which, std::string_view who) const {
    const auto found = rows.find(std::pair(which, std::string(who)));
    return found == rows.end() ? nullptr : &found->second;
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
