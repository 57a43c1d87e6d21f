// cenote: SPDX-License-Identifier: MIT
#include "trace/flat_map.hpp"

#include <gtest/gtest.h>
#include <random>
#include <unordered_map>

namespace cenote::test {
namespace {

TEST(flat_map, agrees_with_the_standard_one_under_random_use) {
    trace::flat_map<std::uint32_t> map;
    std::unordered_map<std::uint64_t, std::uint32_t> oracle;
    std::mt19937_64 random(7);
    for (std::uint32_t i = 0; i < 300'000; ++i) {
        const std::uint64_t key = (random() % 5000) * (i % 3 == 0 ? 16 : 4096);
        const std::uint32_t* found = map.find(key);
        const auto expected = oracle.find(key);
        ASSERT_EQ(found != nullptr, expected != oracle.end());
        if (found == nullptr) {
            map.insert(key, i);
            oracle[key] = i;
        } else {
            ASSERT_EQ(*found, expected->second);
            ASSERT_TRUE(map.erase(key));
            oracle.erase(expected);
        }
        ASSERT_EQ(map.size(), oracle.size());
    }
    for (const auto& [key, value] : oracle) {
        ASSERT_NE(map.find(key), nullptr);
        EXPECT_EQ(*map.find(key), value);
    }
}

TEST(flat_map, erasing_what_is_not_there_changes_nothing) {
    trace::flat_map<int> map;
    EXPECT_FALSE(map.erase(0));
    map.insert(0, 1);
    EXPECT_FALSE(map.erase(1));
    EXPECT_EQ(*map.find(0), 1);
    map.clear();
    EXPECT_EQ(map.find(0), nullptr);
}

} // namespace
} // namespace cenote::test
