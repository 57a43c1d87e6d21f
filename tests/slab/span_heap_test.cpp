// cenote: SPDX-License-Identifier: MIT
#include <cenote/slab/span_heap.hpp>

#include "../../src/slab/span_heap_hot.hpp"
#include "support/test_sources.hpp"

#include <algorithm>
#include <gtest/gtest.h>
#include <iterator>
#include <map>
#include <random>
#include <vector>

namespace {

using namespace cenote;
using namespace cenote::engine;

constexpr std::uint32_t granules = 1024;

class span_heaps : public testing::Test {
protected:
    span_heaps() {
        region_plan plan;
        plan.from = &from;
        plan.alignment = granule_bytes;
        plan.slab_bytes = granules * granule_bytes;
        plan.record_bytes = span_heap::record_bytes(granules);
        regions.configure(plan);
        heap.configure(granules, regions, fit::good, false);
    }
    ~span_heaps() override {
        EXPECT_TRUE(heap.is_valid());
        heap.release_all();
        regions.end();
        EXPECT_EQ(from.regions(), 0u);
        EXPECT_EQ(from.wrong_releases, 0u);
    }
    bool grow() { return heap.add_span() && heap.ensure_numbers(0); }
    std::byte* take(std::uint32_t count) {
        return static_cast<std::byte*>(heap.has_exact(count) ? heap.take_exact(count) : heap.take(count));
    }

