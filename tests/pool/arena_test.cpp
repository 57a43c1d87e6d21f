// cenote: SPDX-License-Identifier: MIT
#include <cenote/pool/arena.hpp>
#include <cenote/source/heap.hpp>

#include "support/misuse_watch.hpp"
#include "support/test_sources.hpp"

#include <array>
#include <cstdint>
#include <cstring>
#include <gtest/gtest.h>
#include <stdexcept>
#include <string>
#include <vector>

namespace {

using namespace cenote;

constexpr std::size_t size_max = static_cast<std::size_t>(-1);

bool is_aligned(const void* block, std::size_t alignment) {
    return reinterpret_cast<std::uintptr_t>(block) % alignment == 0;
}

TEST(arena, allocations_follow_each_other) {
    arena scratch({.sanitizers = false});
    auto* const a = static_cast<std::byte*>(scratch.allocate(10, 1));
    auto* const b = static_cast<std::byte*>(scratch.allocate(6, 1));
    auto* const c = static_cast<std::byte*>(scratch.allocate(8));
    EXPECT_EQ(b, a + 10);
    EXPECT_EQ(c, a + 16);
    EXPECT_EQ(scratch.stats().live_bytes, 24u);
    EXPECT_TRUE(scratch.is_valid());
}

TEST(arena, every_power_of_two_alignment_is_kept) {
    for (std::size_t alignment = 1; alignment <= std::size_t{1} << 21; alignment *= 2) {
        arena scratch({.chunk_size = 1000});
        for (const std::size_t size : {1u, 3u, 100u, 5000u}) {
            void* const block = scratch.allocate(size, alignment);
            ASSERT_TRUE(is_aligned(block, alignment)) << size << " at " << alignment;
            std::memset(block, 1, size);
            ASSERT_TRUE(is_aligned(scratch.try_allocate(size, alignment), alignment));
            (void)scratch.allocate(1, 1);
        }
        ASSERT_TRUE(scratch.is_valid());
    }
}

TEST(arena, alignments_that_are_no_power_of_two_are_refused) {
    for (const bool is_used : {false, true}) {
        for (const std::size_t alignment : {std::size_t{0}, std::size_t{12}, size_max}) {
            arena scratch;
            if (is_used) (void)scratch.allocate(1);
            const std::size_t live = scratch.stats().live_bytes;
            for (const std::size_t size : {std::size_t{1}, size_max, size_max / 2}) {
                EXPECT_EQ(scratch.try_allocate(size, alignment), nullptr);
                EXPECT_THROW((void)scratch.allocate(size, alignment), bad_options);
                EXPECT_EQ(scratch.try_reallocate(nullptr, 0, size, alignment), nullptr);
            }
            EXPECT_EQ(scratch.stats().live_bytes, live);
        }
    }
}

TEST(arena, sizes_that_no_memory_holds_are_refused_and_change_nothing) {
    for (const bool is_used : {false, true}) {
        arena scratch;
        if (is_used) (void)scratch.allocate(100);
        const arena_stats before = scratch.stats();
        for (const std::size_t size :
             {size_max, size_max - 1, size_max - 63, size_max / 2 + 1, size_max / 4}) {
            for (const std::size_t alignment : {std::size_t{1}, std::size_t{64}, size_max / 2 + 1}) {
                EXPECT_EQ(scratch.try_allocate(size, alignment), nullptr);
                EXPECT_THROW((void)scratch.allocate(size, alignment), out_of_memory);
            }
        }
        EXPECT_EQ(scratch.stats().live_bytes, before.live_bytes);
        EXPECT_EQ(scratch.stats().reserved_bytes, before.reserved_bytes);
        EXPECT_NE(scratch.allocate(10), nullptr);
    }
}

TEST(arena, no_bytes_are_one_byte) {
    arena scratch({.sanitizers = false});
    void* const a = scratch.allocate(0, 1);
    void* const b = scratch.allocate(0, 1);
    EXPECT_NE(a, b);
    EXPECT_EQ(scratch.stats().live_bytes, 2u);
    scratch.deallocate(b, 0);
    scratch.deallocate(a, 0);
    EXPECT_EQ(scratch.stats().live_bytes, 0u);
}

TEST(arena, freeing_the_last_allocation_gives_it_back) {
    for (const bool checks : {false, true}) {
        arena scratch({.checks = checks});
        void* const a = scratch.allocate(112);
        void* const b = scratch.allocate(200);
        const std::size_t live = scratch.stats().live_bytes;
        scratch.deallocate(b, 200);
        EXPECT_EQ(scratch.stats().live_bytes, 112u);
        EXPECT_EQ(scratch.allocate(200), b);
        scratch.deallocate(a, 112); // not the last: stays
        EXPECT_EQ(scratch.stats().live_bytes, live);
        scratch.deallocate(nullptr, 0);
        scratch.deallocate(nullptr, 10);
        EXPECT_EQ(scratch.stats().live_bytes, live);
        EXPECT_EQ(scratch.stats().peak_bytes, live);
    }
}

TEST(arena, the_last_allocation_grows_and_shrinks_in_place) {
    arena scratch({.chunk_size = 4096});
    auto* const a = static_cast<char*>(scratch.allocate(10));
    std::memcpy(a, "123456789", 10);
    EXPECT_EQ(scratch.reallocate(a, 10, 100), a);
    EXPECT_EQ(scratch.stats().live_bytes, 100u);
    EXPECT_EQ(scratch.reallocate(a, 100, 20), a);
    EXPECT_EQ(scratch.stats().live_bytes, 20u);
    auto* const b = static_cast<char*>(scratch.allocate(1, 1));
    EXPECT_FALSE(scratch.try_extend(a, 20, 30));
    EXPECT_EQ(scratch.try_reallocate(a, 20, 5), a); // fewer fit where they are
    auto* const moved = static_cast<char*>(scratch.reallocate(a, 10, 50));
    EXPECT_NE(moved, a);
    EXPECT_STREQ(moved, "123456789");
    EXPECT_TRUE(scratch.try_extend(moved, 50, 60));
    EXPECT_FALSE(scratch.try_extend(moved, 60, 100'000)); // beyond the chunk
    EXPECT_FALSE(scratch.try_extend(moved, 60, size_max));
    EXPECT_FALSE(scratch.try_extend(b, 1, 2));
    EXPECT_FALSE(scratch.try_extend(nullptr, 0, 2));
    EXPECT_TRUE(scratch.is_valid());
}

TEST(arena, reallocation_moves_to_an_alignment_and_to_a_chunk) {
    arena scratch({.chunk_size = 4096});
    (void)scratch.allocate(8, 8);
    auto* const a = static_cast<char*>(scratch.allocate(8, 8));
    std::memcpy(a, "abcdefg", 8);
    auto* const b = static_cast<char*>(scratch.reallocate(a, 8, 8, 4096));
    EXPECT_TRUE(is_aligned(b, 4096));
    auto* const c = static_cast<char*>(scratch.reallocate(b, 8, 100'000, 4096));
    EXPECT_STREQ(c, "abcdefg");
    EXPECT_TRUE(is_aligned(c, 4096));
    EXPECT_NE(scratch.reallocate(nullptr, 0, 10), nullptr);
    EXPECT_THROW((void)scratch.reallocate(c, 100'000, size_max), out_of_memory);
    EXPECT_EQ(scratch.try_reallocate(c, 100'000, size_max), nullptr);
    EXPECT_STREQ(c, "abcdefg"); // a failure keeps the old
}

TEST(arena, bytes_come_zeroed_where_that_is_asked_for) {
    test::counting_source from; // never zeroed
    arena scratch({.chunk_size = 8192, .source = &from, .zero_on_allocate = true});
    const auto is_zero = [](const void* block, std::size_t bytes) {
        const auto* const at = static_cast<const char*>(block);
        return std::string(at, bytes) == std::string(bytes, '\0');
    };
    auto* a = static_cast<char*>(scratch.allocate(100));
    EXPECT_TRUE(is_zero(a, 100));
    std::memset(a, 1, 100);
    EXPECT_TRUE(scratch.try_extend(a, 100, 200));
    EXPECT_TRUE(is_zero(a + 100, 100));
    arena plain({.chunk_size = 8192, .source = &from});
    EXPECT_TRUE(is_zero(plain.allocate_zeroed(300), 300));
}

TEST(arena, what_returns_is_erased_where_that_is_asked_for) {
    test::counting_source from;
    arena scratch({.chunk_size = 1024, .source = &from, .erase_on_free = true, .sanitizers = false});
    std::vector<unsigned char*> blocks;
    for (int i = 0; i < 20; ++i) {
        blocks.push_back(static_cast<unsigned char*>(scratch.allocate(300)));
        std::memset(blocks.back(), 7, 300);
    }
    scratch.deallocate(blocks[3], 300);
    EXPECT_EQ(blocks[3][0] + blocks[3][299], 0);
    EXPECT_EQ(blocks[4][0] + blocks[2][299], 14);
    EXPECT_TRUE(scratch.try_extend(blocks[19], 300, 100));
    EXPECT_EQ(blocks[19][99], 7);
    EXPECT_EQ(blocks[19][100], 0);
    scratch.reset();
    for (const unsigned char* const block : blocks) {
        for (int i = 0; i < 300; ++i) ASSERT_EQ(block[i], 0);
    }
}

TEST(arena, calls_are_counted_with_stats_and_absent_without) {
    arena plain;
    (void)plain.allocate(1);
    EXPECT_FALSE(plain.stats().calls.has_value());
    arena counted({.maximum_bytes = 1 << 20, .stats = true});
    void* const a = counted.allocate(1);
    void* const b = counted.allocate(2);
    counted.deallocate(b, 2);
    counted.deallocate(a, 1);
    EXPECT_EQ(counted.try_allocate(2 << 20), nullptr);
    EXPECT_THROW((void)counted.allocate(2 << 20), out_of_memory);
    EXPECT_EQ(counted.stats().calls->allocations, 2u);
    EXPECT_EQ(counted.stats().calls->deallocations, 2u);
    EXPECT_EQ(counted.stats().calls->failures, 2u);
    EXPECT_TRUE(counted.is_instrumented());
}

TEST(arena, levels_are_exact_and_never_negative) {
    arena scratch({.chunk_size = 1024});
    for (int round = 0; round < 3; ++round) {
        for (int i = 0; i < 100; ++i) (void)scratch.allocate(100);
        EXPECT_GE(scratch.stats().live_bytes, 10'000u);
        scratch.reset();
        scratch.reset();
        EXPECT_EQ(scratch.stats().live_bytes, 0u);
        EXPECT_GE(scratch.stats().peak_bytes, 10'000u);
        EXPECT_LE(scratch.stats().peak_bytes, 12'000u);
        EXPECT_GE(scratch.stats().held_bytes, 10'000u);
        EXPECT_TRUE(scratch.is_valid());
    }
    EXPECT_GT(scratch.trim(), 0u);
    EXPECT_EQ(scratch.stats().reserved_bytes, 0u);
    EXPECT_EQ(scratch.stats().held_bytes, 0u);
}

TEST(arena, the_peak_sees_what_was_given_back_at_once) {
    arena scratch({.sanitizers = false});
    for (int i = 0; i < 10; ++i) {
        void* const block = scratch.allocate(1000);
        scratch.deallocate(block, 1000);
    }
    EXPECT_EQ(scratch.stats().live_bytes, 0u);
    EXPECT_EQ(scratch.stats().peak_bytes, 1000u);
    (void)scratch.allocate(10);
    scratch.reset();
    EXPECT_EQ(scratch.stats().peak_bytes, 1000u);
}

TEST(arena, owns_what_it_handed_out_and_nothing_else) {
    arena scratch({.chunk_size = 1024});
    arena other;
    std::vector<char*> blocks;
    for (int i = 0; i < 50; ++i) blocks.push_back(static_cast<char*>(scratch.allocate(100)));
    for (const char* const block : blocks) EXPECT_TRUE(scratch.owns(block) && scratch.owns(block + 99));
    EXPECT_FALSE(other.owns(blocks[0]));
    EXPECT_FALSE(scratch.owns(nullptr));
    EXPECT_FALSE(scratch.owns(&scratch));
    scratch.reset();
    EXPECT_FALSE(scratch.owns(blocks[0]));
}

TEST(arena, wrong_frees_are_found_with_checks_and_change_nothing) {
    test::misuse_watch misuses;
    arena scratch({.checks = true, .name = "scratch"});
    arena other;
    auto* const a = static_cast<std::byte*>(scratch.allocate(112));
    auto* const b = static_cast<std::byte*>(scratch.allocate(112));
    const std::size_t live = scratch.stats().live_bytes;
    const auto expect = [&](misuse kind, const void* pointer) {
        ASSERT_EQ(misuses.count(), 1u);
        EXPECT_EQ(misuses.seen()[0].kind, kind);
        EXPECT_EQ(misuses.seen()[0].pointer, pointer);
        EXPECT_STREQ(misuses.seen()[0].pool, "scratch");
        EXPECT_EQ(scratch.stats().live_bytes, live);
        misuses.clear();
    };
    void* const foreign = other.allocate(10);
    scratch.deallocate(foreign, 10);
    expect(misuse::foreign_pointer, foreign);
    scratch.deallocate(b, 200);
    expect(misuse::wrong_size, b);
    scratch.deallocate(b + 200, 10);
    expect(misuse::double_free, b + 200);
    EXPECT_EQ(scratch.reallocate(foreign, 10, 20), foreign);
    expect(misuse::foreign_pointer, foreign);
    scratch.deallocate(b, 112);
    scratch.deallocate(a, 112);
    EXPECT_EQ(misuses.count(), 0u);
    EXPECT_EQ(scratch.stats().live_bytes, 0u);
}

TEST(arena, checks_know_every_block_by_its_start_and_its_size) {
    test::misuse_watch misuses;
    arena scratch({.chunk_size = 4096, .checks = true});
    auto* const a = static_cast<std::byte*>(scratch.allocate(64));
    auto* const b = static_cast<std::byte*>(scratch.allocate(64));
    auto* const c = static_cast<std::byte*>(scratch.allocate(100, 1));
    const std::size_t live = scratch.stats().live_bytes;
    const auto expect = [&](misuse kind, std::byte* pointer, std::size_t size) {
        EXPECT_FALSE(scratch.check(pointer, size));
        scratch.deallocate(pointer, size);
        EXPECT_FALSE(scratch.try_resize(pointer, size, 1));
        EXPECT_EQ(scratch.try_reallocate(pointer, size, 5000), pointer);
        ASSERT_EQ(misuses.count(), 4u);
        for (const misuse_report& one : misuses.seen()) EXPECT_EQ(one.kind, kind);
        EXPECT_EQ(scratch.stats().live_bytes, live);
        EXPECT_TRUE(scratch.is_valid());
        misuses.clear();
    };
    expect(misuse::interior_pointer, b + 8, 56);
    expect(misuse::interior_pointer, b + 1, 63);
    expect(misuse::interior_pointer, c + 99, 1);
    expect(misuse::wrong_size, a, 128);
    expect(misuse::wrong_size, b, static_cast<std::size_t>(c + 100 - b)); // all to the end
    expect(misuse::wrong_size, c, 50);
    EXPECT_EQ(scratch.reallocate(a, 64, 10), a);
    expect(misuse::wrong_size, a, 64);
    scratch.deallocate(a, 10);
    expect(misuse::double_free, a, 10);
    scratch.deallocate(c, 100);
    scratch.deallocate(b, 64);
    EXPECT_EQ(misuses.count(), 0u);
    EXPECT_EQ(scratch.stats().live_bytes, 64u);
}

TEST(arena, checks_give_back_one_after_the_other_whatever_their_sizes) {
    arena scratch({.checks = true});
    std::vector<std::byte*> blocks;
    for (std::size_t size = 1; size < 60; ++size)
        blocks.push_back(static_cast<std::byte*>(scratch.allocate(size, 1)));
    for (std::size_t size = 60; size-- > 1;) {
        scratch.deallocate(blocks.back(), size);
        EXPECT_EQ(scratch.stats().live_bytes, static_cast<std::size_t>(blocks.back() - blocks.front()));
        blocks.pop_back();
        if (blocks.empty()) break;
        EXPECT_TRUE(scratch.try_extend(blocks.back(), size - 1, size + 10));
        EXPECT_TRUE(scratch.try_extend(blocks.back(), size + 10, size - 1));
    }
    EXPECT_EQ(scratch.stats().live_bytes, 0u);
    auto* const first = static_cast<std::byte*>(scratch.allocate(2, 1));
    auto* const last = static_cast<std::byte*>(scratch.allocate(1, 1)); // the top is near the first one's end
    EXPECT_FALSE(scratch.try_extend(first, 2, 1));
    scratch.deallocate(first, 2);
    EXPECT_TRUE(scratch.owns(last));
    EXPECT_TRUE(scratch.check(last, 1));
}

TEST(arena, checks_refuse_nothing_whatever_a_chunk_has_beyond_what_is_asked) {
    heap memory;
    for (const std::size_t size : {std::size_t{100}, std::size_t{1000}, std::size_t{2546}}) {
        for (std::size_t chunk = size; chunk < size + 300; ++chunk) {
            arena scratch({.chunk_size = chunk, .source = &memory, .checks = true, .zero_on_allocate = true});
            ASSERT_NE(scratch.try_allocate(size, 8), nullptr) << chunk;
        }
    }
    for (std::size_t size = 3'000; size < 5'000; ++size) { // whole pages
        arena scratch({.chunk_size = 1, .checks = true});
        ASSERT_NE(scratch.try_allocate(size), nullptr) << size;
    }
}

// A size that ends in the same eight bytes is taken for the block's.
TEST(arena, checks_erase_all_of_a_block_that_is_freed_with_a_few_bytes_less) {
    alignas(16) std::array<std::byte, 400> bytes{};
    arena scratch({.maximum_bytes = 0,
                   .buffer = bytes.data(),
                   .buffer_bytes = bytes.size(),
                   .checks = true,
                   .erase_on_free = true,
                   .sanitizers = false});
    void* const block = scratch.allocate(40);
    std::memset(block, 7, 40);
    const std::array<std::byte, 40> nothing{};
    scratch.deallocate(block, 33);
    EXPECT_EQ(scratch.stats().live_bytes, 0u);
    EXPECT_EQ(std::memcmp(block, nothing.data(), nothing.size()), 0);
}

TEST(arena, checks_leave_room_for_what_they_know) {
    alignas(16) std::array<std::byte, 3301> bytes{};
    for (const std::size_t offset : {0u, 1u, 8u, 15u}) {
        arena scratch({.maximum_bytes = 0,
                       .buffer = bytes.data() + offset,
                       .buffer_bytes = bytes.size() - offset,
                       .checks = true});
        const std::size_t held = scratch.stats().held_bytes;
        EXPECT_GE(held, bytes.size() - offset - 100 - 17);
        void* const all = scratch.try_allocate(held);
        ASSERT_NE(all, nullptr);
        EXPECT_EQ(scratch.stats().held_bytes, held);
        EXPECT_EQ(scratch.try_allocate(1, 1), nullptr);
        scratch.deallocate(all, held);
        EXPECT_EQ(scratch.stats().live_bytes, 0u);
    }
    EXPECT_EQ(arena({.checks = true}).stats().held_bytes, 0u);
}

// A top of null is where they would end if sums wrapped.
TEST(arena, bytes_that_would_end_behind_all_memory_are_nowhere) {
    test::misuse_watch misuses;
    void* const wild = reinterpret_cast<void*>(~std::uintptr_t{0} - 15);
    arena unchecked;
    unchecked.deallocate(wild, 16);
    arena checked({.checks = true});
    checked.deallocate(wild, 16);
    ASSERT_EQ(misuses.count(), 1u);
    EXPECT_EQ(misuses.seen()[0].kind, misuse::foreign_pointer);
    for (arena* const one : {&unchecked, &checked}) {
        void* const block = one->try_allocate(8);
        ASSERT_TRUE(one->owns(block));
        std::memset(block, 1, 8);
        EXPECT_TRUE(one->is_valid());
    }
}

TEST(arena, stands_in_static_storage) {
    static constinit arena scratch{{.name = "static"}};
    EXPECT_EQ(scratch.stats().reserved_bytes, 0u);
    EXPECT_NE(scratch.allocate(10), nullptr);
    scratch.reset();
    EXPECT_STREQ(scratch.name(), "static");
}

} // namespace
