// cenote: SPDX-License-Identifier: MIT
//
// Blocks that flow from the threads that allocate to others that free.
#include <cenote/concurrent/concurrent_pool.hpp>

#include "concurrent/threads.hpp"
#include "support/test_sources.hpp"

#include <cstring>
#include <deque>
#include <memory>
#include <set>

namespace {

using namespace cenote;
using namespace cenote::test;

/// Hands pointers from thread to thread, at most so many waiting.
class channel {
public:
    explicit channel(std::size_t most) : most_(most) {}
    void put(std::vector<void*> batch) {
        std::unique_lock here(lock_);
        changed_.wait(here, [this] { return waiting_.size() < most_; });
        waiting_.push_back(std::move(batch));
        changed_.notify_all();
    }
    /// Empty when it is closed and nothing waits.
    std::vector<void*> take() {
        std::unique_lock here(lock_);
        changed_.wait(here, [this] { return !waiting_.empty() || is_closed_; });
        if (waiting_.empty()) return {};
        std::vector<void*> batch = std::move(waiting_.front());
        waiting_.pop_front();
        changed_.notify_all();
        return batch;
    }
    void close() {
        const std::lock_guard here(lock_);
        is_closed_ = true;
        changed_.notify_all();
    }

private:
    std::mutex lock_;
    std::condition_variable changed_;
    std::deque<std::vector<void*>> waiting_;
    std::size_t most_;
    bool is_closed_ = false;
};

/// Blocks sign who has them, so that one handed out twice is seen.
void sign(void* block, std::size_t mark) {
    std::memcpy(block, &mark, sizeof(mark));
}
bool is_signed(const void* block, std::size_t mark) {
    std::size_t seen = 0;
    std::memcpy(&seen, block, sizeof(seen));
    return seen == mark;
}

class a_thread_that_only_frees : public testing::TestWithParam<trim> {};
INSTANTIATE_TEST_SUITE_P(concurrent_pool, a_thread_that_only_frees,
                         testing::Values(trim::manual, trim::automatic),
                         [](const auto& one) { return one.param == trim::manual ? "manual" : "automatic"; });

// Ten million blocks in ten rounds: this thread allocates, the other frees.
TEST_P(a_thread_that_only_frees, needs_no_memory_and_hardly_the_lock) {
    const std::size_t count = scaled(1'000'000, 20'000);
    counting_source from;
    concurrent_pool pool({.block_size = 16, .source = &from, .sanitizers = false, .trim = GetParam()});
    std::vector<void*> blocks(count);
    worker other;
    std::size_t first = 0;
    std::size_t by_magazine = 0;
    for (int round = 0; round < 10; ++round) {
        pool.allocate_n(blocks.data(), count);
        for (std::size_t i = 0; i < count; ++i) sign(blocks[i], i);
        if (round == 0) first = from.peak;
        const std::size_t calls = from.calls;
        const std::size_t takes = from.reserves + from.commits;
        other.run([&] {
            for (std::size_t i = 0; i < count; ++i) {
                if (!is_signed(blocks[i], i)) ADD_FAILURE() << "block " << i << " was handed out twice";
                const engine::thread_cache* const mine = only_cache();
                if (mine != nullptr && !mine->own.loaded.is_full()) ++by_magazine;
                pool.deallocate(blocks[i]);
            }
        });
        EXPECT_EQ(from.reserves + from.commits, takes) << "freeing took memory";
        if (GetParam() == trim::manual) {
            EXPECT_EQ(from.calls, calls) << "deallocate called the source";
        }
    }
    EXPECT_GE(by_magazine, count * 10 * 9 / 10);
    // What the other thread caches may make the pool grow once more, by a step in whole slabs.
    EXPECT_LE(from.peak, first + first / 4 + 2 * (64 << 10) + 512 * 16);
    EXPECT_EQ(pool.stats(quiet).live, 0u);
    EXPECT_TRUE(pool.is_valid());
}

// What waits between them is bounded, so memory is.
TEST(concurrent_pool_flow, from_one_thread_to_another_goes_on_forever_in_bounded_memory) {
    constexpr std::size_t in_batch = 300;
    constexpr std::size_t waiting = 8;
    counting_source from;
    concurrent_pool pool({.block_size = 64, .source = &from, .sanitizers = false});
    channel line(waiting);
    const std::size_t batches = scaled(2'000'000 / in_batch, 200);
    std::thread consumer([&] {
        for (std::size_t number = 0;; ++number) {
            const std::vector<void*> batch = line.take();
            if (batch.empty()) return;
            for (void* const block : batch) {
                if (!is_signed(block, number))
                    ADD_FAILURE() << "a block of batch " << number << " has changed";
                pool.deallocate(block);
            }
        }
    });
    for (std::size_t number = 0; number < batches; ++number) {
        std::vector<void*> batch;
        for (std::size_t i = 0; i < in_batch; ++i) {
            batch.push_back(pool.allocate());
            sign(batch.back(), number);
        }
        line.put(std::move(batch));
    }
    line.close();
    consumer.join();
    const pool_stats now = pool.stats(quiet);
    EXPECT_EQ(now.live, 0u);
    // Blocks that wait, or are in a hand; what two threads cache; and one growth beyond it.
    const std::size_t blocks = (waiting + 2) * in_batch + 2 * 2 * 512;
    EXPECT_LE(from.peak, (blocks * 64 + (64 << 10)) * 5 / 4 + (128 << 10));
    EXPECT_TRUE(pool.is_valid());
}

TEST(concurrent_pool_flow, from_many_threads_to_many_goes_on_in_bounded_memory) {
    constexpr std::size_t in_batch = 100;
    constexpr std::size_t waiting = 16;
    constexpr std::size_t sides = 4;
    counting_source from;
    concurrent_pool pool({.block_size = 128, .source = &from, .sanitizers = false});
    channel line(waiting);
    const std::size_t batches = scaled(4'000, 50);
    std::atomic<std::size_t> producers{sides};
    run_threads(2 * sides, [&](std::size_t self) {
        if (self % 2 == 0) {
            for (std::size_t number = 0; number < batches; ++number) {
                std::vector<void*> batch(in_batch);
                if (number % 2 == 0) {
                    pool.allocate_n(batch.data(), in_batch);
                } else {
                    for (void*& block : batch) block = pool.allocate();
                }
                for (void* const block : batch) sign(block, reinterpret_cast<std::uintptr_t>(block) ^ self);
                batch.push_back(reinterpret_cast<void*>(self));
                line.put(std::move(batch));
            }
            if (--producers == 0) line.close();
            return;
        }
        for (std::size_t number = 0;; ++number) {
            std::vector<void*> batch = line.take();
            if (batch.empty()) return;
            const auto by = reinterpret_cast<std::uintptr_t>(batch.back());
            batch.pop_back();
            for (void* const block : batch) {
                if (!is_signed(block, reinterpret_cast<std::uintptr_t>(block) ^ by)) ADD_FAILURE();
            }
            if (number % 2 == 0) {
                pool.deallocate_n(batch.data(), batch.size());
            } else {
                for (void* const block : batch) pool.deallocate(block);
            }
        }
    });
    EXPECT_EQ(pool.stats(quiet).live, 0u);
    const std::size_t blocks = (waiting + 2 * sides) * in_batch + 2 * sides * 2 * 256;
    EXPECT_LE(from.peak, (blocks * 128 + (64 << 10)) * 5 / 4 + 2 * sides * (16 << 10));
    EXPECT_TRUE(pool.is_valid());
}

// Publication: what one thread wrote in a block before it freed it has happened before what the next owner
// does; a race here is what ThreadSanitizer would tell.
TEST(concurrent_pool_flow, a_block_that_changes_hands_through_the_depot_is_no_race) {
    concurrent_pool pool({.block_size = 32, .maximum_blocks = 4'000, .sanitizers = false});
    const std::size_t rounds = scaled(3'000, 100);
    run_threads(4, [&](std::size_t self) {
        std::vector<void*> mine;
        for (std::size_t round = 0; round < rounds; ++round) {
            for (int i = 0; i < 200; ++i) {
                void* const block = pool.try_allocate();
                if (block == nullptr) break;
                std::memset(block, static_cast<int>(self), 32);
                mine.push_back(block);
            }
            for (void* const block : mine) {
                const auto* const bytes = static_cast<const unsigned char*>(block);
                if (bytes[0] != self || bytes[31] != self) ADD_FAILURE() << "two threads have one block";
                pool.deallocate(block);
            }
            mine.clear();
        }
    });
    EXPECT_EQ(pool.stats(quiet).live, 0u);
    EXPECT_TRUE(pool.is_valid());
}

// Small blocks, of which a line holds several: threads that each use one would write to the same line.
TEST(concurrent_pool_flow, begins_in_another_line_for_each_thread) {
    constexpr std::uintptr_t line = 64;
    constexpr std::size_t threads = 4;
    concurrent_pool pool({.block_size = 16, .sanitizers = false});
    std::mutex lock;
    gate all(threads);
    std::set<std::uintptr_t> lines;
    run_threads(threads, [&](std::size_t) {
        void* block = nullptr;
        {
            const std::lock_guard here(lock);
            block = pool.allocate();
            lines.insert(reinterpret_cast<std::uintptr_t>(block) / line);
        }
        all.arrive_and_wait();
        pool.deallocate(block);
    });
    EXPECT_EQ(lines.size(), threads);
    EXPECT_TRUE(pool.is_valid());
}

} // namespace
