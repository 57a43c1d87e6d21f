// cenote: SPDX-License-Identifier: MIT
//
// Random replacement of blocks of random sizes: by one thread, or by many in one table, so that most blocks
// are put back by a thread that did not get them. A slot of the table holds address and size in one word, so
// that the size is known without a look at the block.
#pragma once

#include "patterns/basics.hpp"
#include "patterns/crew.hpp"
#include "patterns/memory.hpp"

#include <atomic>
#include <memory>
#include <optional>

namespace cenote::bench {

struct sized_block {
    static constexpr unsigned address_bits = 48;

    static std::uint64_t pack(void* block, std::size_t size) {
        return reinterpret_cast<std::uintptr_t>(block) | std::uint64_t{size} << address_bits;
    }
    static void* address(std::uint64_t word) {
        return reinterpret_cast<void*>(word & ((std::uint64_t{1} << address_bits) - 1));
    }
    static std::size_t size(std::uint64_t word) { return static_cast<std::size_t>(word >> address_bits); }
};

template<gives_sizes C>
std::uint64_t get_sized(C& pool, dice& random) {
    const std::size_t size = random.size();
    void* const block = pool.get(size);
    touch(block);
    return sized_block::pack(block, size);
}

template<gives_sizes C>
void put_sized(C& pool, std::uint64_t word) {
    pool.put(sized_block::address(word), sized_block::size(word));
    clobber();
}

template<class C>
class sizes_loop {
public:
    static constexpr std::size_t operations_a_step = 1;
    explicit sizes_loop(const test_case& /*which*/) : slots_(random_blocks) {}
    void prepare() {
        pool_.emplace(largest_random, random_blocks + 1);
        resident_before_ = resident_bytes();
        for (std::uint64_t& slot : slots_) slot = get_sized(*pool_, dice_);
        (void)run(2 * slots_.size());
    }
    sample run(std::size_t steps) {
        C& pool = *pool_;
        escape(&pool);
        std::uint64_t* const slots = slots_.data();
        const std::size_t live = slots_.size();
        dice random = dice_;
        const cpu_watch watch;
        for (; steps != 0; --steps) {
            std::uint64_t& slot = slots[random.below(live)];
            const std::uint64_t fresh = get_sized(pool, random);
            put_sized(pool, slot);
            slot = fresh;
        }
        dice_ = random;
        return watch.read();
    }
    // What the pool has taken (where it does not say: what is in RAM) for each byte asked for and live.
    [[nodiscard]] double figure() {
        double live = 0;
        for (const std::uint64_t slot : slots_) live += static_cast<double>(sized_block::size(slot));
        if constexpr (requires(C& pool) { pool.reserved(); }) {
            return static_cast<double>(pool_->reserved()) / live;
        } else {
            return static_cast<double>(resident_bytes() - resident_before_) / live;
        }
    }

private:
    std::vector<std::uint64_t> slots_;
    std::uint64_t resident_before_ = 0;
    dice dice_{1};
    std::optional<C> pool_;
};

template<class C>
class threads_sizes_loop {
public:
    static constexpr std::size_t operations_a_step = 1;
    explicit threads_sizes_loop(const test_case& which) : slots_(random_blocks), crew_(which.threads) {}
    void prepare() {
        pool_.emplace(largest_random, random_blocks + crew_.size());
        crew_.start([this](crew::worker& self) { work(self); });
        (void)run(2 * random_blocks / crew_.size());
    }
    sample run(std::size_t steps) { return crew_.run(steps); }

private:
    void work(crew::worker& self) {
        local_of<C> mine(*pool_);
        dice random(self.number() + 1);
        for (std::size_t i = self.number(); i < slots_.size(); i += crew_.size())
            slots_[i].store(get_sized(mine, random), std::memory_order_relaxed);
        while (const std::size_t steps = self.next()) {
            self.begin();
            replace(mine, random, steps);
            self.end();
        }
    }
    void replace(local_of<C>& mine, dice& state, std::size_t steps) {
        std::atomic<std::uint64_t>* const slots = slots_.data();
        const std::size_t live = slots_.size();
        dice random = state;
        escape(&*pool_);
        for (; steps != 0; --steps) {
            std::atomic<std::uint64_t>& slot = slots[random.below(live)];
            const std::uint64_t fresh = get_sized(mine, random);
            const std::uint64_t old = slot.exchange(fresh, std::memory_order_acq_rel);
            if (old != 0) put_sized(mine, old);
        }
        state = random;
    }

    std::vector<std::atomic<std::uint64_t>> slots_;
    std::optional<C> pool_;
    crew crew_;
};

} // namespace cenote::bench
