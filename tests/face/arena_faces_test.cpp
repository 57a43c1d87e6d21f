// cenote: SPDX-License-Identifier: MIT
//
// The faces before an arena.
#include <cenote/face/allocator.hpp>
#include <cenote/face/resource.hpp>
#include <cenote/pool/arena.hpp>

#include <gtest/gtest.h>
#include <list>
#include <map>
#include <string>
#include <vector>

namespace {

using namespace cenote;

TEST(arena_faces, is_a_standard_allocator_and_a_pmr_resource) {
    arena scratch({.chunk_size = 512});
    {
        std::list<int, allocator<int, arena>> numbers{allocator<int, arena>(scratch)};
        for (int i = 0; i < 1000; ++i) numbers.push_back(i);
        EXPECT_EQ(numbers.back(), 999);
        resource<arena> memory(scratch);
        std::pmr::map<int, std::pmr::string> names(&memory);
        for (int i = 0; i < 1000; ++i) names[i] = std::string(50, 'x');
        EXPECT_EQ(std::string(names[777].c_str()), std::string(50, 'x'));
        std::pmr::vector<int> grows(&memory);
        for (int i = 0; i < 1000; ++i) grows.push_back(i);
        EXPECT_EQ(grows[999], 999);
        EXPECT_TRUE(scratch.is_valid());
    }
    scratch.reset();
    EXPECT_EQ(scratch.stats().live_bytes, 0u);
}

} // namespace
