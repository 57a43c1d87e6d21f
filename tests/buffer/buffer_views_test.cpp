// cenote: SPDX-License-Identifier: MIT
//
// What a buffer is taken for, foreign memory in one, and what is left of its bytes when it has gone.
#include <cenote/buffer/buffer_pool.hpp>
#include <cenote/source/region.hpp>

#include "buffer/filled.hpp"

#include <array>
#include <cstring>
#include <gtest/gtest.h>
#include <vector>

#if __has_include(<sys/uio.h>)
#include <sys/uio.h>
#define CENOTE_TEST_IOVEC 1
#endif
#if __has_include(<asio/buffer.hpp>)
#include <asio/buffer.hpp>
#define CENOTE_TEST_ASIO 1
#endif
#if __has_include(<boost/asio/buffer.hpp>)
#include <boost/asio/buffer.hpp>
#define CENOTE_TEST_BOOST_ASIO 1
#endif

namespace {

using namespace cenote;
using test::fill, test::holds;

constexpr std::size_t kib = 1024;
constexpr std::size_t mib = 1024 * kib;

TEST(buffer_pool, adopts_memory_and_calls_for_it_once) {
    buffer_pool pool;
    std::vector<std::byte> mine(1000, std::byte{4});
    int calls = 0;
    const auto gone = [&](std::span<std::byte> memory) {
        ++calls;
        EXPECT_EQ(memory.data(), mine.data());
        EXPECT_EQ(memory.size(), mine.size());
    };
    {
        buffer one = pool.adopt(mine, gone);
        EXPECT_EQ(one.data(), mine.data());
        EXPECT_EQ(one.size(), 1000u);
        EXPECT_EQ(one.capacity(), 1000u);
        one.resize(500);
        buffer other = std::move(one);
        EXPECT_EQ(calls, 0);
    }
    EXPECT_EQ(calls, 1);
    {
        buffer one = pool.adopt(mine, gone);
        one.resize(2000); // beyond what it holds: into the pool
        EXPECT_EQ(calls, 2);
        EXPECT_TRUE(holds(one, 4, 1000));
        EXPECT_EQ(one.capacity(), 4096u);
    }
    EXPECT_EQ(calls, 2);
    EXPECT_THROW((void)pool.adopt({}, [](std::span<std::byte>) {}), bad_options);
    EXPECT_EQ(pool.stats().live, 0u);
}

struct untyped_view { // as Asio has it
    void* bytes;
    std::size_t length;
    untyped_view(void* data, std::size_t size) : bytes(data), length(size) {}
    [[nodiscard]] void* data() const { return bytes; }
    [[nodiscard]] std::size_t size() const { return length; }
};

TEST(buffer_pool, a_buffer_is_a_span_a_view_and_an_io_vector) {
    buffer_pool pool;
    buffer one = pool.acquire(100);
    const std::span<std::byte> bytes = one;
    EXPECT_EQ(bytes.data(), one.data());
    EXPECT_EQ(bytes.size(), 100u);
    EXPECT_EQ(one.bytes().size(), 100u);
    const untyped_view view = one;
    EXPECT_EQ(view.data(), one.data());
    EXPECT_EQ(view.size(), 100u);
#if defined(CENOTE_TEST_IOVEC)
    const iovec vector = one;
    EXPECT_EQ(vector.iov_base, one.data());
    EXPECT_EQ(vector.iov_len, 100u);
#endif
}

#if defined(CENOTE_TEST_ASIO)
TEST(buffer_pool, asio_takes_a_buffer_as_it_is) {
    buffer_pool pool;
    const buffer one = pool.acquire(100);
    const asio::mutable_buffer whole = one;
    EXPECT_EQ(whole.data(), one.data());
    EXPECT_EQ(whole.size(), 100u);
    const std::array<asio::mutable_buffer, 2> several{asio::buffer(one, 40), asio::buffer(one) + 40};
    EXPECT_EQ(asio::buffer_size(several), 100u);
    EXPECT_EQ(asio::buffer_copy(several, asio::buffer("bytes", 5)), 5u);
    EXPECT_EQ(std::memcmp(one.data(), "bytes", 5), 0);
}
#endif
#if defined(CENOTE_TEST_BOOST_ASIO)
TEST(buffer_pool, boosts_asio_takes_a_buffer_as_it_is) {
    buffer_pool pool;
    const buffer one = pool.acquire(100);
    const boost::asio::mutable_buffer whole = one;
    EXPECT_EQ(whole.data(), one.data());
    EXPECT_EQ(boost::asio::buffer(one).size(), 100u);
}
#endif

TEST(buffer_pool, erases_what_returns) {
    for (const bool oversize : {false, true}) {
        std::vector<std::byte> bytes(9 * mib, std::byte{0xaa});
        region memory(bytes.data(), bytes.size());
        buffer_pool pool(
            {.smallest = 64, .largest = 4096, .source = &memory, .erase = true, .sanitizers = false});
        buffer one = pool.acquire(oversize ? 10'000 : 4096);
        std::byte* const data = one.data();
        fill(one, 5);
        const std::size_t size = one.size();
        one.resize(1); // all that it could hold is erased
        one.release();
        for (std::size_t i = 0; i < size; ++i) ASSERT_EQ(data[i], std::byte{0});
    }
}

TEST(buffer_pool, leaves_nothing_behind_when_a_buffer_that_is_erased_moves_up) {
    std::vector<std::byte> bytes(1 * mib);
    region memory(bytes.data(), bytes.size());
    buffer_pool pool(
        {.smallest = 64, .largest = 4096, .source = &memory, .erase = true, .sanitizers = false});
    buffer one = pool.acquire(64);
    const buffer behind = pool.acquire(64); // so that it cannot grow where it is
    std::byte* const before = one.data();
    fill(one, 5);
    one.resize(1000);
    ASSERT_NE(one.data(), before);
    EXPECT_TRUE(holds(one, 5, 64));
    for (std::size_t i = 0; i < 64; ++i) ASSERT_EQ(before[i], std::byte{0});
}

} // namespace
