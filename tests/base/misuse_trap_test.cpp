// cenote: SPDX-License-Identifier: MIT
#include <cenote/base/misuse_trap.hpp>

#include "support/misuse_watch.hpp"

#include <gtest/gtest.h>
#include <thread>

namespace {

using namespace cenote;

TEST(misuse_trap, keeps_the_first_report_from_the_handler) {
    const test::misuse_watch watch;
    misuse_trap trap;
    EXPECT_EQ(trap.count(), 0u);
    base::report_misuse({misuse::double_free, "one", nullptr, 8});
    base::report_misuse({misuse::wrong_size, "two", nullptr, 8});
    EXPECT_EQ(trap.count(), 2u);
    EXPECT_EQ(trap.first().kind, misuse::double_free);
    EXPECT_STREQ(trap.first().pool, "one");
    EXPECT_EQ(watch.count(), 0u);
}

TEST(misuse_trap, lets_reports_pass_when_it_is_gone) {
    const test::misuse_watch watch;
    {
        const misuse_trap trap;
    }
    base::report_misuse({misuse::double_free, "one", nullptr, 8});
    EXPECT_EQ(watch.count(), 1u);
}

TEST(misuse_trap, inside_another_catches_alone) {
    misuse_trap outer;
    {
        misuse_trap inner;
        base::report_misuse({misuse::double_free, "inner", nullptr, 8});
        EXPECT_EQ(inner.count(), 1u);
    }
    EXPECT_EQ(outer.count(), 0u);
    base::report_misuse({misuse::foreign_pointer, "outer", nullptr, 8});
    EXPECT_EQ(outer.count(), 1u);
}

TEST(misuse_trap, that_passes_on_hides_nothing) {
    const test::misuse_watch watch;
    misuse_trap outermost(misuse_trap::then::pass_on);
    base::report_misuse({misuse::double_free, "told", nullptr, 8});
    EXPECT_EQ(watch.count(), 1u);
    {
        misuse_trap outer;
        misuse_trap inner(misuse_trap::then::pass_on);
        base::report_misuse({misuse::foreign_pointer, "kept", nullptr, 8});
        base::report_misuse({misuse::wrong_size, "kept", nullptr, 8});
        EXPECT_EQ(inner.count(), 2u);
        EXPECT_EQ(outer.count(), 2u);
        EXPECT_EQ(outer.first().kind, misuse::foreign_pointer);
    }
    EXPECT_EQ(watch.count(), 1u);
    EXPECT_EQ(outermost.count(), 1u);
}

TEST(misuse_trap, catches_nothing_of_other_threads) {
    const test::misuse_watch watch;
    const misuse_trap trap;
    std::thread([] { base::report_misuse({misuse::double_free, "other", nullptr, 8}); }).join();
    EXPECT_EQ(trap.count(), 0u);
    EXPECT_EQ(watch.count(), 1u);
}

} // namespace
