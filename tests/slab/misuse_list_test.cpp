// cenote: SPDX-License-Identifier: MIT
#include <cenote/slab/misuse_list.hpp>

#include "support/misuse_watch.hpp"

#include <gtest/gtest.h>
#include <memory>

namespace {

using namespace cenote;
using engine::misuse_list;

TEST(misuse_list, tells_all_in_order_when_it_is_delivered_and_nothing_before) {
    test::misuse_watch watch;
    misuse_list list;
    EXPECT_TRUE(list.is_empty());
    std::byte places[10];
    for (std::byte& place : places) list.add({misuse::double_free, "orders", &place, 8});
    EXPECT_FALSE(list.is_empty());
    EXPECT_EQ(watch.count(), 0u);
    list.deliver();
    ASSERT_EQ(watch.count(), 10u);
    for (std::size_t i = 0; i < 10; ++i) EXPECT_EQ(watch.seen()[i].pointer, &places[i]);
    EXPECT_STREQ(watch.seen()[0].pool, "orders");
    EXPECT_TRUE(list.is_empty());
    list.deliver();
    EXPECT_EQ(watch.count(), 10u);
}

// A flush looks before each word of a bitmap; the call that holds the lock may then find something of its
// own.
TEST(misuse_list, that_was_not_crowded_takes_a_word_of_a_bitmap_and_what_a_call_adds) {
    test::misuse_watch watch;
    constexpr std::size_t by_a_call = 8;
    struct framed { // what stands behind it shows whether it kept to its own memory
        misuse_list list;
        misuse_report behind[by_a_call];
    };
    const auto one = std::make_unique<framed>();
    for (misuse_report& report : one->behind) report.pool = "behind";
    std::size_t count = 0;
    for (; !one->list.is_crowded(); ++count) one->list.add({misuse::double_free, "orders", nullptr, count});
    EXPECT_GT(count, 1u);
    --count; // it was not crowded then, and a flush might have gone on
    for (std::size_t i = 0; i + 1 < engine::slab::word_bits + by_a_call; ++i) {
        one->list.add({misuse::double_free, "orders", nullptr, 0});
    }
    one->list.deliver();
    EXPECT_EQ(watch.count(), count + engine::slab::word_bits + by_a_call);
    for (const misuse_report& report : one->behind) EXPECT_STREQ(report.pool, "behind");
}

} // namespace
