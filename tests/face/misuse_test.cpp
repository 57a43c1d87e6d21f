// cenote: SPDX-License-Identifier: MIT
//
// What is no live block is no block to reallocate either, whichever pool is behind the interface.
#include <cenote/concurrent/concurrent_multi_pool.hpp>
#include <cenote/concurrent/concurrent_pool.hpp>
#include <cenote/concurrent/locked.hpp>
#include <cenote/face/resource.hpp>
#include <cenote/pool/arena.hpp>
#include <cenote/pool/fixed_pool.hpp>
#include <cenote/pool/multi_pool.hpp>
#include <cenote/pool/variable_pool.hpp>

#include "support/misuse_watch.hpp"

#include <array>
#include <cstring>
#include <gtest/gtest.h>

namespace {

using namespace cenote;

constexpr std::size_t size = 64;

template<class Pool>
struct judging {
    using pool_type = Pool;
    static typename Pool::options wanted() {
        typename Pool::options result;
        if constexpr (requires { result.block_size; }) result.block_size = size;
        result.checks = true;
        return result;
    }
};

template<class Kind>
class misused_through_the_interface : public ::testing::Test {
protected:
    using pool_type = typename Kind::pool_type;

    void expect(misuse kind, void* pointer, std::size_t bytes) {
        const memory_stats before = face.stats();
        for (const std::size_t wanted : {size / 2, size, size * 1000}) {
            if (block_pool<pool_type> && wanted > size) continue;
            EXPECT_EQ(face.try_reallocate(pointer, bytes, wanted), nullptr);
            EXPECT_EQ(face.reallocate(pointer, bytes, wanted), nullptr); // and nothing is thrown
            ASSERT_EQ(misuses.count(), 2u);
            for (const misuse_report& one : misuses.seen()) {
                EXPECT_EQ(one.kind, kind);
                EXPECT_EQ(one.pointer, pointer);
            }
            misuses.clear();
        }
        EXPECT_EQ(face.stats().live_bytes, before.live_bytes);
        EXPECT_EQ(face.stats().calls->allocations, before.calls->allocations);
        EXPECT_EQ(face.stats().calls->deallocations, before.calls->deallocations);
    }

    test::misuse_watch misuses;
    pool_type pool{Kind::wanted()};
    resource<pool_type> face{pool, {.stats = true}};
};

using kinds =
    ::testing::Types<judging<fixed_pool>, judging<multi_pool>, judging<variable_pool>, judging<arena>,
                     judging<concurrent_pool>, judging<concurrent_multi_pool>, judging<locked<fixed_pool>>,
                     judging<locked<multi_pool>>, judging<locked<variable_pool>>>;
TYPED_TEST_SUITE(misused_through_the_interface, kinds);

TYPED_TEST(misused_through_the_interface, blocks_that_are_free_stay_free) {
    void* const kept = this->face.try_allocate(size);
    void* const freed = this->face.try_allocate(size);
    std::memset(freed, 1, size);
    this->face.deallocate(freed, size);
    this->expect(misuse::double_free, freed, size);
    void* const smaller = this->face.try_reallocate(kept, size, size / 2); // other than these
    ASSERT_NE(smaller, nullptr);
    this->face.deallocate(smaller, size / 2);
    EXPECT_EQ(this->face.stats().live_bytes, 0u);
    EXPECT_EQ(this->misuses.count(), 0u);
}

TYPED_TEST(misused_through_the_interface, memory_of_others_is_not_read) {
    alignas(16) std::array<char, size> elsewhere{};
    void* const block = this->face.try_allocate(size);
    this->expect(misuse::foreign_pointer, elsewhere.data(), size);
    this->face.deallocate(block, size);
}

TYPED_TEST(misused_through_the_interface, a_size_beyond_the_block_is_wrong) {
    if (block_pool<typename TestFixture::pool_type>) return; // goes to the resource beyond
    void* const block = this->face.try_allocate(size);
    this->expect(misuse::wrong_size, block, size * 100);
    this->face.deallocate(block, size);
    EXPECT_EQ(this->misuses.count(), 0u);
}

TEST(resource, resizes_in_place_behind_a_lock_too) {
    locked<variable_pool> pool;
    resource face(pool);
    auto* const block = static_cast<char*>(face.try_allocate(100));
    std::memset(block, 7, 100);
    EXPECT_EQ(face.try_reallocate(block, 100, 5000), block);
    EXPECT_EQ(face.try_reallocate(block, 5000, 50), block);
    EXPECT_EQ(block[49], 7);
    face.deallocate(block, 50);
}

} // namespace
