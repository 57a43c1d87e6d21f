// cenote: SPDX-License-Identifier: MIT
//
// Pools that come and go, and what the source keeps for the next.
#include <cenote/base/sanitizer.hpp>
#include <cenote/concurrent/concurrent_multi_pool.hpp>
#include <cenote/concurrent/concurrent_pool.hpp>
#include <cenote/source/budget.hpp>
#include <cenote/source/os_pages.hpp>

#include <gtest/gtest.h>
#include <memory>
#include <set>
#include <vector>

namespace {

using namespace cenote;

constexpr std::uintptr_t page = 4096;

std::uintptr_t page_of(const void* block) {
    return reinterpret_cast<std::uintptr_t>(block) / page;
}

TEST(brief_pools, one_after_another_uses_the_same_memory) {
    if (base::watched()) GTEST_SKIP() << "under a sanitizer nothing is kept";
    const auto live = [] {
        fixed_pool alone({.block_size = 64, .name = "brief"});
        concurrent_pool shared({.block_size = 64, .name = "brief"});
        alone.deallocate(alone.allocate());
        void* const block = shared.allocate();
        shared.deallocate(block);
        return page_of(block);
    };
    std::set<std::uintptr_t> seen;
    for (int i = 0; i < 20; ++i) seen.insert(live());
    EXPECT_LE(seen.size(), 2u);
}

TEST(brief_pools, first_blocks_of_many_lie_at_different_places_of_their_pages) {
    std::vector<std::unique_ptr<concurrent_pool>> pools;
    std::set<std::uintptr_t> places;
    for (int i = 0; i < 64; ++i) {
        pools.push_back(std::make_unique<concurrent_pool>(
            concurrent_pool_options{.block_size = 64, .sanitizers = false}));
        concurrent_pool& pool = *pools.back();
        void* const block = pool.allocate();
        places.insert(reinterpret_cast<std::uintptr_t>(block) % page);
        pool.deallocate(block);
        EXPECT_TRUE(pool.is_valid());
    }
    EXPECT_EQ(places.size(), 64u);
}

// Hands on, and counts.
class counting final : public source {
public:
    [[nodiscard]] void* reserve(const request& wanted) noexcept override { return pages.reserve(wanted); }
    void release(void* region, const request& given) noexcept override { pages.release(region, given); }
    [[nodiscard]] bool commit(void* data, std::size_t bytes) noexcept override {
        return pages.commit(data, bytes);
    }
    [[nodiscard]] std::size_t granularity() const noexcept override { return pages.granularity(); }
    void trim() noexcept override { ++trims; }
    os_pages pages;
    int trims = 0;
};

TEST(brief_pools, trim_of_every_pool_reaches_the_source) {
    counting from;
    budget limit(from, std::size_t{1} << 30);
    fixed_pool alone({.block_size = 64, .source = &limit, .name = "trimmed"});
    alone.deallocate(alone.allocate());
    (void)alone.trim();
    EXPECT_EQ(from.trims, 1);
    multi_pool sizes({.source = &limit, .name = "trimmed"});
    sizes.deallocate(sizes.allocate(10));
    (void)sizes.trim();
    EXPECT_EQ(from.trims, 2);
    concurrent_pool shared({.block_size = 64, .source = &limit, .name = "trimmed"});
    shared.deallocate(shared.allocate());
    (void)shared.trim();
    EXPECT_GT(from.trims, 2);
    const int before = from.trims;
    concurrent_multi_pool shared_sizes({.source = &limit, .name = "trimmed"});
    shared_sizes.deallocate(shared_sizes.allocate(10));
    (void)shared_sizes.trim();
    EXPECT_GT(from.trims, before);
}

// The first refills cut few blocks: the very first only the one that is wanted, the others as many as are out
// by then.
TEST(brief_pools, a_pool_of_few_blocks_caches_few) {
    fixed_pool pool({.block_size = 64, .sanitizers = false, .name = "few"});
    void* block = pool.allocate();
    EXPECT_EQ(pool.stats().cached, 0u);
    std::vector<void*> more;
    while (more.size() < 1000) {
        more.push_back(pool.allocate());
        ASSERT_LE(pool.stats().cached, more.size() + 8);
    }
    pool.deallocate_n(more.data(), more.size());
    pool.deallocate(block);
    EXPECT_TRUE(pool.is_valid());
}

} // namespace
