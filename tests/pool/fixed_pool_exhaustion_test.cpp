// cenote: SPDX-License-Identifier: MIT
//
// Promise 2: exhaustion is null from try_, an exception that names everything, or a handler that is called a
// bounded number of times; a failed call changes nothing.
#include <cenote/pool/fixed_pool.hpp>
#include <cenote/source/budget.hpp>

#include "support/heap_calls.hpp"
#include "support/test_sources.hpp"

#include <gtest/gtest.h>
#include <stdexcept>
#include <string>
#include <vector>

namespace {

using namespace cenote;

TEST(fixed_pool_exhaustion, try_allocate_gives_null_and_allocate_throws_a_bad_alloc) {
    for (const bool checks : {false, true}) {
        fixed_pool pool({.block_size = 64,
                         .maximum_blocks = 100,
                         .checks = checks,
                         .sanitizers = false,
                         .name = "nodes"});
        void* last = nullptr;
        for (int i = 0; i < 100; ++i) last = pool.allocate();
        EXPECT_EQ(pool.try_allocate(), nullptr);
        EXPECT_THROW((void)pool.allocate(), std::bad_alloc);
        EXPECT_THROW((void)pool.allocate_zeroed(), out_of_memory);
        EXPECT_THROW((void)pool.allocate_at_least(), out_of_memory);
        EXPECT_EQ(pool.stats().live, 100u);
        pool.deallocate(last);
        EXPECT_EQ(pool.try_allocate(), last);
        EXPECT_EQ(pool.try_allocate(), nullptr);
        EXPECT_TRUE(pool.is_valid());
        pool.reset();
    }
}

TEST(fixed_pool_exhaustion, the_exception_names_pool_request_use_and_limit) {
    fixed_pool pool({.block_size = 64, .maximum_blocks = 10, .sanitizers = false, .name = "nodes"});
    for (int i = 0; i < 10; ++i) (void)pool.allocate();
    try {
        (void)pool.allocate();
        FAIL() << "nothing was thrown";
    } catch (const out_of_memory& error) {
        EXPECT_STREQ(error.details().pool, "nodes");
        EXPECT_EQ(error.details().requested, 64u);
        EXPECT_EQ(error.details().live, 640u);
        EXPECT_EQ(error.details().limit, 640u);
        EXPECT_EQ(error.details().reserved, pool.stats().reserved_bytes);
        const std::string text = error.what();
        EXPECT_NE(text.find("pool 'nodes' is out of memory: requested 64 bytes, in use 640, reserved "),
                  std::string::npos);
        EXPECT_NE(text.find("limit 640"), std::string::npos);
    }
    try {
        void* blocks[3];
        pool.allocate_n(blocks, 3);
        FAIL() << "nothing was thrown";
    } catch (const out_of_memory& error) {
        EXPECT_EQ(error.details().requested, 192u);
    }
}

TEST(fixed_pool_exhaustion, a_pool_without_a_maximum_names_no_limit) {
    test::counting_source from;
    from.refuse_reserve = true;
    fixed_pool pool({.block_size = 64, .source = &from, .name = "nodes"});
    try {
        (void)pool.allocate();
        FAIL() << "nothing was thrown";
    } catch (const out_of_memory& error) {
        EXPECT_EQ(error.details().limit, unlimited);
        EXPECT_NE(std::string(error.what()).find("no limit"), std::string::npos);
    }
    EXPECT_EQ(pool.stats().reserved_bytes, 0u);
    from.refuse_reserve = false;
    EXPECT_NE(pool.try_allocate(), nullptr);
}

// Frees one block of a hoard each time it is called.
struct hoard {
    static bool give_one(void* context, const shortage&) {
        hoard& self = *static_cast<hoard*>(context);
        ++self.calls;
        if (self.calls < self.useful_from || self.blocks.empty()) return !self.gives_up;
        self.pool->deallocate(self.blocks.back());
        self.blocks.pop_back();
        return true;
    }
    fixed_pool* pool = nullptr;
    std::vector<void*> blocks{};
    unsigned calls = 0;
    unsigned useful_from = 1;
    bool gives_up = false;
};

TEST(fixed_pool_exhaustion, the_handler_frees_something_and_the_call_succeeds) {
    for (const bool checks : {false, true}) {
        hoard own;
        fixed_pool pool({.block_size = 64,
                         .maximum_blocks = 50,
                         .checks = checks,
                         .sanitizers = false,
                         .on_exhaustion = {&hoard::give_one, &own, 3}});
        own.pool = &pool;
        for (int i = 0; i < 50; ++i) own.blocks.push_back(pool.allocate());
        EXPECT_EQ(own.calls, 0u);
        EXPECT_NE(pool.allocate(), nullptr);
        EXPECT_EQ(own.calls, 1u);
        void* three[3];
        pool.allocate_n(three, 3); // needs three calls
        EXPECT_EQ(own.calls, 4u);
        EXPECT_EQ(pool.try_allocate(), nullptr);
        EXPECT_EQ(own.calls, 4u); // never called by try_
        EXPECT_EQ(pool.stats().live, 50u);
        pool.reset();
    }
}

TEST(fixed_pool_exhaustion, the_handler_is_called_no_more_often_than_its_retries) {
    for (const unsigned retries : {0u, 1u, 2u, 7u}) {
        hoard own;
        own.useful_from = 1000;
        fixed_pool pool({.block_size = 64,
                         .maximum_blocks = 1,
                         .sanitizers = false,
                         .on_exhaustion = {&hoard::give_one, &own, retries}});
        own.pool = &pool;
        (void)pool.allocate();
        EXPECT_THROW((void)pool.allocate(), out_of_memory);
        EXPECT_EQ(own.calls, retries);
        void* two[2];
        EXPECT_THROW(pool.allocate_n(two, 2), out_of_memory);
        EXPECT_EQ(own.calls, 2 * retries);
        EXPECT_THROW(pool.reserve(2), out_of_memory);
        EXPECT_EQ(own.calls, 3 * retries);
    }
}

TEST(fixed_pool_exhaustion, the_last_retry_counts) {
    hoard own;
    own.useful_from = 3;
    fixed_pool pool({.block_size = 64,
                     .maximum_blocks = 1,
                     .sanitizers = false,
                     .on_exhaustion = {&hoard::give_one, &own, 3}});
    own.pool = &pool;
    own.blocks.push_back(pool.allocate());
    EXPECT_NE(pool.allocate(), nullptr);
    EXPECT_EQ(own.calls, 3u);
}

TEST(fixed_pool_exhaustion, a_handler_that_gives_up_ends_the_retries) {
    hoard own;
    own.useful_from = 1000;
    own.gives_up = true;
    fixed_pool pool({.block_size = 64,
                     .maximum_blocks = 1,
                     .sanitizers = false,
                     .on_exhaustion = {&hoard::give_one, &own, 5}});
    own.pool = &pool;
    (void)pool.allocate();
    EXPECT_THROW((void)pool.allocate(), out_of_memory);
    EXPECT_EQ(own.calls, 1u);
}

// The handler may use the pool; when it runs dry again in there, it is not called once more.
struct greedy {
    static bool ask_again(void* context, const shortage&) {
        greedy& self = *static_cast<greedy*>(context);
        if (++self.calls > 50) return false; // else the stack ends the test
        try {
            (void)self.pool->allocate();
        } catch (const out_of_memory&) {
            ++self.refused;
        }
        return false;
    }
    fixed_pool* pool = nullptr;
    unsigned calls = 0;
    unsigned refused = 0;
};

TEST(fixed_pool_exhaustion, a_handler_that_allocates_itself_does_not_recurse) {
    greedy own;
    fixed_pool pool({.block_size = 64,
                     .maximum_blocks = 1,
                     .sanitizers = false,
                     .on_exhaustion = {&greedy::ask_again, &own, 1}});
    own.pool = &pool;
    (void)pool.allocate();
    EXPECT_THROW((void)pool.allocate(), out_of_memory);
    EXPECT_EQ(own.calls, 1u);
    EXPECT_EQ(own.refused, 1u);
    EXPECT_THROW((void)pool.allocate(), out_of_memory);
    EXPECT_EQ(own.calls, 2u);
}

TEST(fixed_pool_exhaustion, what_a_handler_throws_goes_to_the_caller_and_the_handler_stays) {
    fixed_pool pool(
        {.block_size = 64,
         .maximum_blocks = 1,
         .sanitizers = false,
         .on_exhaustion = {[](void*, const shortage&) -> bool { throw std::runtime_error("mine"); }}});
    (void)pool.allocate();
    EXPECT_THROW((void)pool.allocate(), std::runtime_error);
    EXPECT_THROW((void)pool.allocate(), std::runtime_error);
    EXPECT_TRUE(pool.is_valid());
}

TEST(fixed_pool_exhaustion, the_handler_is_told_what_is_short) {
    static shortage told;
    fixed_pool pool({.block_size = 64,
                     .maximum_blocks = 2,
                     .sanitizers = false,
                     .name = "nodes",
                     .on_exhaustion = {[](void*, const shortage& what) {
                         told = what;
                         return false;
                     }}});
    void* blocks[2];
    pool.allocate_n(blocks, 2);
    EXPECT_THROW((void)pool.allocate(), out_of_memory);
    EXPECT_STREQ(told.pool, "nodes");
    EXPECT_EQ(told.live, 128u);
    EXPECT_EQ(told.limit, 128u);
}

void exhaust_and_abort() {
    fixed_pool pool(
        {.block_size = 64, .maximum_blocks = 1, .name = "nodes", .on_exhaustion = {&abort_on_exhaustion}});
    (void)pool.allocate();
    (void)pool.allocate();
}

TEST(fixed_pool_exhaustion_death, a_pool_may_abort_with_a_message) {
    EXPECT_DEATH(exhaust_and_abort(),
                 "cenote: pool 'nodes' is out of memory: requested 64 bytes, in use 64,");
}

TEST(fixed_pool_exhaustion, refusing_allocates_nothing) {
    fixed_pool pool({.block_size = 64, .maximum_blocks = 10, .name = "nodes"});
    for (int i = 0; i < 10; ++i) (void)pool.allocate();
    const std::size_t calls = test::heap_calls();
    std::size_t length = 0;
    try {
        (void)pool.allocate();
    } catch (const out_of_memory& error) {
        length = std::string_view(error.what()).size();
    }
    EXPECT_EQ(pool.try_allocate(), nullptr);
    EXPECT_GT(length, 0u);
    EXPECT_EQ(test::heap_calls(), calls);
}

// Everything a failed call could change.
void expect_same(const pool_stats& a, const pool_stats& b) {
    EXPECT_EQ(a.live, b.live);
    EXPECT_EQ(a.blocks, b.blocks);
    EXPECT_EQ(a.peak_live, b.peak_live);
    EXPECT_EQ(a.reserved_bytes, b.reserved_bytes);
    if (a.calls && b.calls) {
        EXPECT_EQ(a.calls->allocations, b.calls->allocations);
        EXPECT_EQ(a.calls->deallocations, b.calls->deallocations);
    }
}

TEST(fixed_pool_exhaustion, a_failed_call_for_many_changes_nothing) {
    for (const bool stats : {false, true}) {
        test::counting_source from;
        fixed_pool pool({.block_size = 64,
                         .maximum_blocks = 20000,
                         .source = &from,
                         .stats = stats,
                         .sanitizers = false});
        std::vector<void*> blocks(30000);
        pool.allocate_n(blocks.data(), 100);
        pool_stats before = pool.stats();
        EXPECT_FALSE(pool.try_allocate_n(blocks.data() + 100, 25000));
        expect_same(pool.stats(), before);
        EXPECT_EQ(pool.stats().reserved_bytes, from.reserved);
        EXPECT_THROW(pool.allocate_n(blocks.data() + 100, 25000), out_of_memory);
        expect_same(pool.stats(), before);
        EXPECT_EQ(pool.stats().calls.value_or(call_counts{0, 0, 2}).failures, 2u);
        from.refuse_reserve = true;
        EXPECT_FALSE(pool.try_allocate_n(blocks.data() + 100, 15000));
        expect_same(pool.stats(), before);
        EXPECT_TRUE(pool.is_valid());
        for (int i = 0; i < 100; ++i) EXPECT_TRUE(pool.is_live(blocks[static_cast<std::size_t>(i)]));
    }
}

TEST(fixed_pool_exhaustion, a_failed_first_call_reserves_nothing) {
    test::counting_source from;
    fixed_pool pool({.block_size = 64, .maximum_blocks = 20000, .source = &from, .sanitizers = false});
    std::vector<void*> blocks(30000);
    EXPECT_FALSE(pool.try_allocate_n(blocks.data(), 20001));
    EXPECT_EQ(from.reserved, 0u);
    EXPECT_EQ(pool.stats().blocks, 0u);
    EXPECT_TRUE(pool.try_allocate_n(blocks.data(), 20000));
}

TEST(fixed_pool_exhaustion, a_source_that_does_not_back_its_memory_is_not_asked_for_ever) {
    for (const std::size_t most : {1u, 2u, 3u, 4u}) {
        test::counting_source from;
        from.most_commits = most;
        fixed_pool pool({.block_size = 64, .source = &from, .sanitizers = false});
        std::size_t count = 0;
        while (count < 100000 && pool.try_allocate() != nullptr) ++count;
        EXPECT_LE(count, 4096u);
        EXPECT_LE(from.reserves, 30u); // each step tries half, and half again
        EXPECT_TRUE(pool.is_valid());
        from.most_commits = unlimited;
        EXPECT_NE(pool.try_allocate(), nullptr);
    }
}

TEST(fixed_pool_exhaustion, a_reserve_that_is_not_backed_throws) {
    test::counting_source from;
    from.most_commits = 3;
    fixed_pool pool({.block_size = 64, .blocks_per_slab = 100, .source = &from, .sanitizers = false});
    EXPECT_THROW(pool.reserve(1000), out_of_memory);
    from.most_commits = unlimited;
    pool.reserve(1000);
    const std::size_t calls = from.calls;
    for (int i = 0; i < 1000; ++i) (void)pool.allocate();
    EXPECT_EQ(from.calls, calls);
}

TEST(fixed_pool_exhaustion, a_budget_under_the_pool_is_its_limit) {
    heap upstream;
    budget limited(upstream, 300000);
    fixed_pool pool({.block_size = 64, .source = &limited, .sanitizers = false});
    std::size_t count = 0;
    while (pool.try_allocate() != nullptr) ++count;
    EXPECT_GE(count * 64, 150000u); // what is left is less than the next step, halved and halved again
    EXPECT_LE(limited.used(), 300000u);
    EXPECT_TRUE(pool.is_valid());
}

} // namespace
