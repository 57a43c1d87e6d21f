// cenote: SPDX-License-Identifier: MIT
#include <cenote/slab/slab_heap.hpp>

#include "support/test_sources.hpp"

#include <algorithm>
#include <gtest/gtest.h>
#include <random>
#include <set>
#include <vector>

namespace {

using namespace cenote;
using namespace cenote::engine;

class slab_heaps : public testing::Test {
protected:
    void start(std::size_t block_size, std::size_t blocks_per_slab, std::size_t most_kept = unlimited) {
        block_layout layout;
        ASSERT_TRUE(make_layout(block_size, 8, blocks_per_slab, layout));
        region_plan plan;
        plan.from = &from;
        plan.alignment = 8;
        plan.slab_bytes = layout.slab_bytes();
        plan.record_bytes = slab::bytes_for(layout.blocks_per_slab);
        list.configure(plan);
        heap.configure(layout, list, {0, most_kept, false, true});
    }
    void grow(std::size_t blocks) { ASSERT_TRUE(list.grow(blocks * heap.layout().stride)); }
    std::vector<void*> take(std::size_t want) {
        std::vector<void*> blocks(want);
        const std::size_t count = heap.take(blocks.data() + want, want);
        blocks.erase(blocks.begin(), blocks.end() - static_cast<std::ptrdiff_t>(count));
        return blocks;
    }
    bool withdraw(const void* block, position& at) {
        return heap.find(block, at) && heap.withdraw(word_run(at));
    }
    void give(void* block) {
        position at;
        ASSERT_TRUE(withdraw(block, at));
        heap.give(word_run(at));
        heap.give_surplus_slabs();
    }
    ~slab_heaps() override { list.release_all(); }

