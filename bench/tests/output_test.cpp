// cenote: SPDX-License-Identifier: MIT
//
// What the harness says of its numbers: tables for people, a file for programs, a line between processes.
#include "judging.hpp"
#include "process.hpp"
#include "report.hpp"

#include <cstdio>
#include <fmt/format.h>
#include <fstream>
#include <sstream>

namespace cenote::bench {
namespace {

using output = demands;

TEST_F(output, table_says_of_each_row_its_rounds_windows_their_length_and_load) {
    all.contenders.push_back({contestant(names::fixed_pool, kind::ours), "", ""});
    all.rows[{"pair/64", std::string(names::fixed_pool)}].add(windows({1.0, 3.0}), 0.5, 2e6);
    all.contenders.push_back({contestant(names::boost, kind::pool), "", ""});
    all.rows[{"pair/64", std::string(names::boost)}].add(windows({4.0}), 1.5, 31e6);
    const std::string table = make_table(all, judge(all, half_of_best));
    EXPECT_NE(table.find(" 1     2     2.0    0.5           0.25 × Boost.Pool, at most 0.5: pass\n"),
              std::string::npos)
        << table;
    EXPECT_NE(table.find(" 1     1    31.0    1.5 "), std::string::npos) << table;
}

TEST_F(output, file_for_programs_says_what_is_demanded_of_each_row_and_whether_it_is_a_difference) {
    constexpr std::array<demand, 2> asked{
        {{"pair/64", names::fixed_pool, statistic::best, rival::best_peer, "", 0.5, false},
         {"pair/64", names::fixed_pool, statistic::median, rival::above, names::boost, 3.0, false}}};
    enter(names::fixed_pool, kind::ours, windows({3.0}));
    enter(names::boost, kind::pool, windows({4.0}));
    const std::string path = testing::TempDir() + "cenote_bench_demanded.json";
    write_json(all, judge(all, asked), path);
    std::stringstream text;
    text << std::ifstream(path).rdbuf();
    std::remove(path.c_str());
    for (
        const char* const part :
        {R"("at_most": 0.5, "judged": "min", "against": "Boost.Pool", "difference": false, "ratio": 0.7500)",
         R"("stretch": false, "word": "FAIL", "passes": false})",
         R"("at_most": 3, "judged": "median", "against": "Boost.Pool", "difference": true, "ratio": -1.0000)",
         R"("word": "pass", "passes": true})"})
        EXPECT_NE(text.str().find(part), std::string::npos) << part << "\n" << text.str();
}

TEST_F(output, footer_says_which_windows_do_not_count_and_where_nobody_looks) {
    all.least_rounds = 7;
    all.seconds = 600;
    all.more_seconds = 150;
    const std::string footer = make_footer(all);
    const std::string percent = fmt::format("waited more than {:g} % of the time", 100 * most_waiting);
    for (const std::string& sentence :
         {percent, std::string("600 s, 150 of them"), std::string("less than 7 rounds"),
          std::string("With more threads than\ncores each waits"),
          std::string("wake_up and relay have none")})
        EXPECT_NE(footer.find(sentence), std::string::npos) << sentence << "\n" << footer;
    EXPECT_EQ(footer.find("This kernel does not say"), std::string::npos);
    all.tells_who_waits = false;
    EXPECT_NE(make_footer(all).find("This kernel does not say how long a thread waits"), std::string::npos);
}

TEST(child, line_is_read_and_others_are_refused) {
    const outcome numbers = parse_line("4096 3 1 2000000 2 62.5 7 1.25 80 2.5 90\n");
    EXPECT_EQ(numbers.peak_bytes, 4096u);
    EXPECT_EQ(numbers.discarded, 3u);
    EXPECT_TRUE(numbers.is_clean);
    EXPECT_DOUBLE_EQ(numbers.window_ns, 2e6);
    EXPECT_EQ(numbers.figures, (std::vector<double>{62.5, 7}));
    EXPECT_EQ(numbers.ns, (std::vector<double>{1.25, 2.5}));
    EXPECT_EQ(numbers.trips_ns, (std::vector<double>{80, 90}));
    EXPECT_TRUE(parse_line("4096 0 0 2e6 0 1.0 0").figures.empty());
    EXPECT_TRUE(parse_line("").ns.empty());
    EXPECT_TRUE(parse_line("error: no memory").ns.empty());
}

} // namespace
} // namespace cenote::bench
