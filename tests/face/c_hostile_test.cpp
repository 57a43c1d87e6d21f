// cenote: SPDX-License-Identifier: MIT
//
// The C face under callers who give it what they should not: every function with every bad argument of its
// kinds answers with null, 0 or a code, changes nothing, calls no handler and does not end the process. What
// no library can judge is left out, as the headers say: a handle that was destroyed or is of another kind,
// and frees to the heap and the pages.
#include <cenote/cenote.h>
#include <cenote/face/default_resource.hpp>

#include "support/misuse_watch.hpp"

#include <climits>
#include <cstdint>
#include <cstring>
#include <gtest/gtest.h>
#include <ostream>
#include <string>
#include <vector>

namespace {

using cenote::test::misuse_watch;

#if defined(__has_feature)
#if __has_feature(undefined_behavior_sanitizer)
#define CENOTE_KNOWS_ENUMERATORS 1
#endif
#endif
#if defined(CENOTE_KNOWS_ENUMERATORS)
constexpr bool knows_enumerators = true;
#else
constexpr bool knows_enumerators = false;
#endif

constexpr std::size_t huge[] = {SIZE_MAX,         SIZE_MAX - 1,     SIZE_MAX - 15,    SIZE_MAX - 4095,
                                SIZE_MAX / 2 + 2, SIZE_MAX / 2 + 1, SIZE_MAX / 2,     SIZE_MAX / 2 - 64,
                                SIZE_MAX / 4,     SIZE_MAX / 8,     SIZE_MAX / 4 + 1, SIZE_MAX / 16};
constexpr std::size_t no_alignments[] = {0, 3, 12, 24, SIZE_MAX, SIZE_MAX - 1, SIZE_MAX / 2};
constexpr std::size_t wide_alignments[] = {SIZE_MAX / 2 + 1, SIZE_MAX / 4 + 1, SIZE_MAX / 8 + 1};

/// One of each handle, and what it holds.
class world {
public:
    explicit world(int thread_safe = 0) {
        cenote_fixed_options blocks = CENOTE_FIXED_OPTIONS_INIT;
        blocks.block_size = 64;
        blocks.thread_safe = thread_safe;
        blocks.stats = 1;
        EXPECT_EQ(cenote_fixed_create(&blocks, &fixed), CENOTE_OK);
        cenote_variable_options sizes = CENOTE_VARIABLE_OPTIONS_INIT;
        sizes.thread_safe = thread_safe;
        sizes.stats = 1;
        EXPECT_EQ(cenote_variable_create(&sizes, &variable), CENOTE_OK);
        cenote_arena_options bump = CENOTE_ARENA_OPTIONS_INIT;
        bump.stats = 1;
        EXPECT_EQ(cenote_arena_create(&bump, &arena), CENOTE_OK);
        cenote_arena_pool_options many = CENOTE_ARENA_POOL_OPTIONS_INIT;
        many.arenas = 2;
        many.stats = 1;
        EXPECT_EQ(cenote_arena_pool_create(&many, &pool), CENOTE_OK);
        EXPECT_EQ(cenote_arena_pool_acquire(pool, &lent), CENOTE_OK);
        EXPECT_EQ(cenote_arena_pool_acquire(pool, &back), CENOTE_OK);
        EXPECT_EQ(cenote_arena_pool_release(pool, back), CENOTE_OK);
        block = cenote_fixed_allocate(fixed);
        freed = cenote_fixed_allocate(fixed);
        EXPECT_EQ(cenote_fixed_free(fixed, freed), CENOTE_OK);
        piece = cenote_variable_allocate(variable, 100);
        void* const next = cenote_variable_allocate(variable, 100);
        gone = cenote_variable_allocate(variable, 100);
        EXPECT_NE(next, nullptr);
        EXPECT_EQ(cenote_variable_free(variable, gone), CENOTE_OK);
        bytes = cenote_arena_allocate(arena, 100, 16);
        others = cenote_arena_allocate(lent, 100, 16);
    }
    world(const world&) = delete;
    world& operator=(const world&) = delete;
    ~world() {
        cenote_fixed_destroy(fixed);
        cenote_variable_destroy(variable);
        EXPECT_EQ(cenote_arena_destroy(arena), CENOTE_OK);
        cenote_arena_pool_destroy(pool);
    }

