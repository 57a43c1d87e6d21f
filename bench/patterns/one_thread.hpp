// cenote: SPDX-License-Identifier: MIT
//
// Patterns of one thread and one block size, timed in processor time.
#pragma once

#include "patterns/basics.hpp"
#include "patterns/memory.hpp"

#include <algorithm>
#include <array>
#include <numeric>
#include <optional>
#include <random>

namespace cenote::bench {

template<contender C>
class pair_loop {
public:
    static constexpr std::size_t operations_a_step = 1;
    explicit pair_loop(const test_case& which) : block_size_(which.block_size), live_(which.live) {}
    void prepare() {
        pool_.emplace(block_size_, live_.size() + 1);
        for (void*& block : live_) block = get_touched(*pool_);
    }
    sample run(std::size_t steps) {
        C& pool = *pool_;
        escape(&pool);
        const cpu_watch watch;
        begin_in_line();
        for (; steps != 0; --steps) put_seen(pool, get_touched(pool));
        return watch.read();
    }

private:
    std::size_t block_size_;
    std::vector<void*> live_;
    std::optional<C> pool_;
};

template<contender C, pattern What>
class batch_loop {
    using order = std::array<std::uint16_t, batch_blocks>;

public:
    static constexpr std::size_t operations_a_step = batch_blocks;
    explicit batch_loop(const test_case& which) : block_size_(which.block_size), slots_(batch_blocks) {
        std::mt19937 random(1);
        for (order& shuffled : orders_) {
            std::iota(shuffled.begin(), shuffled.end(), std::uint16_t{0});
            std::shuffle(shuffled.begin(), shuffled.end(), random);
        }
    }
    void prepare() { pool_.emplace(block_size_, batch_blocks); }
    sample run(std::size_t steps) {
        C& pool = *pool_;
        escape(&pool);
        const cpu_watch watch;
        for (; steps != 0; --steps) batch(pool, orders_[steps % orders_.size()]);
        return watch.read();
    }

private:
    // Shuffled is what gets them: the loop that puts them back is a plain walk in each order.
    void batch(C& pool, const order& shuffled) {
        void** const slots = slots_.data();
        for (std::size_t i = 0; i < batch_blocks; ++i)
            slots[What == pattern::batch_shuffled ? shuffled[i] : i] = get_touched(pool);
        if constexpr (What == pattern::batch_reverse) {
            for (std::size_t i = batch_blocks; i != 0; --i) put_seen(pool, slots[i - 1]);
        } else {
            for (std::size_t i = 0; i < batch_blocks; ++i) put_seen(pool, slots[i]);
        }
    }

    std::size_t block_size_;
    std::vector<void*> slots_;
    std::array<order, 16> orders_; // several, so that the processor does not learn one by heart
    std::optional<C> pool_;
};

template<contender C>
class scratch_loop {
public:
    static constexpr std::size_t operations_a_step = batch_blocks;
    explicit scratch_loop(const test_case& which) : block_size_(which.block_size) {}
    void prepare() { pool_.emplace(block_size_, batch_blocks); }
    sample run(std::size_t steps) {
        C& pool = *pool_;
        escape(&pool);
        const cpu_watch watch;
        for (; steps != 0; --steps) {
            for (std::size_t i = 0; i < batch_blocks; ++i) get_touched(pool);
            pool.clear();
            clobber();
        }
        return watch.read();
    }

private:
    std::size_t block_size_;
    std::optional<C> pool_;
};

template<contender C>
class random_loop {
public:
    static constexpr std::size_t operations_a_step = 1;
    explicit random_loop(const test_case& which)
        : block_size_(which.block_size), slots_(which.live != 0 ? which.live : random_blocks) {}
    void prepare() {
        pool_.emplace(block_size_, slots_.size() + 1);
        for (void*& slot : slots_) slot = get_touched(*pool_);
        (void)run(2 * slots_.size()); // the blocks' order is lost
    }
    sample run(std::size_t steps) {
        C& pool = *pool_;
        escape(&pool);
        void** const slots = slots_.data();
        const std::size_t live = slots_.size();
        dice random = dice_;
        const cpu_watch watch;
        for (; steps != 0; --steps) {
            void*& slot = slots[random.below(live)];
            void* const fresh = get_touched(pool);
            put_seen(pool, slot);
            slot = fresh;
        }
        dice_ = random;
        return watch.read();
    }
    // What the kernel has granted, while all are live.
    [[nodiscard]] static double figure() { return static_cast<double>(huge_page_bytes()) / 1024; }

private:
    std::size_t block_size_;
    std::vector<void*> slots_;
    dice dice_{1};
    std::optional<C> pool_;
};

template<contender C>
class bulk_loop {
public:
    static constexpr std::size_t operations_a_step = bulk_blocks;
    explicit bulk_loop(const test_case& which) : block_size_(which.block_size) {}
    void prepare() { pool_.emplace(block_size_, bulk_blocks); }
    sample run(std::size_t steps) {
        C& pool = *pool_;
        void** const slots = slots_.data();
        escape(&pool);
        const cpu_watch watch;
        for (; steps != 0; --steps) {
            pool.get_many(slots, bulk_blocks);
            clobber();
            for (void* block : slots_) *static_cast<std::size_t*>(block) = 1;
            escape(slots);
            pool.put_many(slots, bulk_blocks);
            clobber();
        }
        return watch.read();
    }

private:
    std::size_t block_size_;
    std::array<void*, bulk_blocks> slots_{};
    std::optional<C> pool_;
};

template<contender C>
class drop_loop {
public:
    static constexpr std::size_t operations_a_step = drop_blocks;
    static constexpr std::size_t fixed_steps = 1; // the first drop of a process counts as the others do
    explicit drop_loop(const test_case& which)
        : block_size_(which.block_size), slots_(drop_blocks), order_(drop_blocks) {
        std::iota(order_.begin(), order_.end(), 0u);
        if (which.what == pattern::drop_shuffled) std::shuffle(order_.begin(), order_.end(), std::mt19937(1));
    }
    void prepare() { pool_.emplace(block_size_, drop_blocks); }
    sample run(std::size_t steps) {
        sample all;
        for (; steps != 0; --steps) all.ns += build_and_drop(*pool_).ns;
        return all;
    }

private:
    sample build_and_drop(C& pool) {
        escape(&pool);
        for (const std::uint32_t index : order_) slots_[index] = get_touched(pool);
        const cpu_watch watch;
        for (void* slot : slots_) put_seen(pool, slot);
        return watch.read();
    }

    std::size_t block_size_;
    std::vector<void*> slots_;
    std::vector<std::uint32_t> order_;
    std::optional<C> pool_;
};

} // namespace cenote::bench
