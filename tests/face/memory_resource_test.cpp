// cenote: SPDX-License-Identifier: MIT
#include <cenote/face/direct_resource.hpp>
#include <cenote/face/memory_resource.hpp>
#include <cenote/face/resource.hpp>
#include <cenote/pool/fixed_pool.hpp>
#include <cenote/pool/multi_pool.hpp>

#include "support/misuse_watch.hpp"
#include "support/sizes.hpp"

#include <cstdint>
#include <cstring>
#include <gtest/gtest.h>
#include <limits>
#include <string>
#include <vector>

namespace {

using namespace cenote;

constexpr std::size_t most = std::numeric_limits<std::size_t>::max();

/// So many bytes, from the heap, that run out.
class scarce final : public memory_resource {
public:
    explicit scarce(std::size_t bytes, const memory_resource_options& options = {.name = "scarce"})
        : memory_resource(options), left(bytes) {}
    std::size_t left;
    unsigned asked = 0;

private:
    void* take(std::size_t size, std::size_t alignment) noexcept override {
        ++asked;
        if (size > left) return nullptr;
        left -= size;
        return heap_resource().try_allocate(size, alignment);
    }
    void give(void* block, std::size_t size, std::size_t alignment) noexcept override {
        left += size;
        heap_resource().deallocate(block, size, alignment);
    }
    levels look() const noexcept override { return {}; }
};

bool is_zero(const void* block, std::size_t size) {
    const auto* const bytes = static_cast<const unsigned char*>(block);
    for (std::size_t i = 0; i < size; ++i) {
        if (bytes[i] != 0) return false;
    }
    return true;
}

TEST(memory_resource, zeroes_when_asked_and_only_then_all_bytes) {
    fixed_pool blocks({.block_size = 64});
    resource face(blocks);
    void* const dirty = face.allocate(64, 16, memory_options::none);
    std::memset(dirty, 0xff, 64);
    face.deallocate(dirty, 64, 16);
    void* const clean = face.allocate(64, 16, memory_options::zero);
    EXPECT_EQ(clean, dirty); // what was freed last
    EXPECT_TRUE(is_zero(clean, 64));
    face.deallocate(clean, 64, 16);
}

TEST(memory_resource, refuses_impossible_requests_and_stays_usable) {
    multi_pool pool;
    resource face(pool);
    for (const std::size_t alignment : {std::size_t{0}, std::size_t{12}, most}) {
        EXPECT_EQ(face.try_allocate(8, alignment), nullptr) << alignment;
        EXPECT_THROW((void)face.allocate(8, alignment, memory_options::none), std::bad_alloc) << alignment;
    }
    for (const std::size_t size : {most, most - 1, most / 2 + 1}) {
        EXPECT_EQ(face.try_allocate(size), nullptr) << size;
        EXPECT_THROW((void)face.allocate(size, 16, memory_options::zero), std::bad_alloc) << size;
        EXPECT_EQ(heap_resource().try_allocate(size), nullptr) << size;
        EXPECT_EQ(pages_resource().try_allocate(size), nullptr) << size;
    }
    void* const nothing = face.try_allocate(0);
    ASSERT_NE(nothing, nullptr);
    face.deallocate(nothing, 0, 16);
    EXPECT_EQ(pool.stats().live, 0u);
}

TEST(memory_resource, reallocates_in_place_while_the_block_holds_it) {
    fixed_pool blocks({.block_size = 64});
    resource face(blocks);
    void* const block = face.allocate(20, 16, memory_options::none);
    std::memset(block, 0x5a, 20);
    EXPECT_EQ(face.reallocate(block, 20, 64, 16, memory_options::zero), block);
    EXPECT_EQ(static_cast<unsigned char*>(block)[19], 0x5a);
    EXPECT_TRUE(is_zero(static_cast<char*>(block) + 20, 44));
    EXPECT_EQ(face.reallocate(block, 64, 1), block);
    EXPECT_EQ(face.try_reallocate(block, 1, 65), nullptr);
    EXPECT_THROW((void)face.reallocate(block, 1, 65), std::bad_alloc);
    EXPECT_EQ(static_cast<unsigned char*>(block)[0], 0x5a);
    EXPECT_EQ(blocks.stats().live, 1u);
    face.deallocate(block, 1, 16);
}

TEST(memory_resource, reallocation_moves_contents_and_frees_the_old_block) {
    multi_pool pool({.checks = true});
    resource face(pool);
    void* block = face.reallocate(nullptr, 0, 10);
    std::size_t size = 10;
    std::memset(block, 0x77, size);
    for (const std::size_t next : {20u, 100u, 5000u, 100'000u, 3000u, 17u}) {
        block = face.reallocate(block, size, next, 16, memory_options::zero);
        ASSERT_NE(block, nullptr);
        for (std::size_t i = 0; i < 10; ++i) ASSERT_EQ(static_cast<unsigned char*>(block)[i], 0x77);
        if (next > size) {
            EXPECT_TRUE(is_zero(static_cast<char*>(block) + size, next - size));
        }
        size = next;
        EXPECT_EQ(pool.stats().live, 1u);
    }
    face.deallocate(block, size, 16);
    EXPECT_EQ(pool.stats().live, 0u);
}

TEST(memory_resource, no_block_stays_where_it_does_not_stand_at_its_alignment) {
    constexpr std::size_t far = std::size_t{1} << 20;
    memory_resource& pages = pages_resource(); // whose blocks go back at any alignment
    void* const some[2] = {pages.try_allocate(100), pages.try_allocate(100)}; // not both stand there
    for (void* const block : some) {
        void* const moved = pages.try_reallocate(block, 100, 100, far);
        ASSERT_NE(moved, nullptr);
        EXPECT_EQ(reinterpret_cast<std::uintptr_t>(moved) % far, 0u);
        pages.deallocate(moved, 100, far);
    }
}

TEST(memory_resource, asks_nobody_for_what_is_no_alignment) {
    unsigned asked = 0;
    const exhaustion_handler says_yes{[](void* count, const shortage&) {
                                          ++*static_cast<unsigned*>(count);
                                          return true;
                                      },
                                      &asked, 5};
    scarce face(100, {.then = when_exhausted::null, .on_exhaustion = says_yes});
    EXPECT_EQ(face.allocate(8, 12, memory_options::none), nullptr);
    EXPECT_EQ(asked, 0u);
    EXPECT_EQ(face.allocate(200, 8, memory_options::none), nullptr);
    EXPECT_EQ(asked, 5u);
}

TEST(memory_resource, reallocation_stays_in_the_size_class_of_a_plain_pool) {
    multi_pool pool({.sanitizers = false});
    resource face(pool);
    void* const block = face.try_allocate(1000);
    EXPECT_EQ(face.try_reallocate(block, 1000, 1010), block);
    void* const other = face.try_reallocate(block, 1010, 2000);
    EXPECT_NE(other, block);
    face.deallocate(other, 2000, 16);
    EXPECT_EQ(pool.stats().live, 0u);
}

TEST(memory_resource, reallocation_that_fails_keeps_the_block) {
    scarce few(100);
    void* const block = few.allocate(60, 16, memory_options::none);
    std::memset(block, 0x33, 60);
    EXPECT_EQ(few.try_reallocate(block, 60, 61), nullptr);
    EXPECT_EQ(few.try_reallocate(block, 60, 61, 12), nullptr);
    EXPECT_EQ(static_cast<unsigned char*>(block)[59], 0x33);
    EXPECT_EQ(few.left, 40u);
    few.deallocate(block, 60, 16);
    EXPECT_EQ(few.left, 100u);
}

TEST(memory_resource, policy_null_returns_null_but_not_to_std_pmr) {
    scarce few(10, {.name = "few", .then = when_exhausted::null});
    EXPECT_EQ(few.allocate(11, 16, memory_options::none), nullptr);
    std::pmr::memory_resource& face = few;
    EXPECT_THROW((void)face.allocate(11, 16), std::bad_alloc);
}

TEST(memory_resource, policy_raise_says_who_and_how_much) {
    scarce few(10);
    try {
        (void)few.allocate(11, 16, memory_options::none);
        FAIL() << "nothing was thrown";
    } catch (const out_of_memory& problem) {
        EXPECT_STREQ(problem.details().pool, "scarce");
        EXPECT_EQ(problem.details().requested, 11u);
    }
}

TEST(memory_resource, does_not_deny_a_limit_that_its_pool_has) {
    struct state {
        std::size_t limit = 0;
    } seen;
    multi_pool pool({.maximum_bytes = 1 << 20});
    resource face(pool, {.name = "face",
                         .on_exhaustion = {[](void* context, const shortage& what) {
                                               static_cast<state*>(context)->limit = what.limit;
                                               return false;
                                           },
                                           &seen, 1}});
    EXPECT_THROW((void)face.allocate(2 << 20, 16, memory_options::none), out_of_memory);
    EXPECT_EQ(seen.limit, unknown_limit);
    try {
        (void)face.allocate(100, 12, memory_options::none); // not passed on to the pool
        FAIL() << "nothing was thrown";
    } catch (const out_of_memory& problem) {
        EXPECT_NE(std::string(problem.what()).find("limit unknown"), std::string::npos) << problem.what();
    }
}

TEST(memory_resource, handler_is_asked_a_bounded_number_of_times) {
    struct state {
        scarce* few = nullptr;
        unsigned calls = 0;
        unsigned until = 99;
    } now;
    const exhaustion_handler handler{[](void* context, const shortage& what) {
                                         auto& self = *static_cast<state*>(context);
                                         EXPECT_EQ(what.requested, 50u);
                                         if (++self.calls == self.until) self.few->left = 50;
                                         // asking the same allocator inside does not ask the handler again
                                         EXPECT_EQ(self.few->allocate(51, 16, memory_options::none), nullptr);
                                         return true;
                                     },
                                     &now, 3};
    scarce few(10, {.name = "few", .then = when_exhausted::null, .on_exhaustion = handler});
    now.few = &few;
    EXPECT_EQ(few.allocate(50, 16, memory_options::none), nullptr);
    EXPECT_EQ(now.calls, 3u);
    EXPECT_EQ(few.try_allocate(50), nullptr); // asks nobody
    EXPECT_EQ(now.calls, 3u);
    now.calls = 0;
    now.until = 2;
    void* const block = few.allocate(50, 16, memory_options::none);
    EXPECT_NE(block, nullptr);
    EXPECT_EQ(now.calls, 2u);
    few.deallocate(block, 50, 16);
}

TEST(memory_resource, handler_of_the_pool_saves_what_nobody_else_can) {
    struct state {
        fixed_pool* pool = nullptr;
        void* spare = nullptr;
    } now;
    fixed_pool pool({.block_size = 64,
                     .maximum_blocks = 1,
                     .on_exhaustion = {[](void* context, const shortage&) {
                                           auto& self = *static_cast<state*>(context);
                                           std::memset(self.spare, 0xff, 64);
                                           self.pool->deallocate(self.spare);
                                           return true;
                                       },
                                       &now, 1}});
    resource face(pool, {.name = "face", .stats = true});
    now.pool = &pool;
    now.spare = face.allocate(64, 16, memory_options::none);
    void* const saved = face.allocate(64, 16, memory_options::zero);
    EXPECT_TRUE(is_zero(saved, 64));
    EXPECT_EQ(face.stats().calls->failures, 0u);
    EXPECT_EQ(face.stats().calls->allocations, 2u);
    face.deallocate(saved, 64, 16);
    EXPECT_FALSE(face == *std::pmr::new_delete_resource());
    EXPECT_FALSE(heap_resource() == pages_resource());
    EXPECT_EQ(heap_resource().try_reallocate(nullptr, 0, test::top_bit), nullptr);
}

TEST(memory_resource, asks_the_pool_before_it_aborts) {
    struct state {
        fixed_pool* pool = nullptr;
        void* spare = nullptr;
        unsigned asked = 0;
    } now;
    fixed_pool pool({.block_size = 64,
                     .maximum_blocks = 1,
                     .on_exhaustion = {[](void* context, const shortage&) {
                                           auto& self = *static_cast<state*>(context);
                                           ++self.asked;
                                           self.pool->deallocate(self.spare);
                                           return true;
                                       },
                                       &now, 1}});
    resource face(pool, {.name = "face", .stats = true, .then = when_exhausted::abort});
    now.pool = &pool;
    now.spare = face.try_allocate(64);
    now.spare = face.allocate(64, 16, memory_options::none); // by the policy
    EXPECT_EQ(now.asked, 1u);
    now.spare = face.try_allocate(64, 16, memory_options::no_fail);
    EXPECT_EQ(now.asked, 2u);
    EXPECT_NE(now.spare, nullptr);
    EXPECT_EQ(face.stats().calls->failures, 0u);
    EXPECT_EQ(face.stats().calls->allocations, 3u);
    EXPECT_EQ(face.try_allocate(64), nullptr); // asks nobody
    EXPECT_EQ(now.asked, 2u);
    pool.deallocate(now.spare);
}

TEST(memory_resource_death, aborts_with_a_message_by_policy_or_when_it_may_not_fail) {
    GTEST_FLAG_SET(death_test_style, "threadsafe");
    const auto by_policy = [] {
        scarce few(10, {.name = "few", .then = when_exhausted::abort});
        (void)few.allocate(11, 16, memory_options::none);
    };
    const auto by_option = [] {
        scarce few(10, {.name = "few", .then = when_exhausted::null});
        (void)few.allocate(11, 16, memory_options::no_fail);
    };
    const auto by_try = [] {
        scarce few(10, {.name = "few"});
        (void)few.try_allocate(11, 16, memory_options::no_fail);
    };
    const auto by_pmr = [] {
        scarce few(10, {.name = "few", .then = when_exhausted::abort});
        std::pmr::memory_resource& face = few;
        (void)face.allocate(11, 16);
    };
    const auto by_pool = [] {
        multi_pool pool({.maximum_bytes = 1 << 20, .name = "small"});
        resource face(pool, {.name = "face", .then = when_exhausted::abort});
        (void)face.allocate(2 << 20, 16, memory_options::none);
    };
    EXPECT_DEATH(by_pool(), "pool 'small' is out of memory: requested 2097152 bytes.* limit 1048576");
    const char* const text = "pool 'few' is out of memory: requested 11 bytes";
    EXPECT_DEATH(by_policy(), text);
    EXPECT_DEATH(by_option(), text);
    EXPECT_DEATH(by_try(), text);
    EXPECT_DEATH(by_pmr(), text);
}

TEST(memory_resource, counts_calls_peak_and_failures_with_stats) {
    fixed_pool blocks({.block_size = 64, .maximum_blocks = 4});
    resource face(blocks, {.name = "counted", .stats = true, .then = when_exhausted::null});
    void* live[4];
    for (void*& block : live) block = face.allocate(50, 16, memory_options::none);
    EXPECT_EQ(face.allocate(50, 16, memory_options::none), nullptr);
    std::pmr::memory_resource& standard = face;
    standard.deallocate(live[3], 50, 16);
    live[3] = standard.allocate(60, 16);
    const memory_stats full = face.stats();
    EXPECT_EQ(full.live_bytes, 210u); // as asked for, in the unit of the peak
    EXPECT_EQ(blocks.stats().live_bytes, 256u);
    EXPECT_EQ(full.reserved_bytes, blocks.stats().reserved_bytes);
    ASSERT_TRUE(full.peak_bytes && full.calls);
    EXPECT_EQ(*full.peak_bytes, 210u);
    EXPECT_EQ(full.calls->allocations, 5u);
    EXPECT_EQ(full.calls->deallocations, 1u);
    EXPECT_EQ(full.calls->failures, 1u);
    EXPECT_EQ(face.reallocate(live[3], 60, 20), live[3]);
    for (std::size_t i = 0; i < 4; ++i) face.deallocate(live[i], i < 3 ? 50 : 20, 16);
    EXPECT_EQ(face.stats().live_bytes, 0u);
    EXPECT_STREQ(face.name(), "counted");
}

TEST(memory_resource, does_not_count_what_nobody_asked_it_to) {
    fixed_pool blocks({.block_size = 64});
    resource face(blocks);
    EXPECT_FALSE(face.stats().peak_bytes);
    EXPECT_FALSE(face.stats().calls);
}

TEST(memory_resource, counts_stay_above_zero_after_a_reset) {
    struct pretend final : memory_resource {
        pretend() : memory_resource({.name = "pretend", .stats = true}) {}
        char bytes[256] = {};
        void* take(std::size_t, std::size_t) noexcept override { return bytes; }
        void give(void*, std::size_t, std::size_t) noexcept override {}
        bool do_reset() noexcept override { return true; }
        levels look() const noexcept override { return {}; }
    } face;
    void* const one = face.try_allocate(100);
    EXPECT_TRUE(face.reset());
    face.deallocate(one, 100, 16); // misuse, but no reason to count 2^64 - 100 live bytes
    (void)face.try_allocate(30);
    EXPECT_EQ(*face.stats().peak_bytes, 100u);
    (void)face.try_allocate(80);
    EXPECT_EQ(*face.stats().peak_bytes, 110u);
}

TEST(memory_resource, does_not_count_what_the_pool_refuses) {
    test::misuse_watch misuses;
    multi_pool pool({.checks = true});
    resource face(pool, {.stats = true});
    void* const kept = face.try_allocate(100);
    void* const freed = face.try_allocate(50);
    face.deallocate(freed, 50);
    face.deallocate(freed, 50);
    ASSERT_EQ(misuses.count(), 1u);
    EXPECT_EQ(misuses.seen()[0].kind, misuse::double_free);
    EXPECT_EQ(face.stats().live_bytes, 100u);
    EXPECT_EQ(face.stats().calls->deallocations, 1u);
    face.deallocate(kept, 100);
    EXPECT_EQ(face.stats().live_bytes, 0u);
    EXPECT_EQ(face.stats().calls->deallocations, 2u);
}

TEST(memory_resource, resets_what_can_be_reset) {
    fixed_pool blocks({.block_size = 64});
    resource face(blocks, {.stats = true});
    for (int round = 0; round < 3; ++round) {
        for (int i = 0; i < 100; ++i) (void)face.try_allocate(64);
        EXPECT_EQ(face.stats().live_bytes, 6400u);
        EXPECT_TRUE(face.reset());
        EXPECT_EQ(face.stats().live_bytes, 0u);
    }
    EXPECT_EQ(*face.stats().peak_bytes, 6400u);
    EXPECT_GT(face.trim(), 0u);
    EXPECT_EQ(face.stats().reserved_bytes, 0u);
    EXPECT_FALSE(heap_resource().reset());
    EXPECT_EQ(heap_resource().trim(), 0u);
}

} // namespace