    test::counting_source from;
    region_list list;
    slab_heap heap;
};

TEST_F(slab_heaps, begin_where_they_are_told_if_one_block_is_wanted) {
    start(24, 10);
    grow(30);
    heap.begin_at(7);
    const std::vector<void*> first = take(1);
    position at;
    ASSERT_TRUE(heap.find(first[0], at));
    EXPECT_EQ(at.index, 7u);
    EXPECT_TRUE(heap.is_valid());
    const std::vector<void*> rest = take(25);
    EXPECT_EQ(rest.size(), 9u);
    EXPECT_EQ(std::count(rest.begin(), rest.end(), first[0]), 0);
    heap.begin_at(0);  // said nothing
    heap.begin_at(10); // a slab has no such block
    EXPECT_EQ(take(1).size(), 1u);
    heap.begin_at(1);
    EXPECT_EQ(take(3).size(), 3u);
    EXPECT_EQ(heap.out(), 14u);
    EXPECT_TRUE(heap.is_valid());
}

TEST_F(slab_heaps, take_and_put_single_blocks) {
    start(24, 70);
    grow(140);
    std::vector<void*> blocks;
    while (void* const block = heap.take_one()) blocks.push_back(block);
    EXPECT_EQ(blocks.size(), 140u);
    EXPECT_EQ(std::set<void*>(blocks.begin(), blocks.end()).size(), 140u);
    EXPECT_TRUE(heap.is_valid());
    std::shuffle(blocks.begin(), blocks.end(), std::mt19937(1));
    for (void* block : blocks) {
        position at;
        ASSERT_TRUE(heap.find_near(block, at));
        EXPECT_TRUE(heap.put_one(at));
        EXPECT_FALSE(heap.put_one(at)) << "it is idle already";
        ASSERT_TRUE(heap.is_valid());
    }
    EXPECT_EQ(heap.idle(), 140u);
    EXPECT_EQ(heap.out(), 0u);
}

// Beside a heap of the same traffic that never takes the short way.
TEST_F(slab_heaps, quick_ways_do_what_the_long_ones_do) {
    for (const bool lowest_first : {false, true}) {
        for (const bool shares : {false, true}) {
            const slab_heap::habits wanted{.most_kept = 2, .shares = shares, .lowest_first = lowest_first};
            test::counting_source elsewhere;
            region_list other_list;
            slab_heap other;
            start(24, 70);
            heap.configure(heap.layout(), list, wanted);
            grow(700);
            other_list.configure(list.plan());
            other.configure(heap.layout(), other_list, wanted);
            ASSERT_TRUE(other_list.grow(700 * heap.layout().stride));
            std::vector<std::pair<void*, void*>> live;
            std::mt19937 chance(1);
            std::size_t quick = 0;
            for (int step = 0; step < 20'000; ++step) {
                // Waves, so that slabs empty and fill; now and then a single block that comes and goes.
                const bool takes = chance() % 1000 < (step / 1500 % 2 == 0 ? 700u : 300u);
                if (takes || live.empty()) {
                    void* block = heap.take_quickly();
                    quick += block != nullptr ? 1 : 0;
                    if (block == nullptr) block = heap.take_one();
                    void* const twin = other.take_one();
                    ASSERT_EQ(block == nullptr, twin == nullptr);
                    if (block != nullptr) live.emplace_back(block, twin);
                } else {
                    std::swap(live[chance() % live.size()], live.back());
                    const auto [block, twin] = live.back();
                    live.pop_back();
                    position at;
                    if (heap.put_quickly(block)) {
                        ++quick;
                        ASSERT_FALSE(heap.put_quickly(block)) << "it is idle already";
                    } else {
                        ASSERT_TRUE(heap.find_near(block, at) && heap.put_one(at));
                        heap.give_surplus_slabs();
                    }
                    ASSERT_FALSE(heap.put_quickly(static_cast<std::byte*>(block) + 8));
                    ASSERT_TRUE(other.find_near(twin, at) && other.put_one(at));
                    other.give_surplus_slabs();
                }
                ASSERT_EQ(heap.idle(), other.idle());
                ASSERT_EQ(heap.out(), other.out());
                ASSERT_EQ(heap.blocks(), other.blocks());
                ASSERT_EQ(heap.fewest_kept(), other.fewest_kept());
                if (!live.empty()) {
                    position here;
                    position there;
                    ASSERT_TRUE(heap.find(live.back().first, here));
                    ASSERT_TRUE(other.find(live.back().second, there));
                    ASSERT_EQ(here.index, there.index);
                }
                if (step % 50 == 0) {
                    ASSERT_TRUE(heap.is_valid());
                }
            }
            EXPECT_GT(quick, 5'000u);
            heap.forget_slabs();
            list.release_all();
            other_list.release_all();
        }
    }
}

TEST_F(slab_heaps, the_only_idle_slab_serves_on_and_goes_back_when_told) {
    start(24, 10);
    heap.configure(heap.layout(), list, {}); // no other heap draws from the list
    grow(30);
    for (int i = 0; i < 3; ++i) {
        void* const block = heap.take_one();
        position at;
        ASSERT_TRUE(heap.find_near(block, at));
        EXPECT_TRUE(heap.put_one(at));
        EXPECT_TRUE(heap.is_valid());
    }
    EXPECT_EQ(heap.blocks(), 10u);
    heap.give_idle_slabs(unlimited);
    EXPECT_EQ(heap.blocks(), 0u);
    EXPECT_TRUE(heap.is_valid());
}

TEST_F(slab_heaps, the_only_idle_slab_is_kept_apart_once_another_has_an_idle_block) {
    start(24, 10);
    heap.configure(heap.layout(), list, {});
    grow(30);
    const std::vector<void*> idle = take(10);
    const std::vector<void*> full = take(10);
    position at;
    for (void* const block : idle) {
        ASSERT_TRUE(heap.find_near(block, at));
        ASSERT_TRUE(heap.put_one(at));
    }
    ASSERT_TRUE(heap.find_near(full[0], at));
    ASSERT_TRUE(heap.put_one(at));
    EXPECT_TRUE(heap.is_valid());
    heap.give_idle_slabs(unlimited);
    EXPECT_EQ(heap.blocks(), 10u);
    EXPECT_TRUE(heap.is_valid());
}

TEST_F(slab_heaps, a_slab_that_went_back_is_not_found_near) {
    start(24, 10);
    grow(30);
    void* const block = heap.take_one();
    position at;
    ASSERT_TRUE(heap.find_near(block, at));
    ASSERT_TRUE(heap.find_near(block, at)) << "now by the slab found last";
    ASSERT_TRUE(heap.put_one(at));
    heap.give_idle_slabs(unlimited);
    EXPECT_FALSE(heap.find_near(block, at));
}

TEST_F(slab_heaps, give_blocks_of_one_slab_before_they_set_up_another) {
    start(24, 10);
    grow(30);
    EXPECT_EQ(take(25).size(), 10u); // a new slab only for the first block
    EXPECT_EQ(take(3).size(), 3u);
    EXPECT_EQ(take(25).size(), 7u);
    EXPECT_EQ(heap.blocks(), 20u);
    EXPECT_EQ(heap.out(), 20u);
    EXPECT_EQ(take(25).size(), 10u);
    EXPECT_TRUE(take(1).empty());
    EXPECT_TRUE(heap.is_valid());
}

TEST_F(slab_heaps, the_next_block_to_use_stands_last_and_is_the_lowest) {
    start(24, 10);
    grow(10);
    const std::vector<void*> blocks = take(10);
    EXPECT_TRUE(std::is_sorted(blocks.rbegin(), blocks.rend()));
}

TEST_F(slab_heaps, find_blocks_by_their_start_only) {
    start(24, 10);
    grow(10);
    const std::vector<void*> blocks = take(10);
    for (void* const block : blocks) {
        auto* const byte = static_cast<std::byte*>(block);
        position at;
        EXPECT_TRUE(heap.find(byte, at));
        for (int i = 1; i < 24; ++i) EXPECT_FALSE(heap.find(byte + i, at));
    }
    position at;
    EXPECT_FALSE(heap.find(static_cast<std::byte*>(blocks.front()) + 24, at));
    EXPECT_FALSE(heap.find(static_cast<std::byte*>(blocks.back()) - 24, at));
    EXPECT_FALSE(heap.find(nullptr, at));
}

TEST_F(slab_heaps, a_short_last_slab_ends_at_its_last_block) {
    start(24, 10);
    grow(13);
    EXPECT_EQ(take(10).size(), 10u);
    const std::vector<void*> rest = take(10);
    ASSERT_EQ(rest.size(), 3u);
    position at;
    EXPECT_FALSE(heap.find(static_cast<std::byte*>(rest.front()) + 24, at));
    EXPECT_EQ(heap.diagnose(static_cast<std::byte*>(rest.front()) + 24), misuse::past_the_end);
}

TEST_F(slab_heaps, say_what_is_wrong_with_a_pointer) {
    start(24, 10);
    grow(20);
    const std::vector<void*> blocks = take(4);
    auto* const first = static_cast<std::byte*>(blocks.back());
    give(first);
    EXPECT_EQ(heap.diagnose(first), misuse::double_free);
    EXPECT_EQ(heap.diagnose(first + 5 * 24), misuse::never_allocated);
    EXPECT_EQ(heap.diagnose(first + 1), misuse::interior_pointer);
    EXPECT_EQ(heap.diagnose(first + 23), misuse::interior_pointer);
    EXPECT_EQ(heap.diagnose(first + 240), misuse::past_the_end);
    EXPECT_EQ(heap.diagnose(first - 1), misuse::foreign_pointer);
    EXPECT_EQ(heap.diagnose(first + 241), misuse::foreign_pointer);
    EXPECT_EQ(heap.diagnose(nullptr), misuse::foreign_pointer);
    int local = 0;
    EXPECT_EQ(heap.diagnose(&local), misuse::foreign_pointer);
}

TEST_F(slab_heaps, know_their_own_slabs_from_those_of_another_size) {
    start(24, 10);
    slab_heap other;
    other.configure(heap.layout(), list, {1, unlimited, false, true});
    grow(20);
    void* const mine = take(1)[0];
    void* theirs = nullptr;
    ASSERT_EQ(other.take(&theirs + 1, 1), 1u);
    position at;
    EXPECT_TRUE(heap.find(mine, at));
    EXPECT_FALSE(heap.find(theirs, at));
    EXPECT_FALSE(withdraw(theirs, at));
    EXPECT_EQ(heap.diagnose(theirs), misuse::wrong_size);
    EXPECT_TRUE(heap.is_valid());
    EXPECT_TRUE(other.is_valid());
    heap.reset();
    EXPECT_EQ(other.out(), 1u);
    EXPECT_TRUE(other.is_valid());
}

TEST_F(slab_heaps, a_bad_pointer_changes_nothing) {
    start(24, 10);
    grow(10);
    void* const block = take(1)[0];
    give(block);
    position at;
    EXPECT_FALSE(withdraw(block, at));
    EXPECT_FALSE(withdraw(static_cast<std::byte*>(block) + 1, at));
    EXPECT_EQ(heap.out(), 0u);
    EXPECT_EQ(heap.idle(), 10u);
    EXPECT_TRUE(heap.is_valid());
}

TEST_F(slab_heaps, a_withdrawn_block_goes_out_again_at_its_address) {
    start(24, 10);
    grow(10);
    void* const block = take(1)[0];
    position at;
    ASSERT_TRUE(withdraw(block, at));
    EXPECT_EQ(heap.out(), 0u);
    EXPECT_EQ(heap.idle(), 9u);
    heap.hand_out(word_run(at));
    EXPECT_TRUE(at.record->is_out(at.index));
    EXPECT_EQ(heap.out(), 1u);
    EXPECT_TRUE(heap.is_valid());
}

TEST_F(slab_heaps, a_run_with_one_block_that_is_not_out_changes_nothing) {
    start(24, 100);
    grow(100);
    std::vector<void*> blocks = take(3);
    give(blocks[0]); // the highest of the three
    position at;
    ASSERT_TRUE(heap.find(blocks[2], at));
    word_run run(at);
    ASSERT_TRUE(run.add(at.id, at.index + 1));
    EXPECT_FALSE(run.add(at.id, at.index + 1)) << "twice in one run would hide a double free";
    EXPECT_FALSE(run.add(at.id, at.index + 64)) << "another word";
    EXPECT_FALSE(run.add(at.id + 1, at.index + 2)) << "another slab";
    ASSERT_TRUE(run.add(at.id, at.index + 2)); // idle
    EXPECT_FALSE(heap.withdraw(run));
    EXPECT_EQ(heap.out(), 2u);
    EXPECT_TRUE(heap.is_valid());
}

TEST_F(slab_heaps, idle_slabs_are_kept_up_to_the_number_and_then_go_back) {
    start(24, 4, 2);
    grow(16);
    std::vector<void*> blocks;
    while (blocks.size() < 16) {
        for (void* const block : take(4)) blocks.push_back(block);
    }
    EXPECT_EQ(list.used(), 4u);
    for (void* const block : blocks) give(block);
    EXPECT_EQ(list.used(), 2u);
    EXPECT_EQ(heap.blocks(), 8u);
    heap.give_idle_slabs(1);
    EXPECT_EQ(list.used(), 1u);
    heap.give_idle_slabs(unlimited);
    EXPECT_EQ(list.used(), 0u);
    EXPECT_EQ(heap.idle(), 0u);
    EXPECT_TRUE(heap.is_valid());
}

TEST_F(slab_heaps, remember_the_fewest_idle_slabs_of_a_window) {
    start(24, 4);
    grow(16);
    heap.set_up(unlimited);
    heap.forget_fewest();
    EXPECT_EQ(heap.fewest_kept(), 4u);
    std::vector<void*> blocks;
    for (int i = 0; i < 3; ++i) blocks.push_back(take(4)[0]);
    EXPECT_EQ(heap.fewest_kept(), 1u);
    heap.reset();
    EXPECT_EQ(heap.fewest_kept(), 1u);
    heap.forget_fewest();
    EXPECT_EQ(heap.fewest_kept(), 4u);
}

TEST_F(slab_heaps, reset_frees_all_and_remembers_what_was_once_out) {
    start(24, 10);
    grow(20);
    const std::vector<void*> blocks = take(10);
    heap.reset();
    EXPECT_EQ(heap.out(), 0u);
    EXPECT_EQ(heap.idle(), 10u);
    EXPECT_EQ(heap.diagnose(blocks[0]), misuse::double_free);
    EXPECT_TRUE(heap.is_valid());
    EXPECT_EQ(take(10).size(), 10u);
}

TEST_F(slab_heaps, next_out_walks_every_out_block_once) {
    start(24, 10);
    grow(45);
    std::set<void*> out;
    std::vector<void*> some;
    while (!(some = take(10)).empty()) out.insert(some.begin(), some.end());
    ASSERT_EQ(out.size(), 45u);
    for (auto at = out.begin(); at != out.end();) {
        if (reinterpret_cast<std::uintptr_t>(*at) / 24 % 3 == 0) {
            give(*at);
            at = out.erase(at);
        } else {
            ++at;
        }
    }
    std::set<void*> seen;
    position at{0, 0, nullptr};
    while (void* const block = next_out(list.table(), at, [](std::uint32_t) { return std::size_t{24}; })) {
        EXPECT_TRUE(seen.insert(block).second);
    }
    EXPECT_EQ(seen, out);
}

TEST_F(slab_heaps, agree_with_a_set_through_random_traffic) {
    start(40, 7, 1);
    grow(200);
    std::mt19937 random(11);
    std::vector<void*> out;
    for (int step = 0; step < 20000; ++step) {
        if (random() % 2 == 0) {
            for (void* const block : take(1 + random() % 9)) out.push_back(block);
        } else if (!out.empty()) {
            std::swap(out[random() % out.size()], out.back());
            give(out.back());
            out.pop_back();
        }
        ASSERT_EQ(heap.out(), out.size());
        if (step % 50 == 0) {
            ASSERT_TRUE(heap.is_valid());
            ASSERT_TRUE(list.is_valid());
            ASSERT_EQ(std::set<void*>(out.begin(), out.end()).size(), out.size());
        }
    }
}

} // namespace
