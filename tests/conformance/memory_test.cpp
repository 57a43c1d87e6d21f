// cenote: SPDX-License-Identifier: MIT
//
// The conformance suite, part 2: where every pool's memory comes from and goes to.
#include <cenote/source/heap.hpp>
#include <cenote/source/os_pages.hpp>
#include <cenote/source/region.hpp>

#include "conformance/all_subjects.hpp"
#include "support/heap_calls.hpp"
#include "support/slowness.hpp"
#include "support/test_sources.hpp"

#include <cstdlib>

namespace cenote::test {
namespace {

class conformance_memory : public for_every_kind {};
CENOTE_FOR_EVERY_KIND(conformance_memory);

TEST_P(conformance_memory, adds_up_at_every_step) {
    for (const std::size_t granularity : {1u, 4096u, 65536u}) {
        if (granularity != 1 && !of().can.asks_as_sources_want) continue;
        bench on(of(), {}, granularity);
        for (unsigned round = 0; round < 60; ++round) {
            on.churn(40, 400, round);
            const pool_stats now = on.stats();
            EXPECT_EQ(now.live, on.ledger.size());
            EXPECT_EQ(now.live + now.cached + now.idle, now.blocks);
            EXPECT_GE(now.peak_live, now.live);
            EXPECT_GE(now.live_bytes, on.ledger.bytes());
            EXPECT_GE(now.reserved_bytes, now.live_bytes);
            EXPECT_EQ(now.reserved_bytes, on.strict.reserved());
            EXPECT_TRUE(on.made.is_valid());
            if (round % 20 == 19) on.free_all();
        }
    }
}

TEST_P(conformance_memory, is_taken_when_the_first_block_is) {
    bench on(of());
    EXPECT_EQ(on.source.calls().all(), 0u);
    EXPECT_EQ(on.stats().reserved_bytes, 0u);
    (void)on.allocate(on.form(0));
    EXPECT_GT(on.source.calls().reserve, 0u);
}

TEST_P(conformance_memory, goes_back_with_the_pool_whatever_is_live) {
    for (const std::size_t blocks : {0u, 1u, 10u, 1200u}) { // the bench counts the regions
        bench on(of());
        on.allocate(on.many(blocks));
        for (std::size_t i = 0; i < on.ledger.size() / 3; ++i) on.free(i);
    }
}

TEST_P(conformance_memory, left_live_is_told_to_the_leak_handler) {
    static leak_report told;
    told = {};
    strict_source strict;
    const leak_handler before = set_leak_handler([](const leak_report& report) noexcept { told = report; });
    {
        const room made(of(), {.from = &strict});
        const shape form = of().shapes.front();
        (void)made->allocate(form);
        void* const block = made->allocate(form);
        (void)made->allocate(form);
        made->deallocate(block, form);
    }
    EXPECT_EQ(told.blocks, 2u);
    told = {};
    {
        const room made(of(), {.from = &strict});
        const shape form = of().shapes.front();
        made->deallocate(made->allocate(form), form);
    }
    EXPECT_EQ(told.blocks, 0u);
    set_leak_handler(before);
    EXPECT_EQ(strict.regions(), 0u);
}

/// What a pool without a block keeps once it has been used: the cache of a thread that still runs, where
/// threads have one.
std::size_t kept_by_a_trim(const kind& of) {
    bench little(of, {.when = trim::manual});
    (void)little.allocate(of.shapes.front());
    little.free_all();
    (void)little.made.trim();
    return little.strict.reserved();
}

TEST_P(conformance_memory, that_is_idle_goes_back_at_a_trim) {
    const std::size_t kept = kept_by_a_trim(of());
    if (of().can.is_for_one_thread) {
        EXPECT_EQ(kept, 0u);
    }
    EXPECT_LE(kept, 84u << 10);
    bench on(of(), {.when = trim::manual});
    on.allocate(on.many(1500));
    on.free_all();
    const std::size_t reserved = on.strict.reserved();
    const std::size_t returned = on.made.trim();
    EXPECT_EQ(returned, reserved - on.strict.reserved());
    // A table of slabs that threads read without a lock stays as large as it has become.
    const bool keeps_table = !of().can.is_for_one_thread && of().can.serves_any_size;
    EXPECT_LE(on.strict.reserved(), kept + (keeps_table ? reserved / 64 : 0));
    const pool_stats after = on.stats();
    EXPECT_EQ(after.blocks + after.live + after.cached + after.idle, 0u);
    EXPECT_EQ(after.reserved_bytes, on.strict.reserved());
    EXPECT_TRUE(on.made.is_valid());
    EXPECT_EQ(on.made.trim(), 0u);
    on.churn(2000, 300, 5);
}

TEST_P(conformance_memory, that_went_and_no_more_is_what_a_trim_tells) {
    const shape form = of().shapes.front();
    for (const bool stays : {false, true}) { // what is decommitted
        counting_source from;
        from.refuse_decommit = stays;
        const room made(of(), {.from = &from, .when = trim::manual});
        std::vector<void*> blocks(1500);
        for (void*& block : blocks) block = made->allocate(form);
        for (std::size_t i = 1; i < blocks.size(); ++i) made->deallocate(blocks[i], form);
        const std::size_t before = from.present();
        const std::size_t returned = made->trim();
        EXPECT_EQ(returned, before - from.present()) << (stays ? "nothing is decommitted" : "");
        made->deallocate(blocks[0], form);
    }
}

TEST_P(conformance_memory, of_live_blocks_outlives_a_trim) {
    bench on(of());
    const std::size_t blocks = on.many(2000);
    on.allocate(blocks);
    for (std::size_t i = 0; i < blocks - 10; ++i) on.free(i % on.ledger.size());
    (void)on.made.trim();
    EXPECT_EQ(on.ledger.look_at_all(), "");
    EXPECT_EQ(on.stats().live, 10u);
    EXPECT_EQ(on.stats().cached, 0u);
    EXPECT_EQ(on.stats().reserved_bytes, on.strict.reserved());
    on.churn(3000, 800, 6);
    for (unsigned round = 0; round < 20; ++round) {
        on.churn(200, 400, round);
        (void)on.made.trim();
        EXPECT_TRUE(on.made.is_valid());
    }
}

TEST_P(conformance_memory, is_kept_by_a_reset) {
    bench on(of(), {.when = trim::manual});
    on.made.reset(); // nothing to free yet
    for (int round = 0; round < 3; ++round) {
        on.allocate(on.many(1200));
        on.free(7);
        on.free(70);
        const std::size_t reserved = on.strict.reserved();
        on.ledger.clear();
        on.made.reset();
        EXPECT_EQ(on.stats().live, 0u);
        EXPECT_EQ(on.stats().live_bytes, 0u);
        EXPECT_EQ(on.strict.reserved(), reserved);
        EXPECT_TRUE(on.made.is_valid());
        on.source.forget_calls();
        on.allocate(on.many(1200)); // the same again fits what there is
        EXPECT_EQ(on.source.calls().reserve, 0u);
        on.free_all();
    }
}

TEST_P(conformance_memory, is_used_again) {
    bench on(of());
    const shape form = on.form(0);
    (void)on.allocate(form);
    on.free(0);
    const std::size_t reserved = on.strict.reserved();
    for (int i = 0; i < 5000; ++i) {
        (void)on.allocate(form);
        on.free(0);
    }
    EXPECT_LE(on.strict.peak(), reserved);
}

TEST_P(conformance_memory, does_not_grow_over_identical_rounds) {
    for (const trim when : {trim::automatic, trim::manual}) {
        bench on(of(), {.when = when});
        const auto round = [&] {
            on.churn(1500, 500, 8);
            on.free_all();
        };
        round();
        const std::size_t first = on.strict.peak();
        std::size_t slab = 64 << 10;
        for (const shape& form : of().shapes) slab = std::max(slab, 2 * form.size + 4096);
        for (std::size_t i = scaled(60, 10); i > 1; --i) round();
        EXPECT_LE(on.strict.peak(), first + slab) << "round 1: " << first;
    }
}

TEST_P(conformance_memory, goes_back_by_itself_unless_trim_is_manual) {
    for (const trim when : {trim::automatic, trim::manual}) {
        bench on(of(), {.when = when});
        const std::size_t blocks = on.many(6000);
        on.allocate(blocks);
        const std::size_t most = on.strict.reserved();
        failing_source::counts at_frees; // an allocation may call
        const auto shrink = [&] {
            on.source.forget_calls();
            while (on.ledger.size() > 10) on.free(on.ledger.size() - 1);
            at_frees.release += on.source.calls().release;
            at_frees.decommit += on.source.calls().all() - on.source.calls().release;
        };
        const std::size_t most_rounds =
            when == trim::manual ? scaled(40, 10) : 400; // large blocks are kept for longer
        for (std::size_t round = 0; round < most_rounds && at_frees.all() == 0;
             ++round) { // a quarter of the memory
            shrink();
            on.allocate(blocks / 4);
        }
        if (when == trim::manual) {
            EXPECT_EQ(at_frees.all(), 0u);
            EXPECT_EQ(on.strict.reserved(), most);
        } else if (most > 256 << 10) { // smaller ones have nothing to spare
            EXPECT_GT(at_frees.all(), 0u);
        }
    }
}

TEST_P(conformance_memory, may_be_any_source) {
    heap bytes;
    os_pages pages;
    os_pages huge({.huge_pages = huge_pages::transparent});
    for (cenote::source* const from :
         {static_cast<cenote::source*>(nullptr), static_cast<cenote::source*>(&bytes),
          static_cast<cenote::source*>(&pages), static_cast<cenote::source*>(&huge)}) {
        const room made(of(), {.from = from});
        block_ledger ledger;
        const std::vector<shape>& forms = of().shapes;
        for (std::size_t i = 0; i < 1000; ++i) {
            const shape form = forms[i % forms.size()];
            EXPECT_EQ(ledger.add(made->allocate(form), form.size, form.alignment), "");
        }
        while (!ledger.empty()) {
            const block_ledger::entry gone = ledger[0];
            EXPECT_EQ(ledger.remove(0), "");
            made->deallocate(gone.data, {gone.size, gone.alignment});
        }
        EXPECT_TRUE(made->is_valid());
    }
}

TEST_P(conformance_memory, may_be_a_callers_buffer_and_no_heap) {
    const wish wanted{.initial_blocks = 12, .maximum_blocks = 12};
    const std::size_t bytes = of().required_bytes(wanted);
    for (const std::size_t offset : {0u, 1u, 8u, 63u, 4000u}) {
        std::vector<std::byte> buffer(bytes + offset);
        void* blocks[12];
        const shape form = of().shapes.front();
        room made(of());
        const std::size_t calls = heap_calls();
        {
            region place(buffer.data() + offset, bytes);
            wish in_place = wanted;
            in_place.from = &place;
            made.make(in_place);
            for (int round = 0; round < 3; ++round) {
                for (void*& block : blocks) block = made->allocate(form);
                for (void* const block : blocks) {
                    ASSERT_GE(static_cast<std::byte*>(block), buffer.data() + offset);
                    ASSERT_LE(static_cast<std::byte*>(block) + form.size, buffer.data() + buffer.size());
                    std::memset(block, round, form.size);
                }
                if (of().can.counts_blocks && of().can.tries) {
                    EXPECT_EQ(made->try_allocate(form), nullptr); // exactly as many as asked for
                }
                for (void* const block : blocks) made->deallocate(block, form);
                if (round == 1) (void)made->trim();
            }
            EXPECT_TRUE(made->is_valid());
            made.end();
        }
        EXPECT_EQ(heap_calls(), calls) << "offset " << offset;
    }
}

TEST_P(conformance_memory, may_be_a_buffer_of_any_length) {
    const shape form = of().shapes.front();
    const std::size_t most = form.size < 16 ? 60'000 : form.size < 1000 ? 400'000 : 700'000;
    for (std::size_t bytes = 0; bytes < most; bytes = bytes * 5 / 4 + 61) {
        std::vector<std::byte> buffer(bytes + 16, std::byte{0x5a});
        region place(buffer.data(), bytes);
        {
            const room made(of(), {.from = &place});
            block_ledger ledger;
            try {
                for (;;) {
                    void* const block = made->allocate(form);
                    ASSERT_EQ(ledger.add(block, form.size, form.alignment), "");
                }
            } catch (const std::bad_alloc&) {
                EXPECT_EQ(ledger.look_at_all(), "");
                EXPECT_TRUE(made->is_valid());
            }
            while (!ledger.empty()) {
                void* const block = ledger[0].data;
                EXPECT_EQ(ledger.remove(0), "");
                made->deallocate(block, form);
            }
        }
        EXPECT_EQ(place.available(), bytes);
        for (std::size_t i = bytes; i < buffer.size(); ++i) ASSERT_EQ(buffer[i], std::byte{0x5a});
    }
}

} // namespace
} // namespace cenote::test
