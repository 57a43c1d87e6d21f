// cenote: SPDX-License-Identifier: MIT
#include <cenote/concurrent/number_stack.hpp>

#include <array>
#include <gtest/gtest.h>

namespace {

using namespace cenote;
using stack = engine::basic_number_stack<sync::real>;
using lanes = engine::basic_number_stack<sync::real, 4, 1>;

TEST(number_stack, gives_what_came_last_first) {
    std::array<stack::entry, 3> entries;
    stack numbers;
    EXPECT_TRUE(numbers.seems_empty());
    EXPECT_EQ(numbers.take(), stack::none);
    numbers.move_to(entries.data(), 0);
    numbers.append(0, 3);
    EXPECT_EQ(numbers.take(), 0u);
    EXPECT_EQ(numbers.take(), 1u);
    EXPECT_TRUE(numbers.give(0));
    EXPECT_TRUE(numbers.give(1));
    EXPECT_EQ(numbers.take(), 1u);
    EXPECT_EQ(numbers.take(), 0u);
    EXPECT_EQ(numbers.take(), 2u);
    EXPECT_TRUE(numbers.seems_empty());
}

TEST(number_stack, a_lane_gives_its_own_first_and_then_those_of_others) {
    std::array<lanes::entry, 6> entries;
    lanes numbers;
    numbers.move_to(entries.data(), 0);
    numbers.append(0, 6);
    std::array<std::uint32_t, 4> out{};
    for (std::uint32_t i = 0; i < 4; ++i) out[i] = numbers.take(i);
    for (std::uint32_t i = 0; i < 4; ++i) EXPECT_TRUE(numbers.give(out[i], i));
    EXPECT_EQ(numbers.take(2), out[2]);
    EXPECT_EQ(numbers.take(6), out[3]); // the lane of 2 as well: from the next one
    EXPECT_EQ(numbers.take(2), out[0]);
    EXPECT_EQ(numbers.take(2), out[1]);
    EXPECT_EQ(numbers.count().never_taken, 2u);
    EXPECT_EQ(numbers.take(2), 4u); // what was never taken comes last
    EXPECT_EQ(numbers.take(3), 5u);
    EXPECT_TRUE(numbers.seems_empty());
    EXPECT_TRUE(numbers.give(out[0], 1));
    EXPECT_FALSE(numbers.seems_empty());
    EXPECT_EQ(numbers.take(0), out[0]);
}

TEST(number_stack, new_lanes_are_blocked_with_the_others) {
    std::array<lanes::entry, 6> entries;
    lanes numbers;
    numbers.move_to(entries.data(), 0);
    numbers.append(0, 1);
    const std::uint32_t only = numbers.take(3);
    numbers.block();
    numbers.append(1, 6);
    for (std::uint32_t lane = 0; lane < 4; ++lane) {
        EXPECT_FALSE(numbers.give(only, lane));
        EXPECT_EQ(numbers.take(lane), lanes::none);
    }
    EXPECT_TRUE(numbers.has(5));
    EXPECT_FALSE(numbers.has(6));
    numbers.unblock();
    EXPECT_TRUE(numbers.give(only, 3));
    EXPECT_EQ(numbers.count().free, 6u);
}

TEST(number_stack, that_is_blocked_sends_others_away) {
    std::array<stack::entry, 2> entries;
    stack numbers;
    numbers.move_to(entries.data(), 0);
    numbers.append(0, 2);
    const std::uint32_t one = numbers.take();
    numbers.block();
    EXPECT_EQ(numbers.take(), stack::none);
    EXPECT_FALSE(numbers.give(one));
    EXPECT_FALSE(numbers.seems_empty());
    EXPECT_EQ(numbers.take_alone(), 1u);
    EXPECT_EQ(numbers.take_alone(), stack::none);
    numbers.give_alone(one);
    numbers.unblock();
    EXPECT_EQ(numbers.take(), one);
}

TEST(number_stack, knows_how_many_were_never_taken) {
    std::array<stack::entry, 5> entries;
    stack numbers;
    numbers.move_to(entries.data(), 0);
    numbers.append(0, 4);
    EXPECT_EQ(numbers.count().never_taken, 4u);
    const std::uint32_t one = numbers.take();
    const std::uint32_t two = numbers.take();
    EXPECT_TRUE(numbers.give(two));
    EXPECT_TRUE(numbers.give(one));
    for (int i = 0; i < 10; ++i) EXPECT_TRUE(numbers.give(numbers.take()));
    EXPECT_EQ(numbers.count().free, 4u);
    EXPECT_EQ(numbers.count().never_taken, 2u); // two were out at once
}

TEST(number_stack, keeps_its_numbers_and_names_when_its_links_move) {
    std::array<int, 5> things{};
    std::array<stack::entry, 2> few;
    std::array<stack::entry, 5> many;
    for (std::size_t i = 0; i < 2; ++i) few[i].what = &things[i];
    for (std::size_t i = 2; i < 5; ++i) many[i].what = &things[i];
    stack numbers;
    numbers.move_to(few.data(), 0);
    numbers.append(0, 2);
    const std::uint32_t out = numbers.take();
    numbers.block();
    numbers.move_to(many.data(), 2);
    numbers.append(2, 5);
    numbers.unblock();
    EXPECT_TRUE(numbers.give(out));
    EXPECT_EQ(numbers.count().free, 5u);
    for (std::uint32_t i = 0; i < 5; ++i) {
        EXPECT_EQ(numbers.at(i), &things[i]);
        EXPECT_EQ(numbers.take(), i); // the new ones behind the old ones
    }
    EXPECT_EQ(numbers.take(), stack::none);
}

} // namespace
