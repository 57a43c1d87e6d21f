// cenote: SPDX-License-Identifier: MIT
#include <cenote/face/allocator.hpp>
#include <cenote/pool/fixed_pool.hpp>
#include <cenote/pool/multi_pool.hpp>

#include <functional>
#include <gtest/gtest.h>
#include <limits>
#include <list>
#include <map>
#include <unordered_map>
#include <utility>
#include <vector>

namespace {

using namespace cenote;

template<class T>
using node_allocator = allocator<T, fixed_pool>;

TEST(allocator, carries_the_containers_of_the_standard_library) {
    multi_pool pool({.checks = true});
    {
        using pair = std::pair<const int, int>;
        std::vector<int, allocator<int>> numbers{allocator<int>(pool)};
        std::list<int, allocator<int>> list{allocator<int>(pool)};
        std::map<int, int, std::less<>, allocator<pair>> ordered{allocator<pair>(pool)};
        std::unordered_map<int, int, std::hash<int>, std::equal_to<>, allocator<pair>> hashed{
            allocator<pair>(pool)};
        for (int i = 0; i < 2000; ++i) {
            numbers.push_back(i);
            list.push_front(i);
            ordered[i] = hashed[i] = i;
        }
        list.remove_if([](int i) { return i % 2 == 0; });
        std::vector<int, allocator<int>> moved = std::move(numbers);
        EXPECT_EQ(moved[1999] + list.front() + ordered[7] + hashed[7], 1999 + 1999 + 7 + 7);
        EXPECT_GT(pool.stats().live, 5000u);
        EXPECT_TRUE(pool.is_valid());
    }
    EXPECT_EQ(pool.stats().live, 0u);
}

TEST(allocator, serves_nodes_from_a_pool_of_one_size) {
    fixed_pool pool({.block_size = 64});
    {
        std::list<long, node_allocator<long>> list{node_allocator<long>(pool)};
        std::map<int, int, std::less<>, node_allocator<std::pair<const int, int>>> ordered{
            node_allocator<std::pair<const int, int>>(pool)};
        for (int i = 0; i < 1000; ++i) {
            list.push_back(i);
            ordered[i] = i;
        }
        EXPECT_EQ(pool.stats().live, 2000u);
        std::list<long, node_allocator<long>> swapped{node_allocator<long>(pool)};
        swapped.swap(list);
        EXPECT_EQ(swapped.size(), 1000u);
    }
    EXPECT_EQ(pool.stats().live, 0u);
}

TEST(allocator, refuses_what_does_not_fit_a_block_or_memory) {
    fixed_pool nodes({.block_size = 64});
    node_allocator<int> small(nodes);
    int* const array = small.allocate(16);
    EXPECT_THROW((void)small.allocate(17), out_of_memory);
    small.deallocate(array, 16);

    multi_pool pool;
    allocator<double> large(pool);
    constexpr std::size_t most = std::numeric_limits<std::size_t>::max();
    for (const std::size_t count : {most, most / 8, most / 8 + 1, most / 16}) {
        EXPECT_THROW((void)large.allocate(count), out_of_memory) << count;
    }
    EXPECT_EQ(pool.stats().live, 0u);
}

TEST(allocator, keeps_the_alignment_of_its_type) {
    struct alignas(256) line {
        char bytes[256];
    };
    multi_pool pool;
    allocator<line> lines(pool);
    for (std::size_t count = 1; count < 40; ++count) {
        line* const array = lines.allocate(count);
        EXPECT_EQ(reinterpret_cast<std::uintptr_t>(array) % 256, 0u);
        lines.deallocate(array, count);
    }
}

TEST(allocator, equals_those_of_the_same_pool) {
    multi_pool one;
    multi_pool two;
    EXPECT_TRUE(allocator<int>(one) == allocator<double>(one));
    EXPECT_FALSE(allocator<int>(one) == allocator<int>(two));
    EXPECT_EQ(&allocator<int>(one).pool(), &one);
}

} // namespace
