// cenote: SPDX-License-Identifier: MIT
#include <cenote/pool/chunk_list.hpp>
#include <cenote/pool/edge_map.hpp>

#include <array>
#include <gtest/gtest.h>
#include <map>
#include <random>

namespace {

using namespace cenote;
using engine::edge_map;

struct bytes_with_edges {
    alignas(64) std::array<std::byte, 64 + 1024> all; // blocks are aligned to as much
    std::byte* const begin = all.data() + 64;
    std::byte* const end = begin + 1024;
    edge_map edges{begin, end};
    std::byte* top = begin;

    bytes_with_edges() { all.fill(std::byte{0xff}); } // as memory comes: nothing may rely on zeroes
    std::byte* cut(std::size_t size, std::size_t alignment = edge_map::unit) {
        std::byte* const block = top + base::padding_to(top, alignment);
        edges.enter(top, block, size);
        top = block + size;
        return block;
    }
    [[nodiscard]] bool holds(const std::byte* block, std::size_t size) const {
        return edges.holds(block, size, top);
    }
};

TEST(edge_map, knows_each_block_by_its_start_and_its_end) {
    bytes_with_edges on;
    std::byte* const a = on.cut(100);
    std::byte* const b = on.cut(8);
    std::byte* const c = on.cut(1, 64);
    EXPECT_TRUE(on.holds(a, 100) && on.holds(b, 8) && on.holds(c, 1));
    EXPECT_TRUE(on.holds(a, 97)); // in the same eight bytes
    EXPECT_FALSE(on.holds(a, 96));
    EXPECT_FALSE(on.holds(a, 105)); // the next block's first
    EXPECT_FALSE(on.holds(a, static_cast<std::size_t>(b + 8 - a)));
    EXPECT_FALSE(on.holds(a, static_cast<std::size_t>(c + 1 - a)));
    EXPECT_FALSE(on.holds(a + 8, 92));
    EXPECT_FALSE(on.holds(a + 1, 99));
    EXPECT_FALSE(on.holds(b + 8, 1)); // padding
    EXPECT_EQ(on.edges.wrong_about(a), misuse::wrong_size);
    EXPECT_EQ(on.edges.wrong_about(a + 1), misuse::interior_pointer);
    EXPECT_EQ(on.edges.wrong_about(a + 50), misuse::interior_pointer);
    EXPECT_EQ(on.edges.wrong_about(a + 99), misuse::interior_pointer);
    EXPECT_EQ(on.edges.wrong_about(b + 8), misuse::double_free);
    EXPECT_TRUE(on.edges.is_valid(on.top));
}

TEST(edge_map, a_freed_block_is_none_and_its_neighbours_stay) {
    bytes_with_edges on;
    std::byte* const a = on.cut(16);
    std::byte* const b = on.cut(200);
    std::byte* const c = on.cut(16);
    on.edges.leave(b, 200);
    EXPECT_FALSE(on.holds(b, 200));
    EXPECT_EQ(on.edges.wrong_about(b), misuse::double_free);
    EXPECT_EQ(on.edges.wrong_about(b + 100), misuse::double_free);
    EXPECT_FALSE(on.holds(a, 16 + 200));
    EXPECT_TRUE(on.holds(a, 16) && on.holds(c, 16));
    EXPECT_TRUE(on.edges.is_valid(on.top));
}

TEST(edge_map, what_is_kept_belongs_to_nobody) {
    bytes_with_edges on;
    std::byte* const a = on.cut(16);
    std::byte* const kept = on.cut(32);
    std::byte* const c = on.cut(16);
    on.edges.keep(kept);
    EXPECT_FALSE(on.holds(kept, 32));
    EXPECT_FALSE(on.holds(a, 16 + 32));
    EXPECT_FALSE(on.holds(a, 16 + 8));
    EXPECT_EQ(on.edges.wrong_about(kept), misuse::interior_pointer);
    EXPECT_TRUE(on.holds(a, 16) && on.holds(c, 16));
    EXPECT_TRUE(on.edges.is_valid(on.top));
}

TEST(edge_map, ends_move_with_their_blocks) {
    bytes_with_edges on;
    std::byte* const a = on.cut(100);
    std::byte* const b = on.cut(10);
    on.edges.resize(a, 100, 20);
    EXPECT_TRUE(on.holds(a, 20));
    EXPECT_FALSE(on.holds(a, 100));
    on.edges.resize(b, 10, 500);
    on.top = b + 500;
    EXPECT_TRUE(on.holds(b, 500));
    EXPECT_FALSE(on.holds(b, 10));
    EXPECT_TRUE(on.edges.is_valid(on.top));
}

// As an arena does: forwards, and back to where a block or a part of it ended.
TEST(edge_map, agrees_with_a_map_whatever_comes_and_goes) {
    bytes_with_edges on;
    std::map<std::byte*, std::size_t> live;
    std::mt19937 chance(1);
    for (int step = 0; step < 20'000; ++step) {
        const std::size_t size = 1 + chance() % 90;
        if (chance() % 2 == 0) {
            if (on.end - on.top >= 128) live[on.cut(size, std::size_t{8} << chance() % 3)] = size;
        } else if (!live.empty()) {
            auto one = std::next(live.begin(), static_cast<std::ptrdiff_t>(chance() % live.size()));
            if (chance() % 3 == 0) { // to where it began, with all behind it
                on.top = one->first;
                live.erase(one, live.end());
            } else {
                on.edges.leave(one->first, one->second);
                live.erase(one);
            }
        }
        ASSERT_TRUE(on.edges.is_valid(on.top));
        std::byte* const at = on.begin + chance() % 1024;
        if (at >= on.top || at + size > on.top) continue;
        const auto known = live.find(at);
        const bool is_block = known != live.end() && (known->second - 1) / 8 == (size - 1) / 8;
        ASSERT_EQ(on.holds(at, size), is_block);
        for (const auto& [block, bytes] : live) ASSERT_TRUE(on.holds(block, bytes));
    }
}

TEST(edge_map, of_a_buffer_is_in_front_of_its_bytes_wherever_it_starts) {
    alignas(16) std::array<std::byte, 5000> buffer;
    using engine::chunk_list;
    for (std::size_t offset = 0; offset < 16; ++offset) {
        for (std::size_t bytes = 0; bytes < 4900; bytes += bytes < 200 ? 1 : 61) {
            const std::size_t held = chunk_list::held_by(buffer.data() + offset, bytes, true);
            ASSERT_LE(held, bytes);
            ASSERT_GE(held + bytes / 33 + 17, bytes);
            if (held != 0) {
                ASSERT_LE(edge_map::bytes_for(held), bytes - held);
            }
            ASSERT_EQ(chunk_list::held_by(buffer.data() + offset, bytes, false), bytes);
        }
    }
    for (std::size_t offset = 0; offset < 16; ++offset) { // what is had beyond a request costs nothing of it
        std::size_t before = 0;
        for (std::size_t bytes = 0; bytes < 4900; ++bytes) {
            const std::size_t held = chunk_list::held_by(buffer.data() + offset, bytes, true);
            ASSERT_GE(held, before) << bytes;
            before = held;
        }
    }
    for (std::size_t bytes = 1; bytes < 4700; ++bytes) {
        const std::size_t needed = chunk_list::bytes_to_hold(bytes, true);
        ASSERT_EQ(chunk_list::held_by(buffer.data(), needed, true), bytes);
        ASSERT_LE(needed, bytes + bytes / 32 + 16);
    }
}

} // namespace
