// cenote: SPDX-License-Identifier: MIT
//
// What is measured: a pattern of traffic at a block size.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace cenote::bench {

enum class pattern {
    pair,               // get a block, put it back
    batch_reverse,      // get 1,000, put them back last first
    batch_in_order,     // first first
    batch_shuffled,     // in random order
    random_replacement, // among 100,000 live: get a new block, put a random old one back
    random_free_first,  // the same, but the old one goes first
    bulk_32,            // get 32 in one call, put them back in one call
    drop_in_order,      // get 1,000,000, then (only this is timed) put them back first first
    drop_shuffled,      // in random order
};

inline constexpr std::size_t batch_blocks = 1'000;
inline constexpr std::size_t random_blocks = 100'000;
inline constexpr std::size_t bulk_blocks = 32;
inline constexpr std::size_t drop_blocks = 1'000'000;

struct test_case {
    pattern what = pattern::pair;
    std::size_t block_size = 0;

    [[nodiscard]] std::string name() const; // "pair/64"
    // What one operation of it is, as the table's reader wants to know.
    [[nodiscard]] const char* operation() const;
};

[[nodiscard]] const std::vector<test_case>& all_cases();
[[nodiscard]] std::optional<test_case> find_case(std::string_view name);

} // namespace cenote::bench
