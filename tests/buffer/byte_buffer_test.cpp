// cenote: SPDX-License-Identifier: MIT
#include <cenote/buffer/byte_buffer.hpp>

#include <gtest/gtest.h>
#include <random>
#include <string>

namespace {

using namespace cenote;

TEST(byte_buffer, starts_empty_and_without_a_buffer) {
    buffer_pool pool;
    {
        buffer used = pool.acquire(4096); // what it held is not seen again
        std::memset(used.data(), 'x', used.size());
    }
    byte_buffer bytes(pool);
    EXPECT_TRUE(bytes.empty());
    EXPECT_EQ(bytes.size(), 0u);
    EXPECT_EQ(bytes.capacity(), 0u);
    EXPECT_EQ(bytes.text(), "");
    EXPECT_EQ(pool.stats().live, 0u);
    bytes.append("abc", 3);
    EXPECT_EQ(bytes.text(), "abc");
    EXPECT_EQ(bytes.capacity(), 4096u);
}

TEST(byte_buffer, appends_what_a_string_appends) {
    buffer_pool pool({.smallest = 64, .largest = 4096});
    byte_buffer bytes(pool);
    std::string expected;
    std::minstd_rand random(3);
    for (int i = 0; i < 3000; ++i) {
        const std::size_t kind = random() % 8;
        if (kind < 5) {
            const std::string more(random() % 40, static_cast<char>('a' + i % 26));
            bytes.append(more);
            expected += more;
        } else if (kind == 5) {
            const std::size_t gone = random() % 100;
            bytes.consume(gone);
            expected.erase(0, gone);
        } else if (kind == 6) {
            bytes.push_back(std::byte{'!'});
            expected += '!';
        } else {
            const std::span<std::byte> room = bytes.prepare(30);
            ASSERT_EQ(room.size(), 30u);
            std::memset(room.data(), '?', 30);
            bytes.commit(random() % 31 == 0 ? 0 : 20);
            expected.append(bytes.size() - expected.size(), '?');
        }
        ASSERT_EQ(bytes.text(), expected);
        ASSERT_GE(bytes.capacity(), bytes.size());
        if (i % 1000 == 999) {
            bytes.clear();
            expected.clear();
        }
    }
}

TEST(byte_buffer, moves_up_the_tiers_in_place_when_the_memory_behind_is_free) {
    buffer_pool pool({.sanitizers = false, .trim = trim::manual});
    buffer blocker; // so that the fresh region begins with what grows
    byte_buffer bytes(pool);
    bytes.reserve(4096);
    bytes.append("first", 5);
    const std::byte* const where = bytes.data();
    pool.release_thread_caches();
    (void)pool.trim(); // the neighbours, cut ahead, merge
    bytes.reserve(64 << 10);
    EXPECT_EQ(bytes.data(), where);
    EXPECT_EQ(bytes.capacity(), std::size_t{64} << 10);
    EXPECT_EQ(bytes.text(), "first");
    EXPECT_EQ(pool.stats().tier[4].live, 1u);
    EXPECT_TRUE(pool.is_valid());
    bytes.resize(64 << 10);
    std::memset(bytes.data(), 1, bytes.size()); // all of it may be used
    blocker = pool.acquire(64 << 10);           // right behind
    bytes.reserve(128 << 10);
    EXPECT_NE(bytes.data(), where);
    EXPECT_TRUE(pool.is_valid());
}

TEST(byte_buffer, appends_a_part_of_itself) {
    buffer_pool pool({.smallest = 64, .largest = 4096, .erase = true}); // what it leaves is zeroed at once
    const buffer before = pool.acquire(1); // so that it stands in an upper half, which cannot grow
    byte_buffer bytes(pool);
    bytes.append("0123456789");
    for (int i = 0; i < 6; ++i) bytes.append(bytes.text());
    EXPECT_EQ(bytes.size(), 640u);
    EXPECT_EQ(bytes.text().substr(630), "0123456789");
}

TEST(byte_buffer, a_queue_of_bytes_stays_as_large_as_it_must) {
    buffer_pool pool({.smallest = 64, .largest = 4096});
    byte_buffer bytes(pool);
    for (int i = 0; i < 1000; ++i) {
        bytes.append("0123456789abcdef");
        bytes.consume(15);
        if (bytes.size() > 20) bytes.consume(1);
    }
    EXPECT_LE(bytes.capacity(), 128u);
}

TEST(byte_buffer, grows_by_what_it_needs_where_twice_as_much_is_refused) {
    const std::size_t rounding =
        4 * default_source().granularity(); // of the regions that there are meanwhile
    buffer_pool pool({.smallest = 64, .largest = 4096, .maximum_bytes = (1 << 20) + rounding});
    byte_buffer bytes(pool);
    bytes.append("here");
    bytes.resize(400 << 10);
    bytes.resize(bytes.capacity());
    const std::size_t full = bytes.size();
    bytes.append("there"); // both are live meanwhile
    EXPECT_EQ(bytes.text().substr(0, 4), "here");
    EXPECT_EQ(bytes.text().substr(full), "there");
    EXPECT_LT(bytes.capacity(), std::size_t{600} << 10);
    bytes.consume(3);
    EXPECT_THROW(bytes.resize(800 << 10), out_of_memory);
    EXPECT_EQ(bytes.size(), full + 2);
}

TEST(byte_buffer, what_cannot_be_had_changes_nothing) {
    buffer_pool pool({.smallest = 64, .largest = 4096, .maximum_bytes = 1 << 20});
    byte_buffer bytes(pool);
    bytes.append("here");
    EXPECT_THROW(bytes.reserve(unlimited), out_of_memory);
    EXPECT_THROW(bytes.resize(2 << 20), out_of_memory);
    EXPECT_THROW((void)bytes.prepare(unlimited - 2), out_of_memory);
    EXPECT_EQ(bytes.text(), "here");
    byte_buffer nowhere{buffer()};
    EXPECT_THROW(nowhere.append("x"), out_of_memory);
    nowhere.append("");
    nowhere.consume(9);
    EXPECT_TRUE(nowhere.empty());
}

TEST(byte_buffer, gives_its_buffer_away_with_the_bytes_in_front) {
    buffer_pool pool;
    byte_buffer bytes(pool);
    bytes.append("header body");
    bytes.consume(7);
    buffer whole = bytes.release();
    EXPECT_EQ(std::memcmp(whole.data(), "body", 4), 0);
    EXPECT_EQ(whole.size(), 4u);
    EXPECT_TRUE(bytes.empty());
    bytes.append("new");
    byte_buffer again(std::move(whole));
    again.append(" and more");
    EXPECT_EQ(again.text(), "body and more");
    again = std::move(bytes);
    EXPECT_EQ(again.text(), "new");
}

} // namespace
