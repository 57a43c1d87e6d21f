// cenote: SPDX-License-Identifier: MIT
#include <cenote/slab/table_memory.hpp>

#include "support/test_sources.hpp"

#include <gtest/gtest.h>

namespace {

using namespace cenote;
using engine::slab_table;
using engine::table_memory;

TEST(table_memory, room_that_is_there_costs_nothing) {
    test::counting_source from;
    slab_table table;
    table.configure(4096, false);
    table_memory memory;
    EXPECT_TRUE(memory.ensure(table, 1, from));
    EXPECT_EQ(from.calls, 0u);
    EXPECT_EQ(memory.bytes(), 0u);
}

TEST(table_memory, doubles_so_that_moving_costs_a_constant_a_slab) {
    test::counting_source from;
    slab_table table;
    table.configure(4096, false);
    table_memory memory;
    for (std::size_t slabs = 1; slabs <= 10000; ++slabs) {
        ASSERT_TRUE(memory.ensure(table, slabs, from));
        ASSERT_GE(table.capacity(), slabs);
    }
    EXPECT_LE(from.reserves, 15u);
    EXPECT_EQ(from.regions(), 1u);
    EXPECT_EQ(memory.bytes(), from.reserved);
    table.clear();
    memory.release(from);
    EXPECT_EQ(from.regions(), 0u);
    EXPECT_EQ(memory.bytes(), 0u);
    EXPECT_EQ(from.wrong_releases, 0u);
    memory.release(from);
    EXPECT_EQ(from.wrong_releases, 0u);
}

TEST(table_memory, a_refusal_changes_nothing) {
    test::counting_source from;
    slab_table table;
    table.configure(4096, false);
    table_memory memory;
    ASSERT_TRUE(memory.ensure(table, 10, from));
    const std::size_t capacity = table.capacity();
    from.refuse_reserve = true;
    EXPECT_FALSE(memory.ensure(table, 1000, from));
    from.refuse_reserve = false;
    from.refuse_commit = true;
    EXPECT_FALSE(memory.ensure(table, 1000, from));
    EXPECT_EQ(table.capacity(), capacity);
    EXPECT_EQ(from.regions(), 1u);
    EXPECT_TRUE(table.is_valid());
    table.clear();
    memory.release(from);
}

} // namespace
