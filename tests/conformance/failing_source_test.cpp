// cenote: SPDX-License-Identifier: MIT
//
// The source refuses each of its calls in turn, once and from then on, under every verb of every pool and
// face: a refused verb has changed nothing, and the pool works on.
#include "conformance/verbs.hpp"

namespace cenote::test {
namespace {

class conformance_failing_source : public for_every_kind {};
CENOTE_FOR_EVERY_KIND(conformance_failing_source);

enum class outcome { done, refused, threw_something_else };

outcome try_to(const verb& one, bench& on) {
    try {
        return one.act(on) ? outcome::done : outcome::refused;
    } catch (const out_of_memory& refusal) {
        EXPECT_STREQ(refusal.details().pool, on.made.name());
        return outcome::refused;
    } catch (...) {
        return outcome::threw_something_else;
    }
}

/// How many calls that can be refused the verb makes, when none is.
failing_source::counts calls_of(const kind& of, const verb& one) {
    bench on(of, {.when = one.when});
    one.prepare(on);
    on.source.forget_calls();
    EXPECT_EQ(try_to(one, on), outcome::done) << one.name;
    return on.source.calls();
}

/// A slab table that has grown stays so, for the next try: the one trace that a refusal may leave.
std::size_t most_after_refusal(const pool_stats& before, bool is_batch) {
    return before.reserved_bytes + before.reserved_bytes / 16 + (is_batch ? 128 << 10 : 2048);
}

void refuse_call(const kind& of, const verb& one, std::size_t call, refusal how) {
    SCOPED_TRACE(one.name + ", call " + std::to_string(call) +
                 (how == refusal::once ? " once" : " and all after it"));
    bench on(of, {.when = one.when});
    one.prepare(on);
    const pool_stats before = on.stats();
    on.source.refuse(call, how);
    const outcome result = try_to(one, on);
    ASSERT_NE(result, outcome::threw_something_else);
    EXPECT_GT(on.source.refused(), 0u);
    EXPECT_TRUE(on.made.is_valid());
    EXPECT_EQ(on.stats().reserved_bytes, on.strict.reserved());
    if (result == outcome::refused) {
        const bool is_batch =
            one.name.find("_n") != std::string::npos || one.name.find("reserve") != std::string::npos;
        pool_stats after = on.stats();
        EXPECT_LE(after.reserved_bytes, most_after_refusal(before, is_batch));
        EXPECT_GE(after.reserved_bytes, before.reserved_bytes);
        after.reserved_bytes = before.reserved_bytes;
        EXPECT_EQ(after.live + after.cached + after.idle, after.blocks);
        if (is_batch) after.blocks = before.blocks; // a slab may have been begun
        after.cached = before.cached;               // and free blocks may have left the magazines
        after.idle = before.idle;
        EXPECT_TRUE(same(after, before)) << after << "\nbefore: " << before;
    }
    on.source.relent();
    EXPECT_EQ(try_to(one, on), outcome::done);
    EXPECT_TRUE(on.made.is_valid());
    on.churn(100, 100, 9);
}

TEST_P(conformance_failing_source, leaves_no_trace_in_verbs_that_need_it) {
    for (const verb& one : allocating_verbs(of().can)) {
        const std::size_t refusable = calls_of(of(), one).refusable();
        EXPECT_GT(refusable, 0u) << one.name << " never called its source";
        const std::size_t step = refusable / scaled(12, 3) + 1; // of very many calls, some
        for (std::size_t call = 1; call <= refusable; call += call < scaled(8, 3) ? 1 : step) {
            for (const refusal how : {refusal::once, refusal::from_then_on})
                refuse_call(of(), one, call, how);
        }
    }
}

TEST_P(conformance_failing_source, is_called_by_the_verbs_that_must_and_by_no_other) {
    for (const verb& one : other_verbs(of().can)) {
        const failing_source::counts made = calls_of(of(), one);
        EXPECT_EQ(made.refusable(), 0u) << one.name;
        if (one.expected == calls::must) {
            EXPECT_GT(made.all(), 0u) << one.name << " never called its source";
        } else {
            EXPECT_EQ(made.all(), 0u) << one.name;
        }
    }
}

TEST_P(conformance_failing_source, makes_a_constructor_throw_and_leak_nothing) {
    for (std::size_t call = 1; call <= 6; ++call) {
        for (const refusal how : {refusal::once, refusal::from_then_on}) {
            strict_source strict;
            failing_source source(strict);
            source.refuse(call, how);
            try {
                const room made(of(), {.from = &source, .initial_blocks = 100});
                EXPECT_GT(source.calls().reserve, 0u);
                EXPECT_EQ(made->stats().reserved_bytes, strict.reserved());
                EXPECT_TRUE(made->is_valid());
            } catch (const out_of_memory&) {
                EXPECT_GT(source.refused(), 0u);
            }
            EXPECT_EQ(strict.regions(), 0u);
            EXPECT_EQ(strict.complaint(), "");
        }
    }
}

TEST_P(conformance_failing_source, is_not_needed_for_what_was_reserved) {
    if (of().can.counts_blocks && of().can.reserves) {
        for (std::size_t call = 0; call <= 60; ++call) { // 0: no refusal
            bench on(of());
            if (call % 2 != 0) (void)on.allocate(on.form(0));
            on.source.refuse(call / 2, refusal::once);
            const std::size_t blocks = on.many(2000);
            try {
                on.made.reserve(blocks);
            } catch (const out_of_memory&) {
                EXPECT_GT(on.source.refused(), 0u);
                continue;
            }
            on.source.forget_calls();
            on.source.refuse(1, refusal::from_then_on);
            while (on.ledger.size() < blocks) (void)on.allocate(on.form(0));
            EXPECT_EQ(on.source.calls().all(), 0u) << "call " << call / 2;
            if (on.source.calls().all() != 0) break;
        }
    }
}

} // namespace
} // namespace cenote::test
