// cenote: SPDX-License-Identifier: MIT
//
// The harness's own judgement: who is best, what is reached, what is missing.
#include "judging.hpp"
#include "patterns/parts.hpp"
#include "report.hpp"

#include <algorithm>
#include <array>

namespace cenote::bench {
namespace {

TEST_F(demands, best_peer_is_the_fastest_that_is_neither_ours_nor_a_reference) {
    enter(names::fixed_pool, kind::ours, windows({1.0}));
    enter(names::multi_pool, kind::ours, windows({0.5}));
    enter(names::glibc, kind::general, windows({8.0}));
    enter(names::boost, kind::pool, windows({4.0, 2.5}));
    enter(names::no_op, kind::reference, windows({0.1}));
    const verdict found = only_verdict(half_of_best);
    EXPECT_EQ(found.rival_name, names::boost);
    EXPECT_DOUBLE_EQ(found.ratio.value(), 0.4);
    EXPECT_STREQ(found.word(), "pass");
}

TEST_F(demands, windows_of_near_cores_do_not_count_beside_those_of_far_ones) {
    enter(names::fixed_pool, kind::ours, apart({{30, 250}, {31, 260}}));
    enter(names::boost, kind::pool, apart({{5, 60}, {6, 61}, {7, 64}, {40, 255}}));
    enter(names::no_op, kind::reference, apart({{2, 250}}));
    all.level();
    const row& theirs = *all.find("pair/64", names::boost);
    EXPECT_DOUBLE_EQ(theirs.best(), 40);
    EXPECT_EQ(theirs.windows(), 1u);
    EXPECT_EQ(theirs.discarded, 3u);
    EXPECT_DOUBLE_EQ(all.find("pair/64", names::fixed_pool)->best(), 30);
}

TEST_F(demands, a_contender_with_no_window_of_the_usual_distance_is_not_clean) {
    enter(names::fixed_pool, kind::ours, apart({{30, 250}}));
    enter(names::boost, kind::pool, apart({{5, 60}, {6, 61}}));
    enter(names::no_op, kind::reference, apart({{2, 250}}));
    all.level();
    EXPECT_TRUE(all.find("pair/64", names::fixed_pool)->is_clean());
    EXPECT_FALSE(all.find("pair/64", names::boost)->is_clean());
    EXPECT_DOUBLE_EQ(all.find("pair/64", names::boost)->best(), 5);
    EXPECT_STREQ(only_verdict(half_of_best).word(), "unclean"); // there is no other to be held to
}

// Held to the best of the others it would pass, but who is best is not known.
TEST_F(demands, a_peer_that_is_not_clean_and_has_less_than_the_rival_leaves_a_row_unclean) {
    enter(names::fixed_pool, kind::ours, apart({{30, 250}}));
    enter(names::boost, kind::pool, apart({{5, 60}, {6, 61}}));
    enter(names::dpdk, kind::pool, apart({{70, 255}}));
    all.level();
    EXPECT_FALSE(all.find("pair/64", names::boost)->is_clean());
    EXPECT_EQ(only_verdict(half_of_best).rival_name, names::dpdk);
    EXPECT_EQ(only_verdict(half_of_best).doubtful, names::boost);
    EXPECT_STREQ(only_verdict(half_of_best).word(), "unclean");
    EXPECT_FALSE(only_verdict(half_of_best).passes());
    EXPECT_NE(make_summary(judge(all, half_of_best)).find("perhaps Boost.Pool is better"), std::string::npos);
}

TEST_F(demands, a_peer_that_is_not_clean_and_has_more_than_the_rival_is_left_out) {
    enter(names::fixed_pool, kind::ours, windows({1.0}));
    enter(names::dpdk, kind::pool, windows({3.0}));
    outcome disturbed = windows({4.0});
    disturbed.is_clean = false;
    enter(names::boost, kind::pool, disturbed);
    EXPECT_EQ(only_verdict(half_of_best).doubtful, "");
    EXPECT_STREQ(only_verdict(half_of_best).word(), "pass");
}

TEST_F(demands, a_peer_of_farther_cores_may_be_better_whatever_its_number_is) {
    enter(names::fixed_pool, kind::ours, apart({{5, 60}}));
    enter(names::dpdk, kind::pool, apart({{12, 60}}));
    enter(names::no_op, kind::reference, apart({{1, 60}}));
    enter(names::boost, kind::pool, apart({{30, 300}}));
    all.level();
    EXPECT_EQ(only_verdict(half_of_best).rival_name, names::dpdk);
    EXPECT_EQ(only_verdict(half_of_best).doubtful, names::boost);
    EXPECT_STREQ(only_verdict(half_of_best).word(), "unclean");
}

// Of those that are clean the best is the rival, however few its rounds are.
TEST_F(demands, a_peer_with_few_rounds_that_has_less_than_others_leaves_a_row_few) {
    all.least_rounds = 2;
    enter(names::fixed_pool, kind::ours, windows({1.0}));
    enter(names::dpdk, kind::pool, windows({5.0}));
    for (const std::string_view name : {names::fixed_pool, names::dpdk})
        all.rows[{"pair/64", std::string(name)}].add(windows({6.0}), 0.5, 2e6);
    EXPECT_STREQ(only_verdict(half_of_best).word(), "pass");
    enter(names::boost, kind::pool, windows({4.0}));
    EXPECT_STREQ(only_verdict(half_of_best).word(), "few");
}

TEST_F(demands, a_number_of_other_cores_passes_nothing) {
    enter(names::fixed_pool, kind::ours, apart({{5, 60}}));
    enter(names::boost, kind::pool, apart({{30, 300}}));
    enter(names::dpdk, kind::pool, apart({{31, 300}}));
    all.level();
    EXPECT_STREQ(only_verdict(half_of_best).word(), "unclean");
    EXPECT_FALSE(only_verdict(half_of_best).passes());
}

TEST_F(demands, distances_in_between_do_not_join_near_and_far) {
    enter(names::fixed_pool, kind::ours,
          apart({{5, 60}, {12, 88}, {15, 130}, {20, 195}, {30, 290}, {31, 300}}));
    enter(names::boost, kind::pool, apart({{6, 62}, {60, 290}, {61, 301}}));
    all.level();
    EXPECT_DOUBLE_EQ(all.find("pair/64", names::fixed_pool)->best(), 30);
    EXPECT_DOUBLE_EQ(all.find("pair/64", names::boost)->best(), 60);
}

TEST_F(demands, rounds_are_those_of_which_a_window_counts) {
    enter(names::fixed_pool, kind::ours, apart({{30, 290}, {31, 300}}));
    row& own = all.rows[{"pair/64", std::string(names::fixed_pool)}];
    own.add(apart({{5, 60}}), 0.5, 2e6);
    EXPECT_EQ(own.rounds(), 2u);
    all.level();
    EXPECT_EQ(own.rounds(), 1u);
}

TEST_F(demands, fewer_rounds_than_wanted_of_either_side_reach_nothing) {
    enter(names::fixed_pool, kind::ours, windows({1.0}));
    enter(names::boost, kind::pool, windows({4.0}));
    EXPECT_STREQ(only_verdict(half_of_best).word(), "pass");
    all.least_rounds = 2;
    EXPECT_STREQ(only_verdict(half_of_best).word(), "few");
    EXPECT_FALSE(only_verdict(half_of_best).passes());
    all.rows[{"pair/64", std::string(names::fixed_pool)}].add(windows({1.0}), 0.5, 2e6);
    EXPECT_STREQ(only_verdict(half_of_best).word(), "few"); // the rival's
    all.rows[{"pair/64", std::string(names::boost)}].add(windows({4.0}), 0.5, 2e6);
    EXPECT_STREQ(only_verdict(half_of_best).word(), "pass");
}

TEST_F(demands, a_case_runs_more_rounds_until_every_row_has_enough_that_count) {
    all.least_rounds = 2;
    for (int round = 0; round < 2; ++round) {
        enter(names::fixed_pool, kind::ours, apart({{30, 290}}));
        enter(names::boost, kind::pool, apart({{round == 0 ? 6.0 : 60.0, round == 0 ? 60.0 : 290.0}}));
    }
    ASSERT_EQ(all.too_few_rounds().size(), 1u);
    EXPECT_EQ(all.too_few_rounds().at(0).name(), "pair/64");
    EXPECT_EQ(all.find("pair/64", names::boost)->rounds(), 2u); // to ask has levelled nothing
    enter(names::boost, kind::pool, apart({{61, 290}}));
    EXPECT_TRUE(all.too_few_rounds().empty());
    all.cases.at(0).live = 1'000; // nothing is demanded of it
    all.least_rounds = 9;
    EXPECT_TRUE(all.too_few_rounds().empty());
}

TEST_F(demands, windows_in_which_nobody_looked_stay) {
    enter(names::fixed_pool, kind::ours, windows({1.0, 2.0}));
    all.level();
    EXPECT_EQ(all.find("pair/64", names::fixed_pool)->windows(), 2u);
}

TEST_F(demands, best_general_leaves_pools_out) {
    constexpr std::array<demand, 1> asked{
        {{"pair/64", names::fixed_pool, statistic::best, rival::best_general, "", 0.1, false}}};
    enter(names::fixed_pool, kind::ours, windows({1.0}));
    enter(names::glibc, kind::general, windows({8.0}));
    enter(names::boost, kind::pool, windows({2.0}));
    EXPECT_EQ(only_verdict(asked).rival_name, names::glibc);
    EXPECT_STREQ(only_verdict(asked).word(), "FAIL");
}

TEST_F(demands, ratio_at_the_limit_passes_and_one_above_fails) {
    enter(names::fixed_pool, kind::ours, windows({1.0}));
    enter(names::boost, kind::pool, windows({2.0}));
    EXPECT_TRUE(only_verdict(half_of_best).passes());
    all.rows.clear();
    enter(names::fixed_pool, kind::ours, windows({1.01}));
    enter(names::boost, kind::pool, windows({2.0}));
    EXPECT_FALSE(only_verdict(half_of_best).passes());
}

TEST_F(demands, without_numbers_the_verdict_is_missing_and_does_not_pass) {
    enter(names::boost, kind::pool, windows({2.0}));
    EXPECT_STREQ(only_verdict(half_of_best).word(), "missing");
    EXPECT_EQ(count(judge(all, half_of_best)).reached, 0u);
    EXPECT_EQ(count(judge(all, half_of_best)).rows, 1u);
}

TEST_F(demands, a_run_ends_with_1_where_a_number_is_missing_and_a_sentence_names_it) {
    enter(names::fixed_pool, kind::ours, windows({1.0}));
    const std::vector<verdict> without_peer = judge(all, half_of_best);
    ASSERT_EQ(missing_numbers(without_peer).size(), 1u);
    EXPECT_EQ(missing_numbers(without_peer).at(0),
              "pair/64: there is no number of cenote::fixed_pool or of what it is held to");
    enter(names::boost, kind::pool, windows({4.0}));
    EXPECT_TRUE(missing_numbers(judge(all, half_of_best)).empty());
    EXPECT_EQ(exit_status(true, {.rows = 1, .reached = 1}, false), 1);
    EXPECT_EQ(exit_status(true, {.rows = 1, .reached = 0}, true), 1); // before what is only slow
}

TEST_F(demands, a_strict_run_ends_with_3_where_a_demanded_row_fails) {
    enter(names::fixed_pool, kind::ours, windows({1.5}));
    enter(names::boost, kind::pool, windows({2.0}));
    const tally failed = count(judge(all, half_of_best));
    EXPECT_EQ(exit_status(false, failed, true), 3);
    EXPECT_EQ(exit_status(false, failed, false), 0);
    EXPECT_EQ(exit_status(false, {.rows = 2, .reached = 2, .stretch_rows = 1}, true), 0); // only hoped for
}

TEST_F(demands, median_is_judged_where_it_is_said) {
    constexpr std::array<demand, 1> asked{
        {{"pair/64", names::fixed_pool, statistic::median, rival::named, names::boost, 1.0, false}}};
    enter(names::fixed_pool, kind::ours, windows({1.0, 9.0, 5.0}));
    enter(names::boost, kind::pool, windows({2.0, 2.0}));
    EXPECT_DOUBLE_EQ(only_verdict(asked).ratio.value(), 2.5);
}

TEST_F(demands, nanoseconds_above_another_are_a_difference) {
    constexpr std::array<demand, 1> asked{
        {{"pair/64", names::c_unchecked, statistic::best, rival::above, names::fixed_pool, 3.0, false}}};
    enter(names::c_unchecked, kind::ours, windows({4.0}));
    enter(names::fixed_pool, kind::ours, windows({1.5}));
    EXPECT_DOUBLE_EQ(only_verdict(asked).ratio.value(), 2.5);
    EXPECT_TRUE(only_verdict(asked).passes());
}

TEST_F(demands, figure_is_limited_by_itself) {
    constexpr std::array<demand, 1> asked{
        {{"pair/64", names::fixed_pool, statistic::figure, rival::nothing, "", 5.0, false}}};
    outcome numbers = windows({1.0});
    numbers.figures = {4.5};
    enter(names::fixed_pool, kind::ours, numbers);
    EXPECT_TRUE(only_verdict(asked).passes());
}

TEST_F(demands, figure_is_that_of_the_worst_round) {
    constexpr std::array<demand, 1> asked{
        {{"metadata/64", names::fixed_pool, statistic::figure, rival::nothing, "", 5.0, false}}};
    all.cases = {{.what = pattern::metadata}};
    all.contenders.push_back({contestant(names::fixed_pool, kind::ours), "", ""});
    for (const double percent : {2.0, 5.1, 3.0}) {
        outcome numbers = windows({1.0});
        numbers.figures = {percent};
        all.rows[{"metadata/64", std::string(names::fixed_pool)}].add(numbers, 0.5, 2e6);
    }
    EXPECT_DOUBLE_EQ(only_verdict(asked).ratio.value(), 5.1);
    EXPECT_STREQ(only_verdict(asked).word(), "FAIL");
    EXPECT_NE(make_table(all, {}).find("     5.10  \n"), std::string::npos) << make_table(all, {});
}

TEST(had_what_it_asked_for, is_false_of_a_round_without_huge_pages_where_they_are_the_row) {
    outcome numbers = windows({1.0});
    EXPECT_FALSE(had_what_it_asked_for(names::huge_pages, numbers));
    numbers.figures = {0};
    EXPECT_FALSE(had_what_it_asked_for(names::huge_pages, numbers));
    EXPECT_TRUE(had_what_it_asked_for(names::fixed_pool, numbers));
    numbers.figures = {2048};
    EXPECT_TRUE(had_what_it_asked_for(names::huge_pages, numbers));
}

TEST_F(demands, length_of_windows_is_that_of_the_round_in_which_they_were_shortest) {
    row one;
    for (const double length : {3e6, 2e6, 4e6}) one.add(windows({1.0}), 0, length);
    EXPECT_DOUBLE_EQ(one.window_ns, 2e6);
}

TEST(demands_relay, paired_rounds_give_the_median_of_their_ratios_and_an_interval) {
    constexpr std::array<demand, 1> asked{{{"relay/65536", names::relay, statistic::figure, rival::named,
                                            names::malloc_relay, 1.1, false, "p999_us", true}}};
    results all{.cases = {{.what = pattern::relay, .block_size = largest_message}}};
    verdict found;
    for (const double disturbance : {1.0, 9.0, 2.0, 5.0, 1.0, 6.0, 1.0, 7.0, 2.0, 8.0}) { // of both alike
        if (!all.rows.empty()) {
            found = judge(all, asked).at(0);
            EXPECT_STREQ(found.word(), "few") << found.pairs;
        }
        outcome own = windows({1.0});
        own.figures = {0, 0, 2 * disturbance, 0, 0};
        outcome theirs = windows({1.0});
        theirs.figures = {0, 0, disturbance * (disturbance > 4 ? 4 : 1), 0, 0};
        all.rows[{"relay/65536", std::string(names::relay)}].add(own, 0, 1e9);
        all.rows[{"relay/65536", std::string(names::malloc_relay)}].add(theirs, 0, 1e9);
    }
    found = judge(all, asked).at(0);
    EXPECT_DOUBLE_EQ(found.ratio.value(), 1.25); // of five each
    EXPECT_DOUBLE_EQ(found.range.value().low, 0.5);
    EXPECT_DOUBLE_EQ(found.range.value().high, 2.0);
    EXPECT_STREQ(found.word(), "pass"); // it may be so
    EXPECT_EQ(found.pairs, 10u);
    all.contenders.push_back({contestant(names::relay, kind::ours), "", ""});
    const std::string table = make_table(all, {found});
    EXPECT_NE(table.find("at most 1.1 for the low end of the interval over 10 paired rounds: pass"),
              std::string::npos)
        << table;
    verdict beyond = found;
    beyond.range->low = 1.2;
    EXPECT_STREQ(beyond.word(), "FAIL");
}

TEST(of_median, leaves_out_what_a_sample_of_that_size_allows) {
    const interval ten = of_median({10, 1, 9, 2, 8, 3, 7, 4, 6, 5}); // 1 of 10 on one side: 2 · 11 / 1024
    EXPECT_DOUBLE_EQ(ten.low, 2.0);
    EXPECT_DOUBLE_EQ(ten.high, 9.0);
    const interval six = of_median({6, 5, 4, 3, 2, 1});
    EXPECT_DOUBLE_EQ(six.low, 1.0);
    EXPECT_DOUBLE_EQ(six.high, 6.0);
    EXPECT_DOUBLE_EQ(of_median({4}).low, 4.0);
}

TEST_F(demands, disturbed_windows_count_only_where_there_are_no_others) {
    outcome disturbed = windows({0.1});
    disturbed.is_clean = false;
    row one;
    one.add(disturbed, 0, 2e6);
    EXPECT_FALSE(one.is_clean());
    EXPECT_DOUBLE_EQ(one.best(), 0.1);
    one.add(windows({3.0, 2.0}), 0, 2e6);
    EXPECT_TRUE(one.is_clean());
    EXPECT_DOUBLE_EQ(one.best(), 2.0);
    EXPECT_DOUBLE_EQ(one.median(), 2.5);
    EXPECT_EQ(one.rounds(), 1u);
}

TEST(demands_table, names_only_cases_and_contenders_that_there_are) {
    results none{.cases = all_cases(extent::quick)};
    for (const demand& one : all_demands()) {
        const bool is_known = std::any_of(roster.begin(), roster.end(),
                                          [&](const entry& who) { return who.name == one.contender; });
        EXPECT_TRUE(is_known) << one.contender;
        const std::vector<verdict> verdicts = judge(none, std::span(&one, 1));
        EXPECT_FALSE(verdicts.empty()) << one.cases;
        for (const verdict& found : verdicts) {
            const auto who = std::find_if(roster.begin(), roster.end(),
                                          [&](const entry& some) { return some.name == one.contender; });
            EXPECT_TRUE(find_case(found.which)->admits(who->abilities)) << found.which << one.contender;
            EXPECT_FALSE(find_case(found.which)->is_survey()) << found.which;
        }
    }
}

TEST(parts, lie_between_two_looks_at_the_cores) {
    const sample near = between({.ns = 40, .waited_ns = 3}, 60, 55);
    EXPECT_DOUBLE_EQ(near.ns, 40);
    EXPECT_DOUBLE_EQ(near.waited_ns, 3);
    EXPECT_DOUBLE_EQ(near.trip_ns, 55);
    EXPECT_FALSE(near.has_moved);
    EXPECT_TRUE(between({.ns = 40}, 60, 400).has_moved);
    EXPECT_FALSE(between({.ns = 40}, 0, 0).has_moved); // nobody looked
}

// The parts of a window that count are those in which nobody waited.
TEST(parts_sum, counts_undisturbed_parts_or_all_there_are) {
    parts_sum parts;
    parts.add({.ns = 90, .waited_ns = 6, .trip_ns = 50, .busy_ns = 2});
    parts.add({.ns = 110, .waited_ns = 2, .trip_ns = 60, .busy_ns = 4});
    EXPECT_DOUBLE_EQ(parts.mean(3).ns, 300);
    EXPECT_DOUBLE_EQ(parts.mean(3).waited_ns, 12);
    EXPECT_DOUBLE_EQ(parts.mean(3).busy_ns, 9);
    parts.add({.ns = 40, .trip_ns = 55});
    parts.add({.ns = 900, .waited_ns = 1, .trip_ns = 55});
    EXPECT_DOUBLE_EQ(parts.mean(1).ns, 40);
    parts.add({.ns = 900, .trip_ns = 55, .has_moved = true}); // one of five is no rule
    EXPECT_DOUBLE_EQ(parts.mean(1).ns, (90 + 110 + 40 + 900 + 900) / 5.0);
    parts.add({.ns = 60, .trip_ns = 60});
    EXPECT_DOUBLE_EQ(parts.mean(2).ns, 100);
    EXPECT_EQ(parts.mean(2).waited_ns, 0);
    EXPECT_EQ(parts.mean(2).trip_ns, 55);
    EXPECT_FALSE(parts.mean(2).has_moved);
    parts.add({.ns = 60, .trip_ns = 200}); // quiet, but the cores lie elsewhere now
    EXPECT_TRUE(parts.mean(2).has_moved);
}

} // namespace
} // namespace cenote::bench
