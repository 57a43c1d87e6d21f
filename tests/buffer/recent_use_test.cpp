// cenote: SPDX-License-Identifier: MIT
#include <cenote/buffer/recent_use.hpp>

#include <gtest/gtest.h>

namespace {

using cenote::engine::recent_use;

TEST(recent_use, remembers_the_most_of_so_many_steps) {
    recent_use use;
    use.note(10, 100);
    use.note(10, 30);
    EXPECT_EQ(use.peak(1), 100u);
    EXPECT_EQ(use.taken(1), 20u);
    use.pass(30);
    EXPECT_EQ(use.peak(1), 30u); // what is still in use
    EXPECT_EQ(use.taken(1), 0u);
    EXPECT_EQ(use.peak(2), 100u);
    use.note(5, 40);
    EXPECT_EQ(use.peak(1), 40u);
    EXPECT_EQ(use.taken(2), 25u);
    use.pass(0);
    EXPECT_EQ(use.peak(2), 40u);
    EXPECT_EQ(use.peak(3), 100u);
}

TEST(recent_use, of_steps_that_pass_at_once_all_was_in_the_last) {
    recent_use use;
    use.note(1, 100);
    use.pass(50);
    use.note(2, 60);
    use.skip(2);
    EXPECT_EQ(use.peak(1), 60u);
    EXPECT_EQ(use.taken(3), 2u);
    EXPECT_EQ(use.peak(3), 60u);
    EXPECT_EQ(use.peak(4), 100u); // the one before those three
    use.pass(0);
    EXPECT_EQ(use.peak(1), 0u);
    EXPECT_EQ(use.peak(2), 60u);
    use.skip(1'000);
    use.skip(recent_use::most_steps - 2); // as far as is remembered
    EXPECT_EQ(use.peak(recent_use::most_steps), 0u);
}

} // namespace
