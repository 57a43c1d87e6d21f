// cenote: SPDX-License-Identifier: MIT
//
// What is demanded, written out a second time: neither a limit nor how it is judged can change unnoticed.
#include "demands.hpp"

#include <algorithm>
#include <fmt/format.h>
#include <fnmatch.h>
#include <gtest/gtest.h>
#include <iterator>
#include <set>

namespace cenote::bench {
namespace {

struct wanted_row {
    const char* cases; // whole names; * is anything but /, @(a|b) is a or b
    const char* contender;
    const char* judged;
    double at_most;
    const char* of; // × RIVAL, or ns above RIVAL, or a figure that is limited itself
    const char* strength = "demanded";
};

// A line for each row of the tables, in their order.
constexpr wanted_row wanted[] = {
    {"pair/@(16|64|256|1024)", "cenote::fixed_pool", "best", 1.0, "× Boost.Pool"},
    {"pair/@(16|64|256|1024)", "cenote::fixed_pool", "best", 0.12, "× glibc"},
    {"pair/@(16|64|256|1024)", "cenote::fixed_pool", "best", 1.1, "× reference::pointer_array"},
    {"batch_reverse/@(64|256|1024)", "cenote::fixed_pool", "best", 0.65, "× the best peer"},
    {"batch_in_order/@(64|256|1024)", "cenote::fixed_pool", "best", 0.75, "× the best peer"},
    {"batch_@(reverse|in_order)/16", "cenote::fixed_pool", "best", 1.0, "× the best peer"},
    {"batch_shuffled/@(64|256|1024)", "cenote::fixed_pool", "best", 0.65, "× the best peer"},
    {"random_replacement/@(16|64)", "cenote::fixed_pool", "best", 0.7, "× the best peer"},
    {"random_replacement/@(256|1024)", "cenote::fixed_pool", "best", 1.0, "× the best peer"},
    {"random_replacement/@(16|64|256|1024)", "cenote::fixed_pool, huge pages", "best", 0.85,
     "× cenote::fixed_pool"},
    {"drop_in_order/64", "cenote::fixed_pool", "best", 0.75, "× the best peer"},
    {"drop_shuffled/64", "cenote::fixed_pool", "best", 1.0, "× the best peer"},
    {"drop_@(in_order|shuffled)/64", "cenote::fixed_pool", "best", 0.3, "× the best peer", "hoped for"},
    {"pair/@(16|64|256|1024)/@(1_thread|2_threads|4_threads|8_threads|16_threads|32_threads)",
     "cenote::concurrent_pool", "best", 0.45, "× the best peer"},
    {"pair/@(16|64|256|1024)/@(1_thread|2_threads|4_threads|8_threads|16_threads|32_threads)",
     "cenote::concurrent_pool::local", "best", 0.3, "× the best peer"},
    {"free_each_other/@(16|64|256|1024)/@(2|8|32)_threads", "cenote::concurrent_pool", "best", 0.7,
     "× the best peer"},
    {"producer_consumer/@(16|64|256|1024)/@(2|8|32)_threads", "cenote::concurrent_pool", "median", 0.95,
     "× the best peer"},
    {"producer_consumer/@(16|64|256|1024)/@(2|8|32)_threads", "cenote::concurrent_pool", "median", 0.7,
     "× the best peer", "hoped for"},
    {"bulk_32/64", "cenote::fixed_pool", "best", 1.0, "× DPDK mempool"},
    {"bulk_32/64", "cenote::concurrent_pool", "best", 1.0, "× DPDK mempool"},
    {"random_sizes/16-1024", "cenote::multi_pool", "best", 0.85, "× the best peer"},
    {"random_sizes/16-1024", "cenote::multi_pool, unsized", "best", 0.85, "× the best peer"},
    {"random_sizes/16-1024", "cenote::multi_pool", "figure", 1.2, "reserved_per_live"},
    {"unsized_pair/@(16|64|256|1024)/1_thread", "cenote::concurrent_multi_pool, unsized", "best", 0.6,
     "× the best general allocator"},
    {"random_sizes/16-1024/@(2|8|32)_threads", "cenote::concurrent_multi_pool", "best", 0.9,
     "× the best general allocator"},
    {"random_sizes/16-1024/@(2|8|32)_threads", "cenote::concurrent_multi_pool, unsized", "best", 0.9,
     "× the best general allocator"},
    {"alternating/64/64_pools", "cenote::concurrent_pool", "best", 2.0, "× itself in alternating/64/1_pool"},
    {"short_threads/64", "cenote::concurrent_pool", "best", 1.0, "× the best peer"},
    {"lifecycle/64", "cenote::fixed_pool", "best", 1.0, "× std::pmr unsynchronized"},
    {"lifecycle/64", "cenote::concurrent_pool", "best", 1.0, "× std::pmr synchronized"},
    {"metadata/64", "cenote::fixed_pool", "figure", 5.0, "metadata_percent"},

    {"pair/@(16|64|256|1024)", "cenote_fixed (C), unchecked", "best", 3.0, "ns above cenote::fixed_pool"},
    {"pair/@(16|64|256|1024)", "cenote_fixed (C)", "best", 12.0, "ns above cenote::fixed_pool, checks"},
    {"pair/@(16|64|256|1024)", "cenote_fixed (C)", "best", 12.0, "ns above cenote::fixed_pool", "hoped for"},
    {"pair/@(16|64|256)", "cenote::variable_pool", "best", 2.0, "× glibc"},
    {"pair/1024", "cenote::variable_pool", "best", 2.0, "× glibc", "hoped for"},
    {"batch_@(reverse|in_order|shuffled)/64", "cenote::variable_pool", "best", 2.0, "× glibc"},
    {"random_sizes/16-1024", "cenote::variable_pool", "best", 1.0, "× glibc"},
    {"random_sizes/16-1024", "cenote::variable_pool", "best", 0.6, "× reference::two_level_segregated_fit"},
    {"random_sizes/16-1024", "cenote::variable_pool", "figure", 1.1, "reserved_per_live"},
    {"scratch/32", "cenote::arena", "best", 0.75, "× std::pmr monotonic"},
    {"bounded_plenty/64/1_thread", "cenote::arena_pool", "best", 1.5, "× cenote::bounded_pool"},

    {"bounded_plenty/@(64|1048576)/1_thread", "cenote::bounded_pool", "best", 3.5, "× reference::exchange"},
    {"bounded_@(plenty|short)/64/@(2|8|32)_threads", "cenote::bounded_pool", "best", 0.33,
     "× reference::condition_variable"},
    {"wake_up/64/2_threads", "cenote::bounded_pool", "median", 1.2, "× reference::atomic_wait"},
    {"buffers/4194304/1_thread", "cenote::buffer_pool", "best", 0.6, "× the best general allocator"},
    {"buffers/4194304/2_threads", "cenote::buffer_pool", "best", 0.4, "× the best general allocator"},
    {"buffers_16/4194304/1_thread", "cenote::buffer_pool", "best", 0.1, "× the best general allocator"},
    {"buffers_16_touched/4194304/1_thread", "cenote::buffer_pool", "best", 1.0,
     "× the best general allocator"},
    {"buffers_hour/262144", "cenote::buffer_pool", "figure", 1.1, "resident_per_live"},
    {"buffer_workers/4194304/@(1_thread|2_threads|4_threads|8_threads|16_threads|32_threads)",
     "cenote::buffer_pool", "best", 0.5, "× the best general allocator"},
    {"relay/65536", "cenote relay", "median, paired", 1.0, "× malloc relay"},
    {"relay/65536", "cenote relay", "p999_us, paired", 1.1, "× malloc relay"},
    {"relay/65536", "cenote relay", "resident_after_kib", 0.5, "× malloc relay"},
};

std::string line(const std::string& which, std::string_view contender, std::string_view judged,
                 double at_most, std::string_view of, std::string_view strength) {
    return fmt::format("{}: {}, {}, at most {} {}, {}", which, contender, judged, at_most, of, strength);
}

std::string judged_word(const demand& asked) {
    std::string word = asked.judged == statistic::best     ? "best"
                       : asked.judged == statistic::median ? "median"
                                                           : "figure";
    if (!asked.figure.empty()) word = asked.figure;
    return word + (asked.is_paired ? ", paired" : "");
}

std::string rival_words(const demand& asked, const test_case& which) {
    switch (asked.against) {
    case rival::best_peer:
        return "× the best peer";
    case rival::best_general:
        return "× the best general allocator";
    case rival::own_case:
        return "× itself in " + std::string(asked.name);
    case rival::above:
        return "ns above " + std::string(asked.name);
    case rival::nothing:
        return which.figures().front();
    default:
        return "× " + std::string(asked.name);
    }
}

using lines = std::set<std::string>;

lines demanded() {
    const results none{.cases = all_cases(extent::whole)};
    lines all;
    for (const demand& asked : all_demands())
        for (const verdict& one : judge(none, std::span(&asked, 1)))
            all.insert(line(one.which, asked.contender, judged_word(asked), asked.at_most,
                            rival_words(asked, *find_case(one.which)),
                            asked.is_stretch ? "hoped for" : "demanded"));
    return all;
}

lines difference(const lines& some, const lines& others) {
    lines left;
    std::set_difference(some.begin(), some.end(), others.begin(), others.end(),
                        std::inserter(left, left.end()));
    return left;
}

TEST(demands_table, says_what_the_issue_says) {
    lines expected;
    for (const wanted_row& row : wanted) {
        const std::size_t before = expected.size();
        for (const test_case& which : all_cases(extent::whole))
            if (::fnmatch(row.cases, which.name().c_str(), FNM_PATHNAME | FNM_EXTMATCH) == 0)
                expected.insert(
                    line(which.name(), row.contender, row.judged, row.at_most, row.of, row.strength));
        EXPECT_GT(expected.size(), before) << row.cases << " names no case that is new";
    }
    for (const std::string& one : difference(expected, demanded())) ADD_FAILURE() << "not demanded: " << one;
    for (const std::string& one : difference(demanded(), expected))
        ADD_FAILURE() << "not in the table: " << one;
}

} // namespace
} // namespace cenote::bench
