// cenote: SPDX-License-Identifier: MIT
//
// Pools in static storage: constant-initialised, usable before main and after it.
#include <cenote/pool/fixed_pool.hpp>
#include <cenote/pool/object_pool.hpp>

#include <cstdlib>
#include <gtest/gtest.h>

namespace {

using namespace cenote;

constinit fixed_pool nodes{{.block_size = 64, .initial_blocks = 100, .name = "static nodes"}};
constinit object_pool<long> numbers{{.name = "static numbers"}};

// Runs before main, perhaps before anything else of this program.
const bool served_before_main = [] {
    void* const block = nodes.allocate();
    nodes.deallocate(block);
    return block != nullptr;
}();

TEST(fixed_pool_static, serves_before_main) {
    EXPECT_TRUE(served_before_main);
}

TEST(fixed_pool_static, its_initial_blocks_come_with_the_first_call) {
    EXPECT_EQ(nodes.stats().blocks, 100u);
}

TEST(fixed_pool_static, works_like_any_other) {
    void* const block = nodes.allocate();
    EXPECT_TRUE(nodes.is_live(block));
    nodes.deallocate(block);
    long* const number = numbers.make(42);
    EXPECT_EQ(*number, 42);
    numbers.destroy(number);
    EXPECT_TRUE(nodes.is_valid());
}

TEST(fixed_pool_static_death, the_default_source_serves_after_main) {
    EXPECT_EXIT(
        {
            std::atexit([] {
                fixed_pool late({.block_size = 64});
                void* const block = late.allocate();
                late.deallocate(block);
                std::_Exit(block != nullptr ? 7 : 1);
            });
            std::exit(0);
        },
        testing::ExitedWithCode(7), "");
}

} // namespace
