// cenote: SPDX-License-Identifier: MIT
#include <cenote/cenote.h>

#include "support/misuse_watch.hpp"
#include "support/sizes.hpp"

#include <cstdint>
#include <cstring>
#include <gtest/gtest.h>
#include <map>
#include <string>
#include <vector>

namespace {

using cenote::test::misuse_watch;

struct pool_of {
    cenote_variable* pool = nullptr;
    explicit pool_of(const cenote_variable_options& options) {
        EXPECT_EQ(cenote_variable_create(&options, &pool), CENOTE_OK) << cenote_variable_flaw(&options);
    }
    ~pool_of() { cenote_variable_destroy(pool); }
    operator cenote_variable*() const { return pool; }
    [[nodiscard]] cenote_stats stats() const {
        cenote_stats result = CENOTE_STATS_INIT;
        EXPECT_EQ(cenote_variable_stats(pool, &result), CENOTE_OK);
        return result;
    }
};

cenote_variable_options defaults() {
    return CENOTE_VARIABLE_OPTIONS_INIT;
}

/// For one thread and for many.
class c_variable_both : public ::testing::TestWithParam<int> {
public:
    static cenote_variable_options options() {
        cenote_variable_options result = defaults();
        result.thread_safe = GetParam();
        return result;
    }
};
INSTANTIATE_TEST_SUITE_P(threads, c_variable_both, ::testing::Values(0, 1));

TEST_P(c_variable_both, serves_any_size_and_merges_what_comes_back) {
    const pool_of pool(options());
    std::map<char*, std::size_t> live;
    for (std::size_t size = 0; size < 3000; size += 7) {
        auto* const block = static_cast<char*>(cenote_variable_allocate(pool, size));
        ASSERT_NE(block, nullptr);
        EXPECT_EQ(reinterpret_cast<std::uintptr_t>(block) % 16, 0u);
        EXPECT_GE(cenote_variable_size_of(pool, block), size);
        std::memset(block, static_cast<int>(size), size);
        live.emplace(block, size);
    }
    for (const auto& [block, size] : live) {
        if (size != 0) {
            EXPECT_EQ(block[size - 1], static_cast<char>(size));
        }
        EXPECT_EQ(cenote_variable_free(pool, block), CENOTE_OK);
    }
    EXPECT_EQ(pool.stats().live_blocks, 0u);
    EXPECT_EQ(cenote_variable_fragmentation(pool), 0);
    EXPECT_GE(cenote_variable_largest_free(pool), std::size_t{480} << 10); // half of a region
}

TEST_P(c_variable_both, every_wrong_free_has_a_code_and_changes_nothing) {
    const misuse_watch watch;
    const pool_of pool(options());
    char elsewhere[64];
    auto* const block = static_cast<char*>(cenote_variable_allocate(pool, 100));
    void* const other = cenote_variable_allocate(pool, 100);
    EXPECT_EQ(cenote_variable_free(pool, elsewhere), CENOTE_FOREIGN_POINTER);
    EXPECT_EQ(cenote_variable_free(pool, block + 16), CENOTE_INTERIOR_POINTER);
    EXPECT_EQ(cenote_variable_free_sized(pool, block, 5000), CENOTE_WRONG_SIZE);
    EXPECT_EQ(cenote_variable_free(pool, block + 100'000), CENOTE_NEVER_ALLOCATED);
    EXPECT_EQ(pool.stats().live_blocks, 2u);
    EXPECT_EQ(cenote_variable_is_live(pool, block), 1);
    EXPECT_EQ(cenote_variable_free_sized(pool, block, 100), CENOTE_OK);
    EXPECT_EQ(cenote_variable_free(pool, block), CENOTE_DOUBLE_FREE);
    EXPECT_EQ(cenote_variable_is_live(pool, block), 0);
    EXPECT_EQ(cenote_variable_free(pool, nullptr), CENOTE_OK);
    EXPECT_EQ(pool.stats().live_blocks, 1u);
    EXPECT_EQ(cenote_variable_free(pool, other), CENOTE_OK);
    EXPECT_EQ(watch.count(), 0u);
}

TEST_P(c_variable_both, free_behind_all_blocks_has_its_code) {
    cenote_variable_options wanted = options();
    wanted.initial_bytes = 4096;
    wanted.grow_size = 0;
    const pool_of pool(wanted);
    auto* const whole = static_cast<char*>(cenote_variable_allocate(pool, 4096));
    ASSERT_NE(whole, nullptr);
    EXPECT_EQ(cenote_variable_free(pool, whole + 4096), CENOTE_PAST_THE_END);
    EXPECT_EQ(cenote_variable_is_live(pool, whole), 1);
    EXPECT_EQ(cenote_variable_free(pool, whole), CENOTE_OK);
}

// Rounding hides no more than that.
TEST_P(c_variable_both, size_given_back_may_be_less_than_32_bytes_short_of_the_block) {
    const pool_of pool(options());
    for (const std::size_t size : {100u, 81u, 112u}) {
        void* const block = cenote_variable_allocate(pool, 100);
        ASSERT_EQ(cenote_variable_size_of(pool, block), 112u);
        EXPECT_EQ(cenote_variable_free_sized(pool, block, 80), CENOTE_WRONG_SIZE);
        EXPECT_EQ(cenote_variable_free_sized(pool, block, 113), CENOTE_WRONG_SIZE);
        EXPECT_EQ(cenote_variable_is_live(pool, block), 1);
        EXPECT_EQ(cenote_variable_free_sized(pool, block, size), CENOTE_OK) << size;
    }
}

TEST_P(c_variable_both, impossible_sizes_and_alignments_are_null) {
    const pool_of pool(options());
    for (const std::size_t size : {SIZE_MAX, SIZE_MAX - 15, SIZE_MAX / 2, cenote::test::beyond_memory}) {
        EXPECT_EQ(cenote_variable_allocate(pool, size), nullptr) << size;
    }
    for (const std::size_t alignment : {std::size_t{0}, std::size_t{12}, SIZE_MAX}) {
        EXPECT_EQ(cenote_variable_allocate_with(pool, 8, alignment, CENOTE_NONE), nullptr) << alignment;
    }
    EXPECT_EQ(pool.stats().live_blocks, 0u);
    void* const aligned = cenote_variable_allocate_with(pool, 100, 4096, CENOTE_ZERO);
    EXPECT_EQ(reinterpret_cast<std::uintptr_t>(aligned) % 4096, 0u);
    EXPECT_EQ(cenote_variable_free(pool, aligned), CENOTE_OK);
}

TEST_P(c_variable_both, reallocates_and_keeps_the_block_when_it_cannot) {
    const misuse_watch watch;
    const pool_of pool(options());
    auto* block = static_cast<char*>(cenote_variable_reallocate(pool, nullptr, 10));
    std::memset(block, 5, 10);
    block = static_cast<char*>(cenote_variable_reallocate(pool, block, 1000));
    ASSERT_NE(block, nullptr);
    EXPECT_EQ(block[9], 5);
    EXPECT_EQ(cenote_variable_reallocate(pool, block, SIZE_MAX / 2), nullptr);
    EXPECT_EQ(block[9], 5);
    EXPECT_EQ(cenote_variable_reallocate(pool, block + 16, 100), nullptr);
    EXPECT_EQ(pool.stats().live_blocks, 1u);
    EXPECT_EQ(cenote_variable_free(pool, block), CENOTE_OK);
    EXPECT_EQ(cenote_variable_reallocate(pool, block, 100), nullptr);
    EXPECT_EQ(pool.stats().live_blocks, 0u);
    EXPECT_EQ(watch.count(), 0u);
}

TEST_P(c_variable_both, walk_shows_live_blocks_and_stops_when_told) {
    const pool_of pool(options());
    for (std::size_t i = 1; i <= 20; ++i) (void)cenote_variable_allocate(pool, i * 10);
    std::size_t bytes = 0;
    const auto count = [](void* context, void* block, std::size_t size) {
        EXPECT_NE(block, nullptr);
        *static_cast<std::size_t*>(context) += size;
        return 1;
    };
    EXPECT_EQ(cenote_variable_for_each(pool, count, &bytes), CENOTE_OK);
    EXPECT_GE(bytes, 2100u);
    int left = 3;
    const auto stop = [](void* context, void*, std::size_t) { return --*static_cast<int*>(context); };
    EXPECT_EQ(cenote_variable_for_each(pool, stop, &left), CENOTE_STOPPED);
    EXPECT_EQ(left, 0);
    EXPECT_EQ(cenote_variable_reset(pool), CENOTE_OK);
    EXPECT_EQ(pool.stats().live_blocks, 0u);
    EXPECT_GT(cenote_variable_trim(pool), 0u);
}

TEST_P(c_variable_both, visitor_may_use_the_pool_that_it_walks) {
    const misuse_watch watch;
    struct state {
        cenote_variable* pool;
        std::size_t seen = 0;
        void* other = nullptr;
    };
    const auto visit = [](void* context, void* block, std::size_t size) {
        auto& now = *static_cast<state*>(context);
        EXPECT_EQ(cenote_variable_is_live(now.pool, block), 1);
        EXPECT_EQ(cenote_variable_size_of(now.pool, block), size);
        EXPECT_EQ(cenote_variable_reset(now.pool), CENOTE_NOT_QUIET);
        if (block == now.other) return 1; // was allocated during the walk
        ++now.seen;
        std::size_t inner = 0;
        const auto count = [](void* all, void*, std::size_t) {
            ++*static_cast<std::size_t*>(all);
            return 1;
        };
        EXPECT_EQ(cenote_variable_for_each(now.pool, count, &inner), CENOTE_OK);
        EXPECT_GE(inner, 1u);
        EXPECT_EQ(cenote_variable_free(now.pool, block), CENOTE_OK);
        EXPECT_EQ(cenote_variable_free(now.pool, now.other), CENOTE_OK);
        now.other = cenote_variable_allocate(now.pool, 500);
        EXPECT_NE(now.other, nullptr);
        return 1;
    };
    const pool_of pool(options());
    for (std::size_t i = 1; i <= 20; ++i) (void)cenote_variable_allocate(pool, i * 10);
    state now{pool};
    EXPECT_EQ(cenote_variable_for_each(pool, visit, &now), CENOTE_OK);
    EXPECT_EQ(now.seen, 20u);
    EXPECT_EQ(pool.stats().live_blocks, 1u);
    EXPECT_EQ(cenote_variable_free(pool, now.other), CENOTE_OK);
    EXPECT_EQ(cenote_variable_reset(pool), CENOTE_OK);
    EXPECT_EQ(watch.count(), 0u);
}

TEST_P(c_variable_both, handler_saves_a_request_and_is_bounded) {
    struct state {
        cenote_variable* pool = nullptr;
        void* spare = nullptr;
        unsigned calls = 0;
    } now;
    cenote_variable_options wanted = options();
    wanted.initial_bytes = 4096;
    wanted.grow_size = 0;
    wanted.maximum_bytes = 256 << 10;
    wanted.stats = 1;
    wanted.exhaustion.context = &now;
    wanted.exhaustion.retries = 2;
    wanted.exhaustion.handler = [](void* context, const char*, std::size_t requested) {
        auto& self = *static_cast<state*>(context);
        EXPECT_GE(requested, 2000u);
        ++self.calls;
        EXPECT_EQ(cenote_variable_free(self.pool, self.spare), CENOTE_OK); // null is fine
        self.spare = nullptr;
        return 1;
    };
    const pool_of pool(wanted);
    now.pool = pool;
    now.spare = cenote_variable_allocate(pool, 2000);
    void* const small = cenote_variable_allocate(pool, 100);
    ASSERT_NE(now.spare, nullptr);
    while (now.spare != nullptr) ASSERT_NE(cenote_variable_allocate(pool, 2000), nullptr);
    EXPECT_EQ(now.calls, 1u);
    EXPECT_EQ(pool.stats().failures, 0u);
    EXPECT_EQ(cenote_variable_reallocate(pool, small, 300'000), nullptr);
    EXPECT_EQ(now.calls, 3u);
    EXPECT_EQ(pool.stats().failures, 1u);
}

TEST_P(c_variable_both, works_in_a_buffer_that_holds_what_it_says) {
    cenote_variable_options wanted = options();
    wanted.initial_bytes = 10'000;
    const std::size_t bytes = cenote_variable_required_bytes(&wanted);
    ASSERT_GT(bytes, 10'000u);
    std::vector<char> buffer(bytes + 1);
    wanted.memory.buffer = buffer.data() + 1;
    wanted.memory.buffer_bytes = bytes;
    const pool_of pool(wanted);
    EXPECT_NE(cenote_variable_allocate(pool, 9'900), nullptr);
    char another[100];
    wanted.memory.buffer = another;
    wanted.memory.buffer_bytes = sizeof another;
    cenote_variable* none = nullptr;
    EXPECT_EQ(cenote_variable_create(&wanted, &none), CENOTE_NO_MEMORY);
    EXPECT_EQ(none, nullptr);
}

TEST(c_variable, refuses_bad_options_with_a_code_and_a_reason) {
    const auto refused = [](void (*spoil)(cenote_variable_options&), const char* reason) {
        cenote_variable_options options = defaults();
        spoil(options);
        auto* pool = reinterpret_cast<cenote_variable*>(&options);
        EXPECT_EQ(cenote_variable_create(&options, &pool), CENOTE_BAD_OPTIONS) << reason;
        EXPECT_EQ(pool, nullptr);
        ASSERT_NE(cenote_variable_flaw(&options), nullptr) << reason;
        EXPECT_NE(std::string(cenote_variable_flaw(&options)).find(reason), std::string::npos)
            << cenote_variable_flaw(&options);
        EXPECT_EQ(cenote_variable_required_bytes(&options), 0u);
    };
    refused([](auto& o) { o.struct_size = 1; }, "CENOTE_VARIABLE_OPTIONS_INIT");
    refused([](auto& o) { o.grow_size = 1; }, "grow_size");
    refused([](auto& o) { o.grow_size = 0; }, "grow_size");
    refused([](auto& o) { o.fit = static_cast<cenote_fit>(3); }, "none of the three");
    refused([](auto& o) { o.tolerance_percent = 20; }, "tolerance_percent");
    refused([](auto& o) { o.initial_bytes = 10, o.maximum_bytes = 9; }, "above maximum");
    refused([](auto& o) { o.memory.buffer_bytes = 9; }, "without a buffer");
    EXPECT_NE(cenote_variable_flaw(nullptr), nullptr);
    const cenote_variable_options fine = defaults();
    EXPECT_EQ(cenote_variable_create(&fine, nullptr), CENOTE_BAD_ARGUMENT);
}

TEST(c_variable, serves_by_each_fit) {
    for (const cenote_fit fit : {CENOTE_FIT_GOOD, CENOTE_FIT_BEST, CENOTE_FIT_FIRST}) {
        cenote_variable_options wanted = defaults();
        wanted.fit = fit;
        if (fit == CENOTE_FIT_BEST) wanted.tolerance_percent = 20;
        const pool_of pool(wanted);
        void* const block = cenote_variable_allocate(pool, 640);
        EXPECT_GE(cenote_variable_size_of(pool, block), 640u);
    }
}

TEST(c_variable, null_handles_are_answered) {
    cenote_stats stats = CENOTE_STATS_INIT;
    EXPECT_EQ(cenote_variable_allocate(nullptr, 1), nullptr);
    EXPECT_EQ(cenote_variable_reallocate(nullptr, &stats, 1), nullptr);
    EXPECT_EQ(cenote_variable_free(nullptr, &stats), CENOTE_BAD_ARGUMENT);
    EXPECT_EQ(cenote_variable_free_sized(nullptr, &stats, 1), CENOTE_BAD_ARGUMENT);
    EXPECT_EQ(cenote_variable_size_of(nullptr, &stats), 0u);
    EXPECT_EQ(cenote_variable_is_live(nullptr, &stats), 0);
    EXPECT_EQ(cenote_variable_for_each(nullptr, nullptr, nullptr), CENOTE_BAD_ARGUMENT);
    EXPECT_EQ(cenote_variable_reset(nullptr), CENOTE_BAD_ARGUMENT);
    EXPECT_EQ(cenote_variable_trim(nullptr), 0u);
    EXPECT_EQ(cenote_variable_largest_free(nullptr), 0u);
    EXPECT_EQ(cenote_variable_fragmentation(nullptr), 0);
    EXPECT_EQ(cenote_variable_stats(nullptr, &stats), CENOTE_BAD_ARGUMENT);
    EXPECT_EQ(cenote_variable_allocator(nullptr).allocate, nullptr);
    cenote_variable_destroy(nullptr);
}

} // namespace
