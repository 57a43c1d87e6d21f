// cenote: SPDX-License-Identifier: MIT
#include "report.hpp"

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

std::string machine() {
    utsname system{};
    ::uname(&system);
    return fmt::format("{}, {} {}", processor(), system.sysname, system.release);
}

std::string today() {
    std::tm now{};
    const std::time_t seconds = std::time(nullptr);
    ::gmtime_r(&seconds, &now);
    return fmt::format("{:%Y-%m-%d}", now);
}

std::string ratio(const row& own, const row* base) {
    return base == nullptr ? "–" : fmt::format("{:.2f}", own.best() / base->best());
}

std::string table_row(const results& all, const test_case& which, const roster_entry& who, bool is_first) {
    const row* const own = all.find(which.name(), who.name);
    if (own == nullptr) return "";
    return fmt::format("{:<24}{:<26}{:>9.2f}{:>9.2f}{:>12}{:>9}{:>9}\n", is_first ? which.name() : "",
                       who.name, own->best(), own->median(), tool::byte_count(own->peak_bytes),
                       ratio(*own, all.find(which.name(), glibc_name)),
                       ratio(*own, all.find(which.name(), list_name)));
}

} // namespace

void row::add(const outcome& numbers) {
    ns.insert(ns.end(), numbers.ns.begin(), numbers.ns.end());
    peak_bytes = std::max(peak_bytes, numbers.peak_bytes);
}

double row::best() const {
    return *std::min_element(ns.begin(), ns.end());
}

double row::median() const {
    std::vector<double> sorted = ns;
    std::sort(sorted.begin(), sorted.end());
    const std::size_t middle = sorted.size() / 2;
    return sorted.size() % 2 == 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
}

const row* results::find(const std::string& which, std::string_view who) const {
    const auto found = rows.find({which, std::string(who)});
    return found == rows.end() ? nullptr : &found->second;
}

double load_average() {
    double load = 0;
    return ::getloadavg(&load, 1) == 1 ? load : 0;
}

std::string make_table(const results& all) {
    std::string out =
        fmt::format("{:<24}{:<26}{:^18}{:>12}{:>9}{:>9}\n{:<24}{:<26}{:>9}{:>9}{:>12}{:>9}{:>9}\n", "", "",
                    "   ns an operation", "", "× glibc", "× list", "case/bytes", "contender", "best",
                    "median", "resident", "(best)", "(best)");
    for (const test_case& which : all.cases) {
        out += "\n";
        bool is_first = true;
        for (const roster_entry& who : all.contenders) {
            out += table_row(all, which, who, is_first);
            is_first = false;
        }
    }
    out += fmt::format(
        "\n{}; {}; {}; load {:.1f} before and {:.1f} after.\n"
        "Each contender and round in a process of its own, contenders interleaved: {} of {} windows of "
        "about {} ms of processor time.\nresident: most memory in RAM beyond the test's own arrays. "
        "reference::no_op is what the harness itself costs; it is in every row.\n",
        machine(), CENOTE_BENCH_COMPILER, today(), all.load_before, all.load_after,
        tool::counted(all.rounds, "round", "rounds"), all.windows, all.window_ns / 1e6);
#ifndef CENOTE_BENCH_BOOST
    out += "Not installed here: Boost.Pool (apt-get install libboost-dev)\n";
#endif
    return out;
}

void check_writable(const std::string& path) {
    if (!std::ofstream(path, std::ios::app))
        throw tool::failure(fmt::format("{} could not be written; --json names another file", path));
}

void write_json(const results& all, const std::string& path) {
    std::ofstream file(path);
    file << fmt::format(
        "{{\n  \"machine\": {},\n  \"compiler\": {},\n  \"date\": \"{}\",\n  \"load_before\": {:.2f},\n"
        "  \"load_after\": {:.2f},\n  \"rows\": [",
        tool::quoted_json(machine()), tool::quoted_json(CENOTE_BENCH_COMPILER), today(), all.load_before,
        all.load_after);
    const char* separator = "";
    for (const test_case& which : all.cases) {
        for (const roster_entry& who : all.contenders) {
            const row* const own = all.find(which.name(), who.name);
            if (own == nullptr) continue;
            file << fmt::format(
                "{}\n    {{\"case\": {}, \"contender\": {}, \"min_ns\": {:.3f}, \"median_ns\": {:.3f}, "
                "\"peak_kib\": {}, \"rounds\": {}, \"windows\": {}, \"window_ms\": {}}}",
                separator, tool::quoted_json(which.name()), tool::quoted_json(who.name), own->best(),
                own->median(), own->peak_bytes / 1024, all.rounds, own->ns.size(), all.window_ns / 1e6);
            separator = ",";
        }
    }
    file << "\n  ]\n}\n";
    file.close();
    if (!file) throw tool::failure(fmt::format("{} could not be written; --json names another file", path));
}

} // namespace cenote::bench
