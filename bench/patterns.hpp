// cenote: SPDX-License-Identifier: MIT
//
// The patterns of traffic, as loops over any contender. Each writes the first word of every block it gets, as
// a program would, and tells the compiler after every get and put that memory may have changed, so that the
// contender's state lives in memory. `prepare` gets the live blocks; `run(steps)` returns the nanoseconds of
// processor time that the timed part took. Orders and indices come from fixed seeds: all contenders see the
// same.
#pragma once

#include "cases.hpp"
#include "contender.hpp"
#include "replay/memory_use.hpp"

#include <algorithm>
#include <array>
#include <cstdint>
#include <ctime>
#include <numeric>
#include <optional>
#include <random>

namespace cenote::bench {

inline void escape(void* data) {
    asm volatile("" : : "r"(data) : "memory");
}

inline void clobber() {
    asm volatile("" : : : "memory");
}

inline double process_cpu_ns() {
    std::timespec now{};
    ::clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
    return static_cast<double>(now.tv_sec) * 1e9 + static_cast<double>(now.tv_nsec);
}

template<contender C>
void* get_touched(C& pool) {
    void* const block = pool.get();
    *static_cast<std::size_t*>(block) = 1;
    escape(block);
    return block;
}

template<contender C>
void put_seen(C& pool, void* block) {
    pool.put(block);
    clobber();
}

template<contender C>
class pair_loop {
public:
    static constexpr std::size_t operations_a_step = 1;
    explicit pair_loop(std::size_t block_size) : block_size_(block_size) {}
    void prepare() { pool_.emplace(block_size_, 1); }
    double run(std::size_t steps) {
        C& pool = *pool_;
        escape(&pool);
        const double start = process_cpu_ns();
        for (; steps != 0; --steps) put_seen(pool, get_touched(pool));
        return process_cpu_ns() - start;
    }

private:
    std::size_t block_size_;
    std::optional<C> pool_;
};

template<contender C, pattern What>
class batch_loop {
    using order = std::array<std::uint16_t, batch_blocks>;

public:
    static constexpr std::size_t operations_a_step = batch_blocks;
    explicit batch_loop(std::size_t block_size) : block_size_(block_size), slots_(batch_blocks) {
        std::mt19937 random(1);
        for (order& shuffled : orders_) {
            std::iota(shuffled.begin(), shuffled.end(), std::uint16_t{0});
            std::shuffle(shuffled.begin(), shuffled.end(), random);
        }
    }
    void prepare() { pool_.emplace(block_size_, batch_blocks); }
    double run(std::size_t steps) {
        C& pool = *pool_;
        escape(&pool);
        const double start = process_cpu_ns();
        for (; steps != 0; --steps) batch(pool, orders_[steps % orders_.size()]);
        return process_cpu_ns() - start;
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

template<contender C, pattern What>
class random_loop {
public:
    static constexpr std::size_t operations_a_step = 1;
    explicit random_loop(std::size_t block_size) : block_size_(block_size), slots_(random_blocks) {}
    void prepare() {
        pool_.emplace(block_size_, random_blocks + 1);
        for (void*& slot : slots_) slot = get_touched(*pool_);
        (void)run(2 * random_blocks); // the blocks' order is lost
    }
    double run(std::size_t steps) {
        C& pool = *pool_;
        escape(&pool);
        const double start = process_cpu_ns();
        for (; steps != 0; --steps) {
            state_ = state_ * 6364136223846793005u + 1442695040888963407u;
            void*& slot = slots_[((state_ >> 32) * random_blocks) >> 32];
            if constexpr (What == pattern::random_replacement) {
                void* const fresh = get_touched(pool);
                put_seen(pool, slot);
                slot = fresh;
            } else {
                put_seen(pool, slot);
                slot = get_touched(pool);
            }
        }
        return process_cpu_ns() - start;
    }

private:
    std::size_t block_size_;
    std::vector<void*> slots_;
    std::uint64_t state_ = 1;
    std::optional<C> pool_;
};

template<contender C>
class bulk_loop {
public:
    static constexpr std::size_t operations_a_step = bulk_blocks;
    explicit bulk_loop(std::size_t block_size) : block_size_(block_size) {}
    void prepare() { pool_.emplace(block_size_, bulk_blocks); }
    double run(std::size_t steps) {
        C& pool = *pool_;
        void** const slots = slots_.data();
        escape(&pool);
        const double start = process_cpu_ns();
        for (; steps != 0; --steps) {
            if constexpr (gets_many<C>) {
                pool.get_many(slots, bulk_blocks);
                for (void* block : slots_) *static_cast<std::size_t*>(block) = 1;
                escape(slots);
                pool.put_many(slots, bulk_blocks);
                escape(slots);
            } else {
                for (void*& slot : slots_) slot = get_touched(pool);
                for (void* slot : slots_) put_seen(pool, slot);
            }
        }
        return process_cpu_ns() - start;
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
    drop_loop(std::size_t block_size, bool shuffled)
        : block_size_(block_size), slots_(drop_blocks), order_(drop_blocks) {
        std::iota(order_.begin(), order_.end(), 0u);
        if (shuffled) std::shuffle(order_.begin(), order_.end(), std::mt19937(1));
    }
    void prepare() { pool_.emplace(block_size_, drop_blocks); }
    double run(std::size_t steps) {
        double spent = 0;
        for (; steps != 0; --steps) spent += build_and_drop(*pool_);
        return spent;
    }
    [[nodiscard]] std::uint64_t most_resident() const { return most_resident_; }

private:
    double build_and_drop(C& pool) {
        escape(&pool);
        for (const std::uint32_t index : order_) slots_[index] = get_touched(pool);
        if (most_resident_ == 0) most_resident_ = tool::resident_bytes();
        const double start = process_cpu_ns();
        for (void* slot : slots_) put_seen(pool, slot);
        return process_cpu_ns() - start;
    }

    std::size_t block_size_;
    std::vector<void*> slots_;
    std::vector<std::uint32_t> order_;
    std::uint64_t most_resident_ = 0;
    std::optional<C> pool_;
};

} // namespace cenote::bench
