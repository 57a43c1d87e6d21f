// cenote: SPDX-License-Identifier: MIT
//
// What arenas are known to get wrong, each as a test: alignments lost to a header, memory that is full
// although it was freed, sizes that wrap, totals that are wrong after a reset, retries without end.
#include <cenote/pool/arena.hpp>

#include "support/misuse_watch.hpp"
#include "support/process_memory.hpp"
#include "support/sizes.hpp"
#include "support/test_sources.hpp"

#include <cstdint>
#include <cstring>
#include <gtest/gtest.h>

namespace {

using namespace cenote;

TEST(arena_regressions, alignments_of_16_and_more_survive_the_header_of_a_chunk) {
    for (std::size_t alignment = 16; alignment <= 4096; alignment *= 2) {
        arena scratch({.chunk_size = 100});
        for (int i = 0; i < 5; ++i) {
            const void* const block = scratch.allocate(200, alignment);
            EXPECT_EQ(reinterpret_cast<std::uintptr_t>(block) % alignment, 0u);
        }
    }
}

TEST(arena_regressions, padding_counts_before_the_arena_is_full) {
    alignas(64) std::byte bytes[128];
    arena scratch({.maximum_bytes = 0, .buffer = bytes, .buffer_bytes = sizeof bytes, .sanitizers = false});
    (void)scratch.allocate(1, 1);
    EXPECT_EQ(scratch.try_allocate(100, 64), nullptr); // 64 are left at that alignment
    EXPECT_EQ(scratch.try_allocate(64, 64), bytes + 64);
    EXPECT_EQ(scratch.try_allocate(1, 1), nullptr);
}

TEST(arena_regressions, what_was_freed_is_had_again_when_the_arena_was_full) {
    arena scratch({.chunk_size = 1000, .growth = growth::none()});
    void* last = nullptr;
    while (void* const block = scratch.try_allocate(64)) last = block;
    scratch.deallocate(last, 64);
    EXPECT_EQ(scratch.try_allocate(64), last);
    scratch.reset();
    EXPECT_NE(scratch.try_allocate(64), nullptr);
}

TEST(arena_regressions, a_size_too_large_does_not_give_the_neighbour_away) {
    test::misuse_watch misuses;
    arena scratch({.checks = true});
    auto* const first = static_cast<char*>(scratch.allocate(16));
    auto* const second = static_cast<char*>(scratch.allocate(16));
    std::memset(second, 7, 16);
    scratch.deallocate(first, 1000);
    EXPECT_EQ(misuses.count(), 1u);
    scratch.deallocate(first, 32); // with the neighbour, to the end
    EXPECT_EQ(misuses.count(), 2u);
    auto* const third = static_cast<char*>(scratch.allocate(16));
    std::memset(third, 8, 16);
    EXPECT_EQ(second[0] + second[15], 14);
}

TEST(arena_regressions, totals_are_right_after_a_reset) {
    arena scratch({.stats = true});
    for (int round = 0; round < 3; ++round) {
        for (int i = 0; i < 16; ++i) (void)scratch.allocate(100);
        scratch.reset();
        const arena_stats now = scratch.stats();
        EXPECT_EQ(now.live_bytes, 0u);
        EXPECT_EQ(now.calls->allocations, 16u * (static_cast<unsigned>(round) + 1));
        EXPECT_LE(now.live_bytes, now.held_bytes);
    }
}

TEST(arena_regressions, a_chunk_beyond_memory_does_not_succeed) {
    arena scratch({.chunk_size = test::beyond_memory, .maximum_bytes = test::most_to_reserve()});
    void* const block = scratch.try_allocate(100); // less than the chunk is had instead, or nothing
    if (block != nullptr) std::memset(block, 1, 100);
    EXPECT_EQ(scratch.try_allocate(test::beyond_memory), nullptr);
    EXPECT_TRUE(scratch.is_valid());
}

TEST(arena_regressions, a_handler_that_always_says_yes_is_asked_a_bounded_number_of_times) {
    unsigned asked = 0;
    test::counting_source from;
    arena scratch({.chunk_size = 100,
                   .maximum_bytes = 200,
                   .source = &from,
                   .on_exhaustion = {[](void* count, const shortage&) {
                                         ++*static_cast<unsigned*>(count);
                                         return true;
                                     },
                                     &asked, 5}});
    EXPECT_THROW((void)scratch.allocate(1000), out_of_memory);
    EXPECT_EQ(asked, 5u);
}

TEST(arena_regressions, a_new_chunk_touches_no_page_but_the_first) {
    constexpr std::size_t mebibyte = std::size_t{1} << 20;
    const std::size_t before = test::resident_bytes();
    arena scratch({.chunk_size = 64 * mebibyte, .sanitizers = false});
    (void)scratch.allocate(100);
    EXPECT_LT(test::resident_bytes(), before + 8 * mebibyte);
}

} // namespace
