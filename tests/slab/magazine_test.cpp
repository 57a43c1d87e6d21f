// cenote: SPDX-License-Identifier: MIT
#include <cenote/slab/magazine.hpp>

#include <gtest/gtest.h>

namespace {

using namespace cenote::engine;

TEST(magazine, gives_last_what_came_first) {
    void* memory[3];
    magazine one{memory, memory, memory + 3};
    int blocks[3];
    for (int& block : blocks) one.push(&block);
    EXPECT_TRUE(one.is_full());
    EXPECT_EQ(one.count(), 3u);
    EXPECT_EQ(one.room(), 0u);
    for (int i = 2; i >= 0; --i) EXPECT_EQ(one.pop(), &blocks[i]);
    EXPECT_TRUE(one.is_empty());
    EXPECT_EQ(one.room(), 3u);
}

TEST(magazine, of_capacity_zero_is_full_and_empty_at_once) {
    const magazine none;
    EXPECT_TRUE(none.is_empty());
    EXPECT_TRUE(none.is_full());
    EXPECT_EQ(none.capacity(), 0u);
    magazine taken = none;
    EXPECT_EQ(taken.take(), nullptr);
    EXPECT_EQ(taken.top, taken.begin);
    EXPECT_EQ(magazine::words_for(0), 0u);
    EXPECT_TRUE(magazine::in(nullptr, 0).is_full());
}

TEST(magazine, gives_null_when_it_is_empty_and_only_then) {
    int blocks[3];
    void* words[magazine::words_for(3) + 1];
    void* const behind = &words;
    words[4] = behind;
    magazine one = magazine::in(words, 3);
    for (int round = 0; round < 2; ++round) {
        EXPECT_EQ(one.take(), nullptr);
        EXPECT_TRUE(one.is_empty());
        for (int& block : blocks) one.push(&block);
        EXPECT_TRUE(one.is_full());
        for (int i = 2; i >= 0; --i) EXPECT_EQ(one.take(), &blocks[i]);
    }
    EXPECT_EQ(one.take(), nullptr);
    EXPECT_EQ(words[4], behind);
}

TEST(magazine, two_of_them_cache_no_more_than_the_bound) {
    for (const std::size_t bound : {most_cached_by_a_thread, most_cached_alone}) {
        for (std::size_t stride = 1; stride < 2 * bound; stride += stride / 7 + 1) {
            const std::size_t capacity = magazine_capacity(stride, bound);
            ASSERT_LE(capacity, most_in_magazine);
            ASSERT_LE(2 * capacity * stride, bound);
            ASSERT_TRUE(capacity == most_in_magazine || 2 * (capacity + 1) * stride > bound);
        }
    }
    EXPECT_EQ(most_cached_by_a_thread, 65536u);
}

} // namespace
