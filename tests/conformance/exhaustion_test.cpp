// cenote: SPDX-License-Identifier: MIT
//
// Pools whose exhaustion handler frees, or whose growth has an end: what random programs found, said plainly.
#include <cenote/pool/fixed_pool.hpp>
#include <cenote/pool/multi_pool.hpp>
#include <cenote/source/region.hpp>

#include "conformance/all_subjects.hpp"

namespace cenote::test {
namespace {

TEST(exhaustion, handler_that_frees_loses_nothing_when_the_source_comes_back) {
    struct state {
        fixed_pool* pool;
        std::vector<void*> live;
    } now{};
    strict_source strict;
    failing_source source(strict);
    fixed_pool pool({.block_size = 64,
                     .blocks_per_slab = 8,
                     .source = &source,
                     .on_exhaustion = {[](void* context, const shortage&) {
                                           auto& self = *static_cast<state*>(context);
                                           self.pool->deallocate(self.live.back());
                                           self.live.pop_back();
                                           return true;
                                       },
                                       &now, 1}});
    now.pool = &pool;
    for (int i = 0; i < 8; ++i) now.live.push_back(pool.allocate());
    source.refuse(1, refusal::from_then_on);
    now.live.push_back(pool.allocate()); // the handler gave one back, and it is taken again
    source.relent();
    for (int i = 0; i < 100; ++i) now.live.push_back(pool.allocate());
    EXPECT_EQ(pool.stats().live, now.live.size());
    std::sort(now.live.begin(), now.live.end());
    EXPECT_EQ(std::adjacent_find(now.live.begin(), now.live.end()), now.live.end());
    EXPECT_TRUE(pool.is_valid());
    for (void* const block : now.live) pool.deallocate(block);
}

TEST(exhaustion, growth_none_takes_the_initial_blocks_again_from_a_buffer) {
    std::vector<std::byte> buffer(1 << 20);
    region place(buffer.data(), buffer.size());
    fixed_pool pool({.block_size = 64,
                     .initial_blocks = 5,
                     .maximum_blocks = 300,
                     .growth = growth::none(),
                     .source = &place});
    for (int round = 0; round < 2; ++round) {
        void* blocks[5];
        pool.allocate_n(blocks, 5);
        EXPECT_EQ(pool.try_allocate(), nullptr);
        pool.deallocate_n(blocks, 5);
        (void)pool.trim();
    }
}

TEST(exhaustion, batch_saved_by_the_handler_is_counted_as_no_failure) {
    struct state {
        multi_pool* pool;
        void* spare;
    } now{};
    strict_source strict;
    multi_pool pool({.slab_bytes = 1024,
                     .initial_bytes = 1024,
                     .growth = growth::none(),
                     .source = &strict,
                     .stats = true,
                     .on_exhaustion = {[](void* context, const shortage&) {
                                           auto& self = *static_cast<state*>(context);
                                           self.pool->deallocate(self.spare);
                                           return true;
                                       },
                                       &now, 1}});
    now.pool = &pool;
    now.spare = pool.allocate(128);
    void* blocks[8];
    pool.allocate_n(128, blocks, 8);
    ASSERT_TRUE(pool.stats().calls);
    EXPECT_EQ(pool.stats().calls->failures, 0u);
    EXPECT_EQ(pool.stats().calls->allocations, 9u);
    EXPECT_FALSE(pool.try_allocate_n(128, blocks, 1));
    EXPECT_EQ(pool.stats().calls->failures, 1u);
    EXPECT_EQ(pool.stats().calls->allocations, 9u);
    pool.deallocate_n(blocks, 8);
}

TEST(exhaustion, memory_that_nobody_committed_is_not_touched_by_a_reserve) {
    strict_source strict; // faults on it
    multi_pool pool({.initial_bytes = 1 << 20, .source = &strict});
    pool.reserve(200, 10, multi_pool::touch::yes);
    EXPECT_EQ(strict.complaint(), "");
    EXPECT_TRUE(pool.is_valid());
}

} // namespace
} // namespace cenote::test
