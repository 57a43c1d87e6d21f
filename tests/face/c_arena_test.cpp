// cenote: SPDX-License-Identifier: MIT
#include <cenote/cenote.h>

#include "support/misuse_watch.hpp"

#include <cstdint>
#include <cstring>
#include <gtest/gtest.h>
#include <string>
#include <vector>

namespace {

using cenote::test::misuse_watch;

cenote_arena_options defaults() {
    return CENOTE_ARENA_OPTIONS_INIT;
}

struct arena_of {
    cenote_arena* arena = nullptr;
    explicit arena_of(const cenote_arena_options& options = defaults()) {
        EXPECT_EQ(cenote_arena_create(&options, &arena), CENOTE_OK) << cenote_arena_flaw(&options);
    }
    ~arena_of() { EXPECT_EQ(cenote_arena_destroy(arena), CENOTE_OK); }
    operator cenote_arena*() const { return arena; }
    [[nodiscard]] cenote_stats stats() const {
        cenote_stats result = CENOTE_STATS_INIT;
        EXPECT_EQ(cenote_arena_stats(arena, &result), CENOTE_OK);
        return result;
    }
};

TEST(c_arena, serves_any_size_and_alignment) {
    const arena_of arena;
    for (std::size_t alignment = 1; alignment <= 4096; alignment *= 2) {
        for (const std::size_t size : {0u, 1u, 100u, 5000u}) {
            void* const block = cenote_arena_allocate(arena, size, alignment);
            ASSERT_NE(block, nullptr);
            EXPECT_EQ(reinterpret_cast<std::uintptr_t>(block) % alignment, 0u);
            std::memset(block, 1, size);
            EXPECT_EQ(cenote_arena_owns(arena, block), 1);
        }
    }
    for (const std::size_t alignment : {std::size_t{0}, std::size_t{12}, SIZE_MAX}) {
        EXPECT_EQ(cenote_arena_allocate(arena, 8, alignment), nullptr);
    }
    EXPECT_EQ(cenote_arena_allocate(arena, SIZE_MAX, 1), nullptr);
    EXPECT_EQ(cenote_arena_owns(arena, &arena), 0);
    EXPECT_GT(arena.stats().live_bytes, 60'000u);
}

TEST(c_arena, goes_back_to_a_mark_and_resets) {
    const arena_of arena;
    void* const first = cenote_arena_allocate(arena, 100, 16);
    cenote_mark here;
    ASSERT_EQ(cenote_arena_mark(arena, &here), CENOTE_OK);
    const std::size_t live = arena.stats().live_bytes;
    void* const second = cenote_arena_allocate_with(arena, 100, 16, CENOTE_ZERO);
    EXPECT_EQ(static_cast<char*>(second)[99], 0);
    EXPECT_EQ(cenote_arena_rewind(arena, &here), CENOTE_OK);
    EXPECT_EQ(arena.stats().live_bytes, live);
    EXPECT_EQ(cenote_arena_allocate(arena, 100, 16), second);
    const std::size_t reserved = arena.stats().reserved_bytes;
    EXPECT_EQ(cenote_arena_reset(arena), CENOTE_OK);
    EXPECT_EQ(arena.stats().live_bytes, 0u);
    EXPECT_EQ(arena.stats().reserved_bytes, reserved);
    EXPECT_EQ(cenote_arena_allocate(arena, 100, 16), first);
    EXPECT_EQ(cenote_arena_reset(arena), CENOTE_OK);
    EXPECT_GT(cenote_arena_trim(arena), 0u);
    EXPECT_EQ(arena.stats().reserved_bytes, 0u);
}

TEST(c_arena, wrong_marks_and_frees_have_codes_and_change_nothing) {
    const misuse_watch watch;
    const arena_of arena;
    const arena_of other;
    char elsewhere[10];
    (void)cenote_arena_allocate(arena, 50, 16);
    (void)cenote_arena_allocate(other, 50, 16);
    cenote_mark early;
    cenote_mark late;
    ASSERT_EQ(cenote_arena_mark(arena, &early), CENOTE_OK);
    (void)cenote_arena_allocate(arena, 50, 16);
    ASSERT_EQ(cenote_arena_mark(arena, &late), CENOTE_OK);
    EXPECT_EQ(cenote_arena_rewind(other, &early), CENOTE_BAD_MARK);
    EXPECT_EQ(cenote_arena_rewind(arena, &early), CENOTE_OK);
    EXPECT_EQ(cenote_arena_rewind(arena, &late), CENOTE_BAD_MARK);
    void* const last = cenote_arena_allocate(arena, 50, 16);
    const std::size_t live = arena.stats().live_bytes;
    EXPECT_EQ(cenote_arena_free(arena, elsewhere, 10), CENOTE_FOREIGN_POINTER);
    EXPECT_EQ(arena.stats().live_bytes, live);
    EXPECT_EQ(cenote_arena_free(arena, last, 50), CENOTE_OK);
    EXPECT_LT(arena.stats().live_bytes, live);
    EXPECT_NE(cenote_arena_free(arena, last, 50), CENOTE_OK);
    EXPECT_EQ(cenote_arena_free(arena, nullptr, 50), CENOTE_OK);
    EXPECT_EQ(watch.count(), 0u);
}

TEST(c_arena, every_wrong_free_has_a_code_and_changes_nothing) {
    const misuse_watch watch;
    const arena_of arena;
    auto* const a = static_cast<char*>(cenote_arena_allocate(arena, 64, 16));
    auto* const b = static_cast<char*>(cenote_arena_allocate(arena, 64, 16));
    auto* const c = static_cast<char*>(cenote_arena_allocate(arena, 64, 16));
    const std::size_t live = arena.stats().live_bytes;
    EXPECT_EQ(cenote_arena_free(arena, b + 16, 48), CENOTE_INTERIOR_POINTER);
    EXPECT_EQ(cenote_arena_free(arena, b, 128), CENOTE_WRONG_SIZE); // b and c: all to the end
    EXPECT_EQ(cenote_arena_free(arena, a, 192), CENOTE_WRONG_SIZE);
    EXPECT_EQ(cenote_arena_free(arena, c + 64, 16), CENOTE_DOUBLE_FREE); // past the end: nothing is there
    EXPECT_EQ(cenote_arena_free(arena, a, 64), CENOTE_OK);
    EXPECT_EQ(cenote_arena_free(arena, a, 64), CENOTE_DOUBLE_FREE);
    const cenote_allocator face = cenote_arena_allocator(arena);
    EXPECT_EQ(cenote_reallocate(&face, a, 64, 32, 16, CENOTE_NONE), nullptr);
    EXPECT_EQ(cenote_reallocate(&face, b, 128, 32, 16, CENOTE_NONE), nullptr);
    EXPECT_EQ(arena.stats().live_bytes, live);
    EXPECT_EQ(cenote_reallocate(&face, b, 64, 32, 16, CENOTE_NONE), b);
    EXPECT_EQ(cenote_arena_free(arena, b, 64), CENOTE_WRONG_SIZE);
    EXPECT_EQ(cenote_arena_free(arena, c, 64), CENOTE_OK);
    EXPECT_EQ(cenote_arena_free(arena, b, 32), CENOTE_OK);
    EXPECT_EQ(watch.count(), 0u);
}

TEST(c_arena, a_mark_is_not_given_back_with_a_block) {
    const arena_of arena;
    auto* const first = static_cast<char*>(cenote_arena_allocate(arena, 16, 16));
    cenote_mark here;
    ASSERT_EQ(cenote_arena_mark(arena, &here), CENOTE_OK);
    auto* const second = static_cast<char*>(cenote_arena_allocate(arena, 16, 16));
    const auto both = static_cast<std::size_t>(second + 16 - first);
    const cenote_allocator face = cenote_arena_allocator(arena);
    EXPECT_EQ(cenote_arena_free(arena, first, both), CENOTE_WRONG_SIZE);
    EXPECT_EQ(cenote_reallocate(&face, first, both, 8, 16, CENOTE_NONE), nullptr);
    void* const third = cenote_arena_allocate(arena, 4000, 16);
    ASSERT_NE(third, nullptr);
    std::memset(third, 0xff, 4000);
    EXPECT_EQ(cenote_arena_rewind(arena, &here), CENOTE_OK);
    EXPECT_EQ(cenote_arena_free(arena, first, 16), CENOTE_OK);
}

TEST(c_arena, stands_in_a_buffer_and_takes_no_more) {
    std::vector<char> buffer(5000);
    cenote_arena_options wanted = defaults();
    wanted.memory.buffer = buffer.data() + 1;
    wanted.memory.buffer_bytes = buffer.size() - 1;
    const arena_of arena(wanted);
    std::size_t taken = 0;
    while (auto* const block = static_cast<char*>(cenote_arena_allocate(arena, 100, 1))) {
        EXPECT_TRUE(block > buffer.data() && block + 100 <= buffer.data() + buffer.size());
        taken += 100;
    }
    EXPECT_GT(taken, 3000u);
    EXPECT_EQ(arena.stats().reserved_bytes, 0u);
    char another[50];
    wanted.memory.buffer = another;
    wanted.memory.buffer_bytes = sizeof another;
    cenote_arena* none = nullptr;
    EXPECT_EQ(cenote_arena_create(&wanted, &none), CENOTE_NO_MEMORY);
    EXPECT_EQ(none, nullptr);
    for (std::size_t bytes = 1; bytes < 600; ++bytes) { // wherever its end is
        wanted.memory.buffer = buffer.data() + 1;
        wanted.memory.buffer_bytes = bytes;
        const cenote_status status = cenote_arena_create(&wanted, &none);
        EXPECT_EQ(status == CENOTE_OK, none != nullptr) << bytes;
        EXPECT_EQ(cenote_arena_destroy(none), CENOTE_OK);
    }
}

TEST(c_arena, reallocates_only_what_is_as_it_is_said) {
    for (const int unchecked : {0, 1}) {
        cenote_arena_options wanted = defaults();
        wanted.unchecked = unchecked;
        const arena_of arena(wanted);
        const cenote_allocator face = cenote_arena_allocator(arena);
        misuse_watch watch;
        void* const block = cenote_allocate(&face, 64, 16, CENOTE_NONE);
        std::memset(block, 7, 64);
        if (unchecked == 0) {
            EXPECT_EQ(cenote_reallocate(&face, block, 5000, 6000, 16, CENOTE_NONE), nullptr);
        }
        EXPECT_EQ(watch.count(), 0u);
        auto* const moved = static_cast<char*>(cenote_reallocate(&face, block, 64, 6000, 16, CENOTE_NONE));
        ASSERT_NE(moved, nullptr);
        EXPECT_EQ(moved[63], 7);
    }
}

TEST(c_arena, asks_the_handler_when_its_maximum_is_reached) {
    unsigned calls = 0;
    cenote_arena_options wanted = defaults();
    wanted.maximum_bytes = 128 << 10;
    wanted.exhaustion.context = &calls;
    wanted.exhaustion.retries = 2;
    wanted.exhaustion.handler = [](void* context, const char*, std::size_t) {
        ++*static_cast<unsigned*>(context);
        return 1;
    };
    const arena_of arena(wanted);
    EXPECT_EQ(cenote_arena_allocate(arena, 1 << 20, 16), nullptr);
    EXPECT_EQ(calls, 2u);
    EXPECT_NE(cenote_arena_allocate(arena, 1000, 16), nullptr);
}

TEST(c_arena, refuses_bad_options_and_null) {
    const auto refused = [](void (*spoil)(cenote_arena_options&), const char* reason) {
        cenote_arena_options options = defaults();
        spoil(options);
        auto* arena = reinterpret_cast<cenote_arena*>(&options);
        EXPECT_EQ(cenote_arena_create(&options, &arena), CENOTE_BAD_OPTIONS) << reason;
        EXPECT_EQ(arena, nullptr);
        ASSERT_NE(cenote_arena_flaw(&options), nullptr) << reason;
        EXPECT_NE(std::string(cenote_arena_flaw(&options)).find(reason), std::string::npos)
            << cenote_arena_flaw(&options);
    };
    refused([](auto& o) { o.struct_size = 0; }, "CENOTE_ARENA_OPTIONS_INIT");
    refused([](auto& o) { o.chunk_size = 0; }, "chunk_size is 0");
    refused([](auto& o) { o.chunk_size = SIZE_MAX; }, "chunk_size");
    refused([](auto& o) { o.memory.buffer_bytes = 9; }, "without a buffer");
    EXPECT_NE(cenote_arena_flaw(nullptr), nullptr);
    const cenote_arena_options fine = defaults();
    EXPECT_EQ(cenote_arena_create(&fine, nullptr), CENOTE_BAD_ARGUMENT);

    const arena_of arena;
    cenote_mark mark;
    cenote_stats stats = CENOTE_STATS_INIT;
    EXPECT_EQ(cenote_arena_allocate(nullptr, 1, 1), nullptr);
    EXPECT_EQ(cenote_arena_free(nullptr, &mark, 1), CENOTE_BAD_ARGUMENT);
    EXPECT_EQ(cenote_arena_mark(nullptr, &mark), CENOTE_BAD_ARGUMENT);
    EXPECT_EQ(cenote_arena_mark(arena, nullptr), CENOTE_BAD_ARGUMENT);
    EXPECT_EQ(cenote_arena_rewind(nullptr, &mark), CENOTE_BAD_ARGUMENT);
    EXPECT_EQ(cenote_arena_rewind(arena, nullptr), CENOTE_BAD_ARGUMENT);
    EXPECT_EQ(cenote_arena_reset(nullptr), CENOTE_BAD_ARGUMENT);
    EXPECT_EQ(cenote_arena_trim(nullptr), 0u);
    EXPECT_EQ(cenote_arena_owns(nullptr, &mark), 0);
    EXPECT_EQ(cenote_arena_stats(nullptr, &stats), CENOTE_BAD_ARGUMENT);
    EXPECT_EQ(cenote_arena_stats(arena, nullptr), CENOTE_BAD_ARGUMENT);
    EXPECT_EQ(cenote_arena_allocator(nullptr).allocate, nullptr);
    EXPECT_EQ(cenote_arena_destroy(nullptr), CENOTE_OK);
}

} // namespace
