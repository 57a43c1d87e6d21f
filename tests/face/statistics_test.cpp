// cenote: SPDX-License-Identifier: MIT
//
// Bytes live, peak and reserved, allocations and failures: of every kind of allocator, in C++ and in C, the
// same numbers for the same calls, and none below zero after a reset.
#include <cenote/cenote.h>
#include <cenote/concurrent/arena_pool.hpp>
#include <cenote/concurrent/concurrent_multi_pool.hpp>
#include <cenote/concurrent/concurrent_pool.hpp>
#include <cenote/concurrent/locked.hpp>
#include <cenote/face/default_resource.hpp>
#include <cenote/face/direct_resource.hpp>
#include <cenote/face/resource.hpp>
#include <cenote/pool/arena.hpp>
#include <cenote/pool/fixed_pool.hpp>
#include <cenote/pool/multi_pool.hpp>
#include <cenote/pool/variable_pool.hpp>

#include "support/misuse_watch.hpp"

#include <cstdint>
#include <functional>
#include <gtest/gtest.h>
#include <memory>
#include <ostream>
#include <string>
#include <vector>

namespace {

using namespace cenote;

constexpr std::size_t size = 100;
constexpr std::size_t count = 10;

struct figures {
    std::size_t live = 0;
    std::size_t peak = 0;
    std::size_t reserved = 0;
    call_counts calls;
};

class counting { // an allocator of `count` blocks of `size` at least
public:
    counting() = default;
    counting(const counting&) = delete;
    counting& operator=(const counting&) = delete;
    virtual ~counting() = default;
    virtual void* take(std::size_t bytes) = 0;
    virtual void give(void* block) = 0;
    virtual bool reset() = 0;
    virtual figures look() = 0;
};

// C++: the interface before a pool, and alone.

class by_resource : public counting {
public:
    explicit by_resource(memory_resource& face) : face_(&face) {}
    void* take(std::size_t bytes) override { return face_->try_allocate(bytes, 4); }
    void give(void* block) override { face_->deallocate(block, size, 4); }
    bool reset() override { return face_->reset(); }
    figures look() override {
        const memory_stats now = face_->stats();
        EXPECT_TRUE(now.peak_bytes && now.calls);
        return {now.live_bytes, now.peak_bytes.value_or(0), now.reserved_bytes,
                now.calls.value_or(call_counts{})};
    }

private:
    memory_resource* face_;
};

template<class Pool>
struct held { // made before what stands before it
    Pool pool;
    resource<Pool> face;
    explicit held(const typename Pool::options& wanted) : pool(wanted), face(pool, {.stats = true}) {}
};
template<class Pool>
class before : held<Pool>, public by_resource {
public:
    explicit before(const typename Pool::options& wanted)
        : held<Pool>(wanted), by_resource(held<Pool>::face) {}
};

struct lent_by_cpp {
    arena_pool arenas{{.arenas = 1, .arena_size = 256}};
    arena_pool::lease lease = arenas.acquire();
    resource<arena> face{*lease, {.stats = true}};
};
class before_a_lent_arena : lent_by_cpp, public by_resource {
public:
    before_a_lent_arena() : by_resource(lent_by_cpp::face) {}
};

struct drawn_from_a_parent {
    pool_resource<multi_pool> face{heap_resource(), {}, {.stats = true}};
};
class before_a_parent : drawn_from_a_parent, public by_resource {
public:
    before_a_parent() : by_resource(drawn_from_a_parent::face) {}
};

// C: the struct of functions.

class by_struct : public counting {
public:
    void* take(std::size_t bytes) override { return cenote_allocate(&face, bytes, 4, CENOTE_NONE); }
    void give(void* block) override { (void)cenote_deallocate(&face, block, size, 4); }
    bool reset() override { return false; }
    figures look() override {
        cenote_stats now = CENOTE_STATS_INIT;
        EXPECT_EQ(cenote_allocator_stats(&face, &now), CENOTE_OK);
        return of(now);
    }
    static figures of(const cenote_stats& now) {
        EXPECT_EQ(now.has_calls, 1);
        return {now.live_bytes,
                now.peak_bytes,
                now.reserved_bytes,
                {now.allocations, now.deallocations, now.failures}};
    }

protected:
    explicit by_struct(const cenote_allocator& it) : face(it) {}
    by_struct() = default;
    cenote_allocator face{};
};

struct c_system final : by_struct {
    explicit c_system(const cenote_allocator& it) : by_struct(it) {}
};

struct c_fixed final : by_struct {
    cenote_fixed* pool = nullptr;
    explicit c_fixed(int thread_safe) {
        cenote_fixed_options options = CENOTE_FIXED_OPTIONS_INIT;
        options.block_size = size;
        options.thread_safe = thread_safe;
        options.stats = 1;
        EXPECT_EQ(cenote_fixed_create(&options, &pool), CENOTE_OK);
        face = cenote_fixed_allocator(pool);
    }
    ~c_fixed() override { cenote_fixed_destroy(pool); }
    bool reset() override { return cenote_fixed_reset(pool) == CENOTE_OK; }
};

struct c_variable final : by_struct {
    cenote_variable* pool = nullptr;
    explicit c_variable(int thread_safe) {
        cenote_variable_options options = CENOTE_VARIABLE_OPTIONS_INIT;
        options.thread_safe = thread_safe;
        options.stats = 1;
        EXPECT_EQ(cenote_variable_create(&options, &pool), CENOTE_OK);
        face = cenote_variable_allocator(pool);
    }
    ~c_variable() override { cenote_variable_destroy(pool); }
    bool reset() override { return cenote_variable_reset(pool) == CENOTE_OK; }
};

struct c_arena : by_struct {
    cenote_arena* arena = nullptr;
    c_arena() {
        cenote_arena_options options = CENOTE_ARENA_OPTIONS_INIT;
        options.stats = 1;
        EXPECT_EQ(cenote_arena_create(&options, &arena), CENOTE_OK);
        face = cenote_arena_allocator(arena);
    }
    ~c_arena() override { EXPECT_EQ(cenote_arena_destroy(arena), CENOTE_OK); }
    bool reset() override { return cenote_arena_reset(arena) == CENOTE_OK; }
};

struct c_arena_pool : counting { // its arenas are the blocks
    cenote_arena_pool* pool = nullptr;
    explicit c_arena_pool(std::size_t arenas = count, std::size_t arena_size = size) {
        cenote_arena_pool_options options = CENOTE_ARENA_POOL_OPTIONS_INIT;
        options.arenas = arenas;
        options.arena_size = arena_size;
        options.stats = 1;
        EXPECT_EQ(cenote_arena_pool_create(&options, &pool), CENOTE_OK);
    }
    ~c_arena_pool() override { cenote_arena_pool_destroy(pool); }
    void* take(std::size_t) override {
        cenote_arena* arena = nullptr;
        (void)cenote_arena_pool_try_acquire(pool, &arena);
        return arena;
    }
    void give(void* block) override {
        (void)cenote_arena_pool_release(pool, static_cast<cenote_arena*>(block));
    }
    bool reset() override { return false; }
    figures look() override {
        cenote_stats now = CENOTE_STATS_INIT;
        EXPECT_EQ(cenote_arena_pool_stats(pool, &now), CENOTE_OK);
        EXPECT_EQ(now.live_blocks + now.free_blocks, now.blocks);
        return by_struct::of(now);
    }
};

struct c_lent_arena final : by_struct {
    c_arena_pool lender{1, 256};
    cenote_arena* arena = nullptr;
    c_lent_arena() {
        EXPECT_EQ(cenote_arena_pool_acquire(lender.pool, &arena), CENOTE_OK);
        face = cenote_arena_allocator(arena);
        (void)lender.look();
    }
    ~c_lent_arena() override { EXPECT_EQ(cenote_arena_pool_release(lender.pool, arena), CENOTE_OK); }
    bool reset() override { return cenote_arena_reset(arena) == CENOTE_OK; }
};

struct kind {
    const char* name;
    std::function<std::unique_ptr<counting>()> make;
    friend std::ostream& operator<<(std::ostream& out, const kind& one) { return out << one.name; }
};

const kind kinds[] = {
    {"fixed_pool",
     [] { return std::make_unique<before<fixed_pool>>(fixed_pool_options{.block_size = size}); }},
    {"multi_pool", [] { return std::make_unique<before<multi_pool>>(multi_pool_options{}); }},
    {"variable_pool", [] { return std::make_unique<before<variable_pool>>(variable_pool_options{}); }},
    {"arena", [] { return std::make_unique<before<arena>>(arena_options{}); }},
    {"concurrent_pool",
     [] { return std::make_unique<before<concurrent_pool>>(concurrent_pool_options{.block_size = size}); }},
    {"concurrent_multi_pool",
     [] { return std::make_unique<before<concurrent_multi_pool>>(concurrent_multi_pool::options{}); }},
    {"locked_fixed_pool",
     [] { return std::make_unique<before<locked<fixed_pool>>>(fixed_pool_options{.block_size = size}); }},
    {"locked_multi_pool", [] { return std::make_unique<before<locked<multi_pool>>>(multi_pool_options{}); }},
    {"locked_variable_pool",
     [] { return std::make_unique<before<locked<variable_pool>>>(variable_pool_options{}); }},
    {"arena_on_loan", [] { return std::make_unique<before_a_lent_arena>(); }},
    {"pool_of_a_parent", [] { return std::make_unique<before_a_parent>(); }},
    {"heap", [] { return std::make_unique<by_resource>(heap_resource()); }},
    {"pages", [] { return std::make_unique<by_resource>(pages_resource()); }},
    {"c_fixed", [] { return std::make_unique<c_fixed>(0); }},
    {"c_fixed_thread_safe", [] { return std::make_unique<c_fixed>(1); }},
    {"c_variable", [] { return std::make_unique<c_variable>(0); }},
    {"c_variable_thread_safe", [] { return std::make_unique<c_variable>(1); }},
    {"c_arena", [] { return std::make_unique<c_arena>(); }},
    {"c_arena_pool", [] { return std::make_unique<c_arena_pool>(); }},
    {"c_lent_arena", [] { return std::make_unique<c_lent_arena>(); }},
    {"c_heap", [] { return std::make_unique<c_system>(cenote_heap_allocator()); }},
    {"c_pages", [] { return std::make_unique<c_system>(cenote_pages_allocator()); }},
    {"c_default", [] { return std::make_unique<c_system>(cenote_default_allocator()); }},
};

class statistics : public ::testing::TestWithParam<kind> {};
INSTANTIATE_TEST_SUITE_P(of, statistics, ::testing::ValuesIn(kinds),
                         [](const auto& tested) { return std::string(tested.param.name); });

TEST_P(statistics, of_every_allocator_have_five_figures_and_stay_above_zero) {
    const test::misuse_watch watch; // a free after a reset is misuse
    const std::unique_ptr<counting> allocator = GetParam().make();
    const figures at_first = allocator->look(); // of the heap and the pages: the process's
    std::vector<void*> blocks;
    for (std::size_t i = 0; i < count; ++i) blocks.push_back(allocator->take(size));
    EXPECT_EQ(allocator->take(SIZE_MAX / 2 + 1), nullptr);
    const figures full = allocator->look();
    EXPECT_GE(full.live - at_first.live, count * size);
    EXPECT_LE(full.live - at_first.live, count * 2 * size)
        << "whole blocks and paddings are no more than that";
    EXPECT_GE(full.peak, full.live);
    EXPECT_GE(full.reserved, at_first.reserved);
    EXPECT_GT(full.reserved, 0u);
    EXPECT_EQ(full.calls.allocations - at_first.calls.allocations, count);
    EXPECT_EQ(full.calls.failures - at_first.calls.failures, 1u);

    for (int i = 0; i < 4; ++i) { // the last first: an arena takes no others back
        allocator->give(blocks.back());
        blocks.pop_back();
    }
    const figures less = allocator->look();
    EXPECT_LE(less.live, full.live - 4 * size);
    EXPECT_EQ(less.peak, full.peak);
    EXPECT_EQ(less.calls.deallocations - at_first.calls.deallocations, 4u);

    if (allocator->reset()) {
        const figures empty = allocator->look();
        EXPECT_EQ(empty.live, 0u);
        EXPECT_EQ(empty.peak, full.peak);
        EXPECT_EQ(empty.reserved, full.reserved);
        allocator->give(blocks.front()); // was free already
        EXPECT_EQ(allocator->look().live, 0u);
    } else {
        for (void* const block : blocks) allocator->give(block);
        EXPECT_EQ(allocator->look().live, at_first.live);
    }
    void* const again = allocator->take(size);
    const figures one = allocator->look();
    EXPECT_GE(one.live - at_first.live, size);
    EXPECT_LE(one.live - at_first.live, 2 * size);
    EXPECT_EQ(one.peak, full.peak);
    EXPECT_EQ(one.calls.allocations - at_first.calls.allocations, count + 1);
    EXPECT_EQ(one.calls.failures, full.calls.failures);
    allocator->give(again);
}

TEST(c_statistics, are_refused_into_what_is_not_theirs_and_then_unchanged) {
    const cenote_allocator heap = cenote_heap_allocator();
    cenote_allocator silent = heap;
    silent.stats = nullptr;
    cenote_stats stats = CENOTE_STATS_INIT;
    EXPECT_EQ(cenote_allocator_stats(nullptr, &stats), CENOTE_BAD_ARGUMENT);
    EXPECT_EQ(cenote_allocator_stats(&silent, &stats), CENOTE_BAD_ARGUMENT);
    EXPECT_EQ(cenote_allocator_stats(&heap, nullptr), CENOTE_BAD_ARGUMENT);
    stats.struct_size = sizeof stats - 1;
    stats.live_bytes = 77;
    EXPECT_EQ(cenote_allocator_stats(&heap, &stats), CENOTE_BAD_ARGUMENT);
    EXPECT_EQ(cenote_fixed_stats(c_fixed(0).pool, &stats), CENOTE_BAD_ARGUMENT);
    EXPECT_EQ(cenote_variable_stats(c_variable(0).pool, &stats), CENOTE_BAD_ARGUMENT);
    EXPECT_EQ(cenote_arena_stats(c_arena().arena, &stats), CENOTE_BAD_ARGUMENT);
    EXPECT_EQ(cenote_arena_pool_stats(c_arena_pool().pool, &stats), CENOTE_BAD_ARGUMENT);
    EXPECT_EQ(cenote_arena_pool_stats(nullptr, &stats), CENOTE_BAD_ARGUMENT);
    EXPECT_EQ(stats.live_bytes, 77u);
}

// What the handler saved is no failure, of a lent arena either.
TEST(c_statistics, of_an_arena_count_what_was_refused_in_the_end) {
    cenote_arena_pool_options options = CENOTE_ARENA_POOL_OPTIONS_INIT;
    options.arenas = 2;
    options.arena_size = 1000;
    options.grows = 0;
    options.stats = 1;
    options.exhaustion.retries = 3;
    cenote_arena* first = nullptr;
    options.exhaustion.context = &first;
    options.exhaustion.handler = [](void* context, const char*, std::size_t requested) {
        return requested > 1000 || cenote_arena_reset(*static_cast<cenote_arena**>(context)) == CENOTE_OK ? 1
                                                                                                          : 0;
    };
    cenote_arena_pool* pool = nullptr;
    ASSERT_EQ(cenote_arena_pool_create(&options, &pool), CENOTE_OK);
    cenote_arena* second = nullptr;
    ASSERT_EQ(cenote_arena_pool_acquire(pool, &first), CENOTE_OK);
    ASSERT_EQ(cenote_arena_pool_acquire(pool, &second), CENOTE_OK);
    EXPECT_NE(cenote_arena_allocate(first, 800, 8), nullptr);
    EXPECT_NE(cenote_arena_allocate(first, 800, 8), nullptr); // after a reset
    EXPECT_EQ(cenote_arena_allocate(second, 1001, 8), nullptr);
    cenote_stats stats = CENOTE_STATS_INIT;
    EXPECT_EQ(cenote_arena_stats(first, &stats), CENOTE_OK);
    EXPECT_EQ(stats.failures, 0u);
    EXPECT_EQ(stats.allocations, 2u);
    EXPECT_EQ(cenote_arena_stats(second, &stats), CENOTE_OK);
    EXPECT_EQ(stats.failures, 1u);
    cenote_arena_pool_destroy(pool);
}

// An allocator of C as a default says in C++ what it says in C.
TEST(c_statistics, of_a_default_reach_cpp) {
    c_variable mine(0);
    const cenote_allocator face = cenote_variable_allocator(mine.pool);
    cenote_set_thread_allocator(&face);
    void* const block = default_resource().try_allocate(size);
    const memory_stats now = default_resource().stats();
    default_resource().deallocate(block, size, 16);
    cenote_set_thread_allocator(nullptr);
    EXPECT_GE(now.live_bytes, size);
    EXPECT_GT(now.reserved_bytes, 0u);
}

} // namespace
