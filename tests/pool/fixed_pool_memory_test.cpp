// cenote: SPDX-License-Identifier: MIT
//
// Where the memory is: fresh pages stay untouched, freeing needs none, identical rounds reserve no more, idle
// memory goes back, and a caller's buffer of `required_bytes` holds exactly what it was asked for.
#include <cenote/base/sanitizer.hpp>
#include <cenote/pool/fixed_pool.hpp>
#include <cenote/source/region.hpp>

#include "support/heap_calls.hpp"
#include "support/process_memory.hpp"
#include "support/test_sources.hpp"

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <gtest/gtest.h>
#include <random>
#include <vector>

namespace {

using namespace cenote;

TEST(fixed_pool_memory, fresh_pages_stay_untouched_until_their_block_is_used) {
    fixed_pool pool({.block_size = 4096, .alignment = 4096, .initial_blocks = 4096, .sanitizers = false});
    auto* const first = static_cast<std::byte*>(pool.allocate());
    EXPECT_EQ(test::resident_pages(first, 16 * 4096), 0u);
    first[0] = std::byte{1};
    EXPECT_EQ(test::resident_pages(first, 16 * 4096), 1u);
}

TEST(fixed_pool_memory, allocating_and_freeing_without_a_write_leaves_sixteen_mebibytes_untouched) {
    const std::size_t before = test::resident_bytes();
    os_pages fresh; // the default source keeps some that were touched
    fixed_pool pool(
        {.block_size = 4096, .alignment = 4096, .source = &fresh, .sanitizers = false, .trim = trim::manual});
    std::vector<void*> blocks(4096);
    for (void*& block : blocks) block = pool.allocate();
    for (void* const block : blocks) pool.deallocate(block);
    for (void*& block : blocks) block = pool.allocate();
    std::size_t resident = 0;
    for (void* const block : blocks) resident += test::resident_pages(block, 4096);
    EXPECT_EQ(resident, 0u);
    if (base::watched()) return; // the sanitizer's own memory comes and goes
    EXPECT_LE(test::resident_bytes(), before + (std::size_t{2} << 20));
}

// Aborts when it is called while `closed`.
class closed_source final : public source {
public:
    [[nodiscard]] void* reserve(const request& wanted) noexcept override {
        expect_open();
        return heap_.reserve(wanted);
    }
    void release(void* region, const request& given) noexcept override {
        expect_open();
        heap_.release(region, given);
    }
    [[nodiscard]] bool commit(void*, std::size_t) noexcept override {
        expect_open();
        return true;
    }
    void purge(void*, std::size_t) noexcept override { expect_open(); }
    std::size_t decommit(void*, std::size_t) noexcept override {
        expect_open();
        return 0;
    }
    bool closed = false;

private:
    void expect_open() const {
        if (closed) std::abort();
    }
    heap heap_;
};

TEST(fixed_pool_memory, with_manual_trim_freeing_never_calls_the_source_nor_the_heap) {
    for (const bool checks : {false, true}) {
        closed_source from;
        fixed_pool pool(
            {.block_size = 64, .source = &from, .checks = checks, .sanitizers = false, .trim = trim::manual});
        std::mt19937 random(1);
        for (int round = 0; round < 5; ++round) {
            std::vector<void*> blocks(50000);
            for (void*& block : blocks) block = pool.allocate();
            std::shuffle(blocks.begin(), blocks.end(), random);
            const std::size_t heap_calls = test::heap_calls();
            from.closed = true;
            pool.deallocate_n(blocks.data(), 20000);
            for (std::size_t i = 20000; i < blocks.size(); ++i) pool.deallocate(blocks[i]);
            from.closed = false;
            EXPECT_EQ(test::heap_calls(), heap_calls);
            EXPECT_EQ(pool.stats().live, 0u);
        }
    }
}

TEST(fixed_pool_memory, with_manual_trim_memory_stays_until_trim_is_called) {
    test::counting_source from;
    fixed_pool pool({.block_size = 64, .source = &from, .sanitizers = false, .trim = trim::manual});
    std::vector<void*> blocks(100000);
    for (void*& block : blocks) block = pool.allocate();
    for (void* const block : blocks) pool.deallocate(block);
    const std::size_t reserved = from.reserved;
    for (int i = 0; i < 1000000; ++i) pool.deallocate(pool.allocate());
    std::vector<void*> few(2000);
    for (int i = 0; i < 500; ++i) {
        pool.allocate_n(few.data(), few.size());
        pool.deallocate_n(few.data(), few.size());
    }
    EXPECT_EQ(from.reserved, reserved);
    EXPECT_EQ(pool.trim(), reserved);
    EXPECT_EQ(from.reserved, 0u);
    EXPECT_EQ(from.wrong_releases, 0u);
}

// The rule: blocks are counted as they come back through flushes; each time twice as many as the pool has
// came back, the magazines and slabs that nobody needed in between go back.
TEST(fixed_pool_memory, memory_that_a_window_of_twice_the_blocks_did_not_need_goes_back_by_itself) {
    test::counting_source from;
    fixed_pool pool({.block_size = 64, .source = &from, .sanitizers = false});
    std::vector<void*> blocks(200000);
    for (void*& block : blocks) block = pool.allocate();
    for (void* const block : blocks) pool.deallocate(block);
    const std::size_t high = from.peak;
    ASSERT_GE(high, blocks.size() * 64);
    // A tenth of the load, for four windows of the blocks that were there.
    std::size_t freed = 0;
    while (freed < 8 * blocks.size()) {
        for (std::size_t i = 0; i < 20000; ++i) blocks[i] = pool.allocate();
        for (std::size_t i = 0; i < 20000; ++i) pool.deallocate(blocks[i]);
        freed += 20000;
    }
    EXPECT_LE(from.reserved, high / 2);
    EXPECT_GE(from.reserved, 20000u * 64);
    EXPECT_EQ(from.reserved, pool.stats().reserved_bytes);
    EXPECT_EQ(from.wrong_releases, 0u);
    EXPECT_TRUE(pool.is_valid());
}

TEST(fixed_pool_memory, memory_that_is_needed_again_and_again_stays) {
    for (const bool checks : {false, true}) {
        test::counting_source from;
        fixed_pool pool({.block_size = 64, .source = &from, .checks = checks, .sanitizers = false});
        std::vector<void*> blocks(50000);
        std::size_t calls = 0;
        for (int round = 0; round < 30; ++round) {
            for (void*& block : blocks) block = pool.allocate();
            for (void* const block : blocks) pool.deallocate(block);
            if (round == 10) calls = from.reserves;
        }
        EXPECT_EQ(from.reserves, calls);
    }
}

TEST(fixed_pool_memory, rounds_2_to_1000_reserve_no_more_than_round_1_and_a_slab) {
    for (const std::size_t size : {24u, 64u, 1000u, 5000u}) {
        for (int order = 0; order < 3; ++order) {
            test::counting_source from;
            fixed_pool pool({.block_size = size, .source = &from, .sanitizers = false});
            std::mt19937 random(6);
            std::vector<void*> blocks(2000);
            std::size_t first = 0;
            for (int round = 1; round <= 1000; ++round) {
                for (void*& block : blocks) block = pool.allocate();
                if (order == 1) std::reverse(blocks.begin(), blocks.end());
                if (order == 2 && round < 30) std::shuffle(blocks.begin(), blocks.end(), random);
                for (void* const block : blocks) pool.deallocate(block);
                if (round == 1) first = from.peak;
                ASSERT_LE(from.peak, first + (std::size_t{64} << 10)) << size << " order " << order;
            }
        }
    }
}

TEST(fixed_pool_memory, empty_magazines_take_at_most_3_percent_of_slab_bytes) {
    for (const std::size_t size : {8u, 16u, 24u, 64u, 100u, 1000u, 10000u, 100000u}) {
        test::counting_source from;
        fixed_pool plain({.block_size = size, .source = &from, .sanitizers = false});
        const std::size_t count = (std::size_t{8} << 20) / size;
        for (std::size_t i = 0; i < count; ++i) (void)plain.allocate();
        const pool_stats with = plain.stats();
        // The same pool without magazines: all other metadata.
        test::counting_source other;
        fixed_pool exact({.block_size = size, .source = &other, .stats = true, .sanitizers = false});
        for (std::size_t i = 0; i < count; ++i) (void)exact.allocate();
        const pool_stats without = exact.stats();
        const std::size_t magazines = with.reserved_bytes - without.reserved_bytes;
        const std::size_t pair = 2 * 512 * sizeof(void*); // the two in use are not empty
        EXPECT_LE(magazines, plain.stride() * count * 5 / 4 * 3 / 100 + pair + 4096) << size;
        EXPECT_LE(with.reserved_bytes, size * count * 14 / 10 + (std::size_t{1} << 17)) << size;
    }
}

TEST(fixed_pool_memory, trim_gives_back_all_that_is_idle_and_says_how_much) {
    for (const bool checks : {false, true}) {
        test::counting_source from;
        fixed_pool pool({.block_size = 64, .source = &from, .checks = checks, .sanitizers = false});
        EXPECT_EQ(pool.trim(), 0u);
        std::vector<void*> blocks(100000);
        for (void*& block : blocks) block = pool.allocate();
        EXPECT_EQ(pool.stats().live, blocks.size());
        for (std::size_t i = 1; i < blocks.size(); ++i) pool.deallocate(blocks[i]);
        (void)pool.trim();
        std::size_t before = from.reserved;
        const std::size_t decommitted = from.decommitted;
        EXPECT_EQ(pool.trim(), before - from.reserved + from.decommitted - decommitted);
        EXPECT_LE(from.reserved - from.decommitted % from.reserved, from.peak);
        EXPECT_LE(from.reserved, std::size_t{1} << 19); // the region of the one live block
        EXPECT_TRUE(pool.is_live(blocks[0]));
        EXPECT_TRUE(pool.is_valid());
        before = from.reserved;
        pool.deallocate(blocks[0]);
        EXPECT_EQ(pool.trim(), before);
        EXPECT_EQ(from.regions(), 0u);
    }
}

TEST(fixed_pool_memory, a_pool_trimmed_to_nothing_works_again) {
    std::mt19937 random(1);
    for (const std::size_t initial : {0u, 20000u}) { // one region, with magazines, or several
        test::counting_source from;
        fixed_pool pool({.block_size = 64, .initial_blocks = initial, .source = &from, .sanitizers = false});
        for (int round = 0; round < 4; ++round) {
            std::vector<void*> blocks(20000);
            pool.allocate_n(blocks.data(), blocks.size());
            for (void* const block : blocks) std::memset(block, 0xa5, 64);
            EXPECT_TRUE(pool.is_valid());
            std::shuffle(blocks.begin(), blocks.end(), random); // neighbours would not fill magazines
            pool.deallocate_n(blocks.data(), blocks.size());
            EXPECT_GT(pool.trim(), 0u);
            EXPECT_EQ(from.regions(), 0u);
            EXPECT_EQ(pool.stats().blocks, 0u);
            EXPECT_TRUE(pool.is_valid());
        }
        pool.reserve(1000);
        EXPECT_NE(pool.allocate(), nullptr);
        pool.reset();
    }
}

TEST(fixed_pool_memory, trimmed_pages_go_back_to_the_system_though_a_neighbour_is_live) {
    fixed_pool pool({.block_size = 4096, .alignment = 4096, .initial_blocks = 4096, .sanitizers = false});
    std::vector<void*> blocks(4096);
    for (void*& block : blocks) std::memset(block = pool.allocate(), 1, 4096);
    const std::size_t before = test::resident_bytes();
    for (std::size_t i = 1; i < blocks.size(); ++i) pool.deallocate(blocks[i]);
    EXPECT_GE(pool.trim(), std::size_t{15} << 20);
    // Not all fifteen: a sanitizer's own memory grows meanwhile.
    EXPECT_LE(test::resident_bytes() + (std::size_t{12} << 20), before);
    EXPECT_EQ(static_cast<unsigned char*>(blocks[0])[4095], 1);
}

TEST(fixed_pool_memory, the_end_gives_everything_back_live_blocks_included) {
    test::counting_source from;
    {
        fixed_pool pool({.block_size = 64, .source = &from, .sanitizers = false});
        for (int i = 0; i < 100000; ++i) (void)pool.allocate();
    }
    EXPECT_EQ(from.regions(), 0u);
    EXPECT_EQ(from.reserved, 0u);
    EXPECT_EQ(from.wrong_releases, 0u);
}

// required_bytes.

TEST(fixed_pool_memory, a_buffer_of_required_bytes_holds_exactly_n_blocks_wherever_it_starts) {
    alignas(8192) static std::byte buffer[1 << 22];
    const std::size_t heap_calls = test::heap_calls();
    std::size_t cases = 0;
    for (const std::size_t size : {1u, 3u, 8u, 16u, 24u, 64u, 100u, 1000u, 5000u}) {
        for (const std::size_t alignment :
             {natural_alignment, std::size_t{1}, std::size_t{16}, std::size_t{64}, std::size_t{4096}}) {
            for (const std::size_t count : {1u, 2u, 3u, 7u, 63u, 64u, 65u, 200u, 1025u, 3000u}) {
                if ((size + 4096 * (alignment == 4096)) * count > sizeof buffer / 4) continue;
                for (const bool checks : {false, true}) {
                    const fixed_pool_options wanted{.block_size = size,
                                                    .alignment = alignment,
                                                    .maximum_blocks = count,
                                                    .checks = checks,
                                                    .sanitizers = false};
                    const std::size_t bytes = fixed_pool::required_bytes(wanted);
                    ASSERT_LE(bytes, sizeof buffer - 8192);
                    for (const std::size_t shift : {0u, 1u, 7u, 8u, 33u, 63u, 64u, 4095u, 4097u}) {
                        region from(buffer + shift, bytes);
                        fixed_pool_options options = wanted;
                        options.source = &from;
                        fixed_pool pool(options);
                        for (std::size_t i = 0; i < count; ++i) {
                            void* const block = pool.try_allocate();
                            ASSERT_NE(block, nullptr)
                                << size << '@' << alignment << " x " << count << " + " << shift;
                            ASSERT_TRUE(block >= buffer + shift &&
                                        static_cast<std::byte*>(block) + size <= buffer + shift + bytes);
                        }
                        ASSERT_EQ(pool.try_allocate(), nullptr);
                        pool.reset();
                        ++cases;
                    }
                }
            }
        }
    }
    EXPECT_GT(cases, 3000u);
    EXPECT_EQ(test::heap_calls(), heap_calls);
}

TEST(fixed_pool_memory, required_bytes_counts_initial_blocks_when_there_is_no_maximum) {
    alignas(64) static std::byte buffer[1 << 16];
    for (const std::size_t count : {1u, 5u, 100u, 500u}) {
        const fixed_pool_options wanted{.block_size = 48, .initial_blocks = count, .sanitizers = false};
        const std::size_t bytes = fixed_pool::required_bytes(wanted);
        for (std::size_t shift = 0; shift < 64; ++shift) {
            region from(buffer + shift, bytes);
            fixed_pool_options options = wanted;
            options.source = &from;
            fixed_pool pool(options);
            for (std::size_t i = 0; i < count; ++i) ASSERT_NE(pool.try_allocate(), nullptr);
            ASSERT_EQ(pool.try_allocate(), nullptr);
        }
    }
}

TEST(fixed_pool_memory, required_bytes_refuses_what_it_cannot_count) {
    EXPECT_THROW((void)fixed_pool::required_bytes({.block_size = 64}), bad_options);
    EXPECT_THROW((void)fixed_pool::required_bytes({.block_size = 0, .maximum_blocks = 1}), bad_options);
    EXPECT_THROW((void)fixed_pool::required_bytes({.block_size = 64, .maximum_blocks = unlimited - 1}),
                 bad_options);
    EXPECT_THROW(
        (void)fixed_pool::required_bytes({.block_size = 64, .maximum_blocks = base::size_max / 64 + 1}),
        bad_options);
}

TEST(fixed_pool_memory, one_byte_less_than_the_tightest_buffer_holds_one_block_less) {
    alignas(64) static std::byte buffer[1 << 16];
    const fixed_pool_options wanted{
        .block_size = 64, .alignment = 64, .maximum_blocks = 100, .sanitizers = false};
    const auto blocks_in = [&](std::size_t bytes) {
        region from(buffer, bytes);
        fixed_pool_options options = wanted;
        options.source = &from;
        fixed_pool pool(options);
        std::size_t count = 0;
        while (pool.try_allocate() != nullptr) ++count;
        return count;
    };
    std::size_t tightest = fixed_pool::required_bytes(wanted);
    EXPECT_EQ(blocks_in(tightest), 100u);
    while (blocks_in(tightest - 1) == 100) --tightest;
    EXPECT_GT(tightest, fixed_pool::required_bytes(wanted) - 64); // only alignment is counted beyond need
    EXPECT_EQ(blocks_in(tightest - 1), 99u);
}

TEST(fixed_pool_memory, three_hundred_bytes_are_a_legal_home) {
    for (std::size_t shift = 0; shift < 16; ++shift) {
        alignas(16) std::byte buffer[316];
        const std::size_t heap_calls = test::heap_calls();
        region from(buffer + shift, 300);
        fixed_pool pool({.block_size = 16, .source = &from, .sanitizers = false});
        std::vector<void*>::size_type count = 0;
        while (void* const block = pool.try_allocate()) {
            std::memset(block, 0xff, 16);
            ++count;
        }
        EXPECT_GE(count, 10u) << shift;
        EXPECT_TRUE(pool.is_valid());
        EXPECT_EQ(test::heap_calls(), heap_calls);
        pool.reset();
        EXPECT_NE(pool.try_allocate(), nullptr);
    }
}

TEST(fixed_pool_memory, a_buffer_too_small_for_a_block_refuses_and_stays_as_it_was) {
    alignas(16) std::byte buffer[60];
    region from(buffer, sizeof buffer);
    fixed_pool pool({.block_size = 16, .source = &from, .name = "tiny"});
    EXPECT_EQ(pool.try_allocate(), nullptr);
    EXPECT_THROW((void)pool.allocate(), out_of_memory);
    EXPECT_EQ(from.available(), 60u);
    region nothing(nullptr, 0);
    fixed_pool none({.block_size = 16, .source = &nothing});
    EXPECT_EQ(none.try_allocate(), nullptr);
}

} // namespace
