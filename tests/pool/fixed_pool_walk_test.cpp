// cenote: SPDX-License-Identifier: MIT
//
// Promise 9: a walk visits live blocks only, each once; its callback may allocate and free, stop and throw.
#include <cenote/pool/fixed_pool.hpp>

#include "support/misuse_watch.hpp"
#include "support/test_sources.hpp"

#include <gtest/gtest.h>
#include <map>
#include <random>
#include <set>
#include <stdexcept>
#include <vector>

namespace {

using namespace cenote;

class walks : public testing::TestWithParam<bool> {
protected:
    std::set<void*> fill(std::size_t count) {
        std::set<void*> live;
        for (std::size_t i = 0; i < count; ++i) live.insert(pool.allocate());
        return live;
    }
    ~walks() override {
        EXPECT_TRUE(pool.is_valid());
        pool.reset();
    }

    fixed_pool pool{{.block_size = 64, .checks = GetParam(), .sanitizers = false}};
};

INSTANTIATE_TEST_SUITE_P(fixed_pool, walks, testing::Bool());

TEST_P(walks, visit_every_live_block_once_and_no_other) {
    pool.for_each([](void*) { FAIL() << "an empty pool has no live block"; });
    std::set<void*> live = fill(5000);
    for (auto at = live.begin(); at != live.end();) {
        if (reinterpret_cast<std::uintptr_t>(*at) / 64 % 3 == 0) {
            pool.deallocate(*at);
            at = live.erase(at);
        } else {
            ++at;
        }
    }
    std::set<void*> seen;
    pool.for_each([&](void* block) { EXPECT_TRUE(seen.insert(block).second); });
    EXPECT_EQ(seen, live);
    EXPECT_EQ(pool.stats().live, live.size());
}

TEST_P(walks, end_when_the_visit_says_false) {
    (void)fill(5000);
    for (const std::size_t most : {std::size_t{1}, std::size_t{700}, std::size_t{4999}}) {
        std::size_t visits = 0;
        pool.for_each([&](void*) { return ++visits < most; });
        EXPECT_EQ(visits, most);
    }
}

TEST_P(walks, may_free_the_block_they_visit) {
    const std::set<void*> live = fill(3000);
    std::size_t visits = 0;
    pool.for_each([&](void* block) {
        pool.deallocate(block);
        ++visits;
    });
    EXPECT_EQ(visits, live.size());
    EXPECT_EQ(pool.stats().live, 0u);
}

TEST_P(walks, do_not_visit_what_was_freed_meanwhile) {
    const std::set<void*> live = fill(3000);
    std::set<void*> freed;
    auto victim = live.rbegin();
    pool.for_each([&](void* block) {
        EXPECT_EQ(freed.count(block), 0u);
        if (victim != live.rend() && *victim != block && freed.size() < 1000) {
            pool.deallocate(*victim);
            freed.insert(*victim);
            ++victim;
        }
    });
    EXPECT_EQ(pool.stats().live, 2000u);
}

TEST_P(walks, visit_blocks_live_throughout_exactly_once_whatever_the_callback_does) {
    std::mt19937 random(4);
    std::set<void*> throughout = fill(4000);
    std::vector<void*> extra;
    std::map<void*, int> visits;
    pool.for_each([&](void* block) {
        ++visits[block];
        if (random() % 2 == 0 || extra.empty()) {
            extra.push_back(pool.allocate());
        } else {
            std::swap(extra[random() % extra.size()], extra.back());
            pool.deallocate(extra.back());
            visits.erase(extra.back());
            extra.pop_back();
        }
    });
    for (void* const block : throughout) ASSERT_EQ(visits[block], 1);
    EXPECT_EQ(pool.stats().live, throughout.size() + extra.size());
}

TEST_P(walks, end_although_every_visit_allocates) {
    (void)fill(100);
    std::size_t visits = 0;
    pool.for_each([&](void*) {
        (void)pool.allocate();
        return ++visits < 1000000;
    });
    EXPECT_LT(visits, 100000u);
    EXPECT_GE(visits, 100u);
}

TEST_P(walks, may_be_nested) {
    (void)fill(50);
    std::size_t visits = 0;
    pool.for_each([&](void*) { pool.for_each([&](void*) { ++visits; }); });
    EXPECT_EQ(visits, 2500u);
    EXPECT_EQ(pool.is_instrumented(), GetParam());
}

TEST_P(walks, leave_the_pool_usable_when_the_visit_throws) {
    const std::set<void*> live = fill(2000);
    EXPECT_THROW(pool.for_each([](void*) { throw std::runtime_error("mine"); }), std::runtime_error);
    EXPECT_EQ(pool.stats().live, live.size());
    EXPECT_EQ(pool.is_instrumented(), GetParam());
    std::set<void*> more = fill(2000);
    for (void* const block : live) EXPECT_EQ(more.count(block), 0u);
    EXPECT_TRUE(pool.is_valid());
}

TEST_P(walks, give_no_memory_back) {
    (void)fill(20000);
    const std::size_t reserved = pool.stats().reserved_bytes;
    std::size_t visits = 0;
    pool.for_each([&](void* block) {
        pool.deallocate(block);
        EXPECT_TRUE(++visits % 1000 != 0 || pool.trim() == 0);
    });
    EXPECT_EQ(pool.stats().reserved_bytes, reserved);
    EXPECT_GT(pool.trim(), 0u);
}

// Free blocks may stand in the depot: a pool at its maximum has no others to give.
TEST(fixed_pool_walk, a_callback_gets_every_free_block_of_a_full_pool) {
    fixed_pool pool(
        {.block_size = 64, .initial_blocks = 10000, .maximum_blocks = 10000, .sanitizers = false});
    std::vector<void*> blocks(10000);
    pool.allocate_n(blocks.data(), blocks.size());
    for (std::size_t i = 1; i < blocks.size(); ++i) pool.deallocate(blocks[i]);
    std::size_t got = 0;
    pool.for_each([&](void*) {
        while (pool.try_allocate() != nullptr) ++got;
        return false;
    });
    EXPECT_EQ(got, 9999u);
    EXPECT_TRUE(pool.is_valid());
}

TEST(fixed_pool_walk, a_callback_may_take_and_give_many_at_once) {
    fixed_pool pool({.block_size = 64, .sanitizers = false});
    (void)pool.allocate();
    std::vector<void*> blocks(3000);
    pool.for_each([&](void*) {
        pool.allocate_n(blocks.data(), blocks.size());
        EXPECT_EQ(std::set<void*>(blocks.begin(), blocks.end()).size(), blocks.size());
        EXPECT_EQ(pool.stats().live, blocks.size() + 1);
        pool.deallocate_n(blocks.data(), blocks.size());
        return false;
    });
    EXPECT_EQ(pool.stats().live, 1u);
    EXPECT_TRUE(pool.is_valid());
}

TEST(fixed_pool_walk, misuse_in_a_callback_is_found_at_the_call) {
    fixed_pool pool({.block_size = 64, .sanitizers = false});
    void* const freed = pool.allocate();
    (void)pool.allocate();
    pool.deallocate(freed);
    test::misuse_watch watch;
    pool.for_each([&](void*) {
        pool.deallocate(freed);
        EXPECT_EQ(watch.count(), 1u);
    });
    ASSERT_EQ(watch.count(), 1u);
    EXPECT_EQ(watch.seen()[0].kind, misuse::double_free);
}

TEST(fixed_pool_walk, asks_the_source_for_nothing) {
    test::counting_source from;
    fixed_pool pool({.block_size = 64, .source = &from, .sanitizers = false});
    std::vector<void*> blocks(3000);
    pool.allocate_n(blocks.data(), blocks.size());
    const std::size_t calls = from.calls;
    pool.for_each([](void*) {});
    EXPECT_EQ(from.calls, calls);
}

} // namespace