    /// All that may not change, failures aside.
    [[nodiscard]] std::vector<std::size_t> levels() const {
        std::vector<std::size_t> result;
        const auto add = [&](cenote_status status, const cenote_stats& now) {
            EXPECT_EQ(status, CENOTE_OK);
            for (const std::size_t one :
                 {now.live_bytes, now.peak_bytes, now.live_blocks, now.blocks, now.peak_blocks,
                  static_cast<std::size_t>(now.allocations), static_cast<std::size_t>(now.deallocations)})
                result.push_back(one);
        };
        cenote_stats now = CENOTE_STATS_INIT;
        add(cenote_fixed_stats(fixed, &now), now);
        add(cenote_variable_stats(variable, &now), now);
        add(cenote_arena_stats(arena, &now), now);
        add(cenote_arena_stats(lent, &now), now);
        add(cenote_arena_pool_stats(pool, &now), now);
        return result;
    }
    /// Pointers that are no start of a live block of any of them.
    [[nodiscard]] std::vector<void*> strays() const {
        const auto at = [](std::uintptr_t address) { return reinterpret_cast<void*>(address); };
        static std::max_align_t elsewhere[8];
        return {at(1),
                at(16),
                at(UINTPTR_MAX),
                at(UINTPTR_MAX - 15),
                at(UINTPTR_MAX / 2 + 1),
                elsewhere,
                const_cast<world*>(this),
                inside(block),
                inside(piece),
                freed,
                gone,
                fixed,
                variable};
    }
    [[nodiscard]] static void* inside(void* begin) { return static_cast<char*>(begin) + 1; }
    [[nodiscard]] std::vector<cenote_allocator> faces() const {
        return {cenote_fixed_allocator(fixed), cenote_variable_allocator(variable),
                cenote_arena_allocator(arena), cenote_arena_allocator(lent)};
    }

