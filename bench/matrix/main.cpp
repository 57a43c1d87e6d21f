// cenote: SPDX-License-Identifier: MIT
//
// cenote_matrices: 100,000 matrices of 100×100 doubles, made, filled, summed and dropped by everybody in the
// same way, on distinct memory. The arithmetic is measured alone and subtracted; what is left is the cost of
// memory, page faults included.
#include "child.hpp"
#include "progress.hpp"
#include "replay/roster.hpp"
#include "text.hpp"

#include <CLI/CLI.hpp>
#include <exception>
#include <fmt/format.h>
#include <string_view>
#include <vector>

namespace cenote::matrices {
namespace {

struct settings {
    unsigned rounds = 3;
    std::size_t matrices = 100'000;
    std::size_t window = 2'000;
    bool quick = false;
};

struct scene {
    const char* name;
    plan what;
};

std::vector<scene> scenes(const settings& wanted) {
    return {{"at most 64 live, dropped in order", {.matrices = wanted.matrices, .live = 64}},
            {"a whole window live, dropped at random",
             {.matrices = wanted.matrices, .live = wanted.window, .shuffled = true}}};
}

// The work alone first, malloc behind it.
std::vector<contender> contenders() {
    std::vector<contender> all{
        {"arithmetic alone", "slots", ""}, {"malloc", "malloc", ""}, {"new", "new", ""}};
    for (const tool::contender& one : tool::find_contenders(false).contenders)
        if (!one.preload.empty()) all.push_back({one.name, "malloc", one.preload});
    all.push_back({"cenote::fixed_pool", "fixed_pool", ""});
    all.push_back({"cenote::arena", "arena", ""});
    all.push_back({"cenote::arena_pool", "arena_pool", ""});
    return all;
}

struct row {
    double seconds = 0; // the best of the rounds
    std::uint64_t most_resident = 0;
};

std::vector<row> measure(const settings& wanted, const std::vector<scene>& where,
                         const std::vector<contender>& who) {
    std::vector<row> rows(where.size() * who.size());
    tool::progress_bar bar("matrices");
    const auto total = static_cast<double>(wanted.rounds * rows.size());
    double done = 0;
    for (unsigned round = 0; round < wanted.rounds; ++round) {
        for (std::size_t i = 0; i < rows.size(); ++i, ++done) {
            bar.show(done / total);
            const numbers got = run_child(who[i % who.size()], where[i / who.size()].what);
            row& best = rows[i];
            if (round == 0 || got.seconds < best.seconds) best.seconds = got.seconds;
            best.most_resident = std::max(best.most_resident, got.most_resident);
        }
    }
    return rows;
}

void print_scene(const scene& where, const std::vector<contender>& who, const row* rows) {
    const double arithmetic = rows[0].seconds;
    const double of_malloc = rows[1].seconds - arithmetic;
    fmt::print("\n{} of {}\n", where.name, tool::counted(where.what.matrices, "matrix", "matrices"));
    fmt::print("{:<22}{:>10}{:>14}{:>12}{:>16}{:>12}{:>14}\n", "", "all, s", "arithmetic, s", "memory, s",
               "µs a matrix", "of malloc", "most resident");
    for (std::size_t i = 0; i < who.size(); ++i) {
        const double memory = rows[i].seconds - arithmetic;
        fmt::print("{:<22}{:>10.3f}{:>14.3f}", who[i].name, rows[i].seconds, arithmetic);
        if (i == 0)
            fmt::print("{:>12}{:>16}{:>12}", "", "", "");
        else
            fmt::print("{:>12.3f}{:>16.2f}{:>12}", memory,
                       memory * 1e6 / static_cast<double>(where.what.matrices),
                       of_malloc > 0 ? fmt::format("{:.2f}", memory / of_malloc) : "-");
        fmt::print("{:>14}\n", tool::byte_count(rows[i].most_resident));
    }
}

int run(int argc, char** argv) {
    settings wanted;
    CLI::App app("Compares who makes matrices at what cost.");
    app.add_flag("--quick", wanted.quick, "one round of a few matrices, to see that all works");
    app.add_option("--rounds", wanted.rounds, "runs of each, of which the best counts")
        ->check(CLI::Range(1u, 1000u))
        ->capture_default_str();
    app.add_option("--matrices", wanted.matrices, "made in each run")
        ->check(CLI::Range(std::size_t{1}, std::size_t{100'000'000}))
        ->capture_default_str();
    CLI11_PARSE(app, argc, argv);
    if (wanted.quick) wanted = {.rounds = 1, .matrices = 300, .window = 100, .quick = true};
    const std::vector<scene> where = scenes(wanted);
    const std::vector<contender> who = contenders();
    const std::vector<row> rows = measure(wanted, where, who);
    fmt::print(
        "Matrices of {}×{} doubles ({} bytes): made, filled, summed, dropped. Processor time, the best of "
        "{}.\nMemory is all time but that of the arithmetic, page faults included; a few per cent of the "
        "arithmetic are noise,\nbelow zero too. A dead matrix stays in an arena until its round is over.\n",
        rows_of_a_matrix, columns, matrix_bytes, tool::counted(wanted.rounds, "round", "rounds"));
    for (std::size_t i = 0; i < where.size(); ++i) print_scene(where[i], who, rows.data() + i * who.size());
    return 0;
}

} // namespace
} // namespace cenote::matrices

int main(int argc, char** argv) {
    try {
        if (argc > 1 && std::string_view(argv[1]) == "child") return cenote::matrices::be_child(argc, argv);
        return cenote::matrices::run(argc, argv);
    } catch (const std::exception& error) {
        fmt::print(stderr, "cenote_matrices: {}\n", error.what());
        return 1;
    }
}
