// cenote: SPDX-License-Identifier: MIT
//
// When idle memory goes back by itself.
#include <cenote/pool/fixed_pool.hpp>
#include <cenote/source/heap.hpp>

#include <algorithm>
#include <gtest/gtest.h>
#include <random>
#include <vector>

namespace {

using namespace cenote;

/// Pages that know how many bytes came back.
class counting_pages final : public source {
public:
    std::size_t returned = 0;

    void* reserve(const request& wanted) noexcept override { return pages_.reserve(wanted); }
    void release(void* region, const request& given) noexcept override {
        returned += given.bytes;
        pages_.release(region, given);
    }
    bool commit(void* data, std::size_t bytes) noexcept override { return pages_.commit(data, bytes); }
    std::size_t decommit(void* data, std::size_t bytes) noexcept override {
        returned += bytes;
        return pages_.decommit(data, bytes);
    }
    void populate(void* data, std::size_t bytes) noexcept override { pages_.populate(data, bytes); }
    std::size_t granularity() const noexcept override { return pages_.granularity(); }

private:
    os_pages pages_;
};

class fixed_pool_surplus : public testing::TestWithParam<std::size_t> {
protected:
    static constexpr std::size_t crowd = 20'000;

    void grow(std::size_t count) {
        for (; count != 0; --count) held_.push_back(pool_.allocate());
    }
    void drop_all() {
        for (void* block : held_) pool_.deallocate(block);
        held_.clear();
    }
    void burst() {
        grow(crowd);
        drop_shuffled();
    }
    void drop_shuffled() {
        std::shuffle(held_.begin(), held_.end(), random_);
        drop_all();
    }
    // Rounds of `few` blocks until `frees` blocks were freed.
    void traffic(std::size_t few, std::size_t frees) {
        for (std::size_t done = 0; done < frees; done += few) {
            grow(few);
            drop_shuffled();
        }
    }
    // How many blocks are freed for each block there is, before a surplus goes back.
    static std::size_t window() { return std::clamp<std::size_t>(GetParam() / 64, 2, 16); }

    counting_pages from_;
    fixed_pool pool_{{.block_size = GetParam(), .source = &from_, .sanitizers = false, .name = "surplus"}};
    std::vector<void*> held_;
    std::mt19937 random_{1};
};

INSTANTIATE_TEST_SUITE_P(sizes, fixed_pool_surplus, testing::Values(64, 256, 1024),
                         testing::PrintToStringParamName());

TEST_P(fixed_pool_surplus, goes_back_though_the_blocks_came_back_in_random_order) {
    burst();
    const std::size_t most = pool_.stats().reserved_bytes;
    traffic(2'000, 8 * window() * crowd);
    EXPECT_GT(from_.returned, most * 2 / 3);
    EXPECT_TRUE(pool_.is_valid());
}

TEST_P(fixed_pool_surplus, goes_back_though_traffic_never_leaves_the_magazines) {
    burst();
    const std::size_t capacity = engine::magazine_capacity(GetParam(), engine::most_cached_alone);
    traffic(2 * capacity, 8 * window() * crowd);
    EXPECT_GT(from_.returned, pool_.stats().reserved_bytes / 2);
}

TEST_P(fixed_pool_surplus, stays_while_rounds_need_it) {
    burst();
    const std::size_t returned = from_.returned; // by a slab table that grew
    for (int round = 0; round < 40; ++round) burst();
    EXPECT_EQ(from_.returned, returned);
}

TEST_P(fixed_pool_surplus, comes_again_and_no_more_in_rounds_with_quiet_times) {
    burst();
    const std::size_t first = pool_.stats().reserved_bytes;
    for (int round = 0; round < 6; ++round) {
        traffic(2'000, 4 * window() * crowd);
        burst();
        EXPECT_LE(pool_.stats().reserved_bytes, first + (std::size_t{64} << 10));
    }
    EXPECT_GT(from_.returned, first);
}

// A step beyond what is live may be half of all that there is; it is taken once. From a heap, whose regions
// end where they are asked to on every system.
TEST_P(fixed_pool_surplus, comes_again_to_what_was_live_and_two_magazines) {
    const std::size_t stride = GetParam();
    const std::size_t cached = 2 * engine::magazine_capacity(stride, engine::most_cached_alone) * stride;
    std::size_t beyond = 0; // of the first times
    for (const std::size_t count : {20'000u, 30'000u, 40'000u, 70'000u}) {
        heap from;
        fixed_pool pool({.block_size = stride, .source = &from, .sanitizers = false});
        std::vector<void*> held(count);
        std::size_t reserved[2];
        for (std::size_t& bytes : reserved) {
            for (void*& block : held) block = pool.allocate();
            bytes = pool.stats().reserved_bytes;
            for (void* block : held) pool.deallocate(block);
            (void)pool.trim();
        }
        const std::size_t enough = count * stride * 17 / 16 + cached + (std::size_t{128} << 10);
        EXPECT_LE(reserved[1], enough) << count;
        if (reserved[0] > enough) ++beyond;
    }
    EXPECT_GE(beyond, 2u);
}

TEST(fixed_pool_surplus_checked, goes_back_though_one_block_comes_and_goes) {
    counting_pages from;
    fixed_pool pool({.block_size = 64, .source = &from, .checks = true, .sanitizers = false});
    std::vector<void*> held(20'000);
    for (void*& block : held) block = pool.allocate();
    for (void* block : held) pool.deallocate(block);
    const std::size_t most = pool.stats().reserved_bytes;
    for (int i = 0; i < 400'000; ++i) {
        void* const block = pool.allocate();
        ASSERT_TRUE(pool.try_deallocate(block));
    }
    EXPECT_GT(from.returned, most * 2 / 3);
    EXPECT_TRUE(pool.is_valid());
}

TEST(fixed_pool_surplus_checked, goes_back_after_a_trim_as_soon_as_ever) {
    counting_pages from;
    fixed_pool pool({.block_size = 64, .source = &from, .checks = true, .sanitizers = false});
    std::vector<void*> held(20'000);
    for (void*& block : held) block = pool.allocate();
    for (void* block : held) pool.deallocate(block);
    void* const stays = pool.allocate();
    (void)pool.trim();
    held.resize(3'000);
    for (void*& block : held) block = pool.allocate();
    for (void* block : held) pool.deallocate(block);
    const std::size_t returned = from.returned;
    for (int i = 0; i < 17'000; ++i) pool.deallocate(pool.allocate()); // two windows of some 4,000 blocks
    EXPECT_GT(from.returned, returned);
    pool.deallocate(stays);
}

TEST(fixed_pool_surplus_manual, stays_for_ever) {
    counting_pages from;
    fixed_pool pool({.block_size = 64, .source = &from, .sanitizers = false, .trim = trim::manual});
    std::vector<void*> held(20'000);
    std::size_t returned = 0;
    for (int round = 0; round < 100; ++round) {
        if (round == 1) returned = from.returned; // by a slab table that grew
        held.resize(round == 0 ? 20'000 : 2'000);
        for (void*& block : held) block = pool.allocate();
        for (void* block : held) pool.deallocate(block);
    }
    EXPECT_EQ(from.returned, returned);
}

} // namespace
