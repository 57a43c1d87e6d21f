// cenote: SPDX-License-Identifier: MIT
#include <cenote/buffer/buffer_pool.hpp>
#include <cenote/source/region.hpp>

#include "buffer/filled.hpp"
#include "concurrent/threads.hpp"
#include "conformance/failing_source.hpp"
#include "conformance/strict_source.hpp"
#include "support/test_sources.hpp"

#include <cstring>
#include <gtest/gtest.h>
#include <string>
#include <vector>

namespace {

using namespace cenote;
using test::fill, test::holds;
using namespace std::chrono_literals;

constexpr std::size_t size_max = static_cast<std::size_t>(-1);
constexpr std::size_t kib = 1024;
constexpr std::size_t mib = 1024 * kib;

TEST(buffer_pool, gives_what_is_asked_in_tiers) {
    buffer_pool pool({.trim = trim::manual});
    struct expected {
        std::size_t size;
        std::size_t capacity;
    };
    for (const auto& [size, capacity] :
         {expected{0, 4 * kib}, expected{1, 4 * kib}, expected{4 * kib, 4 * kib},
          expected{4 * kib + 1, 8 * kib}, expected{10'000, 16 * kib}, expected{2 * mib + 1, 4 * mib},
          expected{4 * mib, 4 * mib}}) {
        buffer one = pool.acquire(size);
        ASSERT_TRUE(one);
        EXPECT_EQ(one.size(), size);
        EXPECT_EQ(one.capacity(), capacity);
        EXPECT_EQ(reinterpret_cast<std::uintptr_t>(one.data()) % 4096, 0u);
        EXPECT_EQ(one.pool(), &pool);
        fill(one, 1);
        EXPECT_TRUE(holds(one, 1, size));
    }
    EXPECT_TRUE(pool.is_valid());
    EXPECT_EQ(pool.stats(quiet).live, 0u);
}

TEST(buffer_pool, the_unsized_kind_starts_at_the_smallest_tier_and_holds_nothing) {
    buffer_pool pool;
    {
        buffer used = pool.acquire(4096);
        fill(used, 7);
    }
    buffer fresh = pool.acquire();
    EXPECT_EQ(fresh.size(), 0u);
    EXPECT_TRUE(fresh.empty());
    EXPECT_TRUE(fresh);
    EXPECT_EQ(fresh.capacity(), 4096u);
}

TEST(buffer_pool, at_least_gives_all_of_the_tier) {
    buffer_pool pool;
    const buffer one = pool.acquire_at_least(5000);
    EXPECT_EQ(one.size(), 8192u);
    const buffer large = pool.acquire_at_least(4 * mib + 1);
    EXPECT_EQ(large.size(), large.capacity());
    EXPECT_GE(large.size(), 4 * mib + 1);
}

TEST(buffer_pool, tiers_begin_and_end_where_the_options_say) {
    for (const std::size_t smallest : {64u, 1024u, 65536u}) {
        for (const std::size_t largest : {smallest, smallest * 16}) {
            buffer_pool pool({.smallest = smallest, .largest = largest});
            std::vector<buffer> held;
            for (std::size_t size = smallest; size <= largest; size *= 2) {
                held.push_back(pool.acquire(size));
                EXPECT_EQ(held.back().capacity(), size);
                held.push_back(pool.acquire(size - 1));
                EXPECT_EQ(held.back().capacity(), size);
            }
            EXPECT_EQ(pool.stats().counts.oversize, 0u);
            held.push_back(pool.acquire(largest + 1));
            EXPECT_EQ(pool.stats().counts.oversize, 1u);
            for (std::size_t i = 0; i < held.size(); ++i) fill(held[i], static_cast<unsigned char>(i));
            for (std::size_t i = 0; i < held.size(); ++i)
                EXPECT_TRUE(holds(held[i], static_cast<unsigned char>(i), held[i].size()));
            held.clear();
            EXPECT_TRUE(pool.is_valid());
        }
    }
}

TEST(buffer_pool, a_handle_moves_and_returns_its_buffer_once) {
    buffer_pool pool({.stats = true});
    buffer first = pool.acquire(100);
    std::byte* const data = first.data();
    buffer second = std::move(first);
    EXPECT_FALSE(first); // NOLINT: what is moved from is empty
    EXPECT_EQ(first.size(), 0u);
    EXPECT_EQ(first.capacity(), 0u);
    EXPECT_EQ(second.data(), data);
    second = pool.acquire(200); // the old one returns
    EXPECT_EQ(pool.stats().live, 1u);
    second.release();
    second.release();
    EXPECT_EQ(pool.stats().live, 0u);
    EXPECT_FALSE(second);
    EXPECT_FALSE(second.try_reserve(1));
    EXPECT_EQ(second.pool(), nullptr);
    EXPECT_TRUE(pool.is_valid());
}

// Neither its pool nor where it was is forgotten by what is released or moved from.
TEST(buffer_pool, an_empty_handle_never_grows_whatever_it_held) {
    buffer_pool pool({.stats = true, .trim = trim::manual});
    (void)pool.acquire(1);
    for (const std::size_t held : {std::size_t{100}, mib, 5 * mib}) {
        for (const bool is_moved : {false, true}) {
            buffer one = pool.acquire(held);
            buffer other;
            if (is_moved) other = std::move(one);
            one.release();
            for (const std::size_t wanted : {std::size_t{1}, 10 * kib, 2 * mib, 6 * mib}) {
                EXPECT_THROW(one.resize(wanted), out_of_memory); // NOLINT: what is moved from is empty
                EXPECT_THROW(one.reserve(wanted), out_of_memory);
            }
            one.resize(0);
            EXPECT_FALSE(one);
            EXPECT_EQ(one.size(), 0u);
            EXPECT_EQ(pool.stats().live, is_moved ? 1u : 0u);
        }
        EXPECT_EQ(pool.stats().live_bytes, 0u);
        EXPECT_TRUE(pool.is_valid());
    }
}

TEST(buffer_pool, a_thread_gets_back_what_it_released_last) {
    buffer_pool pool({.sanitizers = false});
    (void)pool.acquire(1);
    buffer one = pool.acquire(5000);
    std::byte* const data = one.data();
    one.release();
    EXPECT_EQ(pool.acquire(6000).data(), data);
}

TEST(buffer_pool, a_thread_exchanges_half_of_what_it_caches) {
    buffer_pool pool({.sanitizers = false, .trim = trim::manual});
    constexpr std::size_t large = 10; // the tier of 4 MiB, of which a thread caches 16 MiB
    std::vector<buffer> held;
    for (int i = 0; i < 6; ++i) held.push_back(pool.acquire(4 * mib));
    held.clear();
    buffer_stats now = pool.stats(quiet);
    EXPECT_EQ(now.tier[large].cached, 4u); // the fifth made room for two
    EXPECT_EQ(now.tier[large].retained, 2u);
    for (int i = 0; i < 5; ++i) held.push_back(pool.acquire(4 * mib));
    now = pool.stats(quiet);
    EXPECT_EQ(now.tier[large].cached, 1u);
    EXPECT_EQ(now.tier[large].retained, 0u);
    EXPECT_TRUE(pool.is_valid());
}

TEST(buffer_pool, resize_keeps_the_contents_up_the_tiers) {
    buffer_pool pool;
    buffer one = pool.acquire(10);
    fill(one, 9);
    std::byte* const data = one.data();
    one.resize(4096);
    EXPECT_EQ(one.data(), data); // in place
    one.resize(10);
    one.resize(100'000);
    EXPECT_EQ(one.capacity(), 128 * kib);
    EXPECT_TRUE(holds(one, 9, 10));
    one.resize(9 * mib);
    EXPECT_GE(one.capacity(), 9 * mib);
    EXPECT_TRUE(holds(one, 9, 10));
    EXPECT_EQ(pool.stats().live, 1u);
    one.resize(0);
    EXPECT_TRUE(one);
    EXPECT_THROW(one.resize(size_max), out_of_memory);
    EXPECT_FALSE(one.try_reserve(size_max));
    EXPECT_TRUE(one);
    EXPECT_EQ(one.size(), 0u);
    EXPECT_TRUE(one.try_reserve(10 * mib));
    EXPECT_GE(one.capacity(), 10 * mib);
    EXPECT_EQ(one.size(), 0u);
    buffer none;
    EXPECT_THROW(none.resize(1), out_of_memory);
    none.resize(0);
}

TEST(buffer_pool, larger_requests_go_straight_to_the_source) {
    test::strict_source memory(4096);
    test::failing_source watched(memory);
    buffer_pool pool({.source = &watched, .trim = trim::manual});
    (void)pool.acquire(1);
    watched.forget_calls();
    {
        buffer one = pool.acquire(5 * mib + 1);
        EXPECT_EQ(watched.calls().reserve, 1u);
        EXPECT_EQ(one.capacity(), 5 * mib + 4096 - 64); // behind it is room to count who shares it
        fill(one, 3);
        EXPECT_EQ(pool.stats().live_bytes, one.capacity());
        EXPECT_EQ(pool.stats().counts.oversize, 1u);
        EXPECT_TRUE(pool.is_valid());
    }
    EXPECT_EQ(watched.calls().release, 1u);
    EXPECT_EQ(pool.stats().live, 0u);
    EXPECT_EQ(memory.complaint(), "");
}

TEST(buffer_pool, an_oversize_request_gets_what_its_own_thread_has_cached) {
    buffer_pool pool({.maximum_bytes = 17 * mib, .sanitizers = false, .trim = trim::manual});
    (void)pool.acquire(1); // which keeps a region of 8 MiB
    {
        const buffer first = pool.acquire(4096);
        const buffer second = pool.acquire(4096);
    }
    EXPECT_GE(pool.stats().tier[0].cached, 2u);
    EXPECT_TRUE(pool.try_acquire(10 * mib));
    EXPECT_FALSE(pool.try_acquire(18 * mib));
    EXPECT_TRUE(pool.is_valid());
}

TEST(buffer_pool, sizes_beyond_memory_are_refused_with_a_reason) {
    buffer_pool pool({.maximum_bytes = 64 * mib, .name = "bytes"});
    for (const std::size_t size : {size_max, size_max - 1, size_max / 2, size_max / 2 + 1, 65 * mib}) {
        EXPECT_FALSE(pool.try_acquire(size));
        try {
            (void)pool.acquire(size);
            FAIL() << "nothing was thrown";
        } catch (const out_of_memory& refusal) {
            EXPECT_EQ(refusal.details().requested, size);
            EXPECT_NE(std::string(refusal.what()).find("bytes"), std::string::npos);
        }
    }
    EXPECT_TRUE(pool.try_acquire(4 * mib));
    EXPECT_TRUE(pool.is_valid());
}

TEST(buffer_pool, splits_a_larger_buffer_and_the_pieces_merge_when_they_meet) {
    buffer_pool pool({.stats = true, .trim = trim::manual});
    {
        buffer large = pool.acquire(4 * mib);
    }
    EXPECT_EQ(pool.stats().retained_bytes, 4 * mib);
    const std::size_t reserved = pool.stats().reserved_bytes;
    std::vector<buffer> pieces;
    for (int i = 0; i < 7; ++i) pieces.push_back(pool.acquire(mib)); // one region is twice the largest
    EXPECT_EQ(pool.stats().reserved_bytes, reserved);
    EXPECT_GT(pool.stats().counts.split, 0u);
    pieces.clear();
    EXPECT_EQ(pool.stats().live, 0u);
    (void)pool.trim();
    const buffer_stats now = pool.stats(quiet);
    EXPECT_EQ(now.counts.split, now.counts.merged); // all of it one piece again
    EXPECT_EQ(now.retained_bytes + now.idle_bytes, 0u);
    EXPECT_TRUE(pool.is_valid());
}

TEST(buffer_pool, a_trim_tells_of_what_went_and_no_more) {
    for (const bool stays : {false, true}) { // what is decommitted
        test::counting_source from;
        from.refuse_decommit = stays;
        buffer_pool pool({.source = &from, .sanitizers = false, .trim = trim::manual});
        const buffer small = pool.acquire(4 * kib); // keeps its region
        pool.acquire(mib).release();
        pool.release_thread_caches();
        const std::size_t before = from.present();
        const std::size_t returned = pool.trim().returned_bytes;
        EXPECT_EQ(returned, before - from.present());
        EXPECT_EQ(from.present() == before, stays);
    }
}

TEST(buffer_pool, works_from_a_callers_buffer) {
    const buffer_pool_options wanted{.smallest = 64, .largest = 2048, .initial_bytes = 100'000, .threads = 2};
    std::vector<std::byte> bytes(buffer_pool::required_bytes(wanted));
    for (const std::size_t shift : {0u, 1u, 63u}) {
        std::vector<std::byte> moved(bytes.size() + shift);
        region memory(moved.data() + shift, bytes.size());
        buffer_pool_options options = wanted;
        options.source = &memory;
        buffer_pool pool(options);
        std::vector<buffer> held;
        for (std::size_t i = 0; i < 100'000 / 2048; ++i) held.push_back(pool.acquire(2048));
        for (const buffer& one : held) fill(one, 1);
        held.clear();
        test::run_threads(2, [&](std::size_t) { (void)pool.acquire(64); });
        EXPECT_TRUE(pool.is_valid());
    }
    EXPECT_THROW((void)buffer_pool::required_bytes({}), bad_options);
    EXPECT_LT(bytes.size(), 200'000u);
}

TEST(buffer_pool, any_refusal_of_the_source_leaves_it_usable) {
    test::strict_source memory(4096);
    test::failing_source failing(memory);
    const auto work = [&](buffer_pool& pool) {
        bool all = true;
        std::vector<buffer> held;
        for (const std::size_t size : {1u, 10'000u, 60'000u, 60'000u, 100'000u}) {
            held.push_back(pool.try_acquire(size));
            all = all && held.back();
            if (held.back()) held.back().data()[size - 1] = std::byte{1};
        }
        return all;
    };
    std::size_t calls = 0;
    {
        buffer_pool pool({.largest = 64 * kib, .source = &failing, .trim = trim::manual});
        EXPECT_TRUE(work(pool));
        calls = failing.calls().refusable();
    }
    for (std::size_t call = 1; call <= calls; ++call) {
        buffer_pool pool({.largest = 64 * kib, .source = &failing, .trim = trim::manual});
        failing.refuse(call, test::refusal::from_then_on);
        (void)work(pool);
        EXPECT_TRUE(pool.is_valid()) << call;
        failing.relent();
        EXPECT_TRUE(work(pool)) << call;
        EXPECT_TRUE(pool.is_valid()) << call;
    }
    EXPECT_EQ(memory.complaint(), "");
    EXPECT_EQ(memory.reserved(), 0u);
}

TEST(buffer_pool, an_exhausted_pool_asks_its_handler) {
    struct state {
        std::vector<buffer> held;
        int calls = 0;
    } now;
    buffer_pool pool({.smallest = 4096,
                      .largest = 64 * kib,
                      .maximum_bytes = 512 * kib,
                      .on_exhaustion = {[](void* context, const shortage& what) {
                                            auto& all = *static_cast<state*>(context);
                                            ++all.calls;
                                            EXPECT_EQ(what.requested, 64 * kib);
                                            all.held.clear();
                                            return true;
                                        },
                                        &now, 1}});
    while (buffer one = pool.try_acquire(64 * kib)) now.held.push_back(std::move(one));
    EXPECT_EQ(now.calls, 0);
    EXPECT_TRUE(pool.acquire(64 * kib));
    EXPECT_EQ(now.calls, 1);
}

TEST(buffer_pool, buffers_left_behind_are_told) {
    static leak_report last;
    last = {};
    const leak_handler before = set_leak_handler([](const leak_report& report) noexcept { last = report; });
    buffer left;
    {
        buffer_pool pool({.name = "leaky"});
        left = pool.acquire(5000);
        new (&left) buffer; // nobody will return it
    }
    set_leak_handler(before);
    EXPECT_STREQ(last.pool, "leaky");
    EXPECT_EQ(last.blocks, 1u);
    EXPECT_EQ(last.bytes, 8192u);
}

} // namespace
