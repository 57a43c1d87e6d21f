// cenote: SPDX-License-Identifier: MIT
#include <cenote/buffer/buddy_region.hpp>

#include <gtest/gtest.h>
#include <memory>
#include <new>
#include <vector>

namespace {

using namespace cenote::engine;

struct region_under_test {
    explicit region_under_test(unsigned granule, unsigned region)
        : shape(granule, region), memory(shape.record_bytes() / sizeof(std::max_align_t) + 1),
          it(::new(memory.data()) buddy_region(shape)) {}
    buddy_shape shape;
    std::vector<std::max_align_t> memory;
    buddy_region* it;
    buddy_counts counts;
    std::uint32_t get(unsigned order) {
        bool was_clean = false;
        return it->take(shape, order, counts, was_clean);
    }
};

TEST(buddy_region, gives_the_lowest_block_of_the_smallest_that_fits) {
    region_under_test region(12, 16); // sixteen granules
    EXPECT_EQ(region.get(0), 0u);
    EXPECT_EQ(region.get(1), 2u);
    EXPECT_EQ(region.get(0), 1u);
    EXPECT_EQ(region.get(2), 4u);
    EXPECT_EQ(region.it->largest_order(), 3u);
    EXPECT_EQ(region.get(3), 8u);
    EXPECT_TRUE(region.it->is_full());
    EXPECT_FALSE(region.it->can_give(0));
    EXPECT_TRUE(region.it->is_valid(region.shape));
}

TEST(buddy_region, every_order_fills_it_exactly) {
    for (const unsigned granule : {6u, 12u, 14u}) {
        for (unsigned order = 0; order <= 16 - granule; ++order) {
            region_under_test region(granule, 16);
            std::vector<std::uint32_t> blocks;
            while (region.it->can_give(order)) blocks.push_back(region.get(order));
            EXPECT_EQ(blocks.size(), std::size_t{1} << (16 - granule - order));
            EXPECT_TRUE(region.it->is_full());
            EXPECT_TRUE(region.it->is_valid(region.shape));
            for (const std::uint32_t block : blocks)
                region.it->give(region.shape, block, order, region.counts);
            EXPECT_TRUE(region.it->is_idle(region.shape));
            EXPECT_TRUE(region.it->is_valid(region.shape));
        }
    }
}

TEST(buddy_region, names_free_stretches_of_whole_pages_only) {
    region_under_test region(6, 16); // 64 bytes; a page is 64 of them
    const std::uint32_t first = region.get(0);
    std::size_t units = 0;
    std::vector<bool> seen(region.shape.units());
    region.it->for_each_free(region.shape, [&](std::size_t begin, std::size_t end) {
        for (std::size_t unit = begin; unit < end; ++unit) {
            EXPECT_FALSE(seen[unit]);
            seen[unit] = true;
            ++units;
        }
    });
    EXPECT_EQ(units, region.shape.units() - 1);
    EXPECT_FALSE(seen[0]); // a part of that page is out
    region.it->give(region.shape, first, 0, region.counts);
    EXPECT_EQ(region.it->free_bytes(region.shape), region.shape.region_bytes());
}

} // namespace
