// cenote: SPDX-License-Identifier: MIT
//
// How long a window is, which windows count, what becomes of the others: told by loops whose times are
// written down.
#include "patterns/measure.hpp"
#include "results.hpp"

#include <gtest/gtest.h>
#include <sys/mman.h>

namespace cenote::bench {
namespace {

constexpr double window = 1'000'000;
constexpr double step = 100; // nanoseconds

// Takes as long as it is told, run by run, and after the last again as long.
struct scripted_loop {
    static constexpr std::size_t operations_a_step = 10;
    std::vector<sample> script;
    std::vector<std::size_t> asked{};
    sample run(std::size_t steps) {
        asked.push_back(steps);
        return script[std::min(asked.size(), script.size()) - 1];
    }
};

sample whole(double waited_ns = 0) {
    return {.ns = window, .waited_ns = waited_ns, .trip_ns = 60};
}

// Steps that take equally long, but for every so manieth run, which something delays.
struct steady_loop {
    static constexpr std::size_t operations_a_step = 1;
    double step_ns = step;
    unsigned delayed = 0; // 0: none
    double by_ns = 0;
    double waited_ns = 0; // of that
    std::vector<std::size_t> asked{};
    sample run(std::size_t steps) {
        asked.push_back(steps);
        const bool is_late = delayed != 0 && asked.size() % delayed == 0;
        return {.ns = static_cast<double>(steps) * step_ns + (is_late ? by_ns : 0),
                .waited_ns = is_late ? waited_ns : 0};
    }
};

TEST(calibrate, finds_the_steps_of_a_window_in_runs_twice_as_long_each_time) {
    steady_loop loop;
    EXPECT_EQ(calibrate(loop, window), 10'000u);
    ASSERT_GE(loop.asked.size(), 3u);
    EXPECT_EQ(loop.asked[0], 1u);
    EXPECT_EQ(loop.asked[1], 2u);
    EXPECT_EQ(loop.asked[2], 4u);
    EXPECT_GE(static_cast<double>(loop.asked.back()) * step, window / 2); // warm by then
    steady_loop slow{.step_ns = 3 * window};
    EXPECT_EQ(calibrate(slow, window), 1u);
}

TEST(calibrate, tries_some_milliseconds_however_long_a_window_is) {
    steady_loop loop;
    EXPECT_EQ(calibrate(loop, 10 * longest_trial_ns), static_cast<std::size_t>(10 * longest_trial_ns / step));
    EXPECT_GE(static_cast<double>(loop.asked.back()) * step, longest_trial_ns);
    EXPECT_LT(static_cast<double>(loop.asked.back()) * step, 2 * longest_trial_ns);
}

TEST(calibrate, is_not_misled_by_runs_that_something_delayed) {
    steady_loop loop{.delayed = 2, .by_ns = 40 * window};
    EXPECT_EQ(calibrate(loop, window), 10'000u);
}

TEST(calibrate, leaves_out_what_a_worker_waited) {
    steady_loop loop{.delayed = 1, .by_ns = 2'000, .waited_ns = 2'000};
    EXPECT_EQ(calibrate(loop, window), 10'000u);
}

struct fixed_loop : scripted_loop {
    static constexpr std::size_t fixed_steps = 7;
};

TEST(calibrate, leaves_a_loop_its_own_steps) {
    fixed_loop loop{{{whole()}}};
    EXPECT_EQ(calibrate(loop, window), 7u);
    EXPECT_TRUE(loop.asked.empty());
}

outcome taken(scripted_loop& loop, unsigned windows) {
    outcome result;
    take_windows(loop, 100, windows, window, result);
    return result;
}

TEST(take_windows, says_what_an_operation_took_in_each) {
    scripted_loop loop{{{.ns = window, .trip_ns = 60},
                        {.ns = 2 * window, .share = 0.25, .trip_ns = 70},
                        {.ns = 1.5 * window, .trip_ns = 80}}};
    is_distance_watched = false;
    const outcome result = taken(loop, 3);
    EXPECT_EQ(result.ns, (std::vector<double>{1'000, 500, 1'500}));
    EXPECT_EQ(result.trips_ns, (std::vector<double>{60, 70, 80}));
    EXPECT_EQ(loop.asked, (std::vector<std::size_t>{100, 100, 100}));
    EXPECT_TRUE(result.is_clean);
    EXPECT_EQ(result.discarded, 0u);
    EXPECT_DOUBLE_EQ(result.window_ns, 1.5 * window);
    EXPECT_TRUE(is_distance_watched);
}

TEST(take_windows, measures_again_where_a_worker_waited_or_the_cores_were_moved) {
    sample moved = whole();
    moved.ns = 9 * window;
    moved.has_moved = true;
    sample late = whole(0.011 * 8 * window);
    late.ns = 8 * window;
    scripted_loop loop{{whole(), late, moved, whole(0.01 * window)}}; // the last: just little enough
    const outcome result = taken(loop, 3);
    EXPECT_EQ(result.ns, (std::vector<double>{1'000, 1'000, 1'000}));
    EXPECT_EQ(result.discarded, 2u);
    EXPECT_TRUE(result.is_clean);
    EXPECT_EQ(loop.asked.size(), 5u);
}

TEST(take_windows, gives_the_least_disturbed_where_none_counts) {
    const sample worst = whole(0.5 * window);
    scripted_loop loop{{worst, worst, {.ns = 3 * window, .waited_ns = 0.1 * window, .trip_ns = 65}, worst}};
    const outcome result = taken(loop, 2);
    EXPECT_EQ(loop.asked.size(), 2u * most_attempts);
    EXPECT_FALSE(result.is_clean);
    EXPECT_EQ(result.discarded, 8u);
    EXPECT_EQ(result.ns, (std::vector<double>{3'000}));
    EXPECT_EQ(result.trips_ns, (std::vector<double>{65}));
}

TEST(take_windows, begins_anew_with_more_steps_where_a_window_is_too_short) {
    scripted_loop loop{{whole(), {.ns = 0.2 * window}, whole()}};
    const outcome result = taken(loop, 3);
    EXPECT_EQ(loop.asked, (std::vector<std::size_t>{100, 100, 500, 500, 500}));
    EXPECT_EQ(result.ns, (std::vector<double>{200, 200, 200}));
    EXPECT_TRUE(result.is_clean);
    scripted_loop quarter{{{.ns = 0.25 * window}}};
    EXPECT_EQ(taken(quarter, 1).ns, (std::vector<double>{250}));
}

// Where others have the cores, a crowd waits as long for a single step as for all.
TEST(take_windows, knows_how_long_a_crowd_works_by_its_processor_time) {
    const sample full{.ns = 9 * window, .busy_ns = window};
    scripted_loop loop{{full, {.ns = 9 * window, .busy_ns = 0.2 * window}, full}};
    EXPECT_EQ(taken(loop, 2).ns.size(), 2u);
    EXPECT_EQ(loop.asked, (std::vector<std::size_t>{100, 100, 500, 500}));
}

TEST(take_windows, lets_a_loop_of_its_own_steps_be_short) {
    fixed_loop loop{{{{.ns = 0.2 * window}}}};
    outcome result;
    take_windows(loop, 7, 2, window, result);
    EXPECT_EQ(loop.asked, (std::vector<std::size_t>{7, 7}));
    EXPECT_EQ(result.ns.size(), 2u);
}

TEST(row, has_the_best_window_and_the_one_in_the_middle) {
    outcome numbers;
    numbers.ns = {5, 2, 9};
    row one;
    one.add(numbers, 0, window);
    EXPECT_DOUBLE_EQ(one.best(), 2);
    EXPECT_DOUBLE_EQ(one.median(), 5);
    numbers.ns = {6};
    one.add(numbers, 0, window);
    EXPECT_DOUBLE_EQ(one.median(), 5.5);
}

// A loop as `measure` takes it: 16 MiB of a contender's, and as much that is there before.
struct measured_loop : steady_loop {
    static constexpr std::size_t size = std::size_t{16} << 20;
    explicit measured_loop(const test_case& which) : block_size(which.block_size), own_array(new_memory()) {}
    void prepare() { memory = new_memory(); }
    [[nodiscard]] double figure() const { return static_cast<double>(block_size); }
    std::size_t block_size;
    void* own_array;
    void* memory = nullptr;

    // Not malloc's, which may have some that was touched before.
    [[nodiscard]] static void* new_memory() {
        void* const room =
            ::mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE, -1, 0);
        if (room == MAP_FAILED) std::abort();
        return room;
    }
};
struct few_windows_loop : measured_loop {
    using measured_loop::measured_loop;
    static constexpr unsigned fixed_windows = 2;
};

TEST(measure, prepares_calibrates_and_takes_the_windows_wanted) {
    const job what{{.block_size = 256}, window, 5};
    const outcome result = measure<measured_loop>(what);
    EXPECT_EQ(result.ns, std::vector<double>(5, step));
    EXPECT_DOUBLE_EQ(result.window_ns, window);
    EXPECT_EQ(result.figures, (std::vector<double>{256}));
    EXPECT_GE(result.peak_bytes, measured_loop::size * 3 / 4);
    EXPECT_LT(result.peak_bytes, measured_loop::size * 3 / 2); // not what the loop's own arrays take
    EXPECT_EQ(measure<few_windows_loop>(what).ns.size(), 2u);
}

} // namespace
} // namespace cenote::bench