    cenote_fixed* fixed = nullptr;
    cenote_variable* variable = nullptr;
    cenote_arena* arena = nullptr;
    cenote_arena_pool* pool = nullptr;
    cenote_arena* lent = nullptr;
    cenote_arena* back = nullptr; // was lent, and is released
    void* block = nullptr;        // of `fixed`, as the next
    void* freed = nullptr;
    void* piece = nullptr; // of `variable`, as the next
    void* gone = nullptr;
    void* bytes = nullptr;  // of `arena`
    void* others = nullptr; // of `lent`
};

struct row { // a function, and what it must not do
    const char* name;
    void (*try_all)(const world& all);
    friend std::ostream& operator<<(std::ostream& out, const row& one) { return out << one.name; }
};

cenote_status ok(cenote_status status) { // for a table of codes that are not
    return status;
}

const row rows[] = {
    {"fixed_allocate", [](const world&) { EXPECT_EQ(cenote_fixed_allocate(nullptr), nullptr); }},
    {"fixed_allocate_zeroed",
     [](const world&) { EXPECT_EQ(cenote_fixed_allocate_zeroed(nullptr), nullptr); }},
    {"fixed_free",
     [](const world& all) {
         EXPECT_EQ(cenote_fixed_free(nullptr, all.block), CENOTE_BAD_ARGUMENT);
         EXPECT_EQ(cenote_fixed_free(nullptr, nullptr), CENOTE_BAD_ARGUMENT);
         EXPECT_EQ(cenote_fixed_free(all.fixed, nullptr), CENOTE_OK);
         for (void* const stray : all.strays()) EXPECT_NE(ok(cenote_fixed_free(all.fixed, stray)), CENOTE_OK);
         EXPECT_EQ(cenote_fixed_free(all.fixed, all.piece), CENOTE_FOREIGN_POINTER);
     }},
    {"fixed_allocate_many",
     [](const world& all) {
         void* none[2] = {};
         EXPECT_EQ(cenote_fixed_allocate_many(nullptr, none, 2), CENOTE_BAD_ARGUMENT);
         EXPECT_EQ(cenote_fixed_allocate_many(all.fixed, nullptr, 2), CENOTE_BAD_ARGUMENT);
         EXPECT_EQ(cenote_fixed_allocate_many(all.fixed, nullptr, SIZE_MAX), CENOTE_BAD_ARGUMENT);
         EXPECT_EQ(cenote_fixed_allocate_many(all.fixed, nullptr, 0), CENOTE_OK);
     }},
    {"fixed_free_many",
     [](const world& all) {
         void* wrong[] = {nullptr, all.freed, all.piece};
         EXPECT_EQ(cenote_fixed_free_many(nullptr, wrong, 3), CENOTE_BAD_ARGUMENT);
         EXPECT_EQ(cenote_fixed_free_many(all.fixed, nullptr, 3), CENOTE_BAD_ARGUMENT);
         EXPECT_EQ(cenote_fixed_free_many(all.fixed, nullptr, 0), CENOTE_OK);
         EXPECT_EQ(cenote_fixed_free_many(all.fixed, wrong, 3), CENOTE_DOUBLE_FREE);
     }},
    {"fixed_owns",
     [](const world& all) {
         EXPECT_EQ(cenote_fixed_owns(nullptr, all.block), 0);
         EXPECT_EQ(cenote_fixed_owns(all.fixed, nullptr), 0);
         for (void* const stray : all.strays())
             EXPECT_EQ(cenote_fixed_owns(all.fixed, stray), stray == all.freed ? 1 : 0);
     }},
    {"fixed_is_live",
     [](const world& all) {
         EXPECT_EQ(cenote_fixed_is_live(nullptr, all.block), 0);
         EXPECT_EQ(cenote_fixed_is_live(all.fixed, nullptr), 0);
         for (void* const stray : all.strays()) EXPECT_EQ(cenote_fixed_is_live(all.fixed, stray), 0);
     }},
    {"fixed_for_each",
     [](const world& all) {
         const auto visit = [](void*, void*) { return 1; };
         EXPECT_EQ(cenote_fixed_for_each(nullptr, visit, nullptr), CENOTE_BAD_ARGUMENT);
         EXPECT_EQ(cenote_fixed_for_each(all.fixed, nullptr, nullptr), CENOTE_BAD_ARGUMENT);
         const auto resets = [](void* context, void*) {
             auto* const pool = static_cast<cenote_fixed*>(context);
             EXPECT_EQ(cenote_fixed_reset(pool), CENOTE_NOT_QUIET);
             EXPECT_EQ(cenote_fixed_trim(pool), 0u);
             return 1;
         };
         EXPECT_EQ(cenote_fixed_for_each(all.fixed, resets, all.fixed), CENOTE_OK);
     }},
    {"fixed_reset", [](const world&) { EXPECT_EQ(cenote_fixed_reset(nullptr), CENOTE_BAD_ARGUMENT); }},
    {"fixed_trim", [](const world&) { EXPECT_EQ(cenote_fixed_trim(nullptr), 0u); }},
    {"fixed_block_size", [](const world&) { EXPECT_EQ(cenote_fixed_block_size(nullptr), 0u); }},
    {"fixed_stats",
     [](const world& all) {
         cenote_stats stats = CENOTE_STATS_INIT;
         EXPECT_EQ(cenote_fixed_stats(nullptr, &stats), CENOTE_BAD_ARGUMENT);
         EXPECT_EQ(cenote_fixed_stats(all.fixed, nullptr), CENOTE_BAD_ARGUMENT);
     }},
    {"fixed_destroy", [](const world&) { cenote_fixed_destroy(nullptr); }},

    {"variable_allocate",
     [](const world& all) {
         EXPECT_EQ(cenote_variable_allocate(nullptr, 1), nullptr);
         for (const std::size_t size : huge) EXPECT_EQ(cenote_variable_allocate(all.variable, size), nullptr);
     }},
    {"variable_allocate_with",
     [](const world& all) {
         EXPECT_EQ(cenote_variable_allocate_with(nullptr, 1, 1, CENOTE_NONE), nullptr);
         for (const std::size_t alignment : no_alignments)
             EXPECT_EQ(cenote_variable_allocate_with(all.variable, 8, alignment, CENOTE_ZERO), nullptr);
         for (const std::size_t alignment : wide_alignments)
             for (const std::size_t size : {std::size_t{0}, std::size_t{8}, SIZE_MAX, SIZE_MAX / 2 + 1})
                 EXPECT_EQ(cenote_variable_allocate_with(all.variable, size, alignment, CENOTE_NONE),
                           nullptr);
         for (const std::size_t size : huge)
             for (const std::size_t alignment : {std::size_t{1}, std::size_t{64}, std::size_t{1} << 20})
                 EXPECT_EQ(cenote_variable_allocate_with(all.variable, size, alignment, CENOTE_ZERO),
                           nullptr);
     }},
    {"variable_reallocate",
     [](const world& all) {
         EXPECT_EQ(cenote_variable_reallocate(nullptr, all.piece, 1), nullptr);
         EXPECT_EQ(cenote_variable_reallocate(nullptr, nullptr, 1), nullptr);
         for (const std::size_t size : huge) {
             EXPECT_EQ(cenote_variable_reallocate(all.variable, all.piece, size), nullptr);
             EXPECT_EQ(cenote_variable_reallocate(all.variable, nullptr, size), nullptr);
         }
         for (void* const stray : all.strays())
             EXPECT_EQ(cenote_variable_reallocate(all.variable, stray, 50), nullptr);
     }},
    {"variable_free",
     [](const world& all) {
         EXPECT_EQ(cenote_variable_free(nullptr, all.piece), CENOTE_BAD_ARGUMENT);
         EXPECT_EQ(cenote_variable_free(all.variable, nullptr), CENOTE_OK);
         for (void* const stray : all.strays())
             EXPECT_NE(ok(cenote_variable_free(all.variable, stray)), CENOTE_OK);
     }},
    {"variable_free_sized",
     [](const world& all) {
         EXPECT_EQ(cenote_variable_free_sized(nullptr, all.piece, 100), CENOTE_BAD_ARGUMENT);
         EXPECT_EQ(cenote_variable_free_sized(all.variable, nullptr, 100), CENOTE_OK);
         for (const std::size_t size : huge)
             EXPECT_EQ(cenote_variable_free_sized(all.variable, all.piece, size), CENOTE_WRONG_SIZE);
         EXPECT_EQ(cenote_variable_free_sized(all.variable, all.piece, 0), CENOTE_WRONG_SIZE);
         for (void* const stray : all.strays())
             for (const std::size_t size : {std::size_t{0}, std::size_t{100}, SIZE_MAX})
                 EXPECT_NE(ok(cenote_variable_free_sized(all.variable, stray, size)), CENOTE_OK);
     }},
    {"variable_size_of",
     [](const world& all) {
         EXPECT_EQ(cenote_variable_size_of(nullptr, all.piece), 0u);
         EXPECT_EQ(cenote_variable_size_of(all.variable, nullptr), 0u);
         for (void* const stray : all.strays()) EXPECT_EQ(cenote_variable_size_of(all.variable, stray), 0u);
     }},
    {"variable_is_live",
     [](const world& all) {
         EXPECT_EQ(cenote_variable_is_live(nullptr, all.piece), 0);
         EXPECT_EQ(cenote_variable_is_live(all.variable, nullptr), 0);
         for (void* const stray : all.strays()) EXPECT_EQ(cenote_variable_is_live(all.variable, stray), 0);
     }},
    {"variable_for_each",
     [](const world& all) {
         const auto visit = [](void*, void*, std::size_t) { return 1; };
         EXPECT_EQ(cenote_variable_for_each(nullptr, visit, nullptr), CENOTE_BAD_ARGUMENT);
         EXPECT_EQ(cenote_variable_for_each(all.variable, nullptr, nullptr), CENOTE_BAD_ARGUMENT);
         const auto resets = [](void* context, void*, std::size_t) {
             auto* const pool = static_cast<cenote_variable*>(context);
             EXPECT_EQ(cenote_variable_reset(pool), CENOTE_NOT_QUIET);
             EXPECT_EQ(cenote_variable_trim(pool), 0u);
             return 1;
         };
         EXPECT_EQ(cenote_variable_for_each(all.variable, resets, all.variable), CENOTE_OK);
     }},
    {"variable_reset", [](const world&) { EXPECT_EQ(cenote_variable_reset(nullptr), CENOTE_BAD_ARGUMENT); }},
    {"variable_questions",
     [](const world& all) {
         cenote_stats stats = CENOTE_STATS_INIT;
         EXPECT_EQ(cenote_variable_trim(nullptr), 0u);
         EXPECT_EQ(cenote_variable_largest_free(nullptr), 0u);
         EXPECT_EQ(cenote_variable_fragmentation(nullptr), 0);
         EXPECT_EQ(cenote_variable_stats(nullptr, &stats), CENOTE_BAD_ARGUMENT);
         EXPECT_EQ(cenote_variable_stats(all.variable, nullptr), CENOTE_BAD_ARGUMENT);
         cenote_variable_destroy(nullptr);
     }},

    {"arena_allocate",
     [](const world& all) {
         for (cenote_arena* const one : {static_cast<cenote_arena*>(nullptr), all.back}) {
             EXPECT_EQ(cenote_arena_allocate(one, 1, 1), nullptr);
             EXPECT_EQ(cenote_arena_allocate_with(one, 1, 1, CENOTE_ZERO), nullptr);
         }
         for (cenote_arena* const one : {all.arena, all.lent}) {
             for (const std::size_t size : huge)
                 for (const std::size_t alignment : {std::size_t{1}, std::size_t{64}, std::size_t{1} << 20})
                     EXPECT_EQ(cenote_arena_allocate(one, size, alignment), nullptr);
             for (const std::size_t alignment : no_alignments)
                 EXPECT_EQ(cenote_arena_allocate_with(one, 8, alignment, CENOTE_ZERO), nullptr);
             for (const std::size_t alignment : wide_alignments)
                 for (const std::size_t size : {std::size_t{0}, std::size_t{8}, SIZE_MAX, SIZE_MAX / 2 + 1})
                     EXPECT_EQ(cenote_arena_allocate(one, size, alignment), nullptr);
         }
     }},
    {"arena_free",
     [](const world& all) {
         EXPECT_EQ(cenote_arena_free(nullptr, all.bytes, 100), CENOTE_BAD_ARGUMENT);
         EXPECT_EQ(cenote_arena_free(all.back, all.bytes, 100), CENOTE_BAD_ARGUMENT);
         EXPECT_EQ(cenote_arena_free(all.arena, nullptr, 100), CENOTE_OK);
         for (void* const stray : all.strays())
             for (const std::size_t size : {std::size_t{0}, std::size_t{100}, SIZE_MAX})
                 EXPECT_NE(ok(cenote_arena_free(all.arena, stray, size)), CENOTE_OK);
         for (const std::size_t size : huge)
             EXPECT_NE(ok(cenote_arena_free(all.arena, all.bytes, size)), CENOTE_OK);
         EXPECT_EQ(cenote_arena_free(all.arena, all.others, 100), CENOTE_FOREIGN_POINTER);
     }},
    {"arena_mark",
     [](const world& all) {
         cenote_mark mark;
         EXPECT_EQ(cenote_arena_mark(nullptr, &mark), CENOTE_BAD_ARGUMENT);
         EXPECT_EQ(cenote_arena_mark(all.back, &mark), CENOTE_BAD_ARGUMENT);
         EXPECT_EQ(cenote_arena_mark(all.arena, nullptr), CENOTE_BAD_ARGUMENT);
     }},
    {"arena_rewind",
     [](const world& all) {
         cenote_mark mark;
         for (const int byte : {0, 1, 0x41, 0xff}) {
             std::memset(&mark, byte, sizeof mark);
             EXPECT_EQ(cenote_arena_rewind(all.arena, &mark), CENOTE_BAD_MARK) << byte;
             EXPECT_EQ(cenote_arena_rewind(all.lent, &mark), CENOTE_BAD_MARK) << byte;
         }
         EXPECT_EQ(cenote_arena_rewind(nullptr, &mark), CENOTE_BAD_ARGUMENT);
         EXPECT_EQ(cenote_arena_rewind(all.back, &mark), CENOTE_BAD_ARGUMENT);
         EXPECT_EQ(cenote_arena_rewind(all.arena, nullptr), CENOTE_BAD_ARGUMENT);
     }},
    {"arena_questions",
     [](const world& all) {
         cenote_stats stats = CENOTE_STATS_INIT;
         for (cenote_arena* const one : {static_cast<cenote_arena*>(nullptr), all.back}) {
             EXPECT_EQ(cenote_arena_reset(one), CENOTE_BAD_ARGUMENT);
             EXPECT_EQ(cenote_arena_trim(one), 0u);
             EXPECT_EQ(cenote_arena_owns(one, all.bytes), 0);
             EXPECT_EQ(cenote_arena_stats(one, &stats), CENOTE_BAD_ARGUMENT);
             EXPECT_EQ(cenote_arena_allocator(one).allocate, nullptr);
         }
         EXPECT_EQ(cenote_arena_stats(all.arena, nullptr), CENOTE_BAD_ARGUMENT);
         EXPECT_EQ(cenote_arena_owns(all.arena, nullptr), 0);
         for (void* const stray : all.strays()) EXPECT_EQ(cenote_arena_owns(all.arena, stray), 0);
     }},
    {"arena_destroy",
     [](const world& all) {
         EXPECT_EQ(cenote_arena_destroy(nullptr), CENOTE_OK);
         EXPECT_EQ(cenote_arena_destroy(all.lent), CENOTE_BAD_ARGUMENT);
         EXPECT_EQ(cenote_arena_destroy(all.back), CENOTE_BAD_ARGUMENT);
     }},

    {"arena_pool_acquire",
     [](const world& all) {
         auto* arena = all.arena;
         EXPECT_EQ(cenote_arena_pool_acquire(nullptr, &arena), CENOTE_BAD_ARGUMENT);
         EXPECT_EQ(arena, nullptr);
         EXPECT_EQ(cenote_arena_pool_try_acquire(nullptr, &arena), CENOTE_BAD_ARGUMENT);
         EXPECT_EQ(cenote_arena_pool_acquire_within(nullptr, 1, &arena), CENOTE_BAD_ARGUMENT);
         EXPECT_EQ(cenote_arena_pool_acquire(all.pool, nullptr), CENOTE_BAD_ARGUMENT);
         EXPECT_EQ(cenote_arena_pool_try_acquire(all.pool, nullptr), CENOTE_BAD_ARGUMENT);
         EXPECT_EQ(cenote_arena_pool_acquire_within(all.pool, 1, nullptr), CENOTE_BAD_ARGUMENT);
     }},
    {"arena_pool_release",
     [](const world& all) {
         EXPECT_EQ(cenote_arena_pool_release(nullptr, all.lent), CENOTE_BAD_ARGUMENT);
         EXPECT_EQ(cenote_arena_pool_release(all.pool, nullptr), CENOTE_BAD_ARGUMENT);
         EXPECT_EQ(cenote_arena_pool_release(all.pool, all.arena), CENOTE_FOREIGN_POINTER);
         EXPECT_EQ(cenote_arena_pool_release(all.pool, all.back), CENOTE_DOUBLE_FREE);
         for (void* const stray : all.strays())
             EXPECT_EQ(cenote_arena_pool_release(all.pool, static_cast<cenote_arena*>(stray)),
                       CENOTE_FOREIGN_POINTER);
         void* const inside = world::inside(all.lent);
         EXPECT_EQ(cenote_arena_pool_release(all.pool, static_cast<cenote_arena*>(inside)),
                   CENOTE_FOREIGN_POINTER);
     }},
    {"arena_pool_questions",
     [](const world& all) {
         cenote_stats stats = CENOTE_STATS_INIT;
         EXPECT_EQ(cenote_arena_pool_close(nullptr), CENOTE_BAD_ARGUMENT);
         EXPECT_EQ(cenote_arena_pool_trim(nullptr), 0u);
         EXPECT_EQ(cenote_arena_pool_free_arenas(nullptr), 0u);
         EXPECT_EQ(cenote_arena_pool_stats(nullptr, &stats), CENOTE_BAD_ARGUMENT);
         EXPECT_EQ(cenote_arena_pool_stats(all.pool, nullptr), CENOTE_BAD_ARGUMENT);
         cenote_arena_pool_destroy(nullptr);
     }},

    {"allocate",
     [](const world& all) {
         EXPECT_EQ(cenote_allocate(nullptr, 1, 1, CENOTE_NONE), nullptr);
         std::vector<cenote_allocator> faces = all.faces();
         faces.push_back(cenote_heap_allocator());
         faces.push_back(cenote_pages_allocator());
         for (const cenote_allocator& face : faces) {
             for (const std::size_t alignment : no_alignments)
                 EXPECT_EQ(cenote_allocate(&face, 8, alignment, CENOTE_ZERO), nullptr);
             for (const std::size_t alignment : wide_alignments)
                 EXPECT_EQ(cenote_allocate(&face, SIZE_MAX / 2 + 1, alignment, CENOTE_NONE), nullptr);
             for (const std::size_t size : huge)
                 for (const std::size_t alignment : {1u, 64u, 1u << 20})
                     EXPECT_EQ(cenote_allocate(&face, size, alignment, CENOTE_ZERO), nullptr);
         }
     }},
    {"reallocate",
     [](const world& all) {
         EXPECT_EQ(cenote_reallocate(nullptr, all.block, 1, 2, 1, CENOTE_NONE), nullptr);
         std::size_t which = 0;
         void* const mine[] = {all.block, all.piece, all.bytes, all.others};
         const std::size_t has[] = {64, 100, 100, 100};
         for (const cenote_allocator& face : all.faces()) {
             void* const one = mine[which];
             const std::size_t old = has[which++];
             for (const std::size_t size : huge) {
                 EXPECT_EQ(cenote_reallocate(&face, one, old, size, 8, CENOTE_ZERO), nullptr);
                 EXPECT_EQ(cenote_reallocate(&face, nullptr, 0, size, 8, CENOTE_ZERO), nullptr);
             }
             for (const std::size_t alignment : no_alignments)
                 EXPECT_EQ(cenote_reallocate(&face, one, old, 50, alignment, CENOTE_ZERO), nullptr);
             for (void* const stray : all.strays())
                 EXPECT_EQ(cenote_reallocate(&face, stray, 8, 16, 8, CENOTE_ZERO), nullptr);
         }
     }},
    {"deallocate",
     [](const world& all) {
         EXPECT_EQ(cenote_deallocate(nullptr, all.block, 1, 1), CENOTE_BAD_ARGUMENT);
         std::size_t which = 0;
         void* const mine[] = {all.block, all.piece, all.bytes, all.others};
         for (const cenote_allocator& face : all.faces()) {
             void* const one = mine[which++];
             for (const std::size_t alignment : no_alignments)
                 EXPECT_EQ(cenote_deallocate(&face, one, 64, alignment), CENOTE_BAD_ARGUMENT);
             for (const std::size_t size : huge)
                 EXPECT_EQ(cenote_deallocate(&face, one, size, 8), CENOTE_WRONG_SIZE);
             for (void* const stray : all.strays())
                 EXPECT_NE(ok(cenote_deallocate(&face, stray, 8, 8)), CENOTE_OK);
             EXPECT_EQ(cenote_deallocate(&face, nullptr, SIZE_MAX, 8), CENOTE_OK);
         }
         for (const cenote_allocator& face : {cenote_heap_allocator(), cenote_pages_allocator()}) {
             void* const own = cenote_allocate(&face, 100, 16, CENOTE_NONE);
             for (const std::size_t alignment : no_alignments)
                 EXPECT_EQ(cenote_deallocate(&face, own, 100, alignment), CENOTE_BAD_ARGUMENT);
             EXPECT_EQ(cenote_deallocate(&face, own, 100, 16), CENOTE_OK);
         }
     }},
    {"defaults",
     [](const world& all) {
         const cenote_allocator none{};
         cenote_allocator half = all.faces().front();
         half.deallocate = nullptr;
         for (const cenote_allocator* const bad : {&none, const_cast<const cenote_allocator*>(&half)}) {
             EXPECT_EQ(cenote_set_thread_allocator(bad), CENOTE_BAD_ARGUMENT);
             EXPECT_EQ(cenote_set_process_allocator(bad), CENOTE_BAD_ARGUMENT);
         }
         EXPECT_EQ(cenote_default_allocator().context, cenote_heap_allocator().context);
         EXPECT_EQ(cenote_fixed_allocator(nullptr).allocate, nullptr);
         EXPECT_EQ(cenote_variable_allocator(nullptr).allocate, nullptr);
     }},
    {"status_text",
     [](const world&) {
         if (knows_enumerators) return; // C may give any number, C++ may not
         for (const int status : {-1, 16, 17, 1000, INT_MAX, INT_MIN}) {
             cenote_status unknown{};
             std::memcpy(&unknown, &status, sizeof unknown);
             EXPECT_STREQ(cenote_status_text(unknown), "unknown status");
         }
     }},
};

class c_hostile : public ::testing::TestWithParam<row> {};
INSTANTIATE_TEST_SUITE_P(calls, c_hostile, ::testing::ValuesIn(rows),
                         [](const auto& tested) { return std::string(tested.param.name); });

TEST_P(c_hostile, arguments_are_answered_and_change_nothing) {
    for (const int thread_safe : {0, 1}) {
        const misuse_watch watch;
        const world all(thread_safe);
        const std::vector<std::size_t> before = all.levels();
        GetParam().try_all(all);
        EXPECT_EQ(all.levels(), before);
        EXPECT_EQ(watch.count(), 0u);
        // And it goes on.
        EXPECT_EQ(cenote_fixed_free(all.fixed, all.block), CENOTE_OK);
        EXPECT_EQ(cenote_variable_free_sized(all.variable, all.piece, 100), CENOTE_OK);
        EXPECT_EQ(cenote_arena_free(all.arena, all.bytes, 100), CENOTE_OK);
        EXPECT_EQ(cenote_arena_pool_release(all.pool, all.lent), CENOTE_OK);
    }
}

} // namespace
