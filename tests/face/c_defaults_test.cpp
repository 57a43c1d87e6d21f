// cenote: SPDX-License-Identifier: MIT
//
// The process's and the threads' default allocators, which C and C++ share.
#include <cenote/cenote.h>
#include <cenote/face/default_resource.hpp>
#include <cenote/face/direct_resource.hpp>
#include <cenote/face/resource.hpp>
#include <cenote/pool/multi_pool.hpp>
#include <cenote/pool/variable_pool.hpp>

#include "face/counted_allocator.hpp"
#include "support/misuse_watch.hpp"

#include <gtest/gtest.h>
#include <thread>
#include <vector>

namespace {

using cenote::test::counted;
using cenote::test::misuse_watch;

TEST(c_defaults, defaults_are_those_of_cpp) {
    counted of_process;
    counted of_thread;
    const cenote_allocator process = of_process.face();
    const cenote_allocator thread = of_thread.face();
    EXPECT_EQ(cenote_default_allocator().context, &cenote::heap_resource());
    cenote_set_process_allocator(&process);
    cenote_set_thread_allocator(&thread);
    {
        cenote::memory_resource& mine = cenote::default_resource();
        void* const block = mine.allocate(100, 16, cenote::memory_options::zero);
        EXPECT_EQ(of_thread.live, 100u);
        EXPECT_EQ(static_cast<char*>(block)[99], 0);
        void* const moved = mine.reallocate(block, 100, 200);
        EXPECT_EQ(of_thread.live, 200u);
        mine.deallocate(moved, 200, 16);
        EXPECT_EQ(of_thread.live, 0u);
        EXPECT_EQ(mine.stats().live_bytes, 0u);
        std::thread([&of_process] {
            const cenote_allocator theirs = cenote_default_allocator();
            void* const other = cenote_allocate(&theirs, 50, 16, CENOTE_NONE);
            EXPECT_EQ(of_process.live, 50u);
            EXPECT_EQ(cenote_deallocate(&theirs, other, 50, 16), CENOTE_OK);
        }).join();
    }
    const cenote_allocator kept = cenote_default_allocator();
    EXPECT_EQ(kept.context, thread.context);
    cenote_set_thread_allocator(&process);
    EXPECT_EQ(cenote_default_allocator().context, process.context);
    void* const block = cenote_allocate(&kept, 70, 16, CENOTE_NONE);
    EXPECT_EQ(of_thread.live, 70u) << "what was kept is not what was set since";
    EXPECT_EQ(cenote_deallocate(&kept, block, 70, 16), CENOTE_OK);
    cenote_set_thread_allocator(&kept);
    EXPECT_EQ(cenote_default_allocator().context, thread.context);
    cenote_set_thread_allocator(nullptr);
    cenote_set_process_allocator(nullptr);
    EXPECT_EQ(cenote_default_allocator().context, &cenote::heap_resource());
}

TEST(c_defaults, what_a_default_of_c_refuses_is_told_to_cpp) {
    using namespace cenote;
    misuse_watch misuses;
    cenote_fixed_options wanted = CENOTE_FIXED_OPTIONS_INIT;
    wanted.block_size = 64;
    cenote_fixed* pool = nullptr;
    ASSERT_EQ(cenote_fixed_create(&wanted, &pool), CENOTE_OK);
    const cenote_allocator blocks = cenote_fixed_allocator(pool);
    ASSERT_EQ(cenote_set_thread_allocator(&blocks), CENOTE_OK);
    memory_resource& face = default_resource();
    void* const block = face.try_allocate(64);
    ASSERT_NE(block, nullptr);
    const auto expect = [&](cenote::misuse kind) {
        ASSERT_EQ(misuses.count(), 1u);
        EXPECT_EQ(misuses.seen()[0].kind, kind);
        EXPECT_EQ(misuses.seen()[0].pointer, block);
        misuses.clear();
    };
    face.deallocate(block, 65);
    expect(misuse::wrong_size);
    face.deallocate(block, 64);
    EXPECT_EQ(misuses.count(), 0u);
    face.deallocate(block, 64);
    expect(misuse::double_free);
    // A code that is not one of pointers, of an allocator somebody else wrote.
    cenote_allocator odd = blocks;
    odd.deallocate = [](void*, void*, std::size_t, std::size_t) { return CENOTE_BAD_ARGUMENT; };
    ASSERT_EQ(cenote_set_thread_allocator(&odd), CENOTE_OK);
    default_resource().deallocate(block, 64);
    expect(misuse::foreign_pointer);
    ASSERT_EQ(cenote_set_thread_allocator(nullptr), CENOTE_OK);
    cenote_fixed_destroy(pool);
}

TEST(c_defaults, a_resource_of_cpp_answers_wrong_reallocations_with_null) {
    using namespace cenote;
    misuse_watch misuses;
    variable_pool sizes;
    resource face(sizes);
    const use_by_default here(face);
    const cenote_allocator mine = cenote_default_allocator();
    void* const block = cenote_allocate(&mine, 100, 16, CENOTE_NONE);
    EXPECT_EQ(cenote_deallocate(&mine, block, 100, 16), CENOTE_OK);
    EXPECT_EQ(cenote_reallocate(&mine, block, 100, 50, 16, CENOTE_NONE), nullptr);
    EXPECT_EQ(cenote_deallocate(&mine, block, 100, 16), CENOTE_DOUBLE_FREE);
    EXPECT_EQ(misuses.count(), 0u);
}

// A pool without checks finds it when the block that was moved away from fills its magazine.
TEST(c_defaults, what_a_reallocation_finds_of_earlier_frees_is_told) {
    using namespace cenote;
    misuse_watch misuses;
    multi_pool sizes({.sanitizers = false});
    resource face(sizes);
    const use_by_default here(face);
    const cenote_allocator mine = cenote_default_allocator();
    void* const twice = cenote_allocate(&mine, 64, 16, CENOTE_NONE);
    std::vector<void*> blocks(5'000);
    for (void*& one : blocks) one = cenote_allocate(&mine, 64, 16, CENOTE_NONE);
    sizes.deallocate(twice);
    sizes.deallocate(twice);
    for (void*& one : blocks) {
        one = cenote_reallocate(&mine, one, 64, 500, 16, CENOTE_NONE);
        ASSERT_NE(one, nullptr);
    }
    ASSERT_EQ(misuses.count(), 1u);
    EXPECT_EQ(misuses.seen()[0].kind, misuse::double_free);
    EXPECT_EQ(misuses.seen()[0].pointer, twice);
    for (void* const one : blocks) EXPECT_EQ(cenote_deallocate(&mine, one, 500, 16), CENOTE_OK);
}

TEST(c_defaults, what_draws_from_a_default_goes_on_when_another_is_set) {
    counted first;
    counted second;
    const cenote_allocator a = first.face();
    const cenote_allocator b = second.face();
    EXPECT_EQ(cenote_set_process_allocator(&a), CENOTE_OK);
    {
        cenote::pool_resource<cenote::multi_pool> scratch(cenote::default_resource());
        (void)scratch.allocate(100);
        EXPECT_GT(first.live, 0u);
        EXPECT_EQ(cenote_set_process_allocator(&b), CENOTE_OK);
    }
    EXPECT_EQ(first.live, 0u);
    EXPECT_EQ(second.live, 0u);
    cenote::memory_resource& of_b = cenote::default_resource();
    EXPECT_EQ(cenote_set_process_allocator(&a), CENOTE_OK);
    EXPECT_EQ(cenote_set_process_allocator(&b), CENOTE_OK);
    EXPECT_EQ(&cenote::default_resource(), &of_b) << "one that was set before is kept once";
    EXPECT_EQ(cenote_set_process_allocator(nullptr), CENOTE_OK);
}

TEST(c_defaults, a_scope_restores_the_default_that_was_when_it_began) {
    counted first;
    counted second;
    const cenote_allocator a = first.face();
    const cenote_allocator b = second.face();
    EXPECT_EQ(cenote_set_thread_allocator(&a), CENOTE_OK);
    {
        const cenote::use_by_default scope(cenote::heap_resource());
        EXPECT_EQ(cenote_set_thread_allocator(&b), CENOTE_OK);
    }
    EXPECT_EQ(cenote_default_allocator().context, &first);
    EXPECT_EQ(cenote_set_thread_allocator(nullptr), CENOTE_OK);
}

TEST(c_defaults, a_default_of_a_thread_outlives_it) {
    counted heap;
    const cenote_allocator face = heap.face();
    cenote::memory_resource* of_thread = nullptr;
    std::thread([&] {
        EXPECT_EQ(cenote_set_thread_allocator(&face), CENOTE_OK);
        of_thread = &cenote::default_resource();
    }).join();
    counted another; // takes the place, where there is one for each thread
    const cenote_allocator other = another.face();
    std::thread([&] {
        EXPECT_EQ(cenote_set_thread_allocator(&other), CENOTE_OK);
        of_thread->deallocate(of_thread->allocate(100), 100);
    }).join();
    EXPECT_EQ(heap.calls, 1u);
    EXPECT_EQ(heap.live, 0u);
    EXPECT_EQ(another.calls, 0u);
}

} // namespace
