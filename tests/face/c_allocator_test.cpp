// cenote: SPDX-License-Identifier: MIT
//
// The allocator interface of the C face: every kind of it, and each as the parent of the others.
#include <cenote/cenote.h>

#include "face/counted_allocator.hpp"
#include "support/misuse_watch.hpp"

#include <cstdint>
#include <cstring>
#include <gtest/gtest.h>
#include <vector>

namespace {

using cenote::test::counted;
using cenote::test::misuse_watch;

/// All that an allocator promises, for blocks of at most 64 bytes.
void use(const cenote_allocator& face) {
    auto* const block = static_cast<char*>(cenote_allocate(&face, 40, 8, CENOTE_ZERO));
    ASSERT_NE(block, nullptr);
    for (int i = 0; i < 40; ++i) ASSERT_EQ(block[i], 0);
    std::memset(block, 3, 40);
    auto* const more = static_cast<char*>(cenote_reallocate(&face, block, 40, 64, 8, CENOTE_ZERO));
    ASSERT_NE(more, nullptr);
    EXPECT_EQ(more[39], 3);
    for (int i = 40; i < 64; ++i) EXPECT_EQ(more[i], 0);
    EXPECT_EQ(cenote_reallocate(&face, more, 64, SIZE_MAX / 2 + 2, 8, CENOTE_NONE), nullptr);
    EXPECT_EQ(more[0], 3);
    EXPECT_EQ(cenote_allocate(&face, 8, 12, CENOTE_NONE), nullptr);
    EXPECT_EQ(cenote_allocate(&face, SIZE_MAX, 8, CENOTE_NONE), nullptr);
    EXPECT_EQ(cenote_deallocate(&face, more, 64, 8), CENOTE_OK);
    void* const fresh = cenote_reallocate(&face, nullptr, 0, 20, 8, CENOTE_NONE);
    EXPECT_NE(fresh, nullptr);
    EXPECT_EQ(cenote_deallocate(&face, fresh, 20, 8), CENOTE_OK);
    EXPECT_EQ(cenote_deallocate(&face, nullptr, 20, 8), CENOTE_OK);
}

/// What must refuse a pointer that it never gave.
void misuse(const cenote_allocator& face) {
    const misuse_watch watch;
    char elsewhere[64];
    EXPECT_NE(cenote_deallocate(&face, elsewhere, 64, 8), CENOTE_OK);
    EXPECT_EQ(cenote_reallocate(&face, elsewhere, 8, 16, 8, CENOTE_NONE), nullptr);
    EXPECT_EQ(watch.count(), 0u);
}

/// Every kind of pool, each drawing from `parent`.
struct family {
    cenote_fixed* fixed = nullptr;
    cenote_fixed* shared = nullptr;
    cenote_variable* variable = nullptr;
    cenote_variable* locked = nullptr;
    cenote_arena* arena = nullptr;
    cenote_arena_pool* arenas = nullptr;
    cenote_arena* lent = nullptr;

