// cenote: SPDX-License-Identifier: MIT
//
// Who runs when, and what becomes of a child that fails. The children are this program.
#include "children.hpp"
#include "process.hpp"
#include "replay/roster.hpp"
#include "schedule.hpp"

#include <algorithm>
#include <cstdlib>
#include <fstream>
#include <gtest/gtest.h>
#include <signal.h>
#include <unistd.h>

namespace cenote::bench {
namespace {

constexpr const char* of_allocators[] = {
    "GLIBC_TUNABLES",       "MALLOC_ARENA_MAX",          "MALLOC_CONF",
    "MIMALLOC_PURGE_DELAY", "TCMALLOC_SAMPLE_PARAMETER", "TBB_MALLOC_USE_HUGE_PAGES"};

void write_log(const std::string& line) {
    if (const char* const path = std::getenv(log_variable))
        std::ofstream(path, std::ios::app) << line << "\n";
}

template<char Name>
outcome run_named(const job& what) {
    write_log(std::string(1, Name) + " " + what.which.name());
    outcome numbers;
    numbers.ns = {1.0, 2.0};
    numbers.window_ns = what.window_ns;
    numbers.peak_bytes = what.windows;
    return numbers;
}

// The machine is so busy that only every third round has windows that count.
outcome run_disturbed(const job& what) {
    write_log("disturbed");
    std::ifstream log(std::getenv(log_variable));
    std::size_t runs = 0;
    for (std::string line; std::getline(log, line);) ++runs;
    outcome numbers;
    numbers.ns = {1.0};
    numbers.is_clean = runs % 3 == 0;
    numbers.window_ns = what.window_ns;
    return numbers;
}

// Huge pages but for every third round.
outcome run_paged(const job& what) {
    outcome numbers = run_disturbed(what);
    numbers.figures = {numbers.is_clean ? 0.0 : 2048.0};
    numbers.is_clean = true;
    return numbers;
}

// Gives numbers only where nothing is set for an allocator, but what does not concern one is there.
outcome run_undisturbed(const job& what) {
    for (const char* const name : of_allocators)
        if (std::getenv(name) != nullptr) return {};
    return std::getenv(log_variable) != nullptr ? run_named<'u'>(what) : outcome{};
}

outcome run_failing(const job& what) {
    write_log("failing " + what.which.name());
    std::_Exit(3);
}
outcome run_crashing(const job& /*what*/) {
    std::abort();
}
outcome run_alarmed(const job& /*what*/) {
    ::raise(SIGALRM);
    return {};
}
outcome run_idle(const job& /*what*/) {
    return {};
}

std::size_t gets = 0;
std::size_t puts = 0;
void* get_counted(std::size_t size) {
    ++gets;
    return std::malloc(size);
}
void put_counted(void* block) {
    ++puts;
    std::free(block);
}
outcome run_counting(const job& /*what*/) {
    outcome numbers;
    numbers.ns = {static_cast<double>(gets), static_cast<double>(puts)};
    return numbers;
}

participant contender(std::string_view name, std::string_view runner, std::string preload = "") {
    return {
        {name, kind::general, 0u | ability::alone, runner, "", "", ""}, "/proc/self/exe", std::move(preload)};
}

constexpr test_case pair_16{.what = pattern::pair, .block_size = 16};
constexpr test_case pair_64{.what = pattern::pair, .block_size = 64};
constexpr test_case live_1000{.what = pattern::pair, .live = 1'000};
constexpr test_case fragmented{.what = pattern::pair, .is_fragmented = true};

class schedule : public testing::Test {
protected:
    void SetUp() override {
        std::ofstream(path).close();
        ::setenv(log_variable, path.c_str(), 1);
    }
    void TearDown() override {
        ::unsetenv(log_variable);
        std::remove(path.c_str());
    }
    [[nodiscard]] std::vector<std::string> log() const {
        std::ifstream file(path);
        std::vector<std::string> lines;
        for (std::string line; std::getline(file, line);) lines.push_back(line);
        return lines;
    }
    void run(const effort& wanted) {
        run_rounds(all, wanted, [&](double share) { shares.push_back(share); });
    }
    std::string path = testing::TempDir() + "cenote_schedule_test." + std::to_string(::getpid());
    results all{.cases = {pair_16, pair_64}};
    std::vector<double> shares;
};

TEST_F(schedule, contenders_take_turns_and_each_is_first_once) {
    all.contenders = {contender("A", "a"), contender("B", "b"), contender("C", "c")};
    run({.rounds = 3, .windows = 4, .window_ms = 2});
    EXPECT_EQ(log(), (std::vector<std::string>{
                         "a pair/16", "b pair/16", "c pair/16", "a pair/64", "b pair/64", "c pair/64", //
                         "b pair/16", "c pair/16", "a pair/16", "b pair/64", "c pair/64", "a pair/64", //
                         "c pair/16", "a pair/16", "b pair/16", "c pair/64", "a pair/64", "b pair/64"}));
    EXPECT_TRUE(all.problems.empty());
    const row* const one = all.find("pair/64", "B");
    ASSERT_NE(one, nullptr);
    EXPECT_EQ(one->rounds(), 3u);
    EXPECT_EQ(one->windows(), 6u);
    EXPECT_DOUBLE_EQ(one->window_ns, 2e6);
    EXPECT_EQ(one->peak_bytes, 4u); // the child's word for the windows that it was told to take
    EXPECT_DOUBLE_EQ(shares.front(), 0);
    EXPECT_TRUE(std::is_sorted(shares.begin(), shares.end()));
    EXPECT_EQ(shares.size(), 18u);
}

TEST_F(schedule, settings_of_the_caller_for_an_allocator_reach_none) {
    for (const char* const name : of_allocators) ::setenv(name, "1", 1);
    all.cases = {pair_16};
    all.contenders = {contender("U", "undisturbed")};
    run({.rounds = 1});
    for (const char* const name : of_allocators) ::unsetenv(name);
    EXPECT_EQ(log(), std::vector<std::string>{"u pair/16"});
    EXPECT_TRUE(all.problems.empty());
}

TEST(effort, is_at_least_seven_rounds_of_what_is_judged) {
    EXPECT_GE(effort{}.rounds, 7u);
    EXPECT_GE(effort{}.long_rounds, 7u);
}

TEST_F(schedule, cases_of_which_nothing_is_demanded_run_fewer_rounds) {
    all.cases = {live_1000, pair_16};
    all.contenders = {contender("A", "a")};
    run({.rounds = 3, .survey_rounds = 1, .long_rounds = 2});
    EXPECT_EQ(log(),
              (std::vector<std::string>{"a pair/64/live_1000", "a pair/16", "a pair/16", "a pair/16"}));
    EXPECT_EQ(all.least_rounds_of(pair_16), 3u);
    EXPECT_EQ(all.least_rounds_of({.what = pattern::relay}), 2u);
}

TEST_F(schedule, rounds_without_huge_pages_are_not_compared_where_they_are_the_row) {
    all.cases = {pair_16};
    all.contenders = {contender("A", "a"), contender(names::huge_pages, "a")};
    run({.rounds = 3, .more_rounds = 0});
    EXPECT_TRUE(all.find("pair/16", "A")->is_clean());
    EXPECT_FALSE(all.find("pair/16", names::huge_pages)->is_clean());
    all.rows.clear();
    all.contenders = {contender(names::huge_pages, "paged")};
    run({.rounds = 3, .more_rounds = 0}); // some have none, and the others count
    const row* const one = all.find("pair/16", names::huge_pages);
    EXPECT_TRUE(one->is_clean());
    EXPECT_EQ(one->rounds(), 2u);
}

TEST_F(schedule, a_busy_machine_runs_more_rounds_until_enough_count) {
    all.cases = {pair_16};
    all.contenders = {contender("A", "disturbed")};
    const effort usual;
    run(usual);
    const row* const one = all.find("pair/16", "A");
    ASSERT_NE(one, nullptr);
    EXPECT_TRUE(one->has_rounds(usual.rounds));
    EXPECT_EQ(log().size(), 3 * usual.rounds); // and no more than that
}

TEST_F(schedule, who_takes_no_part_in_a_pattern_is_not_asked) {
    all.cases = {{.what = pattern::bulk_32}, pair_16};
    all.contenders = {contender("A", "a")};
    run({.rounds = 1});
    EXPECT_EQ(log(), (std::vector<std::string>{"a pair/16"}));
}

TEST_F(schedule, who_fails_is_a_problem_once_and_has_no_row) {
    all.contenders = {contender("A", "a"), contender("Broken", "failing")};
    run({.rounds = 2});
    EXPECT_EQ(log(), (std::vector<std::string>{"a pair/16", "failing pair/16", "a pair/64", "failing pair/64",
                                               "a pair/16", "a pair/64"}));
    EXPECT_EQ(all.problems,
              (std::vector<std::string>{
                  "Broken in pair/16 ended with status 3 and without numbers; to see it alone: cenote_bench "
                  "child pair/16 failing 3 5",
                  "Broken in pair/64 ended with status 3 and without numbers; to see it alone: cenote_bench "
                  "child pair/64 failing 3 5"}));
    EXPECT_EQ(all.find("pair/16", "Broken"), nullptr);
    EXPECT_NE(all.find("pair/16", "A"), nullptr);
}

TEST(window_ns, is_longer_where_many_threads_share_the_cores) {
    const effort wanted{.window_ms = 3, .long_ms = 500};
    EXPECT_DOUBLE_EQ(window_ns(pair_64, wanted), 3e6);
    EXPECT_DOUBLE_EQ(window_ns({.what = pattern::threads_pair, .threads = 2}, wanted), 3e6);
    EXPECT_DOUBLE_EQ(window_ns({.what = pattern::threads_pair, .threads = 8}, wanted), 6e6);
    EXPECT_DOUBLE_EQ(window_ns({.what = pattern::threads_pair, .threads = 9}, wanted), 12e6);
    EXPECT_DOUBLE_EQ(window_ns({.what = pattern::buffer_workers, .threads = 1}, wanted), 60e6);
    EXPECT_DOUBLE_EQ(window_ns({.what = pattern::relay}, wanted), 500e6);
}

std::string problem_of(const participant& who) {
    return run_child(who, {pair_16, 2e6, 1}).problem;
}

TEST(child, that_fails_is_a_sentence) {
    EXPECT_EQ(problem_of(contender("A", "a")), "");
    EXPECT_EQ(problem_of(contender("X", "crashing")),
              "X in pair/16 crashed: Aborted; to see it alone: cenote_bench child pair/16 crashing 2 1");
    EXPECT_EQ(problem_of(contender("X", "alarmed")),
              "X in pair/16 did not finish in time; to see it alone: cenote_bench child pair/16 alarmed 2 1");
    for (const char* const runner : {"idle", "nobody"})
        EXPECT_EQ(problem_of(contender("X", runner)),
                  std::string("X in pair/16 ended with status 2 and without numbers; to see it alone: "
                              "cenote_bench child pair/16 ") +
                      runner + " 2 1");
    participant nowhere = contender("X", "a");
    nowhere.program = "/nowhere/at/all";
    EXPECT_NE(problem_of(nowhere), "");
}

// The dynamic linker only warns, and the numbers would be glibc's under another name.
TEST(child, that_has_not_the_malloc_it_should_gives_no_numbers) {
    testing::internal::CaptureStderr();
    const std::string problem = problem_of(contender("mimalloc", "a", "/nowhere/libmimalloc.so"));
    const std::string said = testing::internal::GetCapturedStderr();
    EXPECT_EQ(problem, "mimalloc in pair/16 ended with status 2 and without numbers; to see it alone: "
                       "LD_PRELOAD=/nowhere/libmimalloc.so cenote_bench child pair/16 a 2 1");
    EXPECT_NE(said.find("cenote_bench child: malloc is that of "), std::string::npos) << said;
    EXPECT_NE(said.find(", not of /nowhere/libmimalloc.so, which LD_PRELOAD names"), std::string::npos)
        << said;
}

TEST(child, that_has_it_gives_them) {
    for (const tool::contender& one : tool::find_contenders(false).contenders)
        if (!one.preload.empty()) {
            EXPECT_EQ(problem_of(contender(one.name, "a", one.preload)), "") << one.preload;
        }
    ::setenv("LD_PRELOAD", "/nowhere/at/all.so", 1); // this process's own, and not for its children
    const std::string problem = problem_of(contender("glibc", "a"));
    ::unsetenv("LD_PRELOAD");
    EXPECT_EQ(problem, "");
}

TEST(child, cuts_up_the_heap_of_its_contender_where_that_is_wanted) {
    EXPECT_EQ(run_child(contender("A", "counting"), {pair_64, 2e6, 1}).numbers.ns,
              (std::vector<double>{0, 0}));
    const child_result got = run_child(contender("A", "counting"), {fragmented, 2e6, 1});
    ASSERT_EQ(got.numbers.ns.size(), 2u) << got.problem;
    EXPECT_EQ(got.numbers.ns[0], random_blocks);
    EXPECT_NEAR(got.numbers.ns[1], random_blocks / 2.0, random_blocks / 20.0);
}

} // namespace

std::vector<runner> test_runners() {
    return {{"a", run_named<'a'>},
            {"b", run_named<'b'>},
            {"c", run_named<'c'>},
            {"failing", run_failing},
            {"crashing", run_crashing},
            {"alarmed", run_alarmed},
            {"idle", run_idle},
            {"disturbed", run_disturbed},
            {"paged", run_paged},
            {"undisturbed", run_undisturbed},
            {"counting", run_counting, get_counted, put_counted}};
}

} // namespace cenote::bench
