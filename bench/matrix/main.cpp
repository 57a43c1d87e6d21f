// cenote: SPDX-License-Identifier: MIT
//
// cenote_matrices: 100,000 matrices of 100×100 doubles, made, filled, summed and dropped by everybody in the
// same way, on distinct memory. The arithmetic is measured alone and subtracted; what is left is the cost of
// memory, page faults included.
#include "child.hpp"
#include "progress.hpp"
#include "replay/roster.hpp"
#include "shares.hpp"
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
std::vector<contender> contenders(const tool::roster& found) {
    std::vector<contender> all{
        {"arithmetic alone", "slots", ""}, {"malloc", "malloc", ""}, {"new", "new", ""}};
    for (const tool::contender& one : found.contenders)
        if (!one.preload.empty()) all.push_back({one.name, "malloc", one.preload});
    all.push_back({"cenote::fixed_pool", "fixed_pool", ""});
    all.push_back({"cenote::arena", "arena", ""});
    all.push_back({"cenote::arena_pool", "arena_pool", ""});
    return all;
}

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
            note_round(rows[i], round == 0, got.seconds, got.most_resident);
        }
    }
    return rows;
}

void print_scene(const scene& where, const std::vector<contender>& who, const row* rows) {
    fmt::print("\n{} of {}\n", where.name, tool::counted(where.what.matrices, "matrix", "matrices"));
    fmt::print("{:<22}{:>10}{:>14}{:>12}{:>16}{:>12}{:>14}\n", "", "all, s", "arithmetic, s", "memory, s",
               "µs a matrix", "of malloc", "most resident");
    for (std::size_t i = 0; i < who.size(); ++i) {
        const shares own = shares_of(rows[i], rows[0], rows[1], where.what.matrices);
        fmt::print("{:<22}{:>10.3f}{:>14.3f}", who[i].name, rows[i].seconds, rows[0].seconds);
        if (i == 0)
            fmt::print("{:>12}{:>16}{:>12}", "", "", "");
        else
            fmt::print("{:>12.3f}{:>16.2f}{:>12}", own.memory, own.microseconds_a_matrix,
                       own.of_malloc ? fmt::format("{:.2f}", *own.of_malloc) : "-");
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
    const tool::roster found = tool::find_contenders(false);
    const std::vector<contender> who = contenders(found);
    const std::vector<row> rows = measure(wanted, where, who);
    fmt::print(
        "Matrices of {}×{} doubles ({} bytes): made, filled, summed, dropped. Processor time, the best of "
        "{}.\nMemory is all time but that of the arithmetic, page faults included; a few per cent of the "
        "arithmetic are noise,\nbelow zero too. A dead matrix stays in an arena until its round is over.\n",
        rows_of_a_matrix, columns, matrix_bytes, tool::counted(wanted.rounds, "round", "rounds"));
    for (std::size_t i = 0; i < where.size(); ++i) print_scene(where[i], who, rows.data() + i * who.size());
    // Who is not here is a problem, but not the end: the others are measured.
    for (const tool::absent_allocator& one : found.absent)
        fmt::print(stderr, "cenote_matrices: {} is missing: install {}\n", one.name, one.package);
    return found.absent.empty() ? 0 : 1;
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
