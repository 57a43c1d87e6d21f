// cenote: SPDX-License-Identifier: MIT
#include <cenote/face/default_resource.hpp>
#include <cenote/face/direct_resource.hpp>
#include <cenote/face/resource.hpp>
#include <cenote/pool/multi_pool.hpp>

#include <gtest/gtest.h>
#include <thread>

namespace {

using namespace cenote;
using reach = use_by_default::reach;

TEST(default_resource, is_the_heap_until_another_is_set) {
    EXPECT_EQ(&default_resource(), &heap_resource());
    multi_pool pool;
    resource face(pool);
    EXPECT_EQ(set_process_resource(&face), nullptr);
    EXPECT_EQ(&default_resource(), &face);
    EXPECT_EQ(set_process_resource(nullptr), &face);
    EXPECT_EQ(&default_resource(), &heap_resource());
}

TEST(default_resource, of_the_thread_goes_before_that_of_the_process) {
    multi_pool pool;
    resource mine(pool);
    resource everybodys(pool);
    {
        const use_by_default process(everybodys, reach::process);
        const use_by_default thread(mine);
        EXPECT_EQ(&default_resource(), &mine);
        std::thread([&] { EXPECT_EQ(&default_resource(), &everybodys); }).join();
    }
    EXPECT_EQ(&default_resource(), &heap_resource());
}

TEST(default_resource, scopes_nest_and_restore_what_was) {
    multi_pool pool;
    resource outer(pool);
    resource inner(pool);
    const use_by_default first(outer);
    {
        const use_by_default second(inner);
        EXPECT_EQ(&default_resource(), &inner);
    }
    EXPECT_EQ(&default_resource(), &outer);
    EXPECT_EQ(set_thread_resource(nullptr), &outer);
    EXPECT_EQ(&default_resource(), &heap_resource());
    set_thread_resource(&outer);
}

} // namespace
