// cenote: SPDX-License-Identifier: MIT
#include <cenote/base/arith.hpp>
#include <cenote/pool/large_blocks.hpp>

#include "support/test_sources.hpp"

#include <cstring>
#include <gtest/gtest.h>
#include <random>
#include <set>
#include <vector>

namespace {

using namespace cenote;
using engine::large_blocks;

class large : public testing::Test {
protected:
    large() { blocks.configure(from, false, false); }
    ~large() override {
        blocks.release_all();
        EXPECT_EQ(from.regions(), 0u);
        EXPECT_EQ(from.wrong_releases, 0u);
    }
    void free(void* block) {
        const large_blocks::record* const found = blocks.find(block);
        ASSERT_NE(found, nullptr);
        blocks.deallocate(*found);
    }

    test::counting_source from;
    large_blocks blocks;
};

TEST_F(large, blocks_are_whole_aligned_and_found_by_their_start) {
    for (std::size_t alignment = 1; alignment <= std::size_t{1} << 21; alignment *= 2) {
        for (const std::size_t size : {1u, 8193u, 100000u, 3000001u}) {
            void* const block = blocks.allocate(size, alignment);
            ASSERT_NE(block, nullptr);
            ASSERT_EQ(reinterpret_cast<std::uintptr_t>(block) % alignment, 0u);
            ASSERT_TRUE(from.holds(block, size));
            std::memset(block, 0xff, size);
            ASSERT_EQ(blocks.find(block)->requested, size);
            ASSERT_EQ(blocks.find(static_cast<std::byte*>(block) + 1), nullptr);
            ASSERT_EQ(blocks.diagnose(static_cast<std::byte*>(block) + size - 1),
                      size > 1 ? misuse::interior_pointer : misuse::double_free);
            ASSERT_EQ(blocks.diagnose(static_cast<std::byte*>(block) + size), misuse::past_the_end);
            ASSERT_EQ(blocks.diagnose(static_cast<std::byte*>(block) + size + 1), misuse::foreign_pointer);
            ASSERT_EQ(blocks.diagnose(static_cast<std::byte*>(block) - 1), misuse::foreign_pointer);
            ASSERT_TRUE(blocks.is_valid());
            free(block);
        }
    }
    EXPECT_EQ(blocks.live(), 0u);
}

TEST_F(large, a_freed_block_is_kept_and_serves_a_request_of_its_size) {
    void* const first = blocks.allocate(100000, 16);
    free(first);
    EXPECT_EQ(blocks.find(first), nullptr);
    EXPECT_TRUE(blocks.owns(first));
    EXPECT_EQ(blocks.kept(), 1u);
    const std::size_t calls = from.reserves;
    EXPECT_EQ(blocks.allocate(100000, 16), first);
    EXPECT_EQ(from.reserves, calls);
    EXPECT_NE(blocks.find(first), nullptr);
    free(first);
    EXPECT_NE(blocks.allocate(50000, 16), first); // more than an eighth too large
}

TEST_F(large, what_is_kept_is_bounded_and_what_was_freed_longest_ago_goes_first) {
    std::vector<void*> many(3 * large_blocks::most_kept_bytes / 2 / 65536);
    for (void*& block : many) block = blocks.allocate(60000, 16);
    for (void* const block : many) free(block);
    EXPECT_LE(from.reserved, large_blocks::most_kept_bytes + (std::size_t{1} << 20)); // and the table
    EXPECT_GT(from.reserved, large_blocks::most_kept_bytes / 8 * 7);
    EXPECT_FALSE(blocks.owns(many.front()));
    EXPECT_TRUE(blocks.owns(many.back()));
    void* const huge = blocks.allocate(large_blocks::most_kept_bytes / 2, 16);
    free(huge);
    EXPECT_FALSE(blocks.owns(huge));
    EXPECT_GT(blocks.release_kept(), 0u);
    EXPECT_EQ(blocks.kept(), 0u);
    EXPECT_TRUE(blocks.is_valid());

    for (std::size_t i = 0; i < many.size(); ++i)
        many[i] = i < 2 * large_blocks::most_kept ? blocks.allocate(9000, 16) : nullptr;
    for (void* const block : many) {
        if (block != nullptr) free(block);
    }
    EXPECT_LE(blocks.kept(), large_blocks::most_kept);
}

TEST_F(large, a_crowd_that_comes_and_goes_asks_the_source_once) {
    std::vector<void*> crowd(400);
    for (int round = 0; round < 5; ++round) {
        for (std::size_t i = 0; i < crowd.size(); ++i) crowd[i] = blocks.allocate(9000 + i * 30, 16);
        for (void* const block : crowd) free(block);
    }
    EXPECT_LE(from.reserves, crowd.size() + 16); // and the table's growth
    EXPECT_TRUE(blocks.is_valid());
}

TEST_F(large, refusals_and_sizes_beyond_memory_change_nothing) {
    void* const block = blocks.allocate(100000, 16);
    const std::size_t reserved = blocks.reserved_bytes();
    from.refuse_reserve = true;
    EXPECT_EQ(blocks.allocate(200000, 16), nullptr);
    from.refuse_reserve = false;
    from.refuse_commit = true;
    EXPECT_EQ(blocks.allocate(200000, 16), nullptr);
    from.refuse_commit = false;
    for (std::size_t less = 0; less < 5000; less += 7) {
        EXPECT_EQ(blocks.allocate(base::size_max - less, 16), nullptr);
        EXPECT_EQ(blocks.allocate(base::size_max - less, 4096), nullptr);
    }
    EXPECT_EQ(blocks.live(), 1u);
    EXPECT_EQ(blocks.live_bytes(), 100000u);
    EXPECT_EQ(blocks.reserved_bytes(), reserved);
    EXPECT_TRUE(blocks.is_valid());
    free(block);
}

TEST_F(large, walks_see_live_blocks_only_and_reset_frees_all) {
    std::set<void*> live;
    for (std::size_t i = 0; i < 50; ++i) live.insert(blocks.allocate(10000 + 1000 * i, 64));
    free(*live.begin());
    live.erase(live.begin());
    std::set<void*> seen;
    std::uint32_t id = 0;
    void* block = nullptr;
    while (blocks.next_live(id, block) != nullptr) seen.insert(block);
    EXPECT_EQ(seen, live);
    blocks.reset();
    EXPECT_EQ(blocks.live(), 0u);
    EXPECT_EQ(blocks.live_bytes(), 0u);
    EXPECT_TRUE(blocks.is_valid());
}

TEST_F(large, survive_random_traffic) {
    std::mt19937 random(12);
    std::vector<std::pair<void*, std::size_t>> live;
    std::size_t bytes = 0;
    for (int step = 0; step < 5000; ++step) {
        if (random() % 2 == 0) {
            const std::size_t size = 5000 + random() % 200000;
            live.emplace_back(blocks.allocate(size, std::size_t{16} << random() % 10), size);
            bytes += size;
        } else if (!live.empty()) {
            std::swap(live[random() % live.size()], live.back());
            free(live.back().first);
            bytes -= live.back().second;
            live.pop_back();
        }
        ASSERT_EQ(blocks.live(), live.size());
        ASSERT_EQ(blocks.live_bytes(), bytes);
        ASSERT_EQ(blocks.reserved_bytes(), from.reserved);
        ASSERT_TRUE(step % 50 != 0 || blocks.is_valid());
    }
}

} // namespace
