// cenote: SPDX-License-Identifier: MIT
//
// The table and the JSON say what was measured.
#include "report.hpp"

#include <array>
#include <cstdio>
#include <fstream>
#include <gtest/gtest.h>
#include <iterator>
#include <unistd.h>

namespace cenote::bench {
namespace {

constexpr std::array<demand, 2> demands{
    {{"pair/64", names::fixed_pool, statistic::best, rival::named, names::boost, 0.5, false},
     {"pair/64", names::fixed_pool, statistic::median, rival::named, names::boost, 0.25, true}}};

class report : public testing::Test {
protected:
    report() {
        enter(names::fixed_pool, kind::ours, {1.5, 2.5}, 2'097'152, 0.5, 3.1e6);
        enter(names::fixed_pool, kind::ours, {2.0}, 1'048'576, 1.0, 3.1e6);
        enter(names::boost, kind::pool, {8.0, 10.0}, 524'288, 0.25, 29e6);
        enter(names::no_op, kind::reference, {0.37, 0.41}, 4'096, 0.75, 3e6);
    }
    void enter(std::string_view name, kind what, std::vector<double> ns, std::uint64_t peak, double load,
               double window_ns) {
        row& own = all.rows[{"pair/64", std::string(name)}];
        if (own.windows() == 0) all.contenders.push_back({{name, what, 0, "", "", "", ""}, "", ""});
        outcome numbers;
        numbers.ns = std::move(ns);
        numbers.peak_bytes = peak;
        numbers.discarded = 3;
        own.add(numbers, load, window_ns);
    }
    [[nodiscard]] std::string json() const {
        const std::string path = testing::TempDir() + "cenote_report_test." + std::to_string(::getpid());
        write_json(all, judge(all, demands), path);
        std::ifstream file(path);
        std::string text{std::istreambuf_iterator<char>(file), {}};
        std::remove(path.c_str());
        return text;
    }
    results all{.cases = {{.what = pattern::pair, .block_size = 64}}};
};

// The words of the line that begins with it.
std::string line_of(const std::string& table, std::string_view name) {
    const std::size_t begin = table.find("  " + std::string(name) + " ");
    if (begin == std::string::npos) return "there is no such line in\n" + table;
    std::string line;
    for (const char c : table.substr(begin, table.find('\n', begin) - begin))
        if (c != ' ' || (!line.empty() && line.back() != ' ')) line += c;
    return line;
}

TEST_F(report, has_the_no_op_and_the_peak_beside_every_time) {
    const std::string table = make_table(all, judge(all, demands));
    EXPECT_EQ(line_of(table, ""), "best median no-op resident rounds n ms load ");
    EXPECT_EQ(line_of(table, "cenote::fixed_pool"),
              "cenote::fixed_pool 1.50 2.00 0.37 2.0 MiB 2 3 3.1 0.8 0.19 × Boost.Pool, at most 0.5: pass");
    EXPECT_EQ(line_of(table, "Boost.Pool"), "Boost.Pool 8.00 9.00 0.37 512.0 KiB 1 2 29.0 0.2 ");
    EXPECT_EQ(line_of(table, "reference::no_op"), "reference::no_op 0.37 0.39 0.37 4.0 KiB 1 2 3.0 0.8 ");
    EXPECT_NE(table.find(" 0.22 × Boost.Pool (median), hoped for 0.25: pass\n"), std::string::npos) << table;
}

TEST_F(report, says_where_nothing_is_known_of_the_harness) {
    all.rows.erase({"pair/64", std::string(names::no_op)});
    EXPECT_EQ(line_of(make_table(all, {}), "Boost.Pool"), "Boost.Pool 8.00 9.00 – 512.0 KiB 1 2 29.0 0.2 ");
    EXPECT_NE(json().find("\"no_op_ns\": null"), std::string::npos);
}

TEST_F(report, json_has_all_that_was_measured) {
    const std::string text = json();
    EXPECT_NE(
        text.find("{\"case\": \"pair/64\", \"contender\": \"cenote::fixed_pool\", \"kind\": \"ours\", "
                  "\"min_ns\": 1.5000, \"median_ns\": 2.0000, \"peak_kib\": 2048, \"no_op_ns\": 0.3700, "
                  "\"rounds\": 2, \"windows\": 3, \"discarded\": 6, \"is_clean\": true, "
                  "\"window_ms\": 3.1, \"round_trip_ns\": null, \"load\": 0.75, \"demanded\": ["
                  "{\"at_most\": 0.5, \"judged\": \"min\", \"against\": \"Boost.Pool\", "
                  "\"difference\": false, \"ratio\": 0.1875, \"stretch\": false, \"word\": \"pass\", "
                  "\"passes\": true}, "
                  "{\"at_most\": 0.25, \"judged\": \"median\", \"against\": \"Boost.Pool\", "
                  "\"difference\": false, \"ratio\": 0.2222, \"stretch\": true, \"word\": \"pass\", "
                  "\"passes\": true}]}"),
        std::string::npos)
        << text;
    EXPECT_NE(text.find("\"contender\": \"Boost.Pool\", \"kind\": \"pool\", \"min_ns\": 8.0000, "
                        "\"median_ns\": 9.0000, \"peak_kib\": 512, \"no_op_ns\": 0.3700, \"rounds\": 1, "
                        "\"windows\": 2, \"discarded\": 3, \"is_clean\": true, \"window_ms\": 29, "
                        "\"round_trip_ns\": null, \"load\": 0.25, \"demanded\": []}"),
              std::string::npos)
        << text;
}

TEST_F(report, json_names_demanded_rows_without_numbers) {
    EXPECT_NE(json().find("\"absent\": [\n  ]"), std::string::npos) << json();
    all.rows.erase({"pair/64", std::string(names::fixed_pool)});
    const std::string text = json();
    EXPECT_NE(text.find("\"absent\": [\n    {\"case\": \"pair/64\", \"contender\": \"cenote::fixed_pool\", "
                        "\"demanded\": [{\"at_most\": 0.5, "),
              std::string::npos)
        << text;
    EXPECT_NE(text.find("\"ratio\": null"), std::string::npos) << text;
}

} // namespace
} // namespace cenote::bench
