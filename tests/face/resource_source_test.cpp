// cenote: SPDX-License-Identifier: MIT
//
// An allocator as a source. Every kind of child with every kind of parent: parents_test.cpp.
#include <cenote/face/direct_resource.hpp>
#include <cenote/face/resource.hpp>
#include <cenote/face/resource_source.hpp>
#include <cenote/pool/arena.hpp>
#include <cenote/pool/fixed_pool.hpp>
#include <cenote/pool/multi_pool.hpp>
#include <cenote/pool/variable_pool.hpp>

#include <cstring>
#include <functional>
#include <gtest/gtest.h>
#include <vector>

namespace {

using namespace cenote;

/// Allocates, writes, looks and frees through an allocator, what it can serve.
void use(memory_resource& face, std::size_t size) {
    std::vector<void*> live;
    for (int i = 0; i < 300; ++i) {
        live.push_back(face.allocate(size, 16, memory_options::none));
        std::memset(live.back(), i, size);
    }
    for (int i = 0; i < 300; ++i) {
        const auto* const bytes = static_cast<const unsigned char*>(live[static_cast<std::size_t>(i)]);
        EXPECT_EQ(bytes[0], static_cast<unsigned char>(i));
        EXPECT_EQ(bytes[size - 1], static_cast<unsigned char>(i));
    }
    for (void* const block : live) face.deallocate(block, size, 16);
    EXPECT_EQ(face.stats().live_bytes, 0u);
}

// Frees of an arena wait for its reset, so it is not asked to be as before.
TEST(resource_source, arenas_are_parents_and_children) {
    arena outer;
    resource face(outer);
    {
        pool_resource<multi_pool> child(face);
        use(child, 96);
        pool_resource<arena> inner(child, {.chunk_size = 4096});
        void* const block = inner.allocate(100, 64, memory_options::zero);
        EXPECT_EQ(static_cast<char*>(block)[99], 0);
        EXPECT_EQ(inner.reallocate(block, 100, 200, 64), block); // the last one grows in place
        void* const next = inner.try_allocate(10);
        EXPECT_EQ(inner.reallocate(block, 200, 50, 64), block);
        EXPECT_NE(inner.reallocate(block, 50, 300, 64), block);
        EXPECT_NE(next, nullptr);
        EXPECT_TRUE(inner.reset());
        EXPECT_EQ(inner.stats().live_bytes, 0u);
    }
    EXPECT_TRUE(face.reset());
    EXPECT_EQ(outer.stats().live_bytes, 0u);
}

TEST(resource_source, reallocation_takes_a_free_neighbour_of_a_variable_pool) {
    variable_pool variable;
    resource face(variable);
    void* const block = face.try_allocate(100);
    EXPECT_EQ(face.try_reallocate(block, 100, 1000), block);
    face.deallocate(block, 1000, 16);
    EXPECT_EQ(variable.stats().live, 0u);
}

// Everything goes back when a scope ends, also what nobody freed.
TEST(resource_source, a_scope_gives_everything_back) {
    multi_pool pool;
    resource parent(pool, {.name = "parent", .stats = true});
    {
        pool_resource<arena> scratch(parent, {.chunk_size = 1000});
        for (int i = 0; i < 100; ++i) (void)scratch.allocate(100, 16, memory_options::none);
        EXPECT_GT(pool.stats().live_bytes, 10'000u);
    }
    EXPECT_EQ(pool.stats().live, 0u);
    EXPECT_EQ(parent.stats().calls->allocations, parent.stats().calls->deallocations);
}

TEST(resource_source, any_std_pmr_resource_is_a_source) {
    std::pmr::monotonic_buffer_resource upstream;
    resource_source from(upstream);
    fixed_pool pool({.block_size = 64, .source = &from});
    void* const block = pool.allocate();
    EXPECT_TRUE(pool.is_live(block));
    pool.deallocate(block);
}

TEST(resource_source, refusals_of_the_parent_reach_the_child_as_its_own) {
    resource_source nothing(*std::pmr::null_memory_resource());
    fixed_pool empty({.block_size = 64, .source = &nothing});
    EXPECT_EQ(empty.try_allocate(), nullptr);

    struct throwing final : std::pmr::memory_resource {
        void* do_allocate(std::size_t, std::size_t) override { throw std::bad_alloc(); }
        void do_deallocate(void*, std::size_t, std::size_t) override {}
        bool do_is_equal(const std::pmr::memory_resource&) const noexcept override { return false; }
    } upstream;
    resource_source from(upstream);
    fixed_pool pool({.block_size = 64, .source = &from, .name = "child"});
    EXPECT_EQ(pool.try_allocate(), nullptr);
    EXPECT_THROW((void)pool.allocate(), out_of_memory);

    multi_pool parent_pool({.maximum_bytes = 256 << 10, .name = "parent"});
    resource parent(parent_pool, {.name = "parent", .stats = true, .then = when_exhausted::null});
    pool_resource<multi_pool> child(parent, {.name = "child"});
    std::vector<void*> live;
    while (void* const block = child.try_allocate(1000)) live.push_back(block);
    EXPECT_GT(live.size(), 10u);
    EXPECT_GT(parent.stats().calls->failures, 0u);
    EXPECT_TRUE(child.pool().is_valid());
    EXPECT_TRUE(parent_pool.is_valid());
    for (void* const block : live) child.deallocate(block, 1000, 16);
}

} // namespace
