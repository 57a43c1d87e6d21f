// cenote: SPDX-License-Identifier: MIT
#include <cenote/base/arith.hpp>
#include <cenote/face/direct_resource.hpp>
#include <cenote/source/budget.hpp>
#include <cenote/source/os_pages.hpp>
#include <cenote/source/region.hpp>

#include "conformance/failing_source.hpp"
#include "conformance/strict_source.hpp"

#include <cstring>
#include <gtest/gtest.h>
#include <vector>

namespace {

using namespace cenote;

TEST(direct_resource, rounds_up_to_the_granularity_of_its_source) {
    test::strict_source strict(4096);
    direct_resource face(strict);
    void* const block = face.try_allocate(5000, 64);
    EXPECT_EQ(face.stats().live_bytes, 5000u);
    EXPECT_EQ(face.stats().reserved_bytes, 8192u);
    EXPECT_EQ(face.try_reallocate(block, 5000, 8192, 64), block);
    EXPECT_EQ(face.try_reallocate(block, 8192, 4097, 64), block);
    void* const moved = face.try_reallocate(block, 4097, 100, 64);
    EXPECT_NE(moved, block);
    EXPECT_EQ(face.stats().live_bytes, 100u);
    EXPECT_EQ(face.stats().reserved_bytes, 4096u);
    face.deallocate(moved, 100, 64);
    EXPECT_EQ(strict.regions(), 0u);
    EXPECT_EQ(strict.complaint(), "");
}

TEST(direct_resource, gives_a_region_back_that_cannot_be_committed) {
    test::strict_source strict;
    test::failing_source source(strict);
    direct_resource face(source);
    source.refuse(2, test::refusal::once); // the commit behind the reserve
    EXPECT_EQ(face.try_allocate(100), nullptr);
    EXPECT_EQ(strict.regions(), 0u);
    EXPECT_EQ(face.stats().reserved_bytes, 0u);
    void* const block = face.try_allocate(100);
    EXPECT_NE(block, nullptr);
    face.deallocate(block, 100, 16);
}

TEST(direct_resource, stands_before_any_source) {
    alignas(64) std::byte bytes[1000];
    region place(bytes, sizeof bytes);
    budget half(place, 500);
    direct_resource face(half);
    void* const block = face.try_allocate(500, 1);
    EXPECT_EQ(block, bytes);
    EXPECT_EQ(face.try_allocate(1, 1), nullptr);
    face.deallocate(block, 500, 1);
    EXPECT_EQ(half.used(), 0u);
}

TEST(direct_resource, says_what_its_source_has_left) {
    budget small(default_source(), std::size_t{1} << 20);
    direct_resource face(small, {.name = "small"});
    try {
        (void)face.allocate(std::size_t{2} << 20, 16, memory_options::none);
        FAIL() << "nothing was thrown";
    } catch (const out_of_memory& problem) {
        EXPECT_STREQ(problem.what(), "cenote: pool 'small' is out of memory: requested 2097152 bytes, "
                                     "in use 0, reserved 0, no limit; its source has 1048576 left");
    }
}

TEST(direct_resource, heap_and_pages_serve_any_size_and_alignment) {
    for (memory_resource* const face : {&heap_resource(), &pages_resource()}) {
        for (const std::size_t size : {1u, 100u, 5000u, 100'000u}) {
            for (const std::size_t alignment : {1u, 16u, 256u, 16'384u}) {
                void* const block = face->try_allocate(size, alignment, memory_options::zero);
                ASSERT_NE(block, nullptr);
                EXPECT_EQ(base::padding_to(block, alignment), 0u);
                const std::vector<std::byte> zeroes(size);
                EXPECT_EQ(std::memcmp(block, zeroes.data(), size), 0);
                face->deallocate(block, size, alignment);
            }
        }
        EXPECT_EQ(face->parent(), nullptr);
    }
    EXPECT_STREQ(heap_resource().name(), "heap");
    EXPECT_STREQ(pages_resource().name(), "pages");
}

// The whole of a page that is asked for as zero would otherwise be touched. Here the source lies, so that one
// sees it.
TEST(direct_resource, does_not_write_zeroes_over_what_comes_as_zero) {
    using fresh = direct_resource::fresh;
    for (const fresh regions : {fresh::zero, fresh::unknown}) {
        std::vector<char> bytes(100, 'x');
        region place(bytes.data(), bytes.size());
        direct_resource face(place, {}, regions);
        void* const block = face.try_allocate(50, 1, memory_options::zero);
        ASSERT_EQ(block, bytes.data());
        EXPECT_EQ(bytes[49], regions == fresh::zero ? 'x' : '\0');
        EXPECT_EQ(bytes[50], 'x');
        face.deallocate(block, 50, 1);
    }
}

} // namespace
