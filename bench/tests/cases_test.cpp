// cenote: SPDX-License-Identifier: MIT
//
// What is measured, and who takes part.
#include "judging.hpp"

#include <algorithm>

namespace cenote::bench {
namespace {

TEST(cases, have_names_of_their_own_by_which_they_are_found) {
    for (const test_case& one : all_cases(extent::whole)) {
        const std::optional<test_case> found = find_case(one.name());
        ASSERT_TRUE(found.has_value()) << one.name();
        EXPECT_EQ(found->what, one.what) << one.name();
        EXPECT_EQ(found->threads, one.threads) << one.name();
        EXPECT_EQ(found->live, one.live) << one.name();
        EXPECT_EQ(found->is_fragmented, one.is_fragmented) << one.name();
    }
}

// Any case may be asked for on a heap cut up beforehand.
TEST(cases, are_found_by_their_names_on_a_fragmented_heap_too) {
    for (test_case one : all_cases(extent::whole)) {
        one.is_fragmented = true;
        const std::optional<test_case> found = find_case(one.name());
        ASSERT_TRUE(found.has_value()) << one.name();
        EXPECT_TRUE(found->is_fragmented) << one.name();
        EXPECT_EQ(found->name(), one.name());
    }
    EXPECT_FALSE(find_case("nothing/64/fragmented").has_value());
    EXPECT_FALSE(find_case("/fragmented").has_value());
}

bool has_case(const std::vector<test_case>& all, const std::string& name) {
    return std::any_of(all.begin(), all.end(), [&](const test_case& one) { return one.name() == name; });
}

// Written out, so that none can go unnoticed; `growing` and `whole` have those that take long.
TEST(cases, are_all_that_are_wanted) {
    std::vector<std::string> usual{
        "drop_in_order/64",        "drop_shuffled/64",      "bulk_32/64",
        "random_sizes/16-1024",    "alternating/64/1_pool", "short_threads/64",
        "alternating/64/64_pools", "lifecycle/64",          "metadata/64",
        "pair/64/live_1000",       "pair/64/live_100000",   "random_replacement/64/live_1000"};
    std::vector<std::string> long_ones{"pair/64/live_10000000",
                                       "random_replacement/64/live_10000000",
                                       "pair/64/1_thread/fragmented",
                                       "drop_shuffled/64/fragmented",
                                       "free_each_other/64/2_threads/fragmented",
                                       "free_each_other/64/2_threads/parcels_2048",
                                       "free_each_other/64/8_threads/parcels_2048"};
    for (const char* const size : {"16", "64", "256", "1024"}) {
        for (const char* const what :
             {"pair", "batch_reverse", "batch_in_order", "batch_shuffled", "random_replacement"})
            usual.push_back(std::string(what) + "/" + size);
        usual.push_back(std::string("unsized_pair/") + size + "/1_thread");
        for (const char* const what : {"pair", "free_each_other", "producer_consumer"})
            for (const char* const threads : {"/2_threads", "/8_threads", "/32_threads"}) {
                const bool is_usual = size == std::string("64") || threads == std::string("/2_threads");
                (is_usual ? usual : long_ones).push_back(std::string(what) + "/" + size + threads);
            }
    }
    for (const char* const threads :
         {"1_thread", "2_threads", "4_threads", "8_threads", "16_threads", "32_threads", "64_threads"})
        usual.push_back(std::string("pair/64/") + threads);
    for (const char* const threads : {"2_threads", "8_threads", "32_threads"})
        usual.push_back(std::string("random_sizes/16-1024/") + threads);
    for (const std::string& name : usual) EXPECT_TRUE(has_case(all_cases(extent::quick), name)) << name;
    for (const std::string& name : long_ones) {
        EXPECT_TRUE(has_case(all_cases(extent::whole), name)) << name;
        EXPECT_TRUE(has_case(all_cases(extent::growing), name)) << name;
        EXPECT_FALSE(has_case(all_cases(extent::quick), name)) << name;
    }
    EXPECT_FALSE(has_case(all_cases(extent::growing), "buffer_workers/4194304/32_threads"));
    EXPECT_TRUE(find_case("free_each_other/64/2_threads/parcels_2048")->is_survey());
}

// What is demanded at 8 and 32 threads is demanded at every block size: `./check bench` by name judges it
// all.
TEST(cases, with_growth_have_every_row_that_is_demanded) {
    const auto rows_of = [](extent wanted, const char* what) {
        const results none{.cases = all_cases(wanted)};
        const std::vector<verdict> all = judge(none, all_demands());
        return std::count_if(all.begin(), all.end(),
                             [&](const verdict& one) { return one.which.starts_with(what); });
    };
    for (const char* const what : {"pair/", "free_each_other/", "producer_consumer/"}) {
        EXPECT_EQ(rows_of(extent::growing, what), rows_of(extent::whole, what)) << what;
        EXPECT_GT(rows_of(extent::growing, what), rows_of(extent::quick, what)) << what;
    }
}

TEST(cases, with_growth_are_all_run_on_a_fragmented_heap_too) {
    const std::vector<test_case> all = all_cases(extent::growing);
    for (const test_case& one : all_cases(extent::quick)) {
        if (one.is_fragmented || one.live != 0) continue; // how cost grows is no case of the table
        EXPECT_TRUE(has_case(all, one.name() + "/fragmented")) << one.name();
    }
}

TEST(cases, all_have_the_harness_beside_them_but_those_in_which_something_must_be_handed_over) {
    for (const test_case& one : all_cases(extent::whole)) {
        const bool hands_over = one.what == pattern::wake_up || one.what == pattern::relay;
        EXPECT_EQ(one.admits(no_op.abilities), !hands_over) << one.name();
    }
}

TEST(roster, has_every_peer_and_reference) {
    for (const std::string_view name :
         {"glibc", "mimalloc", "jemalloc", "tcmalloc", "TBB", "Boost.Pool", "foonathan::memory_pool",
          "std::pmr unsynchronized", "std::pmr synchronized", "DPDK mempool", "reference::intrusive_list",
          "reference::pointer_array"}) {
        EXPECT_TRUE(std::any_of(roster.begin(), roster.end(), [&](const entry& one) {
            return one.name == name;
        })) << name;
    }
}

} // namespace
} // namespace cenote::bench