    explicit family(const cenote_allocator* parent) {
        cenote_fixed_options blocks = CENOTE_FIXED_OPTIONS_INIT;
        blocks.block_size = 64;
        blocks.memory.parent = parent;
        made = made && cenote_fixed_create(&blocks, &fixed) == CENOTE_OK;
        blocks.thread_safe = 1;
        made = made && cenote_fixed_create(&blocks, &shared) == CENOTE_OK;
        cenote_variable_options sizes = CENOTE_VARIABLE_OPTIONS_INIT;
        sizes.grow_size = 64 << 10;
        sizes.memory.parent = parent;
        made = made && cenote_variable_create(&sizes, &variable) == CENOTE_OK;
        sizes.thread_safe = 1;
        made = made && cenote_variable_create(&sizes, &locked) == CENOTE_OK;
        cenote_arena_options bump = CENOTE_ARENA_OPTIONS_INIT;
        bump.memory.parent = parent;
        made = made && cenote_arena_create(&bump, &arena) == CENOTE_OK;
        cenote_arena_pool_options many = CENOTE_ARENA_POOL_OPTIONS_INIT;
        many.arenas = 2;
        many.memory.parent = parent;
        made = made && cenote_arena_pool_create(&many, &arenas) == CENOTE_OK;
        made = made && cenote_arena_pool_acquire(arenas, &lent) == CENOTE_OK;
    }
    ~family() {
        cenote_fixed_destroy(fixed);
        cenote_fixed_destroy(shared);
        cenote_variable_destroy(variable);
        cenote_variable_destroy(locked);
        (void)cenote_arena_destroy(arena);
        (void)cenote_arena_pool_release(arenas, lent);
        cenote_arena_pool_destroy(arenas);
    }
    [[nodiscard]] std::vector<cenote_allocator> faces() const {
        return {cenote_fixed_allocator(fixed),       cenote_fixed_allocator(shared),
                cenote_variable_allocator(variable), cenote_variable_allocator(locked),
                cenote_arena_allocator(arena),       cenote_arena_allocator(lent)};
    }
    bool made = true;
};

TEST(c_allocator, every_kind_keeps_the_promises_of_the_interface) {
    const family all(nullptr);
    ASSERT_TRUE(all.made);
    for (const cenote_allocator& face : all.faces()) {
        use(face);
        misuse(face);
    }
    use(cenote_heap_allocator());
    use(cenote_pages_allocator());
    use(cenote_default_allocator());
}

TEST(c_allocator, every_kind_is_the_parent_of_every_other) {
    const family parents(nullptr);
    cenote_fixed_options large = CENOTE_FIXED_OPTIONS_INIT;
    large.block_size = 512 << 10;
    large.alignment = 64 << 10;
    cenote_fixed* blocks = nullptr;
    ASSERT_EQ(cenote_fixed_create(&large, &blocks), CENOTE_OK);
    cenote_fixed* shared_blocks = nullptr;
    large.thread_safe = 1;
    ASSERT_EQ(cenote_fixed_create(&large, &shared_blocks), CENOTE_OK);
    std::vector<cenote_allocator> faces = parents.faces();
    faces[0] = cenote_fixed_allocator(blocks); // regions do not fit into 64 bytes
    faces[1] = cenote_fixed_allocator(shared_blocks);
    faces.push_back(cenote_heap_allocator());
    faces.push_back(cenote_pages_allocator());
    for (const cenote_allocator& parent : faces) {
        const family children(&parent);
        ASSERT_TRUE(children.made);
        for (const cenote_allocator& face : children.faces()) use(face);
    }
    cenote_stats after = CENOTE_STATS_INIT;
    EXPECT_EQ(cenote_fixed_stats(blocks, &after), CENOTE_OK);
    EXPECT_EQ(after.live_blocks, 0u);
    EXPECT_EQ(cenote_variable_stats(parents.variable, &after), CENOTE_OK);
    EXPECT_EQ(after.live_blocks, 0u);
    cenote_fixed_destroy(blocks);
    cenote_fixed_destroy(shared_blocks);
}

TEST(c_allocator, blocks_that_are_too_small_for_a_child_are_no_memory) {
    const family parents(nullptr);
    const cenote_allocator small = cenote_fixed_allocator(parents.fixed);
    const family children(&small);
    EXPECT_FALSE(children.made);
    EXPECT_EQ(children.fixed, nullptr);
    cenote_variable_options sizes = CENOTE_VARIABLE_OPTIONS_INIT;
    sizes.memory.parent = &small;
    cenote_variable* variable = nullptr;
    EXPECT_EQ(cenote_variable_create(&sizes, &variable), CENOTE_NO_MEMORY);
    cenote_arena_options bump = CENOTE_ARENA_OPTIONS_INIT;
    bump.memory.parent = &small;
    cenote_arena* arena = nullptr;
    EXPECT_EQ(cenote_arena_create(&bump, &arena), CENOTE_NO_MEMORY);
    cenote_arena_pool_options many = CENOTE_ARENA_POOL_OPTIONS_INIT;
    many.arenas = 1;
    many.memory.parent = &small;
    cenote_arena_pool* arenas = nullptr;
    EXPECT_EQ(cenote_arena_pool_create(&many, &arenas), CENOTE_NO_MEMORY);
    cenote_stats after = CENOTE_STATS_INIT;
    EXPECT_EQ(cenote_fixed_stats(parents.fixed, &after), CENOTE_OK);
    EXPECT_EQ(after.live_blocks, 0u);
}

TEST(c_allocator, an_arena_pool_takes_all_it_has_from_its_parent) {
    counted parent;
    const cenote_allocator face = parent.face();
    cenote_arena_pool_options many = CENOTE_ARENA_POOL_OPTIONS_INIT;
    many.arenas = 2;
    many.arena_size = 10'000;
    many.memory.parent = &face;
    cenote_arena_pool* pool = nullptr;
    ASSERT_EQ(cenote_arena_pool_create(&many, &pool), CENOTE_OK);
    EXPECT_GE(parent.live, 20'000u);
    cenote_arena* arena = nullptr;
    ASSERT_EQ(cenote_arena_pool_acquire(pool, &arena), CENOTE_OK);
    EXPECT_NE(cenote_arena_allocate(arena, 100'000, 8), nullptr);
    EXPECT_GE(parent.live, 120'000u);
    cenote_stats stats = CENOTE_STATS_INIT;
    EXPECT_EQ(cenote_arena_pool_stats(pool, &stats), CENOTE_OK);
    EXPECT_LE(stats.reserved_bytes, parent.live); // which has the handle, too
    EXPECT_GE(stats.reserved_bytes + 2048, parent.live);
    EXPECT_EQ(cenote_arena_pool_release(pool, arena), CENOTE_OK);
    cenote_arena_pool_destroy(pool);
    EXPECT_EQ(parent.live, 0u);
}

// The arenas, what they grow by, and the handles that are lent: the one of the pool stands beside them.
TEST(c_allocator, an_arena_pool_takes_no_more_than_its_maximum) {
    std::size_t pools = 0;
    for (std::size_t maximum = 100'000; maximum < 900'000; maximum += 19'999) {
        counted parent;
        const cenote_allocator face = parent.face();
        cenote_arena_pool_options many = CENOTE_ARENA_POOL_OPTIONS_INIT;
        many.arenas = 1000;
        many.arena_size = 64;
        many.maximum_bytes = maximum;
        many.memory.parent = &face;
        cenote_arena_pool* pool = nullptr;
        const cenote_status made = cenote_arena_pool_create(&many, &pool);
        EXPECT_EQ(made, pool != nullptr ? CENOTE_OK : CENOTE_NO_MEMORY);
        if (pool != nullptr) {
            cenote_arena* arena = nullptr;
            ASSERT_EQ(cenote_arena_pool_acquire(pool, &arena), CENOTE_OK);
            while (cenote_arena_allocate(arena, 1000, 8) != nullptr) {
            }
            cenote_stats stats = CENOTE_STATS_INIT;
            EXPECT_EQ(cenote_arena_pool_stats(pool, &stats), CENOTE_OK);
            EXPECT_LE(stats.reserved_bytes, maximum);
            EXPECT_LT(parent.live, maximum + 4096);
            ++pools;
            cenote_arena_pool_destroy(pool);
        }
        EXPECT_EQ(parent.live, 0u);
    }
    EXPECT_GT(pools, 10u);
}

TEST(c_allocator, everything_goes_back_to_a_parent_in_the_end) {
    counted parent;
    const cenote_allocator face = parent.face();
    {
        const family children(&face);
        ASSERT_TRUE(children.made);
        for (const cenote_allocator& child : children.faces()) {
            for (int i = 0; i < 100; ++i) EXPECT_NE(cenote_allocate(&child, 50, 16, CENOTE_NONE), nullptr);
        }
        EXPECT_GT(parent.live, 100u * 64);
    }
    EXPECT_EQ(parent.live, 0u);
}

// Whichever of its calls finds nothing: nothing is lost, handles stay null, pools stay usable.
TEST(c_allocator, survives_a_parent_that_fails_at_any_call) {
    for (std::size_t at = 1;; ++at) {
        counted parent;
        parent.fails_at = at;
        const cenote_allocator face = parent.face();
        {
            const family children(&face);
            EXPECT_EQ(children.lent != nullptr, children.made);
            for (const cenote_allocator& child : children.faces()) {
                if (child.allocate == nullptr) continue;
                for (int i = 0; i < 50; ++i) {
                    void* const block = cenote_allocate(&child, 50, 16, CENOTE_NONE);
                    if (block != nullptr && i % 2 == 0) {
                        EXPECT_EQ(cenote_deallocate(&child, block, 50, 16), CENOTE_OK);
                    }
                }
            }
        }
        EXPECT_EQ(parent.live, 0u) << "call " << at;
        if (parent.calls < at) break;
    }
}

// Handles that take memory at once: the one for themselves goes back when the rest cannot be had.
TEST(c_allocator, handles_that_cannot_have_their_first_memory_leave_nothing) {
    for (std::size_t at = 1; at <= 4; ++at) {
        counted parent;
        parent.fails_at = at;
        const cenote_allocator face = parent.face();
        cenote_fixed_options blocks = CENOTE_FIXED_OPTIONS_INIT;
        blocks.block_size = 64;
        blocks.initial_blocks = 100;
        blocks.memory.parent = &face;
        cenote_fixed* fixed = nullptr;
        const cenote_status made = cenote_fixed_create(&blocks, &fixed);
        EXPECT_EQ(made, fixed != nullptr ? CENOTE_OK : CENOTE_NO_MEMORY);
        EXPECT_EQ(fixed != nullptr, at > 2);
        cenote_fixed_destroy(fixed);
        EXPECT_EQ(parent.live, 0u) << "call " << at;
        parent.calls = 0;
        cenote_arena_pool_options arenas = CENOTE_ARENA_POOL_OPTIONS_INIT;
        arenas.arenas = 2;
        arenas.memory.parent = &face;
        cenote_arena_pool* pool = nullptr;
        const cenote_status opened = cenote_arena_pool_create(&arenas, &pool);
        EXPECT_EQ(opened, pool != nullptr ? CENOTE_OK : CENOTE_NO_MEMORY);
        EXPECT_EQ(pool != nullptr, at > 3); // itself, the arenas, their handles
        cenote_arena_pool_destroy(pool);
        EXPECT_EQ(parent.live, 0u) << "call " << at;
    }
}

TEST(c_allocator, missing_functions_are_answered) {
    const cenote_allocator none{};
    EXPECT_EQ(cenote_allocate(nullptr, 1, 1, CENOTE_NONE), nullptr);
    EXPECT_EQ(cenote_allocate(&none, 1, 1, CENOTE_NONE), nullptr);
    EXPECT_EQ(cenote_reallocate(nullptr, nullptr, 1, 1, 1, CENOTE_NONE), nullptr);
    EXPECT_EQ(cenote_reallocate(&none, nullptr, 1, 1, 1, CENOTE_NONE), nullptr);
    EXPECT_EQ(cenote_deallocate(nullptr, nullptr, 1, 1), CENOTE_BAD_ARGUMENT);
    EXPECT_EQ(cenote_deallocate(&none, nullptr, 1, 1), CENOTE_BAD_ARGUMENT);
}

TEST(c_allocator, sizes_are_checked_where_blocks_have_one) {
    const family all(nullptr);
    const cenote_allocator face = cenote_fixed_allocator(all.fixed);
    EXPECT_EQ(cenote_allocate(&face, 65, 8, CENOTE_NONE), nullptr);
    EXPECT_EQ(cenote_allocate(&face, 8, 4096, CENOTE_NONE), nullptr);
    void* const block = cenote_allocate(&face, 64, 16, CENOTE_NONE);
    EXPECT_EQ(cenote_deallocate(&face, block, 65, 16), CENOTE_WRONG_SIZE);
    EXPECT_EQ(cenote_reallocate(&face, block, 64, 65, 16, CENOTE_NONE), nullptr);
    EXPECT_EQ(cenote_reallocate(&face, block, 65, 60, 16, CENOTE_NONE), nullptr);
    EXPECT_EQ(cenote_deallocate(&face, block, 64, 16), CENOTE_OK);
}

TEST(c_allocator, no_fail_is_not_for_what_is_no_request) {
    const family all(nullptr);
    alignas(64) char elsewhere[64];
    for (const cenote_allocator& face : all.faces()) {
        EXPECT_EQ(cenote_allocate(&face, 8, 12, CENOTE_NO_FAIL), nullptr);
        EXPECT_EQ(face.allocate(face.context, 8, 12, CENOTE_NO_FAIL), nullptr);
        EXPECT_EQ(face.reallocate(face.context, elsewhere, 8, 16, 8, CENOTE_NO_FAIL), nullptr);
    }
}

TEST(c_allocator_death, no_fail_aborts_with_a_message) {
    GTEST_FLAG_SET(death_test_style, "threadsafe");
    const auto die = [](std::size_t which, std::size_t size) {
        const family all(nullptr);
        const cenote_allocator face = all.faces()[which];
        (void)cenote_allocate(&face, size, 8, CENOTE_NO_FAIL);
    };
    const auto die_of_heap = [] {
        const cenote_allocator face = cenote_heap_allocator();
        (void)cenote_allocate(&face, SIZE_MAX / 2 + 2, 8, CENOTE_NO_FAIL);
    };
    const auto die_growing = [] {
        const family all(nullptr);
        const cenote_allocator face = cenote_fixed_allocator(all.fixed);
        (void)cenote_reallocate(&face, cenote_allocate(&face, 8, 8, CENOTE_NONE), 8, 65, 8, CENOTE_NO_FAIL);
    };
    const auto die_at_a_maximum = [] {
        cenote_variable_options sizes = CENOTE_VARIABLE_OPTIONS_INIT;
        sizes.maximum_bytes = 1 << 20;
        sizes.grow_size = 64 << 10;
        cenote_variable* pool = nullptr;
        (void)cenote_variable_create(&sizes, &pool);
        const cenote_allocator face = cenote_variable_allocator(pool);
        (void)cenote_allocate(&face, 1024, 16, CENOTE_NONE);
        (void)cenote_allocate(&face, 2 << 20, 16, CENOTE_NO_FAIL);
    };
    const auto die_in_a_buffer = [] {
        static std::byte buffer[8192];
        cenote_arena_options bump = CENOTE_ARENA_OPTIONS_INIT;
        bump.memory.buffer = buffer;
        bump.memory.buffer_bytes = sizeof buffer;
        bump.exhaustion.abort = 1;
        cenote_arena* arena = nullptr;
        (void)cenote_arena_create(&bump, &arena);
        (void)cenote_arena_allocate(arena, 1000, 16);
        (void)cenote_arena_allocate(arena, 9000, 16);
    };
    EXPECT_DEATH(die_at_a_maximum(), "in use 1024, reserved .+, limit 1048576");
    EXPECT_DEATH(die_in_a_buffer(), "in use 10.., reserved 0, limit 8192");
    EXPECT_DEATH(die(0, 65), "is out of memory: requested 65 bytes, in use 0, reserved 0, no limit");
    EXPECT_DEATH(die(2, SIZE_MAX / 2 + 2), "is out of memory");
    EXPECT_DEATH(die(4, SIZE_MAX / 2 + 2), "is out of memory");
    EXPECT_DEATH(die_of_heap(), "'heap' is out of memory");
    EXPECT_DEATH(die_growing(), "requested 65 bytes");
}

} // namespace
