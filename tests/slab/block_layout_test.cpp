// cenote: SPDX-License-Identifier: MIT
#include <cenote/slab/block_layout.hpp>

#include <gtest/gtest.h>

namespace {

using namespace cenote;
using engine::block_layout;
using engine::make_layout;

constexpr std::size_t size_max = base::size_max;

TEST(block_layout, the_stride_is_the_size_rounded_up_to_the_alignment) {
    for (std::size_t alignment = 1; alignment <= std::size_t{1} << 20; alignment *= 2) {
        for (const std::size_t size :
             {std::size_t{1}, std::size_t{24}, std::size_t{100}, std::size_t{4096}, alignment}) {
            block_layout layout;
            ASSERT_TRUE(make_layout(size, alignment, 0, layout));
            ASSERT_EQ(layout.stride % alignment, 0u);
            ASSERT_GE(layout.stride, size);
            ASSERT_LT(layout.stride - size, alignment);
            ASSERT_EQ(layout.block_size, size);
            ASSERT_EQ(layout.alignment, alignment);
            ASSERT_EQ(layout.by_stride.quotient(7 * layout.stride), 7u);
        }
    }
}

TEST(block_layout, a_usual_slab_is_about_64_KiB_and_holds_a_block_at_least) {
    for (std::size_t size = 1; size < 200000; size += 37) {
        block_layout layout;
        ASSERT_TRUE(make_layout(size, 1, 0, layout));
        ASSERT_GE(layout.blocks_per_slab, 1u);
        if (size <= engine::usual_slab_bytes) {
            ASSERT_LE(layout.slab_bytes(), engine::usual_slab_bytes);
            ASSERT_GT(2 * layout.slab_bytes(), engine::usual_slab_bytes);
        }
        ASSERT_TRUE(base::is_power_of_two(layout.blocks_per_slab));
    }
}

TEST(block_layout, the_blocks_per_slab_asked_for_are_taken) {
    block_layout layout;
    for (const std::size_t count :
         {std::size_t{1}, std::size_t{3}, std::size_t{1000}, engine::most_blocks_per_slab}) {
        ASSERT_TRUE(make_layout(24, 8, count, layout));
        EXPECT_EQ(layout.blocks_per_slab, count);
    }
    EXPECT_FALSE(make_layout(24, 8, engine::most_blocks_per_slab + 1, layout));
    EXPECT_FALSE(make_layout(1, 1, size_max, layout));
}

TEST(block_layout, what_does_not_fit_is_refused_and_the_layout_untouched) {
    block_layout layout;
    ASSERT_TRUE(make_layout(24, 8, 10, layout));
    for (std::size_t less = 0; less < 20; ++less) {
        EXPECT_FALSE(make_layout(size_max - less, 1, 0, layout));
        EXPECT_FALSE(make_layout(size_max - less, 64, 0, layout));
        EXPECT_FALSE(make_layout(size_max / 2 + 1 + less, 1, 0, layout));
        EXPECT_FALSE(make_layout(1, SIZE_MAX / 2 + 1, 0, layout));
    }
    EXPECT_FALSE(make_layout((SIZE_MAX >> 24) + 1, 1, std::size_t{1} << 24, layout));
    EXPECT_FALSE(make_layout(SIZE_MAX / 4 + 1, 1, 2, layout));
    EXPECT_EQ(layout.block_size, 24u);
    EXPECT_EQ(layout.blocks_per_slab, 10u);
    EXPECT_TRUE(make_layout(size_max / 2, 1, 1, layout));
}

} // namespace
