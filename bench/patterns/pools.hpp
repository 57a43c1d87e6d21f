// cenote: SPDX-License-Identifier: MIT
//
// Patterns about pools as such: many at once, short lives of threads and of pools, what a pool keeps.
#pragma once

#include "patterns/basics.hpp"
#include "patterns/crew.hpp"
#include "patterns/memory.hpp"

#include <memory>
#include <optional>
#include <thread>

namespace cenote::bench {

template<contender C>
class alternating_loop {
    static constexpr std::size_t turns = 64;

public:
    static constexpr std::size_t operations_a_step = turns;
    explicit alternating_loop(const test_case& which) : block_size_(which.block_size), count_(which.pools) {}
    void prepare() {
        for (unsigned i = 0; i < count_; ++i) pools_.push_back(std::make_unique<C>(block_size_, 1));
        for (const std::unique_ptr<C>& pool : pools_) escape(pool.get());
    }
    sample run(std::size_t steps) {
        const std::unique_ptr<C>* const pools = pools_.data();
        const std::size_t mask = count_ - 1;
        const cpu_watch watch;
        for (; steps != 0; --steps) {
            for (std::size_t turn = 0; turn < turns; ++turn) {
                C& pool = *pools[turn & mask];
                put_seen(pool, get_touched(pool));
            }
        }
        return watch.read();
    }

private:
    std::size_t block_size_;
    unsigned count_; // a power of two
    std::vector<std::unique_ptr<C>> pools_;
};

// One after the other, on one core: what making, running and joining a thread costs.
template<contender C>
class short_threads_loop {
public:
    static constexpr std::size_t operations_a_step = 1;
    static constexpr std::size_t fixed_steps = short_thread_count;
    explicit short_threads_loop(const test_case& which) : block_size_(which.block_size) {}
    void prepare() {
        bind_to(usable_cores().back());
        pool_.emplace(block_size_, 1);
    }
    sample run(std::size_t steps) {
        const cpu_watch watch;
        for (; steps != 0; --steps) std::thread([this] { live(); }).join();
        return watch.read();
    }

private:
    void live() {
        local_of<C> mine(*pool_);
        escape(&*pool_);
        for (std::size_t i = 0; i < short_thread_pairs; ++i) put_seen(mine, get_touched(mine));
    }

    std::size_t block_size_;
    std::optional<C> pool_;
};

template<contender C>
class lifecycle_loop {
public:
    static constexpr std::size_t operations_a_step = 1;
    explicit lifecycle_loop(const test_case& which) : block_size_(which.block_size) {}
    void prepare() {}
    sample run(std::size_t steps) {
        const cpu_watch watch;
        for (; steps != 0; --steps) {
            C pool(block_size_, 1);
            escape(&pool);
            put_seen(pool, get_touched(pool));
        }
        return watch.read();
    }

private:
    std::size_t block_size_;
};

template<contender C>
class metadata_loop {
public:
    static constexpr std::size_t operations_a_step = random_blocks;
    static constexpr std::size_t fixed_steps = metadata_rounds;
    static constexpr unsigned fixed_windows = 1;
    explicit metadata_loop(const test_case& which) : block_size_(which.block_size), slots_(random_blocks) {}
    void prepare() {
        resident_before_ = resident_bytes();
        pool_.emplace(block_size_, random_blocks);
        get_all();
    }
    sample run(std::size_t steps) {
        escape(&*pool_);
        const cpu_watch watch;
        for (; steps != 0; --steps) {
            for (void* block : slots_) put_seen(*pool_, block);
            get_all();
        }
        return watch.read();
    }
    // What is in RAM beside the live blocks, in percent of them.
    [[nodiscard]] double figure() const {
        const auto live = static_cast<double>(random_blocks * block_size_);
        return 100 * (static_cast<double>(resident_bytes() - resident_before_) - live) / live;
    }

private:
    void get_all() {
        for (void*& slot : slots_) slot = get_touched(*pool_);
    }

    std::size_t block_size_;
    std::vector<void*> slots_;
    std::uint64_t resident_before_ = 0;
    std::optional<C> pool_;
};

} // namespace cenote::bench
