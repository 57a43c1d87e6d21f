// cenote: SPDX-License-Identifier: MIT
#include <cenote/concurrent/deadline.hpp>

#include <gtest/gtest.h>
#include <limits>

namespace {

using namespace cenote;
using namespace std::chrono_literals;
using engine::deadline_after;
using engine::deadline_at;

TEST(deadlines, are_nanoseconds_of_the_steady_clock) {
    using time = std::chrono::steady_clock::time_point;
    EXPECT_EQ(deadline_at(time(5us)), 5000);
    EXPECT_EQ(deadline_at(time::min()), 0);
    EXPECT_EQ(deadline_at(time::max()), sync::no_deadline);
    const auto before = std::chrono::steady_clock::now();
    const std::int64_t now = sync::steady_now();
    EXPECT_LE(deadline_at(before), now);
    EXPECT_GE(deadline_at(std::chrono::steady_clock::now()), now);
}

TEST(deadlines, after_a_while_are_rounded_up_and_never_wrap) {
    EXPECT_EQ(deadline_after(3ms, 1000), 3'001'000);
    EXPECT_EQ(deadline_after(0s, 1000), 1000);
    EXPECT_EQ(deadline_after(-5h, 1000), 1000);
    EXPECT_EQ(deadline_after(std::chrono::duration<double, std::nano>(1.25), 1000), 1002);
    EXPECT_EQ(deadline_after(std::chrono::hours::max(), 1000), sync::no_deadline);
    EXPECT_EQ(deadline_after(std::chrono::nanoseconds::max(), 1000), sync::no_deadline);
    EXPECT_EQ(deadline_after(std::chrono::hours::min(), 1000), 1000);
    const double nothing = std::numeric_limits<double>::quiet_NaN();
    EXPECT_EQ(deadline_after(std::chrono::duration<double>(nothing), 1000), 1000);
}

} // namespace
