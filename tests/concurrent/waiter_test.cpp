// cenote: SPDX-License-Identifier: MIT
#include <cenote/concurrent/waiter.hpp>

#include <gtest/gtest.h>
#include <vector>

namespace {

using namespace cenote;
using waiter = engine::basic_waiter<sync::real>;
using queue = engine::basic_waiter_queue<sync::real>;
using calls = engine::basic_calls<sync::real>;

TEST(waiter_queue, has_who_came_first_at_its_front) {
    queue line;
    waiter one(1);
    waiter two(1);
    waiter three(2);
    EXPECT_TRUE(line.empty());
    for (waiter* const each : {&one, &two, &three}) line.enter(*each);
    EXPECT_EQ(line.count(), 3u);
    EXPECT_EQ(line.first(), &one);
    line.leave(two); // from between
    EXPECT_FALSE(line.has(two));
    EXPECT_TRUE(line.has(three));
    line.leave(one);
    EXPECT_EQ(line.first(), &three);
    line.enter(one); // again, at the end
    line.leave(three);
    EXPECT_EQ(line.first(), &one);
    line.leave(one);
    EXPECT_TRUE(line.empty());
    EXPECT_EQ(line.count(), 0u);
}

TEST(waiter_queue, that_has_forgotten_them_does_not_have_them) {
    queue line;
    waiter one(1);
    waiter two(1);
    line.enter(one);
    line.enter(two);
    line.forget();
    EXPECT_TRUE(line.empty());
    EXPECT_FALSE(line.has(one));
    line.enter(two);
    EXPECT_TRUE(line.has(two));
    EXPECT_EQ(line.count(), 1u);
}

struct named : waiter {
    named(std::vector<int>& where, int number) : waiter(1, &called), order(where), name(number) {}
    static void called(waiter& one) noexcept {
        auto& self = static_cast<named&>(one);
        self.order.push_back(self.name);
    }
    std::vector<int>& order;
    int name;
};

TEST(waiter_calls, come_in_order_when_they_go) {
    std::vector<int> order;
    named one(order, 1);
    named two(order, 2);
    named three(order, 3);
    {
        calls later;
        for (named* const each : {&two, &three, &one}) later.add(*each);
        EXPECT_TRUE(order.empty());
    }
    EXPECT_EQ(order, (std::vector<int>{2, 3, 1}));
}

} // namespace
