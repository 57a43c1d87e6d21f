// cenote: SPDX-License-Identifier: MIT
#include <cenote/base/sanitizer.hpp>
#include <cenote/source/os_pages.hpp>

#include "support/process_memory.hpp"

#include <cstring>
#include <gtest/gtest.h>
#include <thread>
#include <vector>

namespace {

using namespace cenote;
using test::mapped_bytes;

constexpr std::size_t kibibyte = std::size_t{1} << 10;

// Given back at its end, which a source in static storage must not do.
class kept_pages_test : public testing::Test {
protected:
    void SetUp() override {
        if (base::watched()) GTEST_SKIP() << "under a sanitizer nothing is kept";
        if (from.granularity() > 16 * kibibyte)
            GTEST_SKIP() << "what can be kept here is of one or two sizes";
    }
    void TearDown() override { from.trim(); }

    [[nodiscard]] void* get(const source::request& wanted) {
        void* const region = from.reserve(wanted);
        return region != nullptr && from.commit(region, wanted.bytes) ? region : nullptr;
    }

    kept_pages from;
};

TEST_F(kept_pages_test, a_region_comes_again_with_its_contents) {
    const source::request wanted{64 * kibibyte, 64};
    void* const first = get(wanted);
    ASSERT_NE(first, nullptr);
    std::memset(first, 7, wanted.bytes);
    from.release(first, wanted);
    void* const again = get(wanted);
    EXPECT_EQ(again, first);
    EXPECT_EQ(static_cast<const unsigned char*>(again)[wanted.bytes - 1], 7);
    EXPECT_NE(get(wanted), first);
}

TEST_F(kept_pages_test, another_size_gets_fresh_pages) {
    const std::size_t page = from.granularity();
    void* const first = get({4 * page, 1});
    from.release(first, {4 * page, 1});
    for (const std::size_t pages : {1u, 3u, 5u, 8u}) {
        void* const other = get({pages * page, 1});
        ASSERT_NE(other, nullptr);
        EXPECT_NE(other, first) << pages;
        EXPECT_EQ(*static_cast<const unsigned char*>(other), 0);
    }
    EXPECT_EQ(get({4 * page, 1}), first);
}

TEST_F(kept_pages_test, an_alignment_that_a_kept_region_does_not_have_is_kept_nevertheless) {
    constexpr std::size_t far = std::size_t{1} << 30;
    const source::request plain{8 * kibibyte, 1};
    void* const first = get(plain);
    from.release(first, plain);
    void* const aligned = get({plain.bytes, far});
    ASSERT_NE(aligned, nullptr);
    EXPECT_EQ(reinterpret_cast<std::uintptr_t>(aligned) % far, 0u);
    from.release(aligned, {plain.bytes, far});
    EXPECT_EQ(get({plain.bytes, far}), aligned);
}

TEST_F(kept_pages_test, keeps_at_most_a_mebibyte_whatever_comes_back) {
    constexpr int regions = 64;
    std::vector<void*> held;
    const std::size_t before = mapped_bytes();
    const source::request wanted{kept_pages::largest_kept, 1};
    for (int i = 0; i < regions; ++i) held.push_back(get(wanted));
    ASSERT_GE(mapped_bytes(), before + regions * wanted.bytes);
    for (void* region : held) from.release(region, wanted);
    EXPECT_LE(mapped_bytes(), before + kept_pages::most_kept * wanted.bytes + 64 * kibibyte);
}

TEST_F(kept_pages_test, of_sizes_that_nobody_asks_for_none_stays_for_ever) {
    const std::size_t page = from.granularity();
    std::vector<void*> held;
    for (std::size_t i = 0; i < kept_pages::most_kept; ++i) held.push_back(get({(i + 2) * page, 1}));
    for (std::size_t i = 0; i < kept_pages::most_kept; ++i) from.release(held[i], {(i + 2) * page, 1});
    void* const first = get({page, 1});
    ASSERT_NE(first, nullptr);
    std::memset(first, 7, page);
    from.release(first, {page, 1});
    void* const again = get({page, 1});
    EXPECT_EQ(again, first);
    EXPECT_EQ(*static_cast<const unsigned char*>(again), 7); // not mapped anew
}

TEST_F(kept_pages_test, large_regions_and_those_of_a_node_go_back_at_once) {
    const std::size_t before = mapped_bytes();
    for (const source::request& wanted : {source::request{64 * kept_pages::largest_kept, 1},
                                          source::request{kept_pages::largest_kept, 1, 0}}) {
        void* const region = get(wanted);
        ASSERT_NE(region, nullptr);
        from.release(region, wanted);
        EXPECT_LT(mapped_bytes(), before + kept_pages::largest_kept);
    }
}

TEST_F(kept_pages_test, trim_gives_all_back) {
    const source::request wanted{kept_pages::largest_kept, 1};
    std::vector<void*> held;
    for (std::size_t i = 0; i < kept_pages::most_kept; ++i) held.push_back(get(wanted));
    for (void* region : held) from.release(region, wanted);
    const std::size_t before = mapped_bytes();
    from.trim();
    EXPECT_LE(mapped_bytes() + kept_pages::most_kept * wanted.bytes, before + 64 * kibibyte);
}

TEST_F(kept_pages_test, threads_never_get_the_same_region) {
    constexpr int rounds = 2000;
    const source::request wanted{4 * from.granularity(), 1};
    const auto work = [&](unsigned char mark) {
        for (int i = 0; i < rounds; ++i) {
            auto* const one = static_cast<unsigned char*>(get(wanted));
            auto* const other = static_cast<unsigned char*>(get(wanted));
            ASSERT_NE(one, nullptr);
            ASSERT_NE(other, nullptr);
            one[5] = mark;
            other[5] = mark;
            std::this_thread::yield();
            ASSERT_EQ(one[5], mark);
            ASSERT_EQ(other[5], mark);
            from.release(one, wanted);
            from.release(other, wanted);
        }
    };
    std::vector<std::thread> threads;
    for (unsigned char mark = 1; mark <= 4; ++mark) threads.emplace_back(work, mark);
    for (std::thread& one : threads) one.join();
}

} // namespace
