// cenote: SPDX-License-Identifier: MIT
#include <cenote/slab/free_index.hpp>

#include <gtest/gtest.h>
#include <random>
#include <vector>

namespace {

using namespace cenote;
using namespace cenote::engine;

TEST(free_index, classes_hold_every_size_and_fit_what_they_promise) {
    std::uint32_t before = 0;
    for (std::uint64_t size = 1; size < 0xffffffff; size += 1 + size / 300) {
        const auto granules = static_cast<std::uint32_t>(size);
        const std::uint32_t own = run_class_of(granules);
        EXPECT_LT(own, run_classes);
        EXPECT_GE(own, before);
        before = own;
        const std::uint32_t fitting = fitting_class_of(granules);
        EXPECT_TRUE(fitting == own || fitting == own + 1);
        if (granules < exact_sizes) {
            EXPECT_EQ(fitting, own);
        }
        if (fitting == own && granules > 1) {
            EXPECT_LT(run_class_of(granules - 1), own); // the smallest of its class
        }
    }
}

TEST(free_index, finds_the_smallest_class_that_has_a_block) {
    std::vector<free_node> memory(300);
    free_index index;
    index.move_to(memory.data(), memory.size());
    EXPECT_TRUE(index.is_empty());
    EXPECT_EQ(index.class_from(0), run_classes);
    EXPECT_EQ(index.highest_class(), 0u);
    std::mt19937 random(3);
    std::vector<std::uint32_t> in_class(run_classes);
    std::vector<std::pair<std::uint32_t, std::uint32_t>> listed;
    for (int step = 0; step < 4000; ++step) {
        if (listed.size() < 299 && random() % 2 == 0) {
            const auto c = static_cast<std::uint32_t>(random() % run_classes);
            const std::uint32_t number = index.take_number();
            index.link(number, c);
            listed.emplace_back(number, c);
            ++in_class[c];
        } else if (!listed.empty()) {
            std::swap(listed[random() % listed.size()], listed.back());
            index.unlink(listed.back().first, listed.back().second);
            index.give_number(listed.back().first);
            --in_class[listed.back().second];
            listed.pop_back();
        }
        const auto from = static_cast<std::uint32_t>(random() % run_classes);
        std::uint32_t expected = from;
        while (expected < run_classes && in_class[expected] == 0) ++expected;
        ASSERT_EQ(index.class_from(from), expected);
        std::uint32_t highest = run_classes - 1;
        while (highest != 0 && in_class[highest] == 0) --highest;
        ASSERT_EQ(index.highest_class(), highest);
        std::size_t blocks = 0;
        ASSERT_TRUE(index.is_valid(blocks));
        ASSERT_EQ(blocks, listed.size());
    }
}

TEST(free_index, keeps_its_lists_when_its_memory_moves) {
    std::vector<free_node> little(4);
    std::vector<free_node> ample(40);
    free_index index;
    index.move_to(little.data(), little.size());
    for (const std::uint32_t c : {5u, 500u, 5u}) index.link(index.take_number(), c);
    index.move_to(ample.data(), ample.size());
    std::fill(little.begin(), little.end(), free_node{77, 77, 77, 77});
    std::size_t blocks = 0;
    EXPECT_TRUE(index.is_valid(blocks));
    EXPECT_EQ(blocks, 3u);
    EXPECT_EQ(index.first(5), 3u);
    EXPECT_EQ(index.take_number(), 4u);
}

TEST(free_index, chains_lose_and_find_their_members) {
    std::vector<free_node> memory(10);
    free_index index;
    index.move_to(memory.data(), memory.size());
    std::uint32_t chain = 0;
    for (std::uint32_t at = 0; at < 4; ++at) {
        const std::uint32_t number = index.take_number();
        index.at(number).at = 100 + at;
        index.enchain(chain, number);
    }
    EXPECT_EQ(index.at(index.find(chain, 102)).at, 102u);
    EXPECT_EQ(index.find_and_unchain(chain, 102), 3u);
    EXPECT_EQ(index.find_and_unchain(chain, 100), 1u);
    index.unchain(chain, 4);
    EXPECT_EQ(chain, 2u);
    EXPECT_EQ(index.at(2).chain, 0u);
}

} // namespace
