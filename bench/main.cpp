// cenote: SPDX-License-Identifier: MIT
//
// cenote_bench: the hot paths of cenote's pools beside those of others, in one interleaved run. It reports
// times and never judges them.
#include "child.hpp"
#include "progress.hpp"
#include "report.hpp"
#include "text.hpp"

#include <CLI/CLI.hpp>
#include <algorithm>
#include <cstdio>
#include <exception>
#include <fmt/format.h>
#include <regex>

namespace cenote::bench {
namespace {

struct settings {
    unsigned rounds = 7;
    unsigned windows = 5;
    double window_ms = 2;
    std::string only = ".";
    std::string contenders = ".";
    std::string json = CENOTE_BENCH_RESULTS;
    bool quick = false;
    std::string child_case;
    std::string child_contender;
};

std::regex pattern_of(const std::string& text, const char* option) {
    try {
        return std::regex(text);
    } catch (const std::regex_error&) {
        throw tool::failure(fmt::format("{}: '{}' is not a regular expression", option, text), 2);
    }
}

results choose(const settings& wanted) {
    results all;
    const std::regex cases = pattern_of(wanted.only, "--only");
    const std::regex contenders = pattern_of(wanted.contenders, "--contenders");
    for (const test_case& one : all_cases())
        if (std::regex_search(one.name(), cases)) all.cases.push_back(one);
    for (const roster_entry& one : roster())
        if (std::regex_search(one.name, contenders)) all.contenders.push_back(one);
    if (all.cases.empty()) throw tool::failure("no case matches --only; --list names them", 2);
    if (all.contenders.empty())
        throw tool::failure("no contender matches --contenders; --list names them", 2);
    all.rounds = wanted.rounds;
    all.windows = wanted.windows;
    all.window_ns = wanted.window_ms * 1e6;
    return all;
}

// One round: every case for every contender; who is first changes from round to round.
void run_round(results& all, unsigned round, tool::progress_bar& bar) {
    const std::size_t count = all.contenders.size();
    const auto total = static_cast<double>(all.rounds * all.cases.size() * count);
    auto done = static_cast<double>(round * all.cases.size() * count);
    for (const test_case& which : all.cases) {
        for (std::size_t i = 0; i < count; ++i, ++done) {
            bar.show(done / total);
            const roster_entry& who = all.contenders[(i + round) % count];
            all.rows[{which.name(), who.name}].add(run_child(who, {which, all.window_ns, all.windows}));
        }
    }
}

int compare(const settings& wanted) {
    results all = choose(wanted);
    check_writable(wanted.json);
    all.load_before = load_average();
    {
        tool::progress_bar bar("measuring");
        for (unsigned round = 0; round < all.rounds; ++round) run_round(all, round, bar);
    }
    all.load_after = load_average();
    fmt::print("{}", make_table(all));
    write_json(all, wanted.json);
    fmt::print("The same numbers for programs: {}\n", wanted.json);
    return 0;
}

int be_child(const settings& wanted) {
    const std::optional<test_case> which = find_case(wanted.child_case);
    if (!which)
        throw tool::failure(fmt::format("there is no case '{}'; --list names them", wanted.child_case), 2);
    const auto& all = roster();
    const auto who = std::find_if(all.begin(), all.end(),
                                  [&](const auto& one) { return one.name == wanted.child_contender; });
    if (who == all.end())
        throw tool::failure(
            fmt::format("there is no contender '{}'; --list names them", wanted.child_contender), 2);
    fmt::print("{}", line_of(who->run({*which, wanted.window_ms * 1e6, wanted.windows})));
    return 0;
}

int list() {
    for (const test_case& one : all_cases()) fmt::print("{:<24}ns a {}\n", one.name(), one.operation());
    for (const roster_entry& one : roster()) fmt::print("{}\n", one.name);
    return 0;
}

int run(int argc, char** argv) {
    settings wanted;
    bool wants_list = false;
    CLI::App app("Times the hot paths of cenote's pools beside those of others.");
    const auto whole = CLI::Range(1u, 1000u);
    app.add_flag("--quick", wanted.quick, "two rounds of short windows: under 20 seconds, rougher numbers");
    app.add_option("--rounds", wanted.rounds, "processes of each contender and case")
        ->check(whole)
        ->capture_default_str();
    app.add_option("--windows", wanted.windows, "windows in each process")
        ->check(whole)
        ->capture_default_str();
    app.add_option("--window-ms", wanted.window_ms, "processor time of a window")
        ->check(CLI::Range(0.01, 10'000.0))
        ->capture_default_str();
    app.add_option("--only", wanted.only, "cases whose name matches this regular expression");
    app.add_option("--contenders", wanted.contenders,
                   "contenders whose name matches this regular expression");
    app.add_option("--json", wanted.json, "where the numbers go")->capture_default_str();
    app.add_flag("--list", wants_list, "names the cases and the contenders");
    CLI::App* const child =
        app.add_subcommand("child", "measures one case in this process: bytes, then ns a window");
    child->add_option("case", wanted.child_case)->required();
    child->add_option("contender", wanted.child_contender)->required();
    child->add_option("window-ms", wanted.window_ms);
    child->add_option("windows", wanted.windows);
    CLI11_PARSE(app, argc, argv);
    if (wanted.quick) {
        wanted.rounds = 2;
        wanted.windows = 3;
        wanted.window_ms = 0.5;
    }
    if (wants_list) return list();
    return child->parsed() ? be_child(wanted) : compare(wanted);
}

} // namespace
} // namespace cenote::bench

int main(int argc, char** argv) {
    try {
        return cenote::bench::run(argc, argv);
    } catch (const cenote::tool::failure& problem) {
        fmt::print(stderr, "cenote_bench: {}\n", problem.what());
        return problem.status();
    } catch (const std::exception& problem) {
        fmt::print(stderr, "cenote_bench: {}\n", problem.what());
        return 1;
    }
}
