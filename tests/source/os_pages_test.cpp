// cenote: SPDX-License-Identifier: MIT
#include <cenote/source/budget.hpp>
#include <cenote/source/os_pages.hpp>

#include "support/process_memory.hpp"

#include <cerrno>
#include <cstring>
#include <gtest/gtest.h>
#include <limits>
#include <memory>
#include <vector>

namespace {

using namespace cenote;
using test::resident_pages;

constexpr std::size_t size_max = std::numeric_limits<std::size_t>::max();
constexpr std::size_t mebibyte = std::size_t{1} << 20;

// A reservation that may be used and goes back by itself.
class reservation {
public:
    reservation(source& from, const source::request& wanted)
        : from_(from), wanted_(wanted), data_(static_cast<std::byte*>(from.reserve(wanted))) {
        EXPECT_TRUE(data_ == nullptr || from.commit(data_, wanted.bytes));
    }
    ~reservation() {
        if (data_ != nullptr) from_.release(data_, wanted_);
    }
    reservation(const reservation&) = delete;
    reservation& operator=(const reservation&) = delete;
    [[nodiscard]] std::byte* data() const { return data_; }
    [[nodiscard]] std::size_t bytes() const { return wanted_.bytes; }

private:
    source& from_;
    source::request wanted_;
    std::byte* data_;
};

TEST(os_pages, regions_have_every_alignment_up_to_many_huge_pages) {
    os_pages from;
    for (std::size_t alignment = 1; alignment <= 64 * mebibyte; alignment *= 2) {
        for (const std::size_t pages : {1u, 3u, 17u}) {
            const reservation got(from, {pages * from.granularity(), alignment});
            ASSERT_NE(got.data(), nullptr) << alignment;
            ASSERT_EQ(reinterpret_cast<std::uintptr_t>(got.data()) % alignment, 0u);
            got.data()[0] = std::byte{1};
            got.data()[got.bytes() - 1] = std::byte{1};
        }
    }
}

TEST(os_pages, an_aligned_region_takes_no_address_space_beside_itself) {
    os_pages from;
    const std::size_t before = test::mapped_bytes();
    std::vector<std::unique_ptr<reservation>> held;
    for (int i = 0; i < 8; ++i) {
        held.push_back(std::make_unique<reservation>(from, source::request{mebibyte, 64 * mebibyte}));
        ASSERT_NE(held.back()->data(), nullptr);
    }
    EXPECT_LE(test::mapped_bytes() - before, 10 * mebibyte);
}

TEST(os_pages, a_release_unmaps_the_whole_region) {
    os_pages from;
    const std::size_t before = test::mapped_bytes();
    for (int i = 0; i < 100; ++i) {
        const reservation got(from, {mebibyte, 2 * mebibyte});
        ASSERT_NE(got.data(), nullptr);
    }
    EXPECT_LE(test::mapped_bytes(), before + 2 * mebibyte);
}

TEST(os_pages, fresh_pages_are_zero_and_not_resident) {
    os_pages from;
    const reservation got(from, {16 * mebibyte, 4096});
    ASSERT_NE(got.data(), nullptr);
    EXPECT_EQ(resident_pages(got.data(), got.bytes()), 0u);
    got.data()[5 * mebibyte] = std::byte{1};
    EXPECT_EQ(resident_pages(got.data(), got.bytes()), 1u);
    for (std::size_t at = 0; at < mebibyte; ++at) ASSERT_EQ(got.data()[at], std::byte{0});
}

TEST(os_pages, decommit_gives_whole_pages_back_now_and_leaves_the_rest_alone) {
    os_pages from;
    const std::size_t page = test::page_size();
    const reservation got(from, {16 * page, 1});
    ASSERT_NE(got.data(), nullptr);
    std::memset(got.data(), 7, got.bytes());
    EXPECT_EQ(from.decommit(got.data() + 1, 4 * page), 3 * page); // whole pages inside
    EXPECT_EQ(resident_pages(got.data(), got.bytes()), 13u);
    EXPECT_EQ(got.data()[page - 1], std::byte{7});
    EXPECT_EQ(got.data()[4 * page], std::byte{7});
    ASSERT_TRUE(from.commit(got.data() + 1, 4 * page));
    EXPECT_EQ(got.data()[page], std::byte{0});
    EXPECT_EQ(got.data()[4 * page - 1], std::byte{0});
    EXPECT_EQ(from.decommit(got.data() + 1, page - 1), 0u);
    EXPECT_EQ(from.decommit(got.data() + 1, 0), 0u);
    EXPECT_EQ(from.decommit(got.data() + 5 * page + 1, page), 0u);
    EXPECT_EQ(got.data()[0], std::byte{7});
    EXPECT_EQ(got.data()[5 * page], std::byte{7});
    EXPECT_EQ(got.data()[7 * page - 1], std::byte{7});
}

TEST(os_pages, a_purged_part_stays_usable_and_its_neighbours_keep_their_bytes) {
    os_pages from;
    const std::size_t page = test::page_size();
    const reservation got(from, {16 * page, 1});
    ASSERT_NE(got.data(), nullptr);
    std::memset(got.data(), 7, got.bytes());
    from.purge(got.data() + page, 4 * page);
    EXPECT_EQ(got.data()[page - 1], std::byte{7});
    EXPECT_EQ(got.data()[5 * page], std::byte{7});
    std::memset(got.data(), 9, got.bytes());
    EXPECT_EQ(got.data()[2 * page], std::byte{9});
}

TEST(os_pages, populate_backs_every_page_and_keeps_the_contents) {
    os_pages from;
    const std::size_t page = test::page_size();
    const reservation got(from, {64 * page, 1});
    ASSERT_NE(got.data(), nullptr);
    got.data()[3 * page + 5] = std::byte{7};
    from.populate(got.data() + 3 * page + 5, 20 * page);
    EXPECT_EQ(resident_pages(got.data() + 3 * page, 21 * page), 21u);
    EXPECT_EQ(got.data()[3 * page + 5], std::byte{7});
    from.populate(got.data(), got.bytes());
    EXPECT_EQ(resident_pages(got.data(), got.bytes()), 64u);
}

TEST(os_pages, huge_pages_start_on_2_MiB_and_are_asked_for) {
#if !defined(__linux__) || defined(CENOTE_POSIX_ONLY)
    GTEST_SKIP() << "huge pages are asked for on Linux alone";
#endif
    os_pages from({.huge_pages = huge_pages::transparent});
    for (int i = 0; i < 8; ++i) {
        const reservation got(from, {4 * mebibyte, 64});
        ASSERT_NE(got.data(), nullptr);
        EXPECT_EQ(reinterpret_cast<std::uintptr_t>(got.data()) % (2 * mebibyte), 0u);
        EXPECT_TRUE(test::has_vm_flag(got.data(), "hg"));
    }
    EXPECT_EQ(from.best_granularity(), 2 * mebibyte);
    EXPECT_EQ(budget(from, unlimited).best_granularity(), 2 * mebibyte);
    EXPECT_EQ(os_pages().best_granularity(), os_pages().granularity());
    const reservation small(from, {from.granularity(), 64});
    ASSERT_NE(small.data(), nullptr);
    EXPECT_FALSE(test::has_vm_flag(small.data(), "hg"));
}

TEST(os_pages, plain_pages_are_not_marked_huge) {
    os_pages from;
    const reservation got(from, {4 * mebibyte, 2 * mebibyte});
    ASSERT_NE(got.data(), nullptr);
    EXPECT_FALSE(test::has_vm_flag(got.data(), "hg"));
}

TEST(os_pages, a_wish_for_a_node_that_is_not_there_is_no_error) {
    os_pages from;
    for (const int node : {0, 1, 63, 64, 1000, -1, -2}) {
        const reservation got(from, {from.granularity(), 1, node});
        ASSERT_NE(got.data(), nullptr) << node;
        got.data()[0] = std::byte{1};
    }
}

TEST(os_pages, errno_is_kept_whatever_happens) {
    os_pages from;
    const std::size_t page = from.granularity();
    errno = EDOM;
    EXPECT_EQ(from.reserve({size_max - page + 1, 1}), nullptr);
    EXPECT_EQ(errno, EDOM);
    const reservation got(from, {4 * page, 1, 63});
    EXPECT_EQ(errno, EDOM);
    from.purge(got.data(), 4 * page);
    from.decommit(got.data(), 4 * page);
    EXPECT_TRUE(from.commit(got.data(), 4 * page));
    from.populate(got.data(), 4 * page);
    // What is no longer mapped makes every call fail.
    std::byte* const gone = static_cast<std::byte*>(from.reserve({4 * page, 1}));
    from.release(gone, {4 * page, 1});
    from.purge(gone, 4 * page);
    from.release(gone + 1, {4 * page, 1});
    EXPECT_EQ(errno, EDOM);
}

TEST(os_pages, no_bytes_and_more_than_memory_are_refused) {
    os_pages from;
    const std::size_t page = from.granularity();
    EXPECT_EQ(from.reserve({0, 1}), nullptr);
    EXPECT_EQ(from.reserve({0, mebibyte}), nullptr);
    for (std::size_t alignment = 1; alignment != 0; alignment *= 2) {
        ASSERT_EQ(from.reserve({size_max - page + 1, alignment}), nullptr) << alignment;
        ASSERT_EQ(from.reserve({size_max / 2 + 1, alignment}), nullptr) << alignment;
    }
    EXPECT_EQ(from.reserve({page, size_max / 2 + 1}), nullptr);
}

TEST(os_pages, stands_in_static_storage_as_the_default_source) {
    static constinit os_pages own;
    const reservation got(own, {own.granularity(), 1});
    EXPECT_NE(got.data(), nullptr);
    EXPECT_EQ(&default_source(), &default_source());
    EXPECT_FALSE(default_source().is_prepaid());
    EXPECT_EQ(default_source().available(), unlimited);
    EXPECT_EQ(default_source().granularity() % 4096, 0u);
}

} // namespace
