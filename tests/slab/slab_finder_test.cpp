// cenote: SPDX-License-Identifier: MIT
#include <cenote/slab/slab_finder.hpp>

#include "support/test_sources.hpp"

#include <gtest/gtest.h>
#include <vector>

namespace {

using namespace cenote;
using namespace cenote::engine;

class slab_finders : public testing::Test {
protected:
    slab_finders() {
        EXPECT_TRUE(make_layout(24, 8, 100, layout));
        region_plan plan;
        plan.from = &from;
        plan.alignment = 8;
        plan.slab_bytes = layout.slab_bytes();
        plan.record_bytes = slab::bytes_for(layout.blocks_per_slab);
        list.configure(plan);
        heap.configure(layout, list, {0, unlimited, false, true});
        other.configure(layout, list, {1, unlimited, false, true});
        EXPECT_TRUE(list.grow(600 * layout.stride));
    }
    ~slab_finders() override { list.release_all(); }
    // By rising address, from one slab.
    std::vector<void*> take(slab_heap& of, std::size_t want) {
        std::vector<void*> blocks(want);
        EXPECT_EQ(of.take(blocks.data() + want, want), want);
        return {blocks.rbegin(), blocks.rend()};
    }

    test::counting_source from;
    block_layout layout;
    region_list list;
    slab_heap heap;
    slab_heap other;
};

TEST_F(slab_finders, withdraw_each_out_block_once) {
    std::vector<void*> blocks = take(heap, 100);
    const std::vector<void*> more = take(heap, 100); // another slab's
    blocks.insert(blocks.end(), more.begin(), more.end());
    const slab_heap::finder find = heap.look();
    position at;
    for (std::size_t i = 0; i < 200; ++i) { // from slab to slab and back
        EXPECT_TRUE(find.withdraw_one(blocks[i * 77 % 200], at)) << i;
        EXPECT_FALSE(find.withdraw_one(blocks[i * 77 % 200], at)) << "it is out no more";
    }
    heap.withdrew(200);
    EXPECT_EQ(heap.out(), 0u);
}

TEST_F(slab_finders, refuse_what_is_no_block_of_theirs) {
    const std::vector<void*> blocks = take(heap, 100);
    const std::vector<void*> others = take(other, 10);
    auto* const first = static_cast<std::byte*>(blocks.front());
    const slab_heap::finder find = heap.look();
    position at;
    slab_heap::place of_eight;
    for (const bool is_near : {false, true}) {
        for (const void* const bad : {static_cast<void*>(first + 8), static_cast<void*>(nullptr),
                                      others.front(), static_cast<void*>(first + layout.slab_bytes() * 7)}) {
            EXPECT_FALSE(find.withdraw_one(bad, at)) << is_near << bad;
            EXPECT_FALSE(find.withdraw_eight(bad, of_eight)) << is_near << bad;
        }
        if (!is_near) {
            ASSERT_TRUE(find.withdraw_eight(first, of_eight));
        } // now the slab is at hand
    }
}

TEST_F(slab_finders, know_eight_neighbours_in_either_order) {
    std::vector<void*> blocks = take(heap, 100);
    const slab_heap::finder find = heap.look();
    const auto step = static_cast<std::ptrdiff_t>(layout.stride);
    EXPECT_EQ(find.step_of_eight(blocks.data(), blocks.data() + 100), step);
    EXPECT_EQ(find.step_of_eight(blocks.data(), blocks.data() + 7), 0) << "these are seven";
    const std::vector<void*> back(blocks.rbegin(), blocks.rend());
    EXPECT_EQ(find.step_of_eight(back.data(), back.data() + 100), -step);
    std::swap(blocks[6], blocks[7]);
    EXPECT_EQ(find.step_of_eight(blocks.data(), blocks.data() + 100), 0);
}

TEST_F(slab_finders, withdraw_eight_of_one_word_or_none) {
    const std::vector<void*> blocks = take(heap, 100);
    const slab_heap::finder find = heap.look();
    slab_heap::place at;
    position one;
    EXPECT_TRUE(find.withdraw_eight(blocks[0], at));
    EXPECT_FALSE(find.withdraw_eight(blocks[0], at)) << "they are out no more";
    EXPECT_FALSE(find.withdraw_eight(blocks[1], at)) << "one of them still is";
    EXPECT_TRUE(find.withdraw_one(blocks[8], one));
    EXPECT_FALSE(find.withdraw_eight(blocks[60], at)) << "they are of two words";
    EXPECT_TRUE(find.withdraw_eight(blocks[56], at));
    EXPECT_TRUE(find.withdraw_eight(blocks[64], at));
    heap.withdrew(25);
    EXPECT_EQ(heap.out(), 75u);
}

} // namespace
