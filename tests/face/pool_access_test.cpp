// cenote: SPDX-License-Identifier: MIT
#include <cenote/face/pool_access.hpp>
#include <cenote/pool/fixed_pool.hpp>
#include <cenote/pool/multi_pool.hpp>

#include <gtest/gtest.h>
#include <string>

namespace {

using namespace cenote;

static_assert(sized_pool<multi_pool> && !block_pool<multi_pool>);
static_assert(block_pool<fixed_pool> && !sized_pool<fixed_pool>);
static_assert(!raw_pool<std::string> && !raw_pool<int>);

TEST(pool_access, a_pool_of_one_size_serves_what_fits_its_block) {
    fixed_pool pool({.block_size = 64, .alignment = 16, .name = "nodes"});
    EXPECT_TRUE(base::fits(pool, 64, 16));
    EXPECT_TRUE(base::fits(pool, 0, 1));
    EXPECT_FALSE(base::fits(pool, 65, 16));
    EXPECT_FALSE(base::fits(pool, 64, 32));
    void* const block = base::allocate_from(pool, 10, 8);
    EXPECT_EQ(pool.stats().live, 1u);
    base::deallocate_to(pool, block, 10, 8);
    EXPECT_EQ(pool.stats().live, 0u);
}

TEST(pool_access, a_pool_of_many_sizes_serves_all) {
    multi_pool pool;
    EXPECT_TRUE(base::fits(pool, 1 << 20, 4096));
    void* const block = base::allocate_from(pool, 1 << 20, 4096);
    EXPECT_EQ(pool.stats().live_bytes, std::size_t{1} << 20);
    base::deallocate_to(pool, block, 1 << 20, 4096);
    EXPECT_EQ(pool.stats().live, 0u);
}

TEST(pool_access, a_request_that_does_not_fit_names_pool_request_and_block) {
    fixed_pool pool({.block_size = 64, .name = "nodes"});
    try {
        base::raise_too_large(pool, 100);
    } catch (const out_of_memory& error) {
        EXPECT_STREQ(error.details().pool, "nodes");
        EXPECT_EQ(error.details().requested, 100u);
        EXPECT_EQ(error.details().limit, 64u);
        return;
    }
    FAIL() << "nothing was thrown";
}

} // namespace
