// cenote: SPDX-License-Identifier: MIT
//
// The table and the sentence say what the numbers say, losses first among it.
#include "replay/results.hpp"
#include "text.hpp"

#include <gtest/gtest.h>

namespace cenote::test {
namespace {

using namespace cenote::tool;

result make_row(const char* name, std::string_view word, double ns, std::uint64_t resident) {
    result r;
    r.who = {name, std::string(word), ""};
    r.first_ns = {ns + 2, ns, ns + 1};
    r.again_ns = {ns};
    r.latency_999_ns = 50;
    r.latency_worst_ns = 900;
    r.resident_bytes = resident;
    r.reserved_bytes = resident;
    return r;
}

// malloc 21 ns, another allocator, cenote, and a no-op of 1 ns.
results make_results(double other, double ours, std::uint64_t other_resident, std::uint64_t our_resident) {
    results all;
    all.rounds = 3;
    all.ours = contender_words::cenote;
    all.rows = {make_row("malloc (C library)", contender_words::malloc, 21, 1000),
                make_row("jemalloc", contender_words::malloc, other, other_resident),
                make_row("cenote::multi_pool", contender_words::cenote, ours, our_resident),
                make_row("no-op", contender_words::no_op, 1, 0)};
    return all;
}

TEST(results, best_median_and_net) {
    const results all = make_results(11, 6, 1000, 1000);
    EXPECT_DOUBLE_EQ(all.malloc().best(), 21);
    EXPECT_DOUBLE_EQ(all.malloc().median(), 22);
    EXPECT_DOUBLE_EQ(all.net(all.malloc()), 20);
}

TEST(results, a_win_is_stated_plainly) {
    EXPECT_EQ(make_sentence(make_results(11, 6, 1200, 1100)),
              "On this recording cenote::multi_pool took 0.25 × malloc's time and 1.10 × its resident "
              "memory; no other was "
              "faster; no other needed less memory.\n");
}

TEST(results, losses_are_named) {
    results all = make_results(5, 26, 900, 1500);
    all.rows[2].latency_worst_ns = 50'000;
    EXPECT_EQ(make_sentence(all), "On this recording cenote::multi_pool took 1.25 × malloc's time and 1.50 × "
                                  "its resident memory; faster: jemalloc "
                                  "(0.20 ×); with less memory: jemalloc (0.90 ×); its slowest single "
                                  "operation took 50.0 µs, malloc's 900 ns.\n");
}

TEST(results, without_cenotes_numbers_nothing_is_claimed) {
    results all = make_results(5, 26, 900, 1500);
    all.rows[2].problem = "crashed: Segmentation fault";
    EXPECT_NE(make_sentence(all).find("No comparison"), std::string::npos);
}

TEST(results, the_table_has_a_row_for_each_and_a_reason_for_those_without_numbers) {
    plan p(1);
    results all = make_results(5, 26, 900, 1500);
    all.rows[1].problem = "did not finish in time";
    all.absent = {{"mimalloc", "libmimalloc-dev"}};
    const std::string table = make_table(p, all);
    for (const char* part : {"malloc (C library)", "jemalloc", "did not finish in time", "cenote::multi_pool",
                             "no-op", "live data alone", "mimalloc (apt-get install libmimalloc-dev)"})
        EXPECT_NE(table.find(part), std::string::npos) << part;
}

TEST(results, several_threads_are_owned_up_to) {
    plan p(1);
    p.process.counts.threads = 3;
    EXPECT_NE(make_table(p, make_results(5, 26, 900, 1500)).find("one thread replays them all"),
              std::string::npos);
}

// As above, replayed with the recorded threads.
results make_threaded(double ours, double wall_ms) {
    results all = make_results(5, ours, 900, 1500);
    all.threads = thread_facts{.threads = 12, .most_alive = 4, .crossing = 250};
    all.ours = contender_words::cenote_concurrent;
    all.rows[2].who = {"cenote::concurrent_multi_pool", std::string(contender_words::cenote_concurrent), ""};
    for (result& r : all.rows) {
        r.wall_ns = {10e6};
        r.waiting_ns = {4e6, 12.25e9, 5e6};
        r.waiting_share = {0.25, 0.5, 0.375};
    }
    all.rows[2].wall_ns = {wall_ms * 1e6 + 1e6, wall_ms * 1e6};
    return all;
}

TEST(results, waiting_stands_apart_from_working) {
    const std::string table = make_table(plan(1), make_threaded(11, 7));
    for (const char* part : {"waiting", "share", "wall", "7.00 ms", "5.00 ms", "38 %", "0.70",
                             "are for one thread and take no part; --threads one"})
        EXPECT_NE(table.find(part), std::string::npos) << part << "\n" << table;
    EXPECT_EQ(table.find("median "), std::string::npos) << table;
}

TEST(results, every_row_of_the_table_is_as_wide_as_its_heading) {
    for (const bool threads : {false, true}) {
        results all = threads ? make_threaded(11, 7) : make_results(5, 26, 900, 1500);
        all.rows[1].waiting_ns = {98765e9};
        const std::string table = make_table(plan(1), all);
        const auto line_of = [&](const char* name) {
            const std::size_t at = table.find(name);
            return table.substr(at, table.find('\n', at) - at);
        };
        EXPECT_EQ(line_of("jemalloc").size(), line_of("malloc (C library)").size()) << table;
    }
}

TEST(results, the_sentence_speaks_of_the_pool_for_threads) {
    EXPECT_EQ(
        make_sentence(make_threaded(11, 7)),
        "On this recording cenote::concurrent_multi_pool took 0.50 × malloc's processor time, 0.70 × its "
        "wall time and 1.50 × its resident memory; faster: jemalloc (0.20 ×); with less memory: jemalloc "
        "(0.90 ×).\n");
}

TEST(results, threads_are_counted_in_the_description) {
    plan p(1);
    p.count = 1000;
    const std::string text = describe_plan(p, make_threaded(11, 7).threads);
    EXPECT_NE(text.find("12 threads, 4 at a time; 250 operations (25.0 %) on blocks that another thread"),
              std::string::npos)
        << text;
}

TEST(text, numbers_read_well) {
    EXPECT_EQ(grouped(0), "0");
    EXPECT_EQ(grouped(999), "999");
    EXPECT_EQ(grouped(1000), "1,000");
    EXPECT_EQ(grouped(1234567), "1,234,567");
    EXPECT_EQ(byte_count(1023), "1023 B");
    EXPECT_EQ(byte_count(1024), "1.0 KiB");
    EXPECT_EQ(byte_count((1U << 20) - 1), "1.0 MiB");
    EXPECT_EQ(byte_count(~std::uint64_t{0}), "16.0 EiB");
}

TEST(text, terminal_escapes_from_files_are_disarmed) {
    EXPECT_EQ(printable("a\x1b[2Jb\n"), "a?[2Jb?");
    EXPECT_EQ(quoted_json("a\"\\\n"), "\"a\\\"\\\\\\u000a\"");
}

} // namespace
} // namespace cenote::test
