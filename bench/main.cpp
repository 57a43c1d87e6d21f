// cenote: SPDX-License-Identifier: MIT
//
// cenote_bench: cenote's pools beside those of others, in one interleaved run. It fails when a peer or a case
// is missing; what is demanded of the times it prints, and fails for it only with --strict.
#include "contenders/runners.hpp"
#include "patterns/crew.hpp"
#include "progress.hpp"
#include "report.hpp"
#include "schedule.hpp"
#include "text.hpp"

#include <CLI/CLI.hpp>
#include <chrono>
#include <cstdio>
#include <exception>
#include <fmt/format.h>
#include <regex>

namespace cenote::bench {
namespace {

struct settings {
    effort wanted;
    std::string only = ".";
    std::string contenders = ".";
    std::string json = CENOTE_BENCH_RESULTS;
    bool is_quick = false;
    bool is_growing = false;
    bool is_fragmented = false;
    bool is_strict = false;
    bool wants_list = false;
};

std::regex pattern_of(const std::string& text, const char* option) {
    try {
        return std::regex(text);
    } catch (const std::regex_error&) {
        throw tool::failure(fmt::format("{}: '{}' is not a regular expression", option, text), 2);
    }
}

bool matches(std::string_view text, const std::regex& pattern) {
    return std::regex_search(text.begin(), text.end(), pattern);
}

extent extent_of(const settings& chosen) {
    if (!chosen.is_quick) return extent::whole;
    return chosen.is_growing ? extent::growing : extent::quick;
}

std::vector<test_case> choose_cases(const settings& chosen) {
    const std::regex pattern = pattern_of(chosen.only, "--only");
    std::vector<test_case> cases;
    for (test_case one : all_cases(extent_of(chosen))) {
        if (chosen.is_fragmented) {
            if (one.is_fragmented) continue;
            one.is_fragmented = true;
        }
        if (matches(one.name(), pattern)) cases.push_back(one);
    }
    if (cases.empty()) throw tool::failure("no case matches --only; --list names them", 2);
    return cases;
}

// Either its package is not installed or its program, which stands beside this one, was not built.
std::string how_to_get(const entry& absent) {
    return fmt::format(
        "install {} where it is not, then build all of the bench: cmake --build … --target bench/all",
        absent.package);
}

// Who is not here is a problem, said at once but not the end: the others are measured.
std::vector<participant> choose_contenders(const settings& chosen, std::vector<std::string>& problems) {
    const std::regex pattern = pattern_of(chosen.contenders, "--contenders");
    const lineup all = find_participants();
    std::vector<participant> taking;
    for (const participant& one : all.present)
        if (matches(one.who.name, pattern)) taking.push_back(one);
    for (const entry& one : all.absent)
        if (matches(one.name, pattern))
            problems.push_back(fmt::format("{} is missing: {}", one.name, how_to_get(one)));
    if (taking.empty()) throw tool::failure("no contender matches --contenders; --list names them", 2);
    for (const std::string& problem : problems) fmt::print(stderr, "cenote_bench: {}\n", problem);
    return taking;
}

void measure_all(results& all, const effort& wanted) {
    const auto start = std::chrono::steady_clock::now();
    all.load_before = load_average();
    all.tells_who_waits = tells_who_waits();
    {
        tool::progress_bar bar("measuring");
        run_rounds(all, wanted, [&](double share) { bar.show(share); });
    }
    all.load_after = load_average();
    all.seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
}

int compare(const settings& chosen) {
    results all;
    all.cases = choose_cases(chosen);
    all.contenders = choose_contenders(chosen, all.problems);
    check_writable(chosen.json);
    measure_all(all, chosen.wanted);
    const std::vector<verdict> verdicts = judge(all, all_demands());
    if (chosen.only == "." && chosen.contenders == ".")
        for (const std::string& sentence : missing_numbers(verdicts)) all.problems.push_back(sentence);
    fmt::print("{}{}\n{}", make_table(all, verdicts), make_summary(verdicts), make_footer(all));
    write_json(all, verdicts, chosen.json);
    fmt::print("The same numbers for programs: {}\n", chosen.json);
    for (const std::string& problem : all.problems) fmt::print("PROBLEM: {}\n", problem);
    return exit_status(!all.problems.empty(), count(verdicts), chosen.is_strict);
}

int list() {
    for (const test_case& one : all_cases(extent::whole))
        fmt::print("{:<44}ns a {}\n", one.name(), one.operation());
    fmt::print("\n");
    const lineup all = find_participants();
    for (const participant& one : all.present) fmt::print("{}\n", one.who.name);
    for (const entry& one : all.absent) fmt::print("{}: missing; {}\n", one.name, how_to_get(one));
    return 0;
}

void declare_effort(CLI::App& app, effort& wanted) {
    const auto whole = CLI::Range(1u, 1000u);
    app.add_option("--rounds", wanted.rounds, "processes of each contender and case")
        ->check(whole)
        ->capture_default_str();
    app.add_option("--survey-rounds", wanted.survey_rounds, "the same of cases of which nothing is demanded")
        ->check(whole)
        ->capture_default_str();
    app.add_option("--long-rounds", wanted.long_rounds, "the same of the relay, whose rounds are paired")
        ->check(whole)
        ->capture_default_str();
    app.add_option("--long-ms", wanted.long_ms, "time of a round of the relay")
        ->check(CLI::Range(10.0, 60'000.0))
        ->capture_default_str();
    app.add_option("--windows", wanted.windows, "windows in each process")
        ->check(whole)
        ->capture_default_str();
    app.add_option("--window-ms", wanted.window_ms, "time of a window; longer with more threads")
        ->check(CLI::Range(0.01, 10'000.0))
        ->capture_default_str();
}

int run(int argc, char** argv) {
    settings chosen;
    CLI::App app("Times cenote's pools beside those of others.");
    app.add_flag("--quick", chosen.is_quick, "shorter windows, no case that takes long: some five minutes");
    app.add_flag(
           "--growth", chosen.is_growing,
           "with --quick, 8 and 32 threads at every block size too, and a round of all that shows how cost "
           "grows")
        ->needs("--quick");
    declare_effort(app, chosen.wanted);
    app.add_option("--only", chosen.only, "cases whose name matches this regular expression");
    app.add_option("--contenders", chosen.contenders,
                   "contenders whose name matches this regular expression");
    app.add_flag("--fragmented", chosen.is_fragmented, "all cases on a heap cut up beforehand");
    app.add_flag("--strict", chosen.is_strict, "fails (3) when a row does not reach what is demanded");
    app.add_option("--json", chosen.json, "where the numbers go")->capture_default_str();
    app.add_flag("--list", chosen.wants_list, "names the cases and the contenders");
    app.footer("Fails (1) when a peer is missing or a contender does not finish a case.");
    CLI11_PARSE(app, argc, argv);
    if (chosen.is_quick) {
        if (app.count("--windows") == 0) chosen.wanted.windows = 2;
        if (app.count("--window-ms") == 0) chosen.wanted.window_ms = 2;
        if (app.count("--survey-rounds") == 0) chosen.wanted.survey_rounds = chosen.is_growing ? 1 : 2;
        if (app.count("--long-rounds") == 0) chosen.wanted.long_rounds = 10;
        if (app.count("--long-ms") == 0) chosen.wanted.long_ms = 300;
        if (!chosen.is_growing) chosen.wanted.more_rounds = 8; // who waits for it would wait too long
    }
    return chosen.wants_list ? list() : compare(chosen);
}

} // namespace
} // namespace cenote::bench

int main(int argc, char** argv) {
    try {
        if (argc > 1 && std::string_view(argv[1]) == "child")
            return cenote::bench::be_child(cenote::bench::own_runners(), argc, argv);
        return cenote::bench::run(argc, argv);
    } catch (const cenote::tool::failure& problem) {
        fmt::print(stderr, "cenote_bench: {}\n", problem.what());
        return problem.status();
    } catch (const std::exception& problem) {
        fmt::print(stderr, "cenote_bench: {}\n", problem.what());
        return 1;
    }
}
