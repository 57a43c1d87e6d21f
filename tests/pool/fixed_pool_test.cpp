// cenote: SPDX-License-Identifier: MIT
#include <cenote/base/arith.hpp>
#include <cenote/pool/fixed_pool.hpp>
#include <cenote/source/region.hpp>

#include "support/sizes.hpp"
#include "support/test_sources.hpp"

#include <algorithm>
#include <cstring>
#include <gtest/gtest.h>
#include <random>
#include <set>
#include <string>
#include <vector>

namespace {

using namespace cenote;
using base::size_max;

std::string refusal(const fixed_pool_options& options) {
    try {
        fixed_pool pool(options);
    } catch (const bad_options& error) {
        return error.what();
    }
    return "none";
}

TEST(fixed_pool, every_power_of_two_alignment_up_to_a_mebibyte_is_kept) {
    for (std::size_t alignment = 1; alignment <= std::size_t{1} << 20; alignment *= 2) {
        for (const std::size_t size :
             {std::size_t{1}, std::size_t{24}, std::size_t{100}, alignment, alignment + 1}) {
            for (const bool checks : {false, true}) {
                fixed_pool pool(
                    {.block_size = size, .alignment = alignment, .checks = checks, .sanitizers = false});
                ASSERT_EQ(pool.alignment(), alignment);
                for (int i = 0; i < 5; ++i) {
                    void* const block = pool.allocate();
                    ASSERT_EQ(reinterpret_cast<std::uintptr_t>(block) % alignment, 0u)
                        << size << '@' << alignment;
                    std::memset(block, 0xa5, size);
                }
                ASSERT_TRUE(pool.is_valid());
                pool.reset();
            }
        }
    }
}

TEST(fixed_pool, the_natural_alignment_fits_the_size) {
    const auto alignment_of = [](std::size_t size) { return fixed_pool({.block_size = size}).alignment(); };
    EXPECT_EQ(alignment_of(1), 1u);
    EXPECT_EQ(alignment_of(2), 2u);
    EXPECT_EQ(alignment_of(12), 4u);
    EXPECT_EQ(alignment_of(24), 8u);
    EXPECT_EQ(alignment_of(48), 16u);
    EXPECT_EQ(alignment_of(4096), 16u);
}

TEST(fixed_pool, blocks_do_not_overlap_and_keep_what_is_written) {
    for (const std::size_t size : {1u, 3u, 8u, 24u, 64u, 100u, 1000u, 5000u, 70000u, 600000u}) {
        fixed_pool pool({.block_size = size, .sanitizers = false});
        const std::size_t count = size > 10000 ? 40 : 3000;
        std::vector<unsigned char*> blocks;
        for (std::size_t i = 0; i < count; ++i) {
            blocks.push_back(static_cast<unsigned char*>(pool.allocate()));
            std::memset(blocks.back(), static_cast<int>(i % 251), size);
        }
        for (std::size_t i = 0; i < count; ++i) {
            ASSERT_EQ(blocks[i][0], i % 251);
            ASSERT_EQ(blocks[i][size - 1], i % 251);
        }
        ASSERT_EQ(std::set<unsigned char*>(blocks.begin(), blocks.end()).size(), count);
        ASSERT_TRUE(pool.is_valid());
    }
}

TEST(fixed_pool, zero_bytes_and_alignments_that_are_no_power_of_two_are_refused_with_advice) {
    EXPECT_EQ(refusal({.block_size = 0, .name = "zero"}),
              "cenote: pool 'zero': block_size is 0; give the bytes of a block");
    for (const std::size_t alignment : {std::size_t{0}, std::size_t{3}, std::size_t{12}, size_max - 1}) {
        EXPECT_NE(refusal({.block_size = 64, .alignment = alignment}).find("alignment is not a power of two"),
                  std::string::npos);
    }
}

TEST(fixed_pool, contradictory_options_are_refused_each_with_its_reason) {
    EXPECT_NE(refusal({.block_size = 8, .maximum_blocks = 0}).find("maximum_blocks is 0"), std::string::npos);
    EXPECT_NE(refusal({.block_size = 8, .initial_blocks = 11, .maximum_blocks = 10})
                  .find("initial_blocks is above"),
              std::string::npos);
    EXPECT_NE(refusal({.block_size = 8, .growth = growth::constant(0)}).find("growth adds nothing"),
              std::string::npos);
    EXPECT_NE(refusal({.block_size = 8, .growth = growth::geometric(1)}).find("growth adds nothing"),
              std::string::npos);
    EXPECT_NE(refusal({.block_size = 8, .growth = growth::none()}).find("growth is none, but neither"),
              std::string::npos);
    EXPECT_EQ(refusal({.block_size = 8, .initial_blocks = 10, .growth = growth::none()}), "none");
}

TEST(fixed_pool, sizes_near_the_top_of_the_range_are_refused_in_every_option) {
    for (std::size_t less = 0; less < 70; ++less) {
        const std::size_t huge = size_max - less;
        EXPECT_NE(refusal({.block_size = huge}).find("too large"), std::string::npos) << less;
        EXPECT_NE(refusal({.block_size = huge, .alignment = 64}).find("too large"), std::string::npos);
        EXPECT_NE(refusal({.block_size = 64, .blocks_per_slab = huge}), "none");
        EXPECT_NE(refusal({.block_size = 64, .initial_blocks = huge}).find("more than memory can hold"),
                  std::string::npos);
    }
    EXPECT_NE(refusal({.block_size = 64, .alignment = test::top_bit}).find("too large"), std::string::npos);
    EXPECT_NE(refusal({.block_size = test::beyond_memory >> 10, .blocks_per_slab = std::size_t{1} << 15}),
              "none");
}

TEST(fixed_pool, more_than_the_system_has_is_out_of_memory_and_nothing_else) {
    EXPECT_THROW(fixed_pool({.block_size = 64, .initial_blocks = test::beyond_memory / 64}), out_of_memory);
    EXPECT_THROW(fixed_pool({.block_size = 1, .initial_blocks = size_max}), out_of_memory);
    EXPECT_THROW(fixed_pool({.block_size = 64, .initial_blocks = size_max / 64 + 1}), std::exception);
    fixed_pool pool({.block_size = size_max / 4});
    EXPECT_EQ(pool.try_allocate(), nullptr);
    EXPECT_THROW((void)pool.allocate(), out_of_memory);
    EXPECT_TRUE(pool.is_valid());
    EXPECT_EQ(pool.stats().reserved_bytes, 0u);
}

TEST(fixed_pool, counts_near_the_top_of_the_range_are_refused_in_every_argument) {
    fixed_pool pool({.block_size = 64, .maximum_blocks = 100, .sanitizers = false});
    fixed_pool endless({.block_size = 64, .sanitizers = false});
    void* block = pool.allocate();
    for (std::size_t less = 0; less < 10; ++less) {
        EXPECT_THROW(pool.reserve(size_max - less), out_of_memory);
        EXPECT_THROW(endless.reserve(size_max - less), out_of_memory);
        EXPECT_THROW(endless.reserve(size_max / 64 - less), out_of_memory);
        EXPECT_EQ(pool.at(size_max - less), nullptr);
        EXPECT_EQ(endless.at(size_max - less), nullptr);
    }
    EXPECT_EQ(pool.stats().live, 1u);
    pool.deallocate(block);
    EXPECT_TRUE(pool.is_valid());
}

TEST(fixed_pool, a_step_of_growth_near_the_top_of_the_range_does_not_wrap) {
    test::counting_source from;
    from.limit = 1 << 20;
    for (const growth policy :
         {growth::constant(size_max), growth::constant(size_max - 5), growth::geometric(1e6)}) {
        fixed_pool pool({.block_size = 64,
                         .blocks_per_slab = 100,
                         .growth = policy,
                         .source = &from,
                         .sanitizers = false});
        std::size_t count = 0;
        while (pool.try_allocate() != nullptr) ++count;
        EXPECT_GT(count, 8000u); // half of what the source has, at least
        EXPECT_TRUE(pool.is_valid());
    }
    EXPECT_EQ(from.regions(), 0u);
}

TEST(fixed_pool, zeroed_blocks_are_zero_whoever_used_them_before) {
    for (const std::size_t size : {1u, 24u, 100u, 5000u}) {
        fixed_pool pool({.block_size = size, .sanitizers = false});
        for (int round = 0; round < 3; ++round) {
            void* const block = pool.allocate_zeroed();
            for (std::size_t i = 0; i < size; ++i) ASSERT_EQ(static_cast<unsigned char*>(block)[i], 0);
            std::memset(block, 0xff, size);
            pool.deallocate(block);
        }
    }
}

TEST(fixed_pool, with_zero_on_allocate_every_verb_gives_zeroed_blocks) {
    test::counting_source from; // rubbish everywhere
    fixed_pool pool({.block_size = 40, .source = &from, .zero_on_allocate = true});
    const auto expect_zero = [&](void* block, std::size_t bytes) {
        for (std::size_t i = 0; i < bytes; ++i) ASSERT_EQ(static_cast<unsigned char*>(block)[i], 0);
        std::memset(block, 0xff, bytes);
    };
    for (int round = 0; round < 3; ++round) {
        void* blocks[5] = {pool.allocate(), pool.try_allocate(), nullptr, nullptr, nullptr};
        pool.allocate_n(blocks + 2, 2);
        const allocation large = pool.allocate_at_least();
        blocks[4] = large.pointer;
        for (int i = 0; i < 4; ++i) expect_zero(blocks[i], 40);
        expect_zero(large.pointer, large.size);
        for (void* const block : blocks) pool.deallocate(block);
    }
}

TEST(fixed_pool, with_zero_on_allocate_the_bytes_behind_the_size_are_zero_too) {
    test::counting_source from;
    fixed_pool pool({.block_size = 40,
                     .alignment = 64,
                     .source = &from,
                     .zero_on_allocate = true,
                     .erase_on_free = true});
    for (int round = 0; round < 3; ++round) {
        const allocation large = pool.allocate_at_least();
        ASSERT_EQ(large.size, 64u);
        for (std::size_t i = 0; i < large.size; ++i)
            ASSERT_EQ(static_cast<unsigned char*>(large.pointer)[i], 0);
        std::memset(large.pointer, 0xff, large.size);
        pool.deallocate(large.pointer);
    }
}

// What the block holds after it was freed is read from the pool's own source.
TEST(fixed_pool, erased_blocks_hold_nothing_of_what_they_held) {
    alignas(64) static unsigned char buffer[20000];
    region from(buffer, 10000);
    const unsigned char secret[] = {0xc3, 0xc3, 0xc3, 0xc3, 0xc3, 0xc3, 0xc3, 0xc3};
    const auto holds_secret = [&] {
        return std::search(std::begin(buffer), std::end(buffer), std::begin(secret), std::end(secret)) !=
               std::end(buffer);
    };
    {
        fixed_pool pool({.block_size = 40, .alignment = 64, .source = &from, .sanitizers = false});
        void* const block = pool.allocate();
        std::memset(block, 0xc3, 40);
        pool.deallocate_erased(block);
        EXPECT_FALSE(holds_secret());
    }
    fixed_pool pool(
        {.block_size = 40, .alignment = 64, .source = &from, .erase_on_free = true, .sanitizers = false});
    void* const block = pool.allocate();
    std::memset(block, 0xc3, 40);
    EXPECT_TRUE(holds_secret());
    pool.deallocate(block);
    EXPECT_FALSE(holds_secret());
    const allocation large = pool.allocate_at_least();
    std::memset(large.pointer, 0xc3, large.size);
    pool.deallocate(large.pointer);
    EXPECT_FALSE(holds_secret());
    void* blocks[3];
    pool.allocate_n(blocks, 3);
    for (void* const one : blocks) std::memset(one, 0xc3, 40);
    pool.reset();
    EXPECT_FALSE(holds_secret());
    {
        region rest(buffer + 10000, 10000);
        fixed_pool dropped({.block_size = 40, .source = &rest, .erase_on_free = true, .sanitizers = false});
        std::memset(dropped.allocate(), 0xc3, 40);
        EXPECT_TRUE(holds_secret());
    }
    EXPECT_FALSE(holds_secret());
}

TEST(fixed_pool, erasing_a_pointer_that_is_no_live_block_writes_nothing) {
    fixed_pool pool({.block_size = 64, .sanitizers = false});
    unsigned char local[64];
    std::memset(local, 0xff, sizeof local);
    const misuse_handler before = set_misuse_handler([](const misuse_report&) noexcept {});
    pool.deallocate_erased(local);
    void* const block = pool.allocate();
    pool.trim(); // drains what was bad
    set_misuse_handler(before);
    EXPECT_EQ(local[5], 0xff);
    pool.deallocate(block);
}

TEST(fixed_pool, allocate_at_least_gives_the_whole_stride) {
    for (const bool checks : {false, true}) {
        fixed_pool pool({.block_size = 40, .alignment = 64, .checks = checks});
        for (int i = 0; i < 100; ++i) {
            const allocation got = pool.allocate_at_least();
            ASSERT_EQ(got.size, pool.stride());
            ASSERT_GE(got.size, pool.block_size());
            std::memset(got.pointer, 0xa5, got.size);
        }
        EXPECT_TRUE(pool.is_valid());
        pool.reset();
    }
}

TEST(fixed_pool, many_at_once_are_all_or_nothing) {
    for (const bool checks : {false, true}) {
        fixed_pool pool({.block_size = 64, .maximum_blocks = 5000, .checks = checks, .sanitizers = false});
        std::vector<void*> blocks(6000);
        pool.allocate_n(blocks.data(), 3000);
        EXPECT_EQ(std::set<void*>(blocks.begin(), blocks.begin() + 3000).size(), 3000u);
        EXPECT_FALSE(pool.try_allocate_n(blocks.data() + 3000, 2001));
        EXPECT_EQ(pool.stats().live, 3000u);
        EXPECT_THROW(pool.allocate_n(blocks.data() + 3000, 2001), out_of_memory);
        EXPECT_TRUE(pool.try_allocate_n(blocks.data() + 3000, 2000));
        EXPECT_EQ(std::set<void*>(blocks.begin(), blocks.begin() + 5000).size(), 5000u);
        EXPECT_TRUE(pool.try_allocate_n(blocks.data(), 0));
        EXPECT_TRUE(pool.try_allocate_n(nullptr, 0));
        pool.deallocate_n(nullptr, 0);
        pool.deallocate_n(blocks.data(), 5000);
        EXPECT_EQ(pool.stats().live, 0u);
        EXPECT_TRUE(pool.is_valid());
    }
}

TEST(fixed_pool, a_size_that_fits_the_block_frees_it) {
    fixed_pool pool({.block_size = 64, .checks = true});
    for (const std::size_t size : {0u, 1u, 63u, 64u}) {
        void* const block = pool.allocate();
        pool.deallocate(block, size);
        EXPECT_FALSE(pool.is_live(block));
    }
}

TEST(fixed_pool, owns_every_block_and_is_live_only_for_those_handed_out) {
    for (const bool checks : {false, true}) {
        fixed_pool pool({.block_size = 64, .checks = checks, .sanitizers = false});
        EXPECT_FALSE(pool.owns(&pool));
        EXPECT_FALSE(pool.is_live(&pool));
        auto* const block = static_cast<std::byte*>(pool.allocate());
        EXPECT_TRUE(pool.owns(block));
        EXPECT_TRUE(pool.is_live(block));
        EXPECT_TRUE(pool.owns(block + 64));
        EXPECT_FALSE(pool.is_live(block + 64));
        EXPECT_FALSE(pool.owns(block + 1));
        EXPECT_FALSE(pool.is_live(block + 1));
        EXPECT_FALSE(pool.owns(nullptr));
        EXPECT_FALSE(pool.owns(&pool));
        pool.deallocate(block);
        EXPECT_TRUE(pool.owns(block));
        EXPECT_FALSE(pool.is_live(block));
    }
}

TEST(fixed_pool, numbers_and_blocks_lead_to_each_other) {
    fixed_pool pool({.block_size = 24, .blocks_per_slab = 100, .sanitizers = false});
    EXPECT_EQ(pool.index_of(&pool), unlimited);
    EXPECT_EQ(pool.at(0), nullptr);
    std::set<std::size_t> numbers;
    std::vector<void*> blocks(950);
    pool.allocate_n(blocks.data(), blocks.size());
    for (void* const block : blocks) {
        const std::size_t number = pool.index_of(block);
        ASSERT_LT(number, std::size_t{1} << 31);
        ASSERT_TRUE(numbers.insert(number).second);
        ASSERT_EQ(pool.at(number), block);
        ASSERT_EQ(pool.index_of(static_cast<std::byte*>(block) + 1), unlimited);
    }
    std::vector<std::size_t> before;
    for (void* const block : blocks) before.push_back(pool.index_of(block));
    std::vector<void*> more(5000);
    pool.allocate_n(more.data(), more.size());
    pool.deallocate_n(more.data(), more.size());
    pool.trim();
    for (std::size_t i = 0; i < blocks.size(); ++i) ASSERT_EQ(pool.index_of(blocks[i]), before[i]);
    EXPECT_EQ(pool.at(1000000), nullptr);
}

TEST(fixed_pool, reset_frees_all_keeps_the_memory_and_serves_again) {
    for (const bool checks : {false, true}) {
        test::counting_source from;
        fixed_pool pool({.block_size = 64, .source = &from, .checks = checks, .sanitizers = false});
        pool.reset();
        std::vector<void*> blocks(10000);
        pool.allocate_n(blocks.data(), blocks.size());
        const std::size_t reserved = from.reserved;
        const std::size_t calls = from.calls;
        for (int round = 0; round < 5; ++round) {
            pool.reset();
            EXPECT_EQ(pool.stats().live, 0u);
            EXPECT_TRUE(pool.is_valid());
            pool.allocate_n(blocks.data(), blocks.size());
            EXPECT_EQ(std::set<void*>(blocks.begin(), blocks.end()).size(), blocks.size());
        }
        EXPECT_EQ(from.reserved, reserved);
        EXPECT_EQ(from.calls, calls);
        pool.reset();
    }
}

TEST(fixed_pool, says_what_it_is) {
    fixed_pool pool({.block_size = 100, .alignment = 32, .sanitizers = false, .name = "packets"});
    EXPECT_EQ(pool.block_size(), 100u);
    EXPECT_EQ(pool.alignment(), 32u);
    EXPECT_EQ(pool.stride(), 128u);
    EXPECT_STREQ(pool.name(), "packets");
    (void)pool.allocate();
    EXPECT_FALSE(pool.is_instrumented());
    fixed_pool checked({.block_size = 100, .checks = true});
    (void)checked.allocate();
    EXPECT_TRUE(checked.is_instrumented());
    checked.reset();
}

} // namespace
