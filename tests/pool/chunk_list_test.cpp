// cenote: SPDX-License-Identifier: MIT
#include <cenote/pool/chunk_list.hpp>

#include "support/test_sources.hpp"

#include <array>
#include <gtest/gtest.h>

namespace {

using namespace cenote;
using engine::chunk;
using engine::chunk_list;

TEST(chunk_lists, go_on_to_what_fits_and_keep_what_does_not) {
    test::counting_source from;
    chunk_list chunks;
    chunks.configure({&from, 1000, growth::geometric(2, 1000)}, nullptr, 0);
    ASSERT_TRUE(chunks.advance(10, 1));
    chunk& first = *chunks.current();
    ASSERT_TRUE(chunks.advance(5000, 1));
    chunk& large = *chunks.current();
    ASSERT_TRUE(chunks.advance(10, 1));
    chunk& last = *chunks.current();
    EXPECT_EQ(last.floor, first.size() + large.size());
    chunks.go_back_to(first);
    EXPECT_TRUE(chunks.advance(4000, 1));
    EXPECT_EQ(chunks.current(), &large);
    chunks.go_back_to(first);
    EXPECT_TRUE(chunks.advance(10, 1));
    EXPECT_EQ(chunks.current(), &large);
    EXPECT_EQ(from.reserves, 3u);
    EXPECT_TRUE(chunks.is_valid());
    chunks.release_all();
    EXPECT_EQ(from.regions(), 0u);
    EXPECT_EQ(from.wrong_releases, 0u);
}

TEST(chunk_lists, skip_chunks_that_are_too_small_and_find_them_again) {
    test::counting_source from;
    chunk_list chunks;
    chunks.configure({&from, 500, growth::constant(500)}, nullptr, 0);
    for (int i = 0; i < 5; ++i) ASSERT_TRUE(chunks.advance(10, 1));
    ASSERT_TRUE(chunks.advance(3000, 1));
    chunk& large = *chunks.current();
    chunks.go_back_to(*chunks.first());
    ASSERT_TRUE(chunks.advance(2000, 1));
    EXPECT_EQ(chunks.current(), &large);
    EXPECT_EQ(chunks.first()->next, &large); // directly behind where it is needed
    for (int i = 0; i < 4; ++i) ASSERT_TRUE(chunks.advance(10, 1));
    EXPECT_EQ(from.reserves, 6u);
    EXPECT_TRUE(chunks.is_valid());
    chunks.release_all();
}

TEST(chunk_lists, never_give_the_callers_buffer_back) {
    std::array<std::byte, 100> bytes{};
    test::counting_source from;
    chunk_list chunks;
    chunks.configure({&from, 500, growth{}}, bytes.data(), bytes.size());
    EXPECT_EQ(chunks.held(), 100u);
    ASSERT_TRUE(chunks.advance(200, 1)); // the buffer is kept behind it
    chunks.go_back_to(*chunks.first());
    EXPECT_EQ(chunks.trim(0), 500u);
    EXPECT_EQ(chunks.held(), 100u);
    EXPECT_EQ(chunks.current()->begin, bytes.data());
    EXPECT_TRUE(chunks.is_valid());
    chunks.release_all();
    EXPECT_EQ(from.releases, 1u);
}

} // namespace
