// cenote: SPDX-License-Identifier: MIT
//
// cenote_guards: what guards the depot of a pool between threads. Guards under the same loads, rounds
// interleaved; it reports times and never judges them.
#include "progress.hpp"
#include "text.hpp"
#include "workload.hpp"

#include <CLI/CLI.hpp>
#include <cstdio>
#include <cstdlib>
#include <exception>
#include <fmt/format.h>
#include <functional>
#include <string>

namespace cenote::guards {
namespace {

struct settings {
    unsigned rounds = 9;
    double window_ms = 150;
    bool quick = false;
};

struct contender {
    const char* name;
    std::function<measured(load, std::size_t, std::chrono::nanoseconds)> run;
};

template<class Guard>
measured run_with(load what, std::size_t threads, std::chrono::nanoseconds length) {
    return std::make_unique<workshop<Guard>>(what, threads)->run(length);
}

const std::vector<contender>& contenders() {
    static const std::vector<contender> all{
        {"short lock, checks inside", run_with<locked<sync::mutex>>},
        {"std::mutex, checks inside", run_with<locked<std::mutex>>},
        {"short lock, no checks", run_with<unchecked<locked_stack>>},
        {"lock-free, no checks", run_with<unchecked<tagged_stack<sync::real>>>},
    };
    return all;
}

struct scene {
    load what;
    std::size_t threads;
};

std::vector<scene> scenes() {
    std::vector<scene> all;
    for (const load what : {load::own, load::handed})
        for (const std::size_t threads : {1u, 2u, 8u, 32u}) all.push_back({what, threads});
    return all;
}

struct row {
    std::vector<double> ns;
    std::vector<std::uint32_t> exchanges;
};

double median(std::vector<double> values) {
    std::sort(values.begin(), values.end());
    const std::size_t middle = values.size() / 2;
    return values.size() % 2 == 1 ? values[middle] : (values[middle - 1] + values[middle]) / 2;
}

// The value that this share of all is not above.
std::uint32_t quantile(const std::vector<std::uint32_t>& sorted, double share) {
    const auto at = static_cast<std::size_t>(share * static_cast<double>(sorted.size()));
    return sorted[std::min(at, sorted.size() - 1)];
}

std::string micro(std::uint32_t ns) {
    return fmt::format("{:.2f}", ns / 1e3);
}

double load_average() {
    double load = 0;
    return ::getloadavg(&load, 1) == 1 ? load : 0;
}

void print_row(const scene& where, const contender& who, row& numbers, bool is_first) {
    std::vector<std::uint32_t>& visits = numbers.exchanges;
    std::sort(visits.begin(), visits.end());
    fmt::print("{:<12}{:>9}   {:<29}{:>8.2f}{:>9.2f}{:>12}",
               is_first ? (where.what == load::own ? "own" : "handed over") : "",
               is_first ? std::to_string(where.threads) : "", who.name,
               *std::min_element(numbers.ns.begin(), numbers.ns.end()), median(numbers.ns),
               tool::grouped(visits.size()));
    if (visits.empty()) {
        fmt::print("\n");
        return;
    }
    fmt::print("{:>9}{:>9}{:>10}{:>11}\n", micro(quantile(visits, 0.5)), micro(quantile(visits, 0.99)),
               micro(quantile(visits, 0.999)), micro(visits.back()));
}

void compare(const settings& wanted) {
    const std::vector<scene> where = scenes();
    const std::vector<contender>& who = contenders();
    std::vector<row> rows(where.size() * who.size());
    const auto length = std::chrono::nanoseconds(static_cast<std::int64_t>(wanted.window_ms * 1e6));
    const double before = load_average();
    {
        tool::progress_bar bar("measuring");
        const auto total = static_cast<double>(wanted.rounds * rows.size());
        double done = 0;
        for (unsigned round = 0; round < wanted.rounds; ++round) {
            for (std::size_t i = 0; i < where.size(); ++i) {
                for (std::size_t turn = 0; turn < who.size(); ++turn, ++done) {
                    bar.show(done / total);
                    const std::size_t j = (turn + round) % who.size();
                    const measured result = who[j].run(where[i].what, where[i].threads, length);
                    row& into = rows[i * who.size() + j];
                    into.ns.push_back(result.ns);
                    into.exchanges.insert(into.exchanges.end(), result.exchanges.begin(),
                                          result.exchanges.end());
                }
            }
        }
    }
    fmt::print("{:<12}{:>9}   {:<29}{:^17}{:>12}{:^39}\n", "", "", "", "  ns a pair", "", "  µs an exchange");
    fmt::print("{:<12}{:>9}   {:<29}{:>8}{:>9}{:>12}{:>9}{:>9}{:>10}{:>11}\n", "load", "threads", "guard",
               "best", "median", "exchanges", "50 %", "99 %", "99.9 %", "most");
    for (std::size_t i = 0; i < where.size(); ++i) {
        fmt::print("\n");
        for (std::size_t j = 0; j < who.size(); ++j)
            print_row(where[i], who[j], rows[i * who.size() + j], j == 0);
    }
    fmt::print("\nown: {} blocks at a time; handed over: every second thread frees what another allocates. A "
               "pair is one block's\n"
               "allocate and deallocate: wall time by the pairs of all threads. {}, interleaved, of {} ms;\n"
               "{} processors, load {:.1f} before and {:.1f} after; blocks of {} bytes, magazines of {}.\n",
               own_blocks, tool::counted(wanted.rounds, "round", "rounds"), wanted.window_ms,
               std::thread::hardware_concurrency(), before, load_average(), block_size, capacity);
}

int run(int argc, char** argv) {
    settings wanted;
    CLI::App app("Compares what may guard the depot of a pool between threads.");
    app.add_flag("--quick", wanted.quick, "two rounds of short windows, rougher numbers");
    app.add_option("--rounds", wanted.rounds, "windows of each guard and load")
        ->check(CLI::Range(1u, 1000u))
        ->capture_default_str();
    app.add_option("--window-ms", wanted.window_ms, "length of a window")
        ->check(CLI::Range(1.0, 10'000.0))
        ->capture_default_str();
    CLI11_PARSE(app, argc, argv);
    if (wanted.quick) {
        wanted.rounds = 2;
        wanted.window_ms = 20;
    }
    compare(wanted);
    return 0;
}

} // namespace
} // namespace cenote::guards

int main(int argc, char** argv) {
    try {
        return cenote::guards::run(argc, argv);
    } catch (const std::exception& error) {
        fmt::print(stderr, "cenote_guards: {}\n", error.what());
        return 1;
    }
}
