// cenote: SPDX-License-Identifier: MIT
//
// What `largest_free` promises, in random traffic: a block of so many bytes without a call to the source, and
// none that is larger.
#include <cenote/pool/variable_pool.hpp>
#include <cenote/source/heap.hpp>
#include <cenote/source/os_pages.hpp>
#include <cenote/source/region.hpp>

#include "conformance/failing_source.hpp"
#include "support/slowness.hpp"

#include <gtest/gtest.h>
#include <optional>
#include <random>
#include <vector>

namespace cenote::test {
namespace {

class probed {
public:
    explicit probed(variable_pool_options options, source& upstream) : calls_(upstream) {
        options.source = &calls_;
        pool_.emplace(options);
    }
    ~probed() { pool_->reset(); }

    [[nodiscard]] std::size_t is_large() const { return large_; }

    void run(unsigned seed, std::size_t most, int steps) {
        std::mt19937 random(seed);
        for (int step = 0; step < steps && !testing::Test::HasFailure(); ++step) {
            if (live_.empty() || random() % 32 >= live_.size() / 8) {
                // Mostly small blocks: numbers for them run out while much is free.
                const std::size_t size = random() % 8 != 0 ? 1 + random() % 100 : 1 + random() % most;
                if (void* const block = pool_->try_allocate(size)) live_.push_back(block);
            } else {
                std::swap(live_[random() % live_.size()], live_.back());
                pool_->deallocate(live_.back());
                live_.pop_back();
            }
            probe(random() % 16 == 0);
        }
        EXPECT_TRUE(pool_->is_valid());
    }

private:
    void probe(bool keeps) {
        const std::size_t size = pool_->largest_free();
        if (size > pool_->largest_block()) ++large_;
        calls_.forget_calls();
        void* const largest = size != 0 ? pool_->try_allocate(size) : nullptr;
        ASSERT_EQ(largest == nullptr, size == 0) << size;
        ASSERT_EQ(calls_.calls().all(), 0u) << size;
        pool_->deallocate(largest);
        const std::size_t more = pool_->largest_free() + variable_pool::default_alignment;
        if (more > std::size_t{64} << 20) return; // what is kept of each makes the next one larger
        calls_.forget_calls();
        void* const larger = pool_->try_allocate(more);
        ASSERT_TRUE(larger == nullptr || calls_.calls().reserve != 0) << more;
        if (keeps && larger != nullptr) {
            live_.push_back(larger);
        } else {
            pool_->deallocate(larger);
        }
    }

    failing_source calls_;
    std::optional<variable_pool> pool_;
    std::vector<void*> live_;
    std::size_t large_ = 0;
};

constexpr fit all_fits[] = {fit::good, fit::best, fit::first};

TEST(variable_pool_largest, free_block_is_had_without_the_source_and_no_larger_one) {
    heap upstream;
    os_pages pages; // a sanitizer keeps what the heap was given back
    std::size_t large = 0;
    for (const fit how : all_fits) {
        for (const bool exact : {false, true}) {
            for (const trim when : {trim::automatic, trim::manual}) {
                const variable_pool_options options = {
                    .grow_size = 16 << 10, .fit = how, .checks = exact, .stats = exact, .trim = when};
                probed growing(options, upstream);
                growing.run(1, 3000, 1000);
                probed with_large(options, pages);
                with_large.run(2, 20'000, static_cast<int>(scaled(1000, 200)));
                large += with_large.is_large();
                variable_pool_options limited = options;
                limited.maximum_bytes = 100 << 10;
                probed below_a_maximum(limited, upstream);
                below_a_maximum.run(3, 3000, 1000);
            }
        }
    }
    EXPECT_GT(large, 0u); // kept regions of large blocks count
}

TEST(variable_pool_largest, free_block_of_all_counts_where_the_pool_cannot_grow) {
    os_pages upstream; // a sanitizer keeps what the heap was given back
    std::vector<std::byte> buffer(64 << 10);
    for (const fit how : all_fits) {
        probed whole({.initial_bytes = 50'000, .grow_size = 0, .fit = how}, upstream);
        whole.run(4, 4000, 3000);
        region place(buffer.data(), buffer.size());
        probed here({.fit = how}, place);
        here.run(5, 4000, 3000);
    }
}

TEST(variable_pool_largest, free_block_is_none_before_the_first_and_after_the_last) {
    variable_pool pool;
    EXPECT_EQ(pool.largest_free(), 0u);
    pool.deallocate(pool.allocate(10));
    EXPECT_EQ(pool.largest_free(), pool.largest_block()); // a larger one is taken from the source
    EXPECT_GT(pool.trim(), 0u);
    EXPECT_EQ(pool.largest_free(), 0u);
}

// Numbers of free blocks are bought from the source: without one, nothing can be cut off.
TEST(variable_pool_largest, free_block_without_numbers_is_one_that_is_handed_out_whole) {
    os_pages upstream; // a sanitizer keeps what the heap was given back
    for (const fit how : all_fits) {
        failing_source calls(upstream);
        variable_pool pool({.fit = how, .source = &calls});
        void* const hole = pool.allocate(5008);
        while (pool.largest_free() != 0) (void)pool.allocate(32);
        pool.deallocate(hole);
        calls.forget_calls();
        EXPECT_EQ(pool.largest_free(), 5008u);
        EXPECT_EQ(pool.allocate(5008), hole);
        EXPECT_EQ(calls.calls().all(), 0u);
        (void)pool.allocate(32);
        EXPECT_GT(calls.calls().all(), 0u);
        pool.reset();
    }
}

TEST(variable_pool_largest, free_block_of_many_of_about_its_size_is_one_that_good_fit_looks_at) {
    os_pages upstream; // a sanitizer keeps what the heap was given back
    failing_source calls(upstream);
    variable_pool pool({.grow_size = 1 << 20, .source = &calls});
    std::vector<void*> holes;
    for (std::size_t i = 0; i < 20; ++i) {
        holes.push_back(pool.allocate(i == 0 ? 8304 : 8208)); // of one class
        (void)pool.allocate(32);
    }
    while (const std::size_t size = pool.largest_free()) (void)pool.allocate(size); // the rest of the region
    const std::size_t reserved = pool.stats().reserved_bytes;
    for (void* const hole : holes) pool.deallocate(hole); // the largest first: it is looked at last
    EXPECT_EQ(pool.largest_free(), 8208u);
    (void)pool.allocate(8208);
    EXPECT_EQ(pool.stats().reserved_bytes, reserved);
    (void)pool.allocate(8304);
    EXPECT_GT(pool.stats().reserved_bytes, reserved);
    pool.reset();
}

} // namespace
} // namespace cenote::test
