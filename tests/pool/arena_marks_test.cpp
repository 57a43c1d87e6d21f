// cenote: SPDX-License-Identifier: MIT
//
// Marks, scopes and destructors of an arena.
#include <cenote/pool/arena.hpp>

#include "support/misuse_watch.hpp"
#include "support/test_sources.hpp"

#include <array>
#include <cstdint>
#include <cstring>
#include <gtest/gtest.h>
#include <optional>
#include <stdexcept>
#include <vector>

namespace {

using namespace cenote;

std::vector<int>& gone() {
    static std::vector<int> numbers;
    return numbers;
}

struct noted {
    explicit noted(int of) : number(of) {
        if (of < 0) throw std::runtime_error("no such number");
    }
    noted(const noted&) = delete;
    noted& operator=(const noted&) = delete;
    ~noted() { gone().push_back(number); }
    int number;
};

TEST(arena_marks, a_rewind_frees_what_came_after_the_mark) {
    arena scratch({.chunk_size = 1024});
    auto* const before = static_cast<char*>(scratch.allocate(100));
    std::memset(before, 1, 100);
    const arena_mark here = scratch.mark();
    const std::size_t live = scratch.stats().live_bytes;
    void* const first = scratch.allocate(64);
    for (int i = 0; i < 100; ++i) (void)scratch.allocate(100, 64);
    scratch.rewind(here);
    EXPECT_EQ(scratch.stats().live_bytes, live);
    EXPECT_EQ(scratch.allocate(64), first);
    scratch.rewind(here); // serves again
    EXPECT_EQ(scratch.stats().live_bytes, live);
    EXPECT_EQ(before[99], 1);
    EXPECT_TRUE(scratch.is_valid());
}

TEST(arena_marks, a_mark_of_the_empty_arena_is_the_beginning) {
    arena scratch;
    const arena_mark unopened = scratch.mark();
    EXPECT_EQ(scratch.stats().reserved_bytes, 0u);
    void* const first = scratch.allocate(10);
    scratch.rewind(unopened);
    EXPECT_EQ(scratch.stats().live_bytes, 0u);
    const arena_mark empty = scratch.mark();
    EXPECT_EQ(scratch.allocate(10), first);
    scratch.reset();
    EXPECT_EQ(scratch.allocate(10), first);
    scratch.rewind(empty);
    EXPECT_EQ(scratch.stats().live_bytes, 0u);
}

TEST(arena_marks, marks_without_an_allocation_between_them_are_one) {
    arena scratch({.sanitizers = false});
    (void)scratch.allocate(10);
    const arena_mark first = scratch.mark();
    const std::size_t live = scratch.stats().live_bytes;
    for (int i = 0; i < 1000; ++i) {
        const arena_mark again = scratch.mark();
        (void)scratch.allocate(10);
        scratch.rewind(again);
    }
    EXPECT_EQ(scratch.stats().live_bytes, live);
    scratch.rewind(first);
    EXPECT_EQ(scratch.stats().live_bytes, live);
}

TEST(arena_marks, a_mark_that_was_rewound_past_is_reported_and_changes_nothing) {
    test::misuse_watch misuses;
    arena scratch({.chunk_size = 512, .name = "scratch"});
    (void)scratch.allocate(10);
    const arena_mark outer = scratch.mark();
    (void)scratch.allocate(10);
    const arena_mark inner = scratch.mark();
    (void)scratch.allocate(1000);
    scratch.rewind(outer);
    for (int round = 0; round < 3; ++round) { // also when other things stand where it stood
        const std::size_t live = scratch.stats().live_bytes;
        scratch.rewind(inner);
        ASSERT_EQ(misuses.count(), 1u) << round;
        EXPECT_EQ(misuses.seen()[0].kind, misuse::bad_mark);
        EXPECT_STREQ(misuses.seen()[0].pool, "scratch");
        EXPECT_EQ(scratch.stats().live_bytes, live);
        misuses.clear();
        (void)scratch.allocate(10);
        (void)scratch.mark(); // the same place as `inner` in the first round
        (void)scratch.allocate(1000);
    }
    scratch.reset();
    scratch.rewind(outer);
    EXPECT_EQ(misuses.count(), 1u);
    EXPECT_TRUE(scratch.is_valid());
}

TEST(arena_marks, a_mark_of_another_arena_is_reported_and_changes_nothing) {
    test::misuse_watch misuses;
    arena one;
    arena two;
    (void)one.allocate(10);
    (void)two.allocate(10);
    const arena_mark there = two.mark();
    const std::size_t live = one.stats().live_bytes;
    one.rewind(there);
    one.rewind(arena_mark());
    const arena empty;
    ASSERT_EQ(misuses.count(), 2u);
    EXPECT_EQ(misuses.seen()[1].kind, misuse::bad_mark);
    EXPECT_EQ(one.stats().live_bytes, live);
    two.rewind(there);
    EXPECT_EQ(misuses.count(), 2u);
}

TEST(arena_marks, scopes_nest) {
    arena scratch({.chunk_size = 512});
    (void)scratch.allocate(10);
    std::vector<std::size_t> levels;
    {
        const arena::scope outer(scratch);
        levels.push_back(scratch.stats().live_bytes);
        for (int i = 0; i < 50; ++i) {
            const arena::scope inner(scratch);
            (void)scratch.allocate(300);
            const arena::scope innermost(scratch);
            (void)scratch.allocate(300);
        }
        levels.push_back(scratch.stats().live_bytes);
    }
    EXPECT_EQ(levels[0], levels[1]);
    EXPECT_EQ(scratch.stats().live_bytes, levels[0]);
    EXPECT_LE(scratch.stats().reserved_bytes, default_source().granularity() * 3);
    EXPECT_TRUE(scratch.is_valid());
}

TEST(arena_marks, freeing_the_last_allocation_stops_at_a_mark) {
    arena scratch({.sanitizers = false});
    void* const a = scratch.allocate(16);
    const arena_mark here = scratch.mark();
    const std::size_t live = scratch.stats().live_bytes;
    scratch.deallocate(a, 16);
    EXPECT_EQ(scratch.stats().live_bytes, live);
    scratch.rewind(here);
    EXPECT_EQ(scratch.stats().live_bytes, live);
}

// Also where they would be given back only in part, or not at all but erased.
TEST(arena_marks, no_size_given_back_takes_marks_or_notes_with_it) {
    test::misuse_watch misuses;
    arena scratch({.chunk_size = 1024, .checks = true, .erase_on_free = true});
    const auto expect_wrong = [&](const void* block) {
        ASSERT_EQ(misuses.count(), 1u);
        EXPECT_EQ(misuses.seen()[0].kind, misuse::wrong_size);
        EXPECT_EQ(misuses.seen()[0].pointer, block);
        EXPECT_TRUE(scratch.is_valid());
        misuses.clear();
    };
    auto* const first = static_cast<std::byte*>(scratch.allocate(16));
    const arena_mark here = scratch.mark();
    auto* const second = static_cast<std::byte*>(scratch.allocate(16));
    (void)scratch.make<noted>(1);
    auto* const third = static_cast<std::byte*>(scratch.allocate(16));
    auto* const end = third + 16;
    const auto free_too_much = [&] {
        const std::size_t live = scratch.stats().live_bytes;
        for (std::byte* const block : {first, second}) {
            const auto to_the_end = static_cast<std::size_t>(end - block);
            scratch.deallocate(block, to_the_end);
            expect_wrong(block);
            scratch.deallocate(block, to_the_end - 16);
            expect_wrong(block);
            EXPECT_EQ(scratch.reallocate(block, to_the_end, 8), block);
            expect_wrong(block);
        }
        EXPECT_EQ(scratch.stats().live_bytes, live);
    };
    free_too_much();
    const auto from_first = static_cast<std::size_t>(end - first);
    EXPECT_FALSE(scratch.try_extend(first, from_first, 8));
    expect_wrong(first);
    EXPECT_FALSE(scratch.try_extend(first, from_first, from_first + 16));
    expect_wrong(first);
    (void)scratch.allocate(2000); // in another chunk
    (void)scratch.make<noted>(2);
    free_too_much();
    gone().clear();
    scratch.rewind(here);
    EXPECT_EQ(gone(), (std::vector<int>{2, 1}));
    scratch.deallocate(first, 16);
    EXPECT_EQ(misuses.count(), 0u);
}

TEST(arena_marks, objects_with_destructors_are_not_freed_as_blocks) {
    test::misuse_watch misuses;
    arena scratch({.checks = true});
    auto* const below = static_cast<std::byte*>(scratch.allocate(16));
    auto* const object = reinterpret_cast<std::byte*>(scratch.make<noted>(1));
    auto* const plain = scratch.make<std::uint64_t>(7u);
    const auto to_the_end = static_cast<std::size_t>(reinterpret_cast<std::byte*>(plain) - object);
    gone().clear();
    for (std::size_t size = 1; size <= to_the_end; ++size) {
        scratch.deallocate(object, size);
        ASSERT_EQ(misuses.count(), 1u) << size;
        EXPECT_EQ(misuses.seen()[0].kind, misuse::interior_pointer);
        scratch.deallocate(below, 16 + size);
        ASSERT_EQ(misuses.count(), 2u) << size;
        EXPECT_EQ(misuses.seen()[1].kind, misuse::wrong_size);
        misuses.clear();
    }
    scratch.deallocate(plain, sizeof *plain); // has none
    scratch.deallocate(below, 16);
    EXPECT_EQ(misuses.count(), 0u);
    scratch.reset();
    EXPECT_EQ(gone(), (std::vector<int>{1}));
}

TEST(arena_marks, a_mark_that_cannot_be_stored_throws_and_changes_nothing) {
    std::array<std::byte, 32> bytes{};
    arena scratch({.maximum_bytes = 0, .buffer = bytes.data(), .buffer_bytes = bytes.size()});
    (void)scratch.allocate(10, 1);
    EXPECT_THROW((void)scratch.mark(), out_of_memory);
    EXPECT_THROW(const arena::scope never(scratch), out_of_memory);
    EXPECT_EQ(scratch.stats().live_bytes, 10u);
    EXPECT_TRUE(scratch.is_valid());
}

TEST(arena_destructors, run_at_reset_the_last_made_first) {
    arena scratch({.chunk_size = 256});
    gone().clear();
    for (int i = 0; i < 20; ++i) {
        EXPECT_EQ(scratch.make<noted>(i)->number, i);
        (void)scratch.allocate(50);
    }
    EXPECT_TRUE(scratch.is_valid());
    scratch.reset();
    ASSERT_EQ(gone().size(), 20u);
    for (int i = 0; i < 20; ++i) EXPECT_EQ(gone()[static_cast<std::size_t>(i)], 19 - i);
    scratch.reset();
    EXPECT_EQ(gone().size(), 20u);
}

TEST(arena_destructors, run_at_a_rewind_for_what_came_after_the_mark) {
    gone().clear();
    {
        arena scratch;
        (void)scratch.make<noted>(1);
        const arena_mark here = scratch.mark();
        (void)scratch.make<noted>(2);
        (void)scratch.make<noted>(3);
        scratch.rewind(here);
        EXPECT_EQ(gone(), (std::vector<int>{3, 2}));
        (void)scratch.try_make<noted>(4);
    }
    EXPECT_EQ(gone(), (std::vector<int>{3, 2, 4, 1})); // and at the end of the arena
}

TEST(arena_destructors, cost_nothing_where_there_are_none) {
    arena scratch({.sanitizers = false});
    struct plain {
        std::uint64_t a = 1;
        std::uint64_t b = 2;
    };
    EXPECT_EQ(scratch.make<plain>()->b, 2u);
    EXPECT_EQ(scratch.stats().live_bytes, sizeof(plain));
    (void)scratch.make<noted>(1);
    EXPECT_GT(scratch.stats().live_bytes, sizeof(plain) + sizeof(noted));
}

TEST(arena_destructors, of_a_constructor_that_throws_do_not_run_and_its_bytes_are_free_again) {
    gone().clear();
    arena scratch;
    (void)scratch.make<noted>(1);
    const std::size_t live = scratch.stats().live_bytes;
    EXPECT_THROW((void)scratch.make<noted>(-1), std::runtime_error);
    EXPECT_THROW((void)scratch.try_make<noted>(-1), std::runtime_error);
    EXPECT_EQ(scratch.stats().live_bytes, live);
    scratch.reset();
    EXPECT_EQ(gone(), std::vector<int>{1});
}

TEST(arena_destructors, do_not_run_for_an_object_that_found_no_memory) {
    std::array<std::byte, 16> bytes{};
    arena scratch({.maximum_bytes = 0, .buffer = bytes.data(), .buffer_bytes = bytes.size()});
    EXPECT_EQ(scratch.try_make<noted>(1), nullptr);
    EXPECT_THROW((void)scratch.make<noted>(1), out_of_memory);
    scratch.reset();
    EXPECT_TRUE(scratch.is_valid());
}

TEST(arena_destructors, over_aligned_objects_stand_where_they_must) {
    struct alignas(256) wide {
        explicit wide(int of) : tail(of) {}
        noted tail;
    };
    gone().clear();
    arena scratch({.chunk_size = 300});
    for (int i = 0; i < 10; ++i) {
        const wide* const made = scratch.make<wide>(i);
        EXPECT_EQ(reinterpret_cast<std::uintptr_t>(made) % 256, 0u);
    }
    scratch.reset();
    EXPECT_EQ(gone().size(), 10u);
}

// Allocates while everything is freed, and makes another object to be destructed.
struct busy {
    arena* home;
    int left;
    ~busy() {
        gone().push_back(left);
        (void)home->allocate(100);
        if (left != 0) (void)home->make<busy>(home, left - 1);
    }
};

TEST(arena_destructors, may_use_the_arena) {
    gone().clear();
    arena scratch({.chunk_size = 256});
    (void)scratch.allocate(10);
    const arena_mark here = scratch.mark();
    const std::size_t live = scratch.stats().live_bytes;
    (void)scratch.make<busy>(&scratch, 5);
    scratch.rewind(here);
    EXPECT_EQ(gone(), (std::vector<int>{5, 4, 3, 2, 1, 0}));
    EXPECT_EQ(scratch.stats().live_bytes, live);
    EXPECT_TRUE(scratch.is_valid());
}

struct resetting {
    arena* home;
    std::optional<arena_mark> to;
    ~resetting() {
        home->reset();
        if (to) home->rewind(*to);
    }
};

TEST(arena_destructors, that_reset_or_rewind_are_reported) {
    test::misuse_watch misuses;
    arena scratch;
    (void)scratch.allocate(10);
    const arena_mark here = scratch.mark();
    (void)scratch.make<resetting>(&scratch, here);
    scratch.reset();
    ASSERT_EQ(misuses.count(), 2u);
    EXPECT_EQ(misuses.seen()[0].kind, misuse::not_quiet);
    EXPECT_EQ(misuses.seen()[1].kind, misuse::not_quiet);
    EXPECT_EQ(scratch.stats().live_bytes, 0u);
    EXPECT_TRUE(scratch.is_valid());
}

} // namespace
