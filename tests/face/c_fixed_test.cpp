// cenote: SPDX-License-Identifier: MIT
#include <cenote/base/error.hpp>
#include <cenote/cenote.h>

#include "support/misuse_watch.hpp"
#include "support/sizes.hpp"

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <gtest/gtest.h>
#include <set>
#include <string>
#include <vector>

namespace {

using cenote::test::misuse_watch;

cenote_fixed_options blocks_of(std::size_t size) {
    cenote_fixed_options options = CENOTE_FIXED_OPTIONS_INIT;
    options.block_size = size;
    return options;
}

/// A pool for the length of a test.
struct pool_of {
    cenote_fixed* pool = nullptr;
    explicit pool_of(const cenote_fixed_options& options) {
        EXPECT_EQ(cenote_fixed_create(&options, &pool), CENOTE_OK) << cenote_fixed_flaw(&options);
    }
    ~pool_of() { cenote_fixed_destroy(pool); }
    operator cenote_fixed*() const { return pool; }
    [[nodiscard]] cenote_stats stats() const {
        cenote_stats result = CENOTE_STATS_INIT;
        EXPECT_EQ(cenote_fixed_stats(pool, &result), CENOTE_OK);
        return result;
    }
};

/// For one thread and for many.
class c_fixed_both : public ::testing::TestWithParam<int> {
public:
    static cenote_fixed_options options(std::size_t size) {
        cenote_fixed_options result = blocks_of(size);
        result.thread_safe = GetParam();
        return result;
    }
};
INSTANTIATE_TEST_SUITE_P(threads, c_fixed_both, ::testing::Values(0, 1));

TEST_P(c_fixed_both, hands_out_distinct_aligned_blocks_and_takes_them_back) {
    cenote_fixed_options wanted = options(96);
    wanted.alignment = 64; // does not divide the size
    const pool_of pool(wanted);
    std::set<void*> blocks;
    for (int i = 0; i < 3000; ++i) {
        void* const block = cenote_fixed_allocate(pool);
        ASSERT_NE(block, nullptr);
        EXPECT_EQ(reinterpret_cast<std::uintptr_t>(block) % 64, 0u);
        std::memset(block, i, 96);
        blocks.insert(block);
    }
    EXPECT_EQ(blocks.size(), 3000u);
    EXPECT_EQ(pool.stats().live_blocks, 3000u);
    for (void* const block : blocks) EXPECT_EQ(cenote_fixed_free(pool, block), CENOTE_OK);
    EXPECT_EQ(pool.stats().live_blocks, 0u);
    EXPECT_EQ(pool.stats().blocks, pool.stats().free_blocks);
    EXPECT_EQ(pool.stats().has_calls, 0);
    EXPECT_EQ(cenote_fixed_block_size(pool), 96u);
}

TEST_P(c_fixed_both, every_wrong_free_has_its_code_and_changes_nothing) {
    const misuse_watch watch;
    cenote_fixed_options wanted = options(64);
    wanted.blocks_per_slab = 100;
    wanted.growth = CENOTE_GROWTH_CONSTANT;
    wanted.growth_blocks = 100;
    const pool_of pool(wanted);
    char elsewhere[64];
    EXPECT_EQ(cenote_fixed_free(pool, elsewhere), CENOTE_FOREIGN_POINTER); // before the first block
    auto* const block = static_cast<char*>(cenote_fixed_allocate(pool));
    void* const kept = cenote_fixed_allocate(pool);
    EXPECT_EQ(cenote_fixed_free(pool, kept), CENOTE_OK);
    EXPECT_EQ(cenote_fixed_free(pool, elsewhere), CENOTE_FOREIGN_POINTER);
    EXPECT_EQ(cenote_fixed_free(pool, block + 8), CENOTE_INTERIOR_POINTER);
    EXPECT_EQ(cenote_fixed_free(pool, kept), CENOTE_DOUBLE_FREE);
    char* last = block;
    while (cenote_fixed_owns(pool, last + 64)) last += 64;
    EXPECT_EQ(cenote_fixed_free(pool, last + 64), CENOTE_PAST_THE_END);
    EXPECT_EQ(cenote_fixed_is_live(pool, block + 64 * 40), 0);
    const cenote_status never = cenote_fixed_free(pool, block + 64 * 40);
    if (wanted.thread_safe != 0) { // a magazine may have held it
        EXPECT_TRUE(never == CENOTE_NEVER_ALLOCATED || never == CENOTE_DOUBLE_FREE) << never;
    } else {
        EXPECT_EQ(never, CENOTE_NEVER_ALLOCATED);
    }
    EXPECT_EQ(pool.stats().live_blocks, 1u);
    EXPECT_EQ(cenote_fixed_free(pool, block), CENOTE_OK);
    EXPECT_EQ(cenote_fixed_free(pool, block), CENOTE_DOUBLE_FREE);
    EXPECT_EQ(cenote_fixed_free(pool, nullptr), CENOTE_OK);
    EXPECT_EQ(pool.stats().live_blocks, 0u);
    EXPECT_EQ(watch.count(), 0u);
}

TEST_P(c_fixed_both, owning_is_not_being_live) {
    const pool_of pool(options(64));
    auto* const block = static_cast<char*>(cenote_fixed_allocate(pool));
    EXPECT_EQ(cenote_fixed_owns(pool, block), 1);
    EXPECT_EQ(cenote_fixed_is_live(pool, block), 1);
    EXPECT_EQ(cenote_fixed_owns(pool, block + 1), 0);
    EXPECT_EQ(cenote_fixed_free(pool, block), CENOTE_OK);
    EXPECT_EQ(cenote_fixed_owns(pool, block), 1);
    EXPECT_EQ(cenote_fixed_is_live(pool, block), 0);
    EXPECT_EQ(cenote_fixed_owns(pool, &pool), 0);
}

TEST_P(c_fixed_both, walk_shows_live_blocks_only_and_stops_when_told) {
    struct state {
        cenote_fixed* pool;
        std::set<void*> seen;
        std::size_t most;
        bool frees;
    };
    const auto visit = [](void* context, void* block) {
        auto& now = *static_cast<state*>(context);
        EXPECT_TRUE(now.seen.insert(block).second);
        if (now.frees) {
            EXPECT_EQ(cenote_fixed_free(now.pool, block), CENOTE_OK);
            EXPECT_EQ(cenote_fixed_free(now.pool, cenote_fixed_allocate(now.pool)), CENOTE_OK);
        }
        return now.seen.size() < now.most ? 1 : 0;
    };
    const pool_of pool(options(64));
    std::vector<void*> blocks(2500);
    ASSERT_EQ(cenote_fixed_allocate_many(pool, blocks.data(), blocks.size()), CENOTE_OK);
    for (std::size_t i = 0; i < blocks.size(); i += 2)
        EXPECT_EQ(cenote_fixed_free(pool, blocks[i]), CENOTE_OK);
    state all{pool, {}, 9999, false};
    EXPECT_EQ(cenote_fixed_for_each(pool, visit, &all), CENOTE_OK);
    EXPECT_EQ(all.seen.size(), 1250u);
    state some{pool, {}, 7, false};
    EXPECT_EQ(cenote_fixed_for_each(pool, visit, &some), CENOTE_STOPPED);
    EXPECT_EQ(some.seen.size(), 7u);
    state freeing{pool, {}, 9999, true};
    EXPECT_EQ(cenote_fixed_for_each(pool, visit, &freeing), CENOTE_OK);
    EXPECT_EQ(pool.stats().live_blocks, 0u);
}

TEST_P(c_fixed_both, reset_during_a_walk_is_refused) {
    const pool_of pool(options(64));
    (void)cenote_fixed_allocate(pool);
    const auto visit = [](void* context, void*) {
        EXPECT_EQ(cenote_fixed_reset(static_cast<cenote_fixed*>(context)), CENOTE_NOT_QUIET);
        return 1;
    };
    EXPECT_EQ(cenote_fixed_for_each(pool, visit, pool.pool), CENOTE_OK);
    EXPECT_EQ(pool.stats().live_blocks, 1u);
    EXPECT_EQ(cenote_fixed_reset(pool), CENOTE_OK);
    EXPECT_EQ(pool.stats().live_blocks, 0u);
    EXPECT_GT(cenote_fixed_trim(pool), 0u);
}

TEST_P(c_fixed_both, maximum_is_kept_and_many_come_all_or_none) {
    cenote_fixed_options wanted = options(64);
    wanted.maximum_blocks = 10;
    wanted.initial_blocks = 10;
    wanted.stats = 1;
    const pool_of pool(wanted);
    EXPECT_EQ(pool.stats().blocks, 10u);
    std::vector<void*> blocks(11);
    EXPECT_EQ(cenote_fixed_allocate_many(pool, blocks.data(), 11), CENOTE_NO_MEMORY);
    EXPECT_EQ(pool.stats().live_blocks, 0u);
    EXPECT_EQ(cenote_fixed_allocate_many(pool, blocks.data(), 10), CENOTE_OK);
    EXPECT_EQ(cenote_fixed_allocate(pool), nullptr);
    EXPECT_EQ(cenote_fixed_allocate_zeroed(pool), nullptr);
    const cenote_stats full = pool.stats();
    EXPECT_EQ(full.has_calls, 1);
    EXPECT_EQ(full.allocations, 10u);
    EXPECT_EQ(full.failures, 3u);
    EXPECT_EQ(full.peak_blocks, 10u);
    blocks[10] = blocks[0]; // one of them twice: the others go back all the same
    EXPECT_EQ(cenote_fixed_free_many(pool, blocks.data(), 11), CENOTE_DOUBLE_FREE);
    EXPECT_EQ(pool.stats().live_blocks, 0u);
    EXPECT_EQ(pool.stats().deallocations, 10u);
    EXPECT_EQ(cenote_fixed_allocate_many(pool, nullptr, 0), CENOTE_OK);
}

TEST_P(c_fixed_both, handler_is_asked_a_bounded_number_of_times) {
    struct state {
        cenote_fixed* pool = nullptr;
        void* spare = nullptr;
        unsigned calls = 0;
    } now;
    cenote_fixed_options wanted = options(64);
    wanted.maximum_blocks = 2;
    wanted.stats = 1;
    wanted.name = "asked";
    wanted.exhaustion.context = &now;
    wanted.exhaustion.retries = 3;
    wanted.exhaustion.handler = [](void* context, const char* pool, std::size_t requested) {
        auto& self = *static_cast<state*>(context);
        EXPECT_STREQ(pool, "asked");
        EXPECT_EQ(requested, 64u);
        if (++self.calls == 2 && self.spare != nullptr) {
            EXPECT_EQ(cenote_fixed_free(self.pool, self.spare), CENOTE_OK);
        }
        return 1;
    };
    const pool_of pool(wanted);
    now.pool = pool;
    now.spare = cenote_fixed_allocate(pool);
    (void)cenote_fixed_allocate(pool);
    EXPECT_NE(cenote_fixed_allocate(pool), nullptr);
    EXPECT_EQ(now.calls, 2u);
    EXPECT_EQ(pool.stats().failures, 0u);
    now.calls = 0;
    now.spare = nullptr;
    EXPECT_EQ(cenote_fixed_allocate(pool), nullptr);
    EXPECT_EQ(now.calls, 3u);
    EXPECT_EQ(pool.stats().failures, 1u);
}

TEST_P(c_fixed_both, unchecked_pools_are_plain_pools) {
    cenote_fixed_options wanted = options(64);
    wanted.unchecked = 1;
    const pool_of pool(wanted);
    std::vector<void*> blocks(1000);
    for (int round = 0; round < 3; ++round) {
        for (void*& block : blocks) block = cenote_fixed_allocate(pool);
        EXPECT_EQ(pool.stats().live_blocks, 1000u);
        EXPECT_EQ(cenote_fixed_free_many(pool, blocks.data(), blocks.size()), CENOTE_OK);
    }
    EXPECT_EQ(cenote_fixed_free(pool, nullptr), CENOTE_OK);
    EXPECT_EQ(pool.stats().live_blocks, 0u);
}

TEST_P(c_fixed_both, zeroes_and_erases) {
    cenote_fixed_options wanted = options(64);
    wanted.zero_on_allocate = 1;
    wanted.erase_on_free = 1;
    const pool_of pool(wanted);
    auto* block = static_cast<char*>(cenote_fixed_allocate(pool));
    std::memset(block, 7, 64);
    EXPECT_EQ(cenote_fixed_free(pool, block), CENOTE_OK);
    EXPECT_EQ(cenote_fixed_allocate(pool), block);
    EXPECT_EQ(block[63], 0);
    const pool_of plain(options(64));
    block = static_cast<char*>(cenote_fixed_allocate(plain));
    std::memset(block, 7, 64);
    EXPECT_EQ(cenote_fixed_free(plain, block), CENOTE_OK);
    EXPECT_EQ(cenote_fixed_allocate_zeroed(plain), block);
    EXPECT_EQ(block[0], 0);
    EXPECT_EQ(block[63], 0);
}

TEST_P(c_fixed_both, hands_out_in_the_order_that_is_asked_for) {
    cenote_fixed_options wanted = options(32);
    wanted.maximum_blocks = 3;
    wanted.unchecked = 1;
    for (const cenote_hand_out order : {CENOTE_OLDEST, CENOTE_LOWEST_ADDRESS}) {
        wanted.order = order;
        const pool_of pool(wanted);
        std::vector<void*> blocks(3);
        ASSERT_EQ(cenote_fixed_allocate_many(pool, blocks.data(), 3), CENOTE_OK);
        std::sort(blocks.begin(), blocks.end());
        std::vector<void*> freed{blocks[1], blocks[2], blocks[0]};
        EXPECT_EQ(cenote_fixed_free_many(pool, freed.data(), 3), CENOTE_OK);
        for (void* const expected : order == CENOTE_OLDEST ? freed : blocks) {
            EXPECT_EQ(cenote_fixed_allocate(pool), expected);
        }
        EXPECT_EQ(cenote_fixed_free_many(pool, freed.data(), 3), CENOTE_OK);
    }
}

TEST_P(c_fixed_both, learns_how_long_to_keep_memory) {
    cenote_fixed_options wanted = options(64);
    wanted.unchecked = 1;
    EXPECT_EQ(pool_of(wanted).stats().has_adapted, 0);
    wanted.adaptive = 1;
    wanted.magazine_blocks = 100;
    const pool_of pool(wanted);
    EXPECT_EQ(pool.stats().has_adapted, 1);
    EXPECT_EQ(pool.stats().patience, 1u);
    std::vector<void*> blocks(20'000);
    for (int tooth = 0; tooth < 6; ++tooth) {
        for (int batch = 0; batch < 60; ++batch) {
            const std::size_t count = batch == 0 ? blocks.size() : 2000;
            ASSERT_EQ(cenote_fixed_allocate_many(pool, blocks.data(), count), CENOTE_OK);
            ASSERT_EQ(cenote_fixed_free_many(pool, blocks.data(), count), CENOTE_OK);
        }
    }
    EXPECT_GE(pool.stats().returns, pool.stats().regrets);
    // A watched pool takes the slow path, and learns the same.
    EXPECT_GE(pool.stats().regrets, 1u);
    EXPECT_GE(pool.stats().patience, 2u);
}

TEST_P(c_fixed_both, works_in_a_buffer_that_holds_what_it_says) {
    cenote_fixed_options wanted = options(64);
    wanted.maximum_blocks = 100;
    if (wanted.thread_safe != 0) wanted.threads = 1;
    const std::size_t bytes = cenote_fixed_required_bytes(&wanted);
    ASSERT_GT(bytes, 6400u);
    std::vector<char> buffer(bytes + 1);
    wanted.memory.buffer = buffer.data() + 1;
    wanted.memory.buffer_bytes = bytes;
    const pool_of pool(wanted);
    for (int i = 0; i < 100; ++i) {
        auto* const block = static_cast<char*>(cenote_fixed_allocate(pool));
        ASSERT_TRUE(block > buffer.data() && block + 64 <= buffer.data() + buffer.size()) << i;
    }
    EXPECT_EQ(cenote_fixed_allocate(pool), nullptr);
    char another[8];
    wanted.memory.buffer = another;
    wanted.memory.buffer_bytes = sizeof another; // the handle itself does not fit
    cenote_fixed* none = nullptr;
    EXPECT_EQ(cenote_fixed_create(&wanted, &none), CENOTE_NO_MEMORY);
    EXPECT_EQ(none, nullptr);
}

TEST(c_fixed, refuses_bad_options_with_a_code_a_reason_and_a_null_handle) {
    const auto refused = [](void (*spoil)(cenote_fixed_options&), const char* reason) {
        cenote_fixed_options options = blocks_of(64);
        spoil(options);
        auto* pool = reinterpret_cast<cenote_fixed*>(&options);
        EXPECT_EQ(cenote_fixed_create(&options, &pool), CENOTE_BAD_OPTIONS) << reason;
        EXPECT_EQ(pool, nullptr);
        ASSERT_NE(cenote_fixed_flaw(&options), nullptr) << reason;
        EXPECT_NE(std::string(cenote_fixed_flaw(&options)).find(reason), std::string::npos)
            << cenote_fixed_flaw(&options);
        EXPECT_EQ(cenote_fixed_required_bytes(&options), 0u);
    };
    static const cenote_allocator without_functions{};
    refused([](auto& o) { o.struct_size = 0; }, "CENOTE_FIXED_OPTIONS_INIT");
    refused([](auto& o) { o.block_size = 0; }, "block_size is 0");
    refused([](auto& o) { o.block_size = SIZE_MAX; }, "too large");
    refused([](auto& o) { o.alignment = 12; }, "power of two");
    refused([](auto& o) { o.initial_blocks = 5, o.maximum_blocks = 4; }, "above maximum");
    refused([](auto& o) { o.initial_blocks = SIZE_MAX / 2; }, "more than memory");
    refused([](auto& o) { o.growth_factor = 1; }, "growth adds nothing");
    refused([](auto& o) { o.growth = CENOTE_GROWTH_CONSTANT; }, "growth adds nothing");
    refused([](auto& o) { o.growth = CENOTE_GROWTH_NONE; }, "growth is none");
    refused([](auto& o) { o.growth = static_cast<cenote_growth>(3); }, "none of the three");
    refused([](auto& o) { o.magazine_blocks = 1025; }, "above 1024");
    refused([](auto& o) { o.adaptive = 1, o.manual_trim = 1; }, "trim is manual");
    refused([](auto& o) { o.order = static_cast<cenote_hand_out>(3); }, "order is none");
    refused([](auto& o) { o.blocks_per_slab = 1 << 20; }, "blocks_per_slab");
    refused([](auto& o) { o.thread_safe = 1, o.threads = 0; }, "threads is 0");
    refused([](auto& o) { o.memory.buffer_bytes = 9; }, "without a buffer");
    refused([](auto& o) { o.memory.parent = &without_functions; }, "no allocate");
    refused([](auto& o) { o.memory.buffer = &o, o.memory.parent = &without_functions; }, "one of them");
    EXPECT_NE(cenote_fixed_flaw(nullptr), nullptr);
    cenote_fixed* pool = nullptr;
    EXPECT_EQ(cenote_fixed_create(nullptr, &pool), CENOTE_BAD_OPTIONS);
    const cenote_fixed_options fine = blocks_of(64);
    EXPECT_EQ(cenote_fixed_create(&fine, nullptr), CENOTE_BAD_ARGUMENT);
    EXPECT_EQ(cenote_fixed_flaw(&fine), nullptr);
}

TEST(c_fixed, initial_blocks_that_cannot_be_had_are_a_code) {
    cenote_fixed_options options = blocks_of(1 << 20);
    options.initial_blocks = cenote::test::beyond_memory >> 20;
    auto* pool = reinterpret_cast<cenote_fixed*>(&options);
    EXPECT_EQ(cenote_fixed_create(&options, &pool), CENOTE_NO_MEMORY);
    EXPECT_EQ(pool, nullptr);
}

TEST(c_fixed, null_handles_and_arguments_are_answered) {
    cenote_stats stats = CENOTE_STATS_INIT;
    const pool_of pool(blocks_of(8));
    void* blocks[1];
    EXPECT_EQ(cenote_fixed_allocate(nullptr), nullptr);
    EXPECT_EQ(cenote_fixed_allocate_zeroed(nullptr), nullptr);
    EXPECT_EQ(cenote_fixed_free(nullptr, blocks), CENOTE_BAD_ARGUMENT);
    EXPECT_EQ(cenote_fixed_allocate_many(nullptr, blocks, 1), CENOTE_BAD_ARGUMENT);
    EXPECT_EQ(cenote_fixed_allocate_many(pool, nullptr, 1), CENOTE_BAD_ARGUMENT);
    EXPECT_EQ(cenote_fixed_free_many(nullptr, blocks, 1), CENOTE_BAD_ARGUMENT);
    EXPECT_EQ(cenote_fixed_free_many(pool, nullptr, 1), CENOTE_BAD_ARGUMENT);
    EXPECT_EQ(cenote_fixed_owns(nullptr, blocks), 0);
    EXPECT_EQ(cenote_fixed_is_live(nullptr, blocks), 0);
    EXPECT_EQ(cenote_fixed_for_each(nullptr, [](void*, void*) { return 1; }, nullptr), CENOTE_BAD_ARGUMENT);
    EXPECT_EQ(cenote_fixed_for_each(pool, nullptr, nullptr), CENOTE_BAD_ARGUMENT);
    EXPECT_EQ(cenote_fixed_reset(nullptr), CENOTE_BAD_ARGUMENT);
    EXPECT_EQ(cenote_fixed_trim(nullptr), 0u);
    EXPECT_EQ(cenote_fixed_block_size(nullptr), 0u);
    EXPECT_EQ(cenote_fixed_stats(nullptr, &stats), CENOTE_BAD_ARGUMENT);
    EXPECT_EQ(cenote_fixed_stats(pool, nullptr), CENOTE_BAD_ARGUMENT);
    EXPECT_EQ(cenote_fixed_allocator(nullptr).allocate, nullptr);
    cenote_fixed_destroy(nullptr);
}

TEST(c_fixed_death, aborts_with_a_message_when_it_may_not_fail) {
    GTEST_FLAG_SET(death_test_style, "threadsafe");
    const auto exhaust = [] {
        cenote_fixed_options options = blocks_of(64);
        options.maximum_blocks = 1;
        options.name = "small";
        options.exhaustion.abort = 1;
        const pool_of pool(options);
        (void)cenote_fixed_allocate(pool);
        (void)cenote_fixed_allocate(pool);
    };
    EXPECT_DEATH(exhaust(), "pool 'small' is out of memory: requested 64 bytes");
}

TEST(c_status, every_code_has_a_sentence_of_its_own) {
    std::set<std::string> texts;
    for (int code = CENOTE_OK; code <= CENOTE_CLOSED; ++code) {
        texts.insert(cenote_status_text(static_cast<cenote_status>(code)));
    }
    EXPECT_EQ(texts.size(), static_cast<std::size_t>(CENOTE_CLOSED) + 1);
    EXPECT_FALSE(texts.contains("unknown status"));
}

} // namespace
