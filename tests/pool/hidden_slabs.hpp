// cenote: SPDX-License-Identifier: MIT
#pragma once

#include <cenote/pool/options.hpp>
#include <cenote/source/heap.hpp>

#include <gtest/gtest.h>
#include <memory>
#include <random>
#include <vector>

namespace cenote::test {

/// Frees blocks of a pool of many sizes where one slab takes another's place in the table. Those of one
/// region never stand in each other's way there; those of many regions, far apart, do.
template<class Pool>
void free_blocks_of_hidden_slabs() {
    heap from;
    Pool pool({.slab_bytes = 1 << 10, .growth = growth::constant(1), .source = &from, .sanitizers = false});
    std::mt19937 chance(5);
    std::vector<std::unique_ptr<char[]>> between;
    std::vector<void*> blocks;
    for (std::size_t i = 0; i < 3'000; ++i) {
        between.push_back(std::make_unique<char[]>(1 + chance() % 5'000));
        for (const std::size_t size : {16u, 64u, 128u}) blocks.push_back(pool.allocate(size));
    }
    for (void* const block : blocks) pool.deallocate(block);
    EXPECT_EQ(pool.stats().live, 0u);
    EXPECT_TRUE(pool.is_valid());
}

} // namespace cenote::test
