// cenote: SPDX-License-Identifier: MIT
#include <cenote/buffer/buddy_heap.hpp>
#include <cenote/source/heap.hpp>
#include <cenote/source/os_pages.hpp>

#include "conformance/failing_source.hpp"
#include "conformance/strict_source.hpp"

#include <gtest/gtest.h>
#include <map>
#include <random>
#include <vector>

namespace {

using namespace cenote;
using engine::buddy_heap;
using engine::buddy_shape;
using engine::no_place;
using engine::place;

constexpr std::size_t kib = 1024;

struct heap_under_test : buddy_heap {
    explicit heap_under_test(source& from, unsigned granule = 12, unsigned region = 20) {
        configure(buddy_shape(granule, region), from, false);
    }
    ~heap_under_test() { release_all(); }
    place get(unsigned order) {
        bool was_clean = false;
        return take(order, was_clean);
    }
};

TEST(buddy_heap, halves_and_merges_back_to_one_block) {
    heap memory;
    heap_under_test heap(memory);
    EXPECT_EQ(heap.get(0), no_place);
    ASSERT_TRUE(heap.grow());
    const place first = heap.get(0);
    const place second = heap.get(0);
    EXPECT_EQ(heap.at(second) - heap.at(first), 4096);
    EXPECT_EQ(heap.counts().split[8], 1u); // of a megabyte into 4 KiB: once at each size
    EXPECT_EQ(heap.counts().split[1], 1u);
    EXPECT_EQ(heap.free_bytes(), 1024 * kib - 8 * kib);
    heap.give(first, 0);
    EXPECT_EQ(heap.free_blocks(0), 1u); // its buddy is live
    heap.give(second, 0);
    EXPECT_EQ(heap.free_blocks(8), 1u);
    EXPECT_EQ(heap.counts().merged[1], 1u);
    EXPECT_EQ(heap.counts().merged[8], 1u);
    EXPECT_TRUE(heap.is_valid());
}

TEST(buddy_heap, takes_the_region_that_is_fullest) {
    heap memory;
    heap_under_test heap(memory);
    ASSERT_TRUE(heap.grow());
    const place whole = heap.get(8);
    ASSERT_TRUE(heap.grow());
    const place half = heap.get(7);
    heap.give(whole, 8); // now one region is idle and one half full
    const place small = heap.get(0);
    EXPECT_EQ(small >> 20, half >> 20);
    heap.give(small, 0);
    heap.give(half, 7);
    EXPECT_TRUE(heap.is_valid());
}

TEST(buddy_heap, blocks_overlap_never_and_lie_on_their_size) {
    heap memory;
    heap_under_test heap(memory, 6, 16);
    std::mt19937 random(7);
    std::map<place, unsigned> live;
    for (int step = 0; step < 4000; ++step) {
        if (live.size() < 40 || random() % 2 == 0) {
            const auto order = static_cast<unsigned>(random() % 9);
            place at = heap.get(order);
            if (at == no_place) {
                ASSERT_TRUE(heap.grow());
                at = heap.get(order);
            }
            const place end = at + (place{64} << order);
            const auto after = live.lower_bound(at);
            ASSERT_EQ(at % (place{64} << order), 0u);
            ASSERT_TRUE(after == live.end() || after->first >= end);
            if (after != live.begin()) {
                const auto before = std::prev(after);
                ASSERT_LE(before->first + (place{64} << before->second), at);
            }
            live.emplace(at, order);
        } else {
            auto gone = live.begin();
            std::advance(gone, random() % live.size());
            heap.give(gone->first, gone->second);
            live.erase(gone);
        }
        if (step % 64 == 0) {
            ASSERT_TRUE(heap.is_valid());
        }
    }
    for (const auto& [at, order] : live) heap.give(at, order);
    EXPECT_TRUE(heap.is_valid());
    EXPECT_EQ(heap.free_blocks(10), heap.regions()); // all merged
}

TEST(buddy_heap, says_when_a_block_holds_no_memory_yet) {
    heap memory;
    heap_under_test heap(memory);
    ASSERT_TRUE(heap.grow());
    bool was_clean = false;
    const place first = heap.take(0, was_clean);
    EXPECT_TRUE(was_clean);
    heap.give(first, 0);
    EXPECT_EQ(heap.take(0, was_clean), first);
    EXPECT_FALSE(was_clean);
    heap.give(first, 0);
    const place both = heap.take(1, was_clean); // its second page was never used
    EXPECT_TRUE(was_clean);
    heap.give(both, 1);
}

TEST(buddy_heap, idle_pages_go_lazily_first_and_then_for_good) {
    test::strict_source memory(4096);
    test::failing_source watched(memory);
    heap_under_test heap(watched);
    ASSERT_TRUE(heap.grow());
    const place kept = heap.get(0);
    const place freed = heap.get(7);
    heap.give(freed, 7);
    const engine::idle_limits limits{.lazy = 2, .final = 4};
    EXPECT_EQ(heap.age(1, limits).calls, 0u); // freed in this step, maybe just now
    const engine::returned lazily = heap.age(1, limits);
    EXPECT_EQ(lazily.lazy_bytes, 512 * kib);
    EXPECT_EQ(lazily.calls, 1u);
    EXPECT_TRUE(lazily.is_more_to_come);
    EXPECT_EQ(heap.age(1, limits).calls, 0u);
    const engine::returned finally = heap.age(1, limits);
    EXPECT_EQ(finally.bytes, 512 * kib);
    EXPECT_FALSE(finally.is_more_to_come);
    EXPECT_EQ(heap.age(9, limits).calls, 0u); // what has gone goes no more
    EXPECT_EQ(watched.calls().purge, 1u);
    EXPECT_EQ(watched.calls().decommit, 1u);
    heap.give(kept, 0);
    EXPECT_EQ(memory.complaint(), "");
}

TEST(buddy_heap, pages_refused_while_they_may_be_needed_are_offered_later) {
    test::failing_source watched(default_source());
    heap_under_test heap(watched);
    ASSERT_TRUE(heap.grow());
    const place kept = heap.get(0);
    heap.give(heap.get(7), 7);
    const std::size_t all = heap.used_bytes() + 512 * kib;
    engine::idle_limits limits{.lazy = 2, .final = 6, .lazy_need = all, .final_need = all};
    for (int step = 0; step < 3; ++step) EXPECT_EQ(heap.age(1, limits).calls, 0u);
    limits.lazy_need = all - 1;
    EXPECT_EQ(heap.age(1, limits).lazy_bytes, 512 * kib);
    EXPECT_EQ(heap.age(1, limits).calls, 0u); // once
    for (int step = 0; step < 9; ++step) EXPECT_EQ(heap.age(1, limits).calls, 0u);
    limits.final_need = all - 1;
    EXPECT_EQ(heap.age(1, limits).bytes, 512 * kib); // at once: it has been idle for long
    heap.give(kept, 0);
    EXPECT_TRUE(heap.is_valid());
}

TEST(buddy_heap, pages_used_again_begin_anew) {
    test::failing_source watched(default_source());
    heap_under_test heap(watched);
    ASSERT_TRUE(heap.grow());
    const place kept = heap.get(0);
    const engine::idle_limits limits{.lazy = 2, .final = 4};
    for (int round = 0; round < 10; ++round) {
        const place used = heap.get(7);
        heap.give(used, 7);
        EXPECT_EQ(heap.age(1, limits).calls, 0u);
    }
    heap.give(kept, 0);
}

TEST(buddy_heap, an_idle_region_goes_whole_and_its_number_is_used_again) {
    test::strict_source memory(4096);
    heap_under_test heap(memory);
    ASSERT_TRUE(heap.grow());
    ASSERT_TRUE(heap.grow());
    const place first = heap.get(8);
    const place second = heap.get(8);
    heap.give(first, 8);
    EXPECT_GT(heap.trim().bytes, 1024 * kib - 1);
    EXPECT_EQ(heap.regions(), 1u);
    ASSERT_TRUE(heap.grow());
    EXPECT_EQ(heap.get(8), first);
    heap.give(first, 8);
    heap.give(second, 8);
    heap.keep(2);
    (void)heap.trim();
    EXPECT_EQ(heap.regions(), 2u); // these are kept, without their memory
    EXPECT_TRUE(heap.is_valid());
    EXPECT_EQ(memory.complaint(), "");
}

TEST(buddy_heap, finds_places_while_the_table_of_regions_grows) {
    heap memory;
    heap_under_test heap(memory, 12, 16);
    std::vector<std::pair<place, std::byte*>> blocks;
    for (int i = 0; i < 100; ++i) {
        ASSERT_TRUE(heap.grow());
        const place at = heap.get(4);
        blocks.emplace_back(at, heap.at(at));
    }
    for (const auto& [at, data] : blocks) EXPECT_EQ(heap.at(at), data);
    for (const auto& [at, data] : blocks) heap.give(at, 4);
    EXPECT_TRUE(heap.is_valid());
}

TEST(buddy_heap, blocks_are_committed_when_they_are_taken) {
    test::strict_source memory(4096);
    test::failing_source failing(memory);
    heap_under_test heap(failing);
    ASSERT_TRUE(heap.grow());
    const place kept = heap.get(0);
    heap.at(kept)[4095] = std::byte{1};
    for (int round = 0; round < 3; ++round) {
        failing.refuse(1, test::refusal::once);
        EXPECT_EQ(heap.get(7), no_place);
        EXPECT_TRUE(heap.is_valid());
        const place used = heap.get(7);
        heap.at(used)[512 * kib - 1] = std::byte{1}; // faults when it is not
        heap.give(used, 7);
        (void)heap.trim(); // and now it is not any more
        failing.refuse(1, test::refusal::once);
        EXPECT_FALSE(heap.extend(kept, 0, 8));
        EXPECT_TRUE(heap.is_valid());
    }
    failing.relent();
    EXPECT_TRUE(heap.extend(kept, 0, 8));
    heap.at(kept)[1024 * kib - 1] = std::byte{1};
    EXPECT_EQ(heap.at(kept)[4095], std::byte{1});
    EXPECT_EQ(heap.free_bytes(), 0u);
    EXPECT_TRUE(heap.is_valid());
    EXPECT_EQ(memory.complaint(), "");
}

// The source counts in larger units than its pages are, as that of Windows: what a neighbour used and gave
// back says nothing of the others in its unit.
TEST(buddy_heap, blocks_of_one_unit_are_committed_together) {
    test::strict_source memory(64 * kib);
    buddy_heap heap;
    heap.configure(buddy_shape(12, 20, 16), memory, false);
    ASSERT_TRUE(heap.grow());
    heap.keep(1);
    bool was_clean = false;
    heap.give(heap.take(0, was_clean), 0);
    EXPECT_TRUE(was_clean);
    std::vector<place> blocks;
    for (int i = 0; i < 16; ++i) {
        blocks.push_back(heap.take(0, was_clean));
        EXPECT_FALSE(was_clean);
        heap.at(blocks.back())[4095] = std::byte{1}; // faults when it is not
    }
    for (const place block : blocks) heap.give(block, 0);
    (void)heap.trim();
    const place half = heap.take(3, was_clean);
    EXPECT_TRUE(was_clean);
    EXPECT_TRUE(heap.extend(half, 3, 8));
    heap.at(half)[1024 * kib - 1] = std::byte{1};
    EXPECT_TRUE(heap.is_valid());
    heap.release_all();
    EXPECT_EQ(memory.complaint(), "");
}

TEST(buddy_heap, a_unit_is_never_more_than_a_region) {
    test::strict_source memory(2048 * kib);
    buddy_heap heap;
    heap.configure(buddy_shape(12, 16, 21), memory, false);
    ASSERT_TRUE(heap.grow());
    bool was_clean = false;
    const place at = heap.take(4, was_clean);
    heap.at(at)[64 * kib - 1] = std::byte{1};
    heap.give(at, 4);
    EXPECT_TRUE(heap.is_valid());
    heap.release_all();
    EXPECT_EQ(memory.complaint(), "");
}

TEST(buddy_heap, a_refusing_source_changes_nothing) {
    heap memory;
    test::failing_source failing(memory);
    for (std::size_t call = 1; call <= 4; ++call) {
        heap_under_test heap(failing);
        failing.refuse(call, test::refusal::once);
        EXPECT_FALSE(heap.grow());
        EXPECT_EQ(heap.regions(), 0u);
        EXPECT_TRUE(heap.is_valid());
        EXPECT_TRUE(heap.grow());
    }
}

} // namespace
