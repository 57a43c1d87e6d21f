// cenote: SPDX-License-Identifier: MIT
//
// The conformance suite, part 1: what is true of the blocks of every pool and face.
#include "conformance/all_subjects.hpp"

#include <set>

namespace cenote::test {
namespace {

class conformance_blocks : public for_every_kind {};
CENOTE_FOR_EVERY_KIND(conformance_blocks);

TEST_P(conformance_blocks, are_aligned_apart_and_keep_their_contents) {
    bench on(of());
    on.allocate(500); // the ledger looks at each
    EXPECT_EQ(on.ledger.look_at_all(), "");
    for (std::size_t i = 0; i < 250; ++i) on.free(i);
    on.allocate(400);
    on.churn(3000, 300, 1);
    on.free_all();
    EXPECT_EQ(on.stats().live, 0u);
}

TEST_P(conformance_blocks, of_zero_bytes_have_a_defined_answer) {
    bench on(of());
    if (of().can.serves_any_size) {
        const shape nothing{0, of().shapes.front().alignment};
        std::set<void*> blocks;
        for (int i = 0; i < 100; ++i) blocks.insert(on.allocate(nothing)); // the ledger wants them apart
        EXPECT_EQ(blocks.size(), 100u);
        EXPECT_EQ(on.stats().live, 100u);
        on.free_all();
    } else if (of().make_with_no_bytes != nullptr) {
        EXPECT_THROW(of().make_with_no_bytes(), bad_options);
        EXPECT_THROW(of().ask_for_no_bytes(), bad_options);
    }
    EXPECT_EQ(on.stats().live, 0u);
}

TEST_P(conformance_blocks, run_out_with_null_or_an_exception_and_nothing_changes) {
    const shape wanted = of().shapes.front();
    bench on(of(), {}, 1, wanted.size < 16 ? 100'000 : 600'000);
    try {
        for (;;) (void)on.allocate(wanted);
    } catch (const out_of_memory& refusal) {
        EXPECT_STREQ(refusal.details().pool, on.made.name());
        EXPECT_EQ(refusal.details().live, on.stats().live_bytes);
        EXPECT_EQ(refusal.details().reserved, on.stats().reserved_bytes);
    }
    EXPECT_GT(on.ledger.size(), 0u);
    const pool_stats before = on.stats();
    EXPECT_EQ(before.live, on.ledger.size());
    for (int i = 0; i < 3; ++i) {
        EXPECT_THROW((void)on.made.allocate(wanted), std::bad_alloc);
        if (of().can.tries) {
            EXPECT_EQ(on.made.try_allocate(wanted), nullptr);
        }
        EXPECT_TRUE(same(on.stats(), before)) << on.stats() << "\nbefore: " << before;
        EXPECT_TRUE(on.made.is_valid());
    }
    on.free(0);
    (void)on.allocate(wanted); // what was freed can be had again
    EXPECT_EQ(on.stats().live, before.live);
}

TEST_P(conformance_blocks, stop_at_the_maximum_and_no_earlier) {
    if (of().can.counts_blocks) {
        for (const std::size_t most : {1u, 7u, 65u, 1000u}) {
            bench on(of(), {.maximum_blocks = most});
            on.allocate(most);
            EXPECT_THROW((void)on.made.allocate(on.form(0)), out_of_memory);
            EXPECT_EQ(on.stats().live, most);
            on.churn(200, most, 2);
            EXPECT_LE(on.stats().blocks, most);
        }
    } else {
        const wish wanted{.maximum_blocks = 8};
        const std::size_t most = of().maximum_bytes(wanted);
        bench on(of(), wanted);
        try {
            for (std::size_t i = 0;; ++i) (void)on.allocate(on.form(i));
        } catch (const out_of_memory& refusal) {
            EXPECT_EQ(refusal.details().limit, most);
        }
        EXPECT_LE(on.strict.peak(), most);
        EXPECT_GE(on.stats().live_bytes, most / 4);
    }
}

TEST_P(conformance_blocks, are_told_from_other_memory_without_a_look_at_it) {
    bench on(of());
    const auto owns = [&](std::uintptr_t address) {
        return on.made.owns(reinterpret_cast<const void*>(address));
    };
    const auto is_live = [&](std::uintptr_t address) {
        return on.made.is_live(reinterpret_cast<const void*>(address));
    };
    std::byte* const forbidden = test::forbidden_pages(1 << 20);
    ASSERT_NE(forbidden, nullptr);
    int on_stack = 0;
    std::vector<std::uintptr_t> foreign = {0,
                                           1,
                                           8,
                                           4095,
                                           4096,
                                           ~std::uintptr_t{0},
                                           ~std::uintptr_t{0} - 4095,
                                           ~(~std::uintptr_t{0} >> 1),
                                           reinterpret_cast<std::uintptr_t>(&on_stack),
                                           reinterpret_cast<std::uintptr_t>(&on)};
    for (std::uintptr_t offset = 0; offset < 1 << 20; offset += 4096)
        foreign.push_back(reinterpret_cast<std::uintptr_t>(forbidden) + offset);
    for (const int round : {0, 1}) { // before there is any memory, and after
        for (const std::uintptr_t address : foreign) {
            EXPECT_FALSE(owns(address));
            EXPECT_FALSE(is_live(address));
        }
        if (round == 0) on.allocate(200);
    }
    for (const auto& block : on.ledger) {
        const auto address = reinterpret_cast<std::uintptr_t>(block.data);
        EXPECT_TRUE(owns(address) && is_live(address));
        for (std::size_t inside = 1; inside < block.size; inside = inside * 2 + 1) {
            EXPECT_FALSE(owns(address + inside)) << inside << " of " << block.size;
            EXPECT_FALSE(is_live(address + inside));
        }
    }
    const auto gone = reinterpret_cast<std::uintptr_t>(on.ledger[0].data);
    on.free(0);
    EXPECT_FALSE(is_live(gone));
    test::release_pages(forbidden, 1 << 20);
}

TEST_P(conformance_blocks, are_walked_exactly_once_while_they_live) {
    bench on(of());
    on.made.walk_all([](void*) { ADD_FAILURE() << "a block of an empty pool"; });
    on.allocate(700);
    for (std::size_t i = 0; i < 300; ++i) on.free(i * 7 % on.ledger.size());
    std::set<void*> seen;
    on.made.walk_all([&](void* block) {
        EXPECT_TRUE(seen.insert(block).second);
        EXPECT_TRUE(on.ledger.holds(block));
    });
    EXPECT_EQ(seen.size(), on.ledger.size());
    int visits = 0;
    on.made.walk([&](void*) { return ++visits < 5; });
    EXPECT_EQ(visits, 5);
}

TEST_P(conformance_blocks, may_come_and_go_during_a_walk) {
    if (!of().can.walks_freely) return;
    bench on(of());
    on.allocate(300);
    std::set<void*> throughout;
    for (const auto& block : on.ledger) throughout.insert(block.data);
    const auto free = [&](std::size_t number) {
        throughout.erase(on.ledger[number].data);
        on.free(number);
    };
    std::multiset<void*> seen;
    std::size_t step = 0;
    on.made.walk_all([&](void* block) {
        seen.insert(block);
        EXPECT_TRUE(on.ledger.holds(block));
        if (++step > 900) return; // new blocks may be visited, or not
        if (step % 3 == 0) free(on.ledger.number_of(block));
        if (step % 5 == 0) free(step % on.ledger.size());
        if (step % 4 == 0) (void)on.allocate(on.form(step));
        EXPECT_TRUE(on.made.is_valid());
    });
    EXPECT_GT(throughout.size(), 20u);
    for (void* const block : throughout) EXPECT_EQ(seen.count(block), 1u);
    EXPECT_EQ(on.stats().live, on.ledger.size());
    on.churn(1000, 300, 3);
}

TEST_P(conformance_blocks, stay_usable_when_a_visitor_throws) {
    bench on(of());
    on.allocate(50);
    const bool was_instrumented = on.made.stats().cached == 0;
    EXPECT_THROW(on.made.walk([](void*) -> bool { throw 7; }), int);
    on.churn(2000, 100, 4);
    if (!was_instrumented) { // magazines are in use again
        EXPECT_GT(on.stats().cached, 0u);
    }
    on.free_all();
}

} // namespace
} // namespace cenote::test