    test::counting_source from;
    region_list regions;
    span_heap heap;
};

TEST_F(span_heaps, blocks_are_cut_in_order_and_merge_with_both_neighbours) {
    EXPECT_EQ(heap.take(4), nullptr); // there is no span yet
    ASSERT_TRUE(grow());
    EXPECT_EQ(heap.largest_free(), granules);
    std::byte* blocks[5];
    for (std::byte*& one : blocks) one = take(4);
    for (std::size_t i = 1; i < std::size(blocks); ++i)
        EXPECT_EQ(blocks[i], blocks[i - 1] + 4 * granule_bytes);
    EXPECT_EQ(heap.give(blocks[1]), 4u);
    EXPECT_EQ(heap.give(blocks[3]), 4u);
    EXPECT_EQ(heap.idle(), 3u); // both, and the rest
    EXPECT_EQ(heap.give(blocks[2]), 4u);
    EXPECT_EQ(heap.idle(), 2u);
    EXPECT_EQ(take(12), blocks[1]); // the smallest that fits
    EXPECT_EQ(heap.live(), 3u);
    EXPECT_EQ(heap.live_granules(), 20u);
    for (std::byte* const one : {blocks[0], blocks[1], blocks[4]}) EXPECT_NE(heap.give(one), 0u);
    EXPECT_EQ(heap.largest_free(), granules);
    EXPECT_EQ(heap.idle_spans(), 1u);
}

// Neighbours in lists, in the words before and behind, and longer than a word; and the current one.
TEST_F(span_heaps, blocks_freed_in_any_order_merge_at_once) {
    ASSERT_TRUE(grow());
    std::mt19937 random(3);
    for (int round = 0; round < 30; ++round) {
        std::vector<std::byte*> blocks;
        const unsigned sizes = round % 3 == 0 ? 90 : 6;
        while (std::byte* const one = take(static_cast<std::uint32_t>(2 + random() % sizes)))
            blocks.push_back(one);
        std::shuffle(blocks.begin(), blocks.end(), random);
        for (std::byte* const one : blocks) {
            ASSERT_NE(heap.give(one), 0u);
            ASSERT_TRUE(heap.is_valid()); // no two free blocks meet
        }
        ASSERT_EQ(heap.idle(), 1u);
        ASSERT_EQ(heap.idle_spans(), 1u);
    }
}

TEST_F(span_heaps, what_is_no_live_block_is_not_taken_back) {
    ASSERT_TRUE(grow());
    std::byte* const block = take(6);
    int foreign = 0;
    EXPECT_EQ(heap.give(&foreign), 0u);
    EXPECT_EQ(heap.give(block + granule_bytes), 0u);
    EXPECT_EQ(heap.give(block + 1), 0u);
    span_heap::place at;
    ASSERT_TRUE(heap.find(block + granule_bytes, at));
    EXPECT_EQ(heap.diagnose(at), misuse::interior_pointer);
    EXPECT_EQ(heap.give(block), 6u);
    EXPECT_EQ(heap.give(block), 0u);
    EXPECT_FALSE(heap.find(&foreign, at));
}

TEST_F(span_heaps, agree_with_a_map_whatever_comes_and_goes) {
    std::mt19937 chance(7);
    std::map<std::byte*, std::uint32_t> live;
    for (int step = 0; step < 6000; ++step) {
        if (live.size() < 40 || (live.size() < 400 && chance() % 2 == 0)) {
            const auto wanted = static_cast<std::uint32_t>(smallest_run + chance() % 60);
            std::byte* const block = take(wanted);
            if (block == nullptr) {
                ASSERT_TRUE(grow());
                continue;
            }
            const auto [here, is_new] = live.emplace(block, wanted);
            ASSERT_TRUE(is_new);
            if (here != live.begin()) {
                const auto before = std::prev(here);
                EXPECT_LE(before->first + before->second * granule_bytes, block);
            }
            if (const auto behind = std::next(here); behind != live.end()) {
                EXPECT_LE(block + wanted * granule_bytes, behind->first);
            }
        } else {
            const auto gone = std::next(live.begin(), static_cast<long>(chance() % live.size()));
            EXPECT_GE(heap.give(gone->first), gone->second);
            live.erase(gone);
        }
        EXPECT_EQ(heap.live(), live.size());
        if (step % 100 == 0) {
            EXPECT_TRUE(heap.is_valid());
        }
    }
    for (const auto& [block, count] : live) {
        span_heap::place at;
        ASSERT_TRUE(heap.find(block, at));
        EXPECT_TRUE(heap.is_live(at));
        EXPECT_GE(heap.give(block), count);
    }
    EXPECT_EQ(heap.idle_spans(), heap.spans());
}

TEST_F(span_heaps, a_source_that_refuses_changes_nothing) {
    from.refuse_reserve = true;
    EXPECT_FALSE(heap.add_span());
    EXPECT_EQ(heap.spans(), 0u);
    EXPECT_EQ(from.reserved, 0u);
    from.refuse_reserve = false;
    ASSERT_TRUE(grow());
    std::byte* const block = take(granules);
    ASSERT_NE(block, nullptr);
    from.refuse_reserve = true;
    EXPECT_FALSE(heap.add_span());
    EXPECT_EQ(heap.spans(), 1u);
    EXPECT_EQ(heap.give(block), granules);
}

TEST_F(span_heaps, spans_without_a_live_block_go_back) {
    ASSERT_TRUE(grow() && grow() && grow());
    std::byte* blocks[3];
    for (std::byte*& one : blocks) one = take(granules);
    EXPECT_EQ(take(2), nullptr);
    EXPECT_EQ(heap.trim(), 0u);
    for (std::byte* const one : blocks) EXPECT_EQ(heap.give(one), granules);
    EXPECT_EQ(heap.idle_spans(), 3u);
    EXPECT_EQ(heap.release_idle(1), 1u);
    EXPECT_EQ(heap.spans(), 2u);
    (void)heap.trim();
    EXPECT_EQ(heap.spans(), 0u);
    EXPECT_EQ(from.regions(), 0u);
}

// Shorter than a word of the map, it is found without a search, and is a whole span all the same.
TEST(span_heap, of_a_word_knows_when_its_span_is_idle) {
    constexpr std::uint32_t few = 40;
    test::counting_source from;
    region_plan plan;
    plan.from = &from;
    plan.alignment = granule_bytes;
    plan.slab_bytes = few * granule_bytes;
    plan.record_bytes = span_heap::record_bytes(few);
    region_list regions;
    regions.configure(plan);
    span_heap heap;
    heap.configure(few, regions, fit::good, false);
    ASSERT_TRUE(heap.add_span() && heap.ensure_numbers(0));
    void* const block = heap.take(few);
    ASSERT_NE(block, nullptr);
    EXPECT_EQ(heap.idle_spans(), 0u);
    EXPECT_EQ(heap.give(block), few);
    EXPECT_EQ(heap.idle_spans(), 1u);
    EXPECT_TRUE(heap.is_valid());
    heap.release_all();
    regions.end();
}

} // namespace
