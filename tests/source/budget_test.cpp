// cenote: SPDX-License-Identifier: MIT
#include <cenote/source/budget.hpp>
#include <cenote/source/heap.hpp>
#include <cenote/source/os_pages.hpp>
#include <cenote/source/region.hpp>

#include "support/test_sources.hpp"

#include <atomic>
#include <gtest/gtest.h>
#include <limits>
#include <thread>
#include <vector>

namespace {

using namespace cenote;

constexpr std::size_t size_max = std::numeric_limits<std::size_t>::max();

// Grants whatever is asked: the budget alone decides.
class boundless final : public source {
public:
    [[nodiscard]] void* reserve(const request&) noexcept override { return &byte_; }
    void release(void*, const request&) noexcept override {}

private:
    std::byte byte_{};
};

TEST(budget, gives_the_limit_and_not_one_byte_more) {
    heap upstream;
    budget limited(upstream, 1000);
    EXPECT_EQ(limited.reserve({1001, 1}), nullptr);
    EXPECT_EQ(limited.used(), 0u);
    void* const most = limited.reserve({999, 1});
    ASSERT_NE(most, nullptr);
    EXPECT_EQ(limited.reserve({2, 1}), nullptr);
    void* const rest = limited.reserve({1, 1});
    ASSERT_NE(rest, nullptr);
    EXPECT_EQ(limited.used(), 1000u);
    EXPECT_EQ(limited.available(), 0u);
    EXPECT_EQ(limited.reserve({1, 1}), nullptr);
    limited.release(most, {999, 1});
    EXPECT_EQ(limited.used(), 1u);
    limited.release(rest, {1, 1});
    EXPECT_EQ(limited.used(), 0u);
}

TEST(budget, sizes_near_the_top_of_the_range_do_not_wrap) {
    boundless upstream;
    budget limited(upstream, 1000);
    void* const some = limited.reserve({10, 1});
    for (std::size_t less = 0; less < 20; ++less) {
        ASSERT_EQ(limited.reserve({size_max - less, 1}), nullptr);
        ASSERT_EQ(limited.used(), 10u);
    }
    limited.release(some, {10, 1});
}

TEST(budget, what_the_source_refuses_is_not_charged) {
    test::counting_source upstream;
    budget limited(upstream, 1000);
    upstream.refuse_reserve = true;
    EXPECT_EQ(limited.reserve({600, 1}), nullptr);
    EXPECT_EQ(limited.used(), 0u);
    upstream.refuse_reserve = false;
    void* const region = limited.reserve({600, 1});
    EXPECT_NE(region, nullptr);
    limited.release(region, {600, 1});
}

TEST(budget, is_claimed_before_the_source_is_asked) {
    test::counting_source upstream;
    budget limited(upstream, 1000);
    EXPECT_EQ(limited.reserve({1001, 1}), nullptr);
    EXPECT_EQ(upstream.calls, 0u);
}

TEST(budget, budgets_nest_and_the_tighter_one_decides) {
    heap upstream;
    budget outer(upstream, 1000);
    budget first(outer, 800);
    budget second(outer, 800);
    void* const a = first.reserve({700, 1});
    ASSERT_NE(a, nullptr);
    EXPECT_EQ(second.available(), 300u);
    EXPECT_EQ(second.reserve({301, 1}), nullptr);
    EXPECT_EQ(second.used(), 0u);
    EXPECT_EQ(outer.used(), 700u);
    void* const b = second.reserve({300, 1});
    ASSERT_NE(b, nullptr);
    EXPECT_EQ(outer.used(), 1000u);
    first.release(a, {700, 1});
    second.release(b, {300, 1});
    EXPECT_EQ(outer.used(), 0u);
}

TEST(budget, everything_else_goes_to_the_source_behind_it) {
    test::counting_source upstream;
    budget limited(upstream, 1 << 20);
    void* const given = limited.reserve({8192, 64});
    EXPECT_TRUE(limited.commit(given, 4096));
    limited.decommit(given, 100);
    limited.populate(given, 200);
    limited.purge(given, 300);
    EXPECT_EQ(upstream.committed, 4096u);
    EXPECT_EQ(upstream.decommitted, 100u);
    EXPECT_EQ(upstream.populated, 200u);
    EXPECT_EQ(upstream.calls, 5u);
    upstream.refuse_commit = true;
    EXPECT_FALSE(limited.commit(given, 4096));
    limited.release(given, {8192, 64});
    EXPECT_FALSE(limited.is_prepaid());
    EXPECT_EQ(budget(default_source(), 1).granularity(), default_source().granularity());
    std::byte bytes[100];
    region own(bytes, sizeof bytes);
    budget around(own, 60);
    EXPECT_TRUE(around.is_prepaid());
    EXPECT_EQ(around.available(), 60u);
    EXPECT_EQ(budget(own, 600).available(), 100u);
}

// Measures what is out at every moment, before the budget says that it is.
class gauge final : public source {
public:
    [[nodiscard]] void* reserve(const request& wanted) noexcept override {
        const std::size_t now = out_.fetch_add(wanted.bytes) + wanted.bytes;
        for (std::size_t seen = peak.load(); now > seen && !peak.compare_exchange_weak(seen, now);) {
        }
        void* const region = wanted.bytes % 5 == 0 ? nullptr : heap_.reserve(wanted);
        if (region == nullptr) out_.fetch_sub(wanted.bytes);
        return region;
    }
    void release(void* region, const request& given) noexcept override {
        out_.fetch_sub(given.bytes);
        heap_.release(region, given);
    }
    std::atomic<std::size_t> peak{0};

private:
    heap heap_;
    std::atomic<std::size_t> out_{0};
};

TEST(budget_stress, four_threads_never_exceed_it_together) {
    constexpr std::size_t limit = 4000;
    gauge upstream;
    budget limited(upstream, limit);
    std::atomic<bool> done{false};
    std::atomic<std::size_t> worst{0};
    std::thread checker([&] {
        while (!done.load()) {
            const std::size_t used = limited.used();
            if (used > worst.load()) worst.store(used);
            std::this_thread::yield();
        }
    });
    std::atomic<std::size_t> refused{0};
    std::vector<std::thread> threads;
    for (std::size_t which = 0; which < 4; ++which) {
        threads.emplace_back([&, which] {
            for (std::size_t i = 0; i < 20000; ++i) {
                const source::request wanted{1 + (i * 7 + which * 131) % 1999, 1};
                void* const region = limited.reserve(wanted);
                if (region == nullptr) {
                    refused.fetch_add(1);
                } else {
                    if (i % 16 == 0) std::this_thread::yield();
                    limited.release(region, wanted);
                }
            }
        });
    }
    for (std::thread& thread : threads) thread.join();
    done.store(true);
    checker.join();
    EXPECT_LE(worst.load(), limit);
    EXPECT_LE(upstream.peak.load(), limit);
    EXPECT_GT(refused.load(), 0u);
    EXPECT_EQ(limited.used(), 0u);
}

} // namespace
