// cenote: SPDX-License-Identifier: MIT
#include <cenote/slab/boundary_map.hpp>

#include <gtest/gtest.h>
#include <random>
#include <set>
#include <vector>

namespace {

using namespace cenote;
using engine::boundary_layout;
using engine::boundary_map;

class made_map {
public:
    explicit made_map(std::uint32_t granules)
        : layout(granules), memory_(layout.bytes / 8 + 1, ~std::uint64_t{0}), map(memory_.data(), layout) {
        map.clear();
    }
    boundary_layout layout;

private:
    std::vector<std::uint64_t> memory_;

public:
    boundary_map map;
};

TEST(boundary_map, of_an_empty_span_knows_its_ends) {
    for (const std::uint32_t granules : {2u, 3u, 63u, 64u, 65u, 4096u, 4097u, 300'000u}) {
        const made_map made(granules);
        EXPECT_TRUE(made.map.is_start(0));
        EXPECT_FALSE(made.map.is_live(0));
        EXPECT_EQ(made.map.next(0), granules);
        EXPECT_EQ(made.map.previous(granules), 0u);
        EXPECT_EQ(made.map.next_live(0), granules);
        EXPECT_EQ(made.map.next_free(0), 0u);
        EXPECT_EQ(made.map.next_free(1), granules);
        EXPECT_TRUE(made.map.is_valid());
    }
}

TEST(boundary_map, finds_neighbours_however_far_they_are) {
    constexpr std::uint32_t granules = 3'000'000; // four levels of summaries
    const made_map made(granules);
    std::set<std::uint32_t> known = {0, granules};
    std::mt19937 random(7);
    for (int step = 0; step < 3000; ++step) {
        const auto g = static_cast<std::uint32_t>(1 + random() % (step % 3 == 0 ? 500 : granules - 1));
        if (known.count(g) == 0) {
            made.map.set_start(g);
            known.insert(g);
        } else {
            made.map.clear_start(g);
            known.erase(g);
        }
        const auto from = static_cast<std::uint32_t>(random() % granules);
        ASSERT_EQ(made.map.next(from), *known.upper_bound(from));
        if (from != 0) {
            ASSERT_EQ(made.map.previous_near(from), *--known.lower_bound(from));
            ASSERT_EQ(made.map.previous(from), *std::prev(known.lower_bound(from)));
        }
    }
    EXPECT_TRUE(made.map.is_valid());
    for (const std::uint32_t g : known) {
        if (g != 0 && g != granules) made.map.clear_start(g);
    }
    EXPECT_TRUE(made.map.is_valid());
    EXPECT_EQ(made.map.next(0), granules);
}

TEST(boundary_map, tells_live_starts_from_everything_else) {
    const made_map made(200);
    made.map.set_start(70);
    made.map.set_live(0, 70);
    EXPECT_TRUE(made.map.is_live_start(0));
    EXPECT_FALSE(made.map.is_live_start(70));
    EXPECT_FALSE(made.map.is_live_start(71));
    EXPECT_EQ(made.map.next_free(0), 70u);
    EXPECT_EQ(made.map.next_live(1), 200u);
    made.map.clear_live(0, 70);
    EXPECT_EQ(made.map.next_live(0), 200u);
}

TEST(boundary_map, tells_what_ends_before_a_boundary) {
    const made_map made(200);
    for (const std::uint32_t end : {63u, 64u, 65u, 128u}) {
        made.map.set_start(end);
        EXPECT_TRUE(made.map.is_free_before(end));
        made.map.set_live(0, end);
        EXPECT_FALSE(made.map.is_free_before(end));
        EXPECT_TRUE(made.map.is_valid());
        made.map.set_start(end + 2);
        made.map.move_end(end, end + 2);
        made.map.clear_start(end);
        EXPECT_FALSE(made.map.is_free_before(end + 2));
        EXPECT_TRUE(made.map.is_valid());
        made.map.clear_live(0, end + 2);
        EXPECT_TRUE(made.map.is_free_before(end + 2));
        EXPECT_FALSE(made.map.is_live_start(0));
        made.map.clear_start(end + 2);
    }
}

// A last granule that says live, and no boundary behind it.
TEST(boundary_map, an_end_without_a_boundary_is_not_valid) {
    const made_map made(200);
    made.map.set_live(0, 64);
    EXPECT_FALSE(made.map.is_valid());
    made.map.set_start(64);
    EXPECT_TRUE(made.map.is_valid());
}

TEST(boundary_map, memory_may_start_on_any_word) {
    const boundary_layout layout(1000);
    std::vector<std::uint64_t> memory(layout.bytes / 8 + 8, 0x77);
    for (std::size_t skipped = 0; skipped < 4; ++skipped) {
        std::fill(memory.begin(), memory.end(), 0x77);
        const boundary_map map(memory.data() + skipped, layout);
        map.clear();
        EXPECT_EQ(reinterpret_cast<std::uintptr_t>(map.words()) % layout.alignment, 0u);
        EXPECT_EQ(map.next(0), 1000u);
        for (std::size_t i = 0; i < memory.size(); ++i) {
            if (i < skipped || i >= skipped + layout.bytes / 8) {
                EXPECT_EQ(memory[i], 0x77u) << i;
            }
        }
    }
}

} // namespace
