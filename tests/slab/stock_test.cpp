// cenote: SPDX-License-Identifier: MIT
#include <cenote/slab/stock.hpp>

#include <algorithm>
#include <cstring>
#include <gtest/gtest.h>
#include <new>
#include <vector>

namespace {

using namespace cenote::engine;

// A unit in memory of the test's own.
class units : public testing::Test {
protected:
    cache_unit& make(std::size_t sizes, std::size_t words, std::size_t bytes) {
        size_ = unit_bytes_for(sizes, words);
        memory_.assign(size_ / sizeof(line) + 1, line{});
        std::memset(memory_.data(), 0xee, memory_.size() * sizeof(line));
        auto* const unit = ::new (memory_.data()) cache_unit;
        for (std::size_t i = 0; i < sizes; ++i) ::new (unit->stocks() + i) stock;
        clear_unit(*unit, sizes, words, bytes);
        return *unit;
    }
    [[nodiscard]] const void* end() const {
        return reinterpret_cast<const std::byte*>(memory_.data()) + size_;
    }

private:
    struct alignas(64) line {
        unsigned char bytes[64];
    };
    std::vector<line> memory_;
    std::size_t size_ = 0;
};

TEST_F(units, hold_the_magazines_of_every_size_and_no_byte_more) {
    for (const std::size_t sizes : {1u, 5u, 49u}) {
        for (const std::size_t capacity : {1u, 7u, 512u}) {
            const std::size_t words = 2 * magazine::words_for(capacity) * sizes;
            cache_unit& unit = make(sizes, words, 1 << 20);
            EXPECT_EQ(unit_bytes_for(sizes, words) % 64, 0u); // threads share no cache line
            for (std::size_t i = 0; i < sizes; ++i) {
                EXPECT_FALSE(unit.stocks()[i].can_hold());
                equip_stock(unit, unit.stocks()[i], capacity, capacity);
                EXPECT_EQ(unit.stocks()[i].loaded.capacity(), capacity);
                EXPECT_EQ(unit.stocks()[i].spare.capacity(), capacity);
                EXPECT_EQ(unit.stocks()[i].count(), 0u);
            }
            EXPECT_EQ(unit.room, unit.room_end);
            EXPECT_LE(static_cast<const void*>(unit.room_end), end());
            int block = 0;
            for (std::size_t i = 0; i < sizes; ++i) {
                stock& one = unit.stocks()[i];
                while (!one.loaded.is_full()) one.loaded.push(&block);
                while (!one.spare.is_full()) one.spare.push(&block);
                EXPECT_EQ(one.count(), 2 * capacity);
            }
            for (std::size_t i = 0; i < sizes; ++i) EXPECT_EQ(unit.stocks()[i].count(), 2 * capacity);
        }
    }
}

TEST_F(units, give_a_stock_magazines_that_can_grow) {
    cache_unit& unit = make(1, 22, 1000);
    stock& one = unit.stocks()[0];
    equip_stock(unit, one, 4, 10);
    EXPECT_EQ(unit.room, unit.room_end);
    for (const std::uint32_t capacity : {4u, 10u, 1u}) {
        one.capacity = capacity;
        one.restore();
        EXPECT_EQ(one.loaded.capacity(), capacity);
        EXPECT_EQ(one.spare.capacity(), capacity);
        EXPECT_LE(one.loaded.end, one.spare.begin);
        EXPECT_LE(one.spare.end, unit.room_end);
        one.exchange();
        EXPECT_LE(one.spare.end, one.loaded.begin);
        one.exchange();
    }
}

// A batch that comes and goes where the two magazines meet settles in one of them.
TEST_F(units, give_and_take_batches_without_swinging_around_an_edge) {
    cache_unit& unit = make(1, 16, 1000);
    stock& one = unit.stocks()[0];
    equip_stock(unit, one, 8, 8);
    int blocks[16];
    void* out[16] = {};
    for (int i = 0; i < 9; ++i) {
        if (one.loaded.is_full()) one.exchange();
        one.loaded.push(&blocks[i]);
    }
    EXPECT_FALSE(one.pop_many(out, 10));
    EXPECT_EQ(one.count(), 9u);
    ASSERT_TRUE(one.pop_many(out, 3)); // one from either end of the edge
    EXPECT_EQ(out[0], &blocks[8]);
    EXPECT_EQ(out[1], &blocks[6]);
    EXPECT_EQ(out[2], &blocks[7]);
    EXPECT_EQ(one.loaded.count(), 6u);
    ASSERT_TRUE(one.push_many(out, 3)); // whole, into the other
    EXPECT_EQ(one.loaded.count(), 3u);
    EXPECT_EQ(one.count(), 9u);
    for (int round = 0; round < 3; ++round) {
        void** const begin = one.loaded.begin;
        ASSERT_TRUE(one.pop_many(out, 3));
        ASSERT_TRUE(one.push_many(out, 3));
        EXPECT_EQ(one.loaded.begin, begin);
    }
    std::vector<void*> all(9);
    ASSERT_TRUE(one.pop_many(all.data(), 9));
    std::sort(all.begin(), all.end());
    for (int i = 0; i < 9; ++i) EXPECT_EQ(all[static_cast<std::size_t>(i)], &blocks[i]);
}

TEST_F(units, take_no_batch_that_does_not_fit) {
    cache_unit& unit = make(1, 16, 1000);
    stock& one = unit.stocks()[0];
    int block = 0;
    void* from[9] = {};
    EXPECT_FALSE(one.push_many(from, 1)); // no magazines yet
    equip_stock(unit, one, 8, 8);
    EXPECT_FALSE(one.push_many(from, 9));
    one.loaded.push(&block);
    one.exchange();
    one.loaded.push(&block);
    one.loaded.push(&block);
    EXPECT_FALSE(one.push_many(from, 7)); // the spare one has room, but is not empty
    EXPECT_EQ(one.count(), 3u);
    EXPECT_TRUE(one.push_many(from, 6));
    EXPECT_EQ(one.count(), 9u);
}

TEST_F(units, are_as_new_when_cleared) {
    cache_unit& unit = make(3, 60, 1000);
    void** const room = unit.room;
    equip_stock(unit, unit.stocks()[1], 10, 10);
    unit.stocks()[1].level = 4;
    unit.left = 7;
    clear_unit(unit, 3, 60, 1000);
    EXPECT_EQ(unit.room, room);
    EXPECT_EQ(unit.room_end - unit.room, 60);
    EXPECT_EQ(unit.left, 1000u);
    for (std::size_t i = 0; i < 3; ++i) {
        EXPECT_FALSE(unit.stocks()[i].can_hold());
        EXPECT_EQ(unit.stocks()[i].level, 0u);
    }
}

} // namespace
