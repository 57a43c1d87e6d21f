// cenote: SPDX-License-Identifier: MIT
#include <cenote/slab/table_memory.hpp>

#include "support/sizes.hpp"
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

// The source may keep a region that it got back, for requests of a size that will not come again soon.
TEST(table_memory, holds_no_pages_of_what_was_outgrown) {
    test::counting_source from;
    slab_table table;
    table.configure(4096, false);
    table_memory memory;
    ASSERT_TRUE(memory.ensure(table, 10, from));
    EXPECT_EQ(from.decommitted, 0u);
    const std::size_t outgrown = memory.bytes();
    ASSERT_TRUE(memory.ensure(table, 1000, from));
    EXPECT_EQ(from.decommitted, outgrown);
    table.clear();
    memory.release(from);
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

TEST(table_memory, of_a_shared_table_stays_readable_until_the_end) {
    test::counting_source from;
    slab_table table;
    table.configure(4096, true, true);
    table_memory memory;
    engine::slab record;
    record.owner = 7;
    auto* const first = reinterpret_cast<std::byte*>(test::nobodys_address);
    (void)table.insert({first, 4096, &record, nullptr});
    std::size_t last = 0;
    for (std::size_t slabs = 2; slabs <= 5'000; ++slabs) {
        const std::size_t before = from.reserved;
        ASSERT_TRUE(memory.ensure(table, slabs, from));
        if (from.reserved != before) last = from.reserved - before;
        ASSERT_EQ(table.owner_of(first), 7u);
        ASSERT_EQ(memory.bytes(), from.reserved);
    }
    EXPECT_EQ(from.releases, 0u); // somebody may still read what was outgrown
    EXPECT_GT(from.regions(), 5u);
    EXPECT_LE(from.reserved, 2 * last + 64 * from.regions()); // all before it together are hardly more
    table.remove(0);
    table.clear();
    memory.release(from);
    EXPECT_EQ(from.regions(), 0u);
    EXPECT_EQ(from.wrong_releases, 0u);
    EXPECT_EQ(memory.bytes(), 0u);
}

} // namespace
