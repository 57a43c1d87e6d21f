// cenote: SPDX-License-Identifier: MIT
#include <cenote/face/resource.hpp>
#include <cenote/pool/fixed_pool.hpp>
#include <cenote/pool/multi_pool.hpp>

#include <gtest/gtest.h>
#include <list>
#include <map>
#include <memory_resource>
#include <string>
#include <unordered_map>
#include <vector>

namespace {

using namespace cenote;

TEST(resource, carries_the_containers_of_the_standard_library) {
    multi_pool pool({.checks = true});
    resource face{pool};
    {
        std::pmr::vector<int> numbers{&face};
        std::pmr::list<std::pmr::string> words{&face};
        std::pmr::map<int, std::pmr::string> ordered{&face};
        std::pmr::unordered_map<int, std::pmr::vector<int>> hashed{&face};
        for (int i = 0; i < 2000; ++i) {
            numbers.push_back(i);
            words.emplace_back("a word that is too long to be kept inside the string");
            ordered.emplace(i, words.back());
            hashed[i % 100].push_back(i);
        }
        ordered.erase(ordered.find(100), ordered.find(1900));
        EXPECT_EQ(numbers[1999], 1999);
        EXPECT_EQ(ordered.at(1999), words.front());
        EXPECT_EQ(hashed.at(7).size(), 20u);
        EXPECT_GT(pool.stats().live, 2000u);
        EXPECT_TRUE(pool.is_valid());
    }
    EXPECT_EQ(pool.stats().live, 0u);
}

TEST(resource, keeps_every_alignment) {
    multi_pool pool;
    resource face{pool};
    for (std::size_t alignment = 1; alignment <= 65536; alignment *= 2) {
        for (const std::size_t bytes : {std::size_t{0}, std::size_t{1}, alignment, 3 * alignment + 1}) {
            void* const block = face.allocate(bytes, alignment);
            EXPECT_EQ(reinterpret_cast<std::uintptr_t>(block) % alignment, 0u)
                << bytes << " at " << alignment;
            face.deallocate(block, bytes, alignment);
        }
    }
    EXPECT_EQ(pool.stats().live, 0u);
}

TEST(resource, passes_what_does_not_fit_a_block_to_the_one_beyond) {
    fixed_pool blocks({.block_size = 64});
    multi_pool others;
    resource beyond{others};
    resource face{blocks, &beyond};
    void* const small = face.allocate(64, 8);
    void* const large = face.allocate(65, 8);
    EXPECT_TRUE(blocks.owns(small));
    EXPECT_TRUE(others.owns(large));
    face.deallocate(large, 65, 8);
    face.deallocate(small, 64, 8);
    EXPECT_EQ(blocks.stats().live + others.stats().live, 0u);
}

TEST(resource, refuses_what_does_not_fit_when_there_is_none_beyond) {
    fixed_pool blocks({.block_size = 64});
    resource face{blocks};
    EXPECT_THROW((void)face.allocate(65, 8), std::bad_alloc);
    EXPECT_THROW((void)face.allocate(64, 4096), std::bad_alloc);
    EXPECT_EQ(blocks.stats().live, 0u);
}

TEST(resource, equals_a_resource_over_the_same_pool_and_no_other) {
    multi_pool one;
    multi_pool two;
    const resource a{one};
    const resource b{one};
    const resource c{two};
    EXPECT_TRUE(a == b);
    EXPECT_TRUE(a == a);
    EXPECT_FALSE(a == c);
    EXPECT_FALSE(a == *std::pmr::new_delete_resource());
    const resource further{one, std::pmr::new_delete_resource()};
    EXPECT_FALSE(a == further);
    EXPECT_EQ(&a.pool(), &one);
}

} // namespace
