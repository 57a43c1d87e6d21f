// cenote: SPDX-License-Identifier: MIT
#include <cenote/slab/slab.hpp>

#include <gtest/gtest.h>
#include <memory>
#include <new>
#include <random>
#include <set>
#include <vector>

namespace {

using cenote::engine::slab;

constexpr std::size_t stride = 24;
std::byte bytes[1000 * stride]; // what the blocks are cut from

// A record with room behind it for its bitmaps.
class one_slab {
public:
    explicit one_slab(std::uint32_t blocks)
        : memory_(slab::bytes_for(blocks) / sizeof(slab::word)), record_(::new(memory_.data()) slab{}) {
        record_->blocks = blocks;
        record_->make_all_idle();
    }
    slab* operator->() { return record_; }
    slab& operator*() { return *record_; }

    // Up to `want` blocks as indices, in the order in which a stack would pop them.
    std::vector<std::uint32_t> take(std::size_t want) {
        std::vector<void*> addresses(want);
        const std::size_t count = record_->take(bytes, stride, addresses.data() + want, want);
        std::vector<std::uint32_t> indices;
        for (std::size_t i = 0; i < count; ++i) {
            const auto offset =
                static_cast<std::size_t>(static_cast<std::byte*>(addresses[want - 1 - i]) - bytes);
            EXPECT_EQ(offset % stride, 0u);
            indices.push_back(static_cast<std::uint32_t>(offset / stride));
        }
        return indices;
    }

private:
    std::vector<slab::word> memory_;
    slab* record_;
};

void give_back(slab& record, std::uint32_t index) {
    const std::uint32_t word = index / slab::word_bits;
    record.out()[word] &= ~slab::bit(index);
    record.give(word, slab::bit(index), 1);
}

TEST(slab, every_block_is_idle_at_first_and_none_beyond_the_last) {
    for (std::uint32_t blocks = 1; blocks <= 200; ++blocks) {
        one_slab one(blocks);
        ASSERT_TRUE(one->is_valid());
        ASSERT_EQ(one->idle_count, blocks);
        for (std::uint32_t i = 0; i < blocks; ++i) ASSERT_TRUE(one->is_idle(i) && !one->is_out(i));
        ASSERT_EQ(one.take(blocks + 100).size(), blocks);
        ASSERT_TRUE(one->is_valid());
        ASSERT_EQ(one->idle_count, 0u);
    }
}

TEST(slab, blocks_leave_in_address_order) {
    one_slab one(150);
    std::uint32_t expected = 0;
    for (const std::size_t want : {1u, 2u, 60u, 1u, 64u, 22u}) {
        for (const std::uint32_t index : one.take(want)) ASSERT_EQ(index, expected++);
    }
    EXPECT_EQ(expected, 150u);
    EXPECT_TRUE(one.take(1).empty());
}

TEST(slab, the_lowest_idle_block_leaves_first_after_frees_in_any_order) {
    one_slab one(300);
    (void)one.take(300);
    for (const std::uint32_t index : {250u, 3u, 170u, 64u, 63u, 299u}) give_back(*one, index);
    EXPECT_EQ(one.take(10), (std::vector<std::uint32_t>{3, 63, 64, 170, 250, 299}));
}

TEST(slab, next_out_finds_each_out_block_and_ends_behind_the_last) {
    one_slab one(200);
    (void)one.take(200);
    const std::set<std::uint32_t> out{0, 1, 63, 64, 127, 150, 199};
    for (std::uint32_t i = 0; i < 200; ++i) {
        if (out.count(i) == 0) give_back(*one, i);
    }
    std::set<std::uint32_t> seen;
    for (std::uint32_t i = one->next_out(0); i < 200; i = one->next_out(i + 1)) seen.insert(i);
    EXPECT_EQ(seen, out);
    EXPECT_GE(one->next_out(200), 200u);
    EXPECT_GE(one->next_out(5000), 200u);
}

TEST(slab, remembers_which_blocks_never_left) {
    one_slab one(100);
    EXPECT_EQ(one->fresh, 0u);
    (void)one.take(10);
    EXPECT_EQ(one->fresh, 10u);
    give_back(*one, 4);
    (void)one.take(1);
    EXPECT_EQ(one->fresh, 10u);
    (void)one.take(80);
    EXPECT_EQ(one->fresh, 90u);
    one->make_all_idle();
    EXPECT_EQ(one->fresh, 90u);
}

TEST(slab, an_invalid_record_is_noticed) {
    one_slab both(100);
    both->out()[0] |= slab::bit(5); // still idle
    EXPECT_FALSE(both->is_valid());
    one_slab beyond(100);
    beyond->out()[1] |= slab::bit(100);
    EXPECT_FALSE(beyond->is_valid());
    one_slab miscounted(100);
    --miscounted->idle_count;
    EXPECT_FALSE(miscounted->is_valid());
    one_slab misled(100);
    misled->hint = 1;
    EXPECT_FALSE(misled->is_valid());
    one_slab too_fresh(100);
    too_fresh->fresh = 101;
    EXPECT_FALSE(too_fresh->is_valid());
}

// Runs of every length from every place of a word, of which fewer or more are wanted than there are.
TEST(slab, neighbours_leave_as_others_do) {
    for (std::uint32_t first = 0; first < 64; ++first) {
        for (std::uint32_t length = 1; length <= 40; ++length) {
            for (const std::uint32_t wanted : {1u, 7u, 8u, 9u, 16u, 23u, 40u, 50u}) {
                one_slab one(192);
                ASSERT_EQ(one.take(192).size(), 192u);
                for (std::uint32_t i = first; i < first + length; ++i) give_back(*one, i);
                give_back(*one, 150);
                std::vector<std::uint32_t> expected;
                for (std::uint32_t i = first; i < first + length; ++i) expected.push_back(i);
                expected.push_back(150);
                if (wanted < expected.size()) expected.resize(wanted);
                ASSERT_EQ(one.take(wanted), expected) << first << " " << length << " " << wanted;
                ASSERT_TRUE(one->is_valid());
                ASSERT_EQ(one->idle_count, length + 1 - expected.size());
                for (const std::uint32_t i : expected) ASSERT_TRUE(one->is_out(i) && !one->is_idle(i));
            }
        }
    }
}

TEST(slab, agrees_with_a_plain_set_through_random_traffic) {
    std::mt19937 random(7);
    for (const std::uint32_t blocks : {1u, 63u, 64u, 65u, 1000u}) {
        one_slab one(blocks);
        std::set<std::uint32_t> idle;
        std::vector<std::uint32_t> out;
        for (std::uint32_t i = 0; i < blocks; ++i) idle.insert(i);
        for (int step = 0; step < 3000; ++step) {
            if (random() % 2 == 0 || out.empty()) {
                for (const std::uint32_t index : one.take(random() % 20)) {
                    ASSERT_EQ(index, *idle.begin());
                    idle.erase(idle.begin());
                    out.push_back(index);
                }
            } else {
                std::swap(out[random() % out.size()], out.back());
                give_back(*one, out.back());
                idle.insert(out.back());
                out.pop_back();
            }
            ASSERT_TRUE(one->is_valid());
            ASSERT_EQ(one->idle_count, idle.size());
        }
        for (const std::uint32_t index : out) ASSERT_TRUE(one->is_out(index) && !one->is_idle(index));
    }
}

} // namespace
