// cenote: SPDX-License-Identifier: MIT
//
// Patterns of several threads and one block size, timed in wall time with the workers bound to cores. An
// operation's time is that of one core (of two for a block that is handed over): twice as many threads on the
// same cores that do twice as much show the same number.
#pragma once

#include "patterns/basics.hpp"
#include "patterns/crew.hpp"

#include <array>
#include <atomic>
#include <memory>
#include <optional>
#include <sched.h>

namespace cenote::bench {

template<contender C>
class threads_pair_loop {
public:
    static constexpr std::size_t operations_a_step = 1;
    explicit threads_pair_loop(const test_case& which)
        : block_size_(which.block_size), crew_(which.threads) {}
    void prepare() {
        pool_.emplace(block_size_, crew_.size());
        crew_.start([this](crew::worker& self) { work(self); });
    }
    sample run(std::size_t steps) { return crew_.run(steps); }

private:
    void work(crew::worker& self) {
        local_of<C> mine(*pool_);
        while (std::size_t steps = self.next()) {
            self.begin();
            escape(&*pool_);
            for (; steps != 0; --steps) put_seen(mine, get_touched(mine));
            self.end();
        }
    }

    std::size_t block_size_;
    std::optional<C> pool_;
    crew crew_;
};

// Parcels go round: a thread fills one, leaves it at the next place of a shared table, and puts back the
// blocks of the parcel that lay there. Threads start at different places and walk the same way, so what they
// find is nearly always what another thread left. Nobody waits.
template<contender C>
class free_each_other_loop {
    struct parcel {
        unsigned owner = 0;
        std::size_t count = 0;
        std::array<void*, parcel_blocks> blocks;
    };
    static constexpr std::size_t places_a_thread = 8;

public:
    static constexpr std::size_t operations_a_step = parcel_blocks;
    explicit free_each_other_loop(const test_case& which)
        : block_size_(which.block_size), places_(places_a_thread * which.threads),
          store_((places_a_thread + 1) * which.threads), counts_(which.threads), crew_(which.threads) {
        for (std::size_t i = 0; i < places_.size(); ++i) places_[i] = &store_[i];
    }
    void prepare() {
        pool_.emplace(block_size_, store_.size() * parcel_blocks);
        crew_.start([this](crew::worker& self) { work(self); });
        (void)run(places_a_thread + 1); // all places are full
        for (counters& one : counts_) one = {};
    }
    sample run(std::size_t steps) { return crew_.run(steps); }
    // How much of what was put back came from another thread, in percent.
    [[nodiscard]] double figure() const {
        double foreign = 0;
        double all = 0;
        for (const counters& one : counts_) {
            foreign += static_cast<double>(one.foreign);
            all += static_cast<double>(one.all);
        }
        return 100 * foreign / all;
    }

private:
    struct alignas(64) counters {
        std::size_t foreign = 0;
        std::size_t all = 0;
    };

    void work(crew::worker& self) {
        local_of<C> mine(*pool_);
        parcel* spare = &store_[places_.size() + self.number()];
        std::size_t at = places_a_thread * self.number();
        while (std::size_t steps = self.next()) {
            self.begin();
            escape(&*pool_);
            for (; steps != 0; --steps) {
                fill(mine, *spare, self.number());
                spare = places_[at].exchange(spare, std::memory_order_acq_rel);
                at = at + 1 == places_.size() ? 0 : at + 1;
                drain(mine, *spare, counts_[self.number()], self.number());
            }
            self.end();
        }
    }
    static void fill(local_of<C>& mine, parcel& into, unsigned number) {
        for (void*& block : into.blocks) block = get_touched(mine);
        into.count = parcel_blocks;
        into.owner = number;
    }
    static void drain(local_of<C>& mine, parcel& from, counters& count, unsigned number) {
        for (std::size_t i = 0; i < from.count; ++i) put_seen(mine, from.blocks[i]);
        ++count.all;
        if (from.owner != number) ++count.foreign;
    }

    std::size_t block_size_;
    std::vector<std::atomic<parcel*>> places_;
    std::vector<parcel> store_;
    std::vector<counters> counts_;
    std::optional<C> pool_;
    crew crew_;
};

// From one thread to one other. Each side remembers how far the other was when it last looked.
class block_ring {
public:
    static constexpr std::size_t places = 1024;

    explicit block_ring(bool may_spin) : may_spin_(may_spin) {}
    void push(void* block) {
        if (sent_ - seen_read_ == places) {
            wait([&] {
                return sent_ - (seen_read_ = read_shared_.load(std::memory_order_acquire)) != places;
            });
        }
        ring_[sent_ % places] = block;
        sent_shared_.store(++sent_, std::memory_order_release);
    }
    void* pop() {
        if (read_ == seen_sent_) {
            wait([&] { return read_ != (seen_sent_ = sent_shared_.load(std::memory_order_acquire)); });
        }
        void* const block = ring_[read_ % places];
        read_shared_.store(++read_, std::memory_order_release);
        return block;
    }

private:
    template<class F>
    void wait(F&& is_over) const {
        while (!is_over()) {
            if (may_spin_)
                __builtin_ia32_pause();
            else
                ::sched_yield();
        }
    }

    bool may_spin_; // false: there are not enough cores, and the other thread may wait for this one's
    alignas(64) std::size_t sent_ = 0;
    std::size_t seen_read_ = 0;
    alignas(64) std::size_t read_ = 0;
    std::size_t seen_sent_ = 0;
    alignas(64) std::atomic<std::size_t> sent_shared_{0};
    alignas(64) std::atomic<std::size_t> read_shared_{0};
    alignas(64) std::array<void*, places> ring_{};
};

template<contender C>
class producer_consumer_loop {
public:
    static constexpr std::size_t operations_a_step = 1;
    explicit producer_consumer_loop(const test_case& which)
        : block_size_(which.block_size), crew_(which.threads) {
        for (unsigned i = 0; i < which.threads / 2; ++i)
            rings_.push_back(std::make_unique<block_ring>(which.threads <= usable_cores().size()));
    }
    void prepare() {
        pool_.emplace(block_size_, crew_.size() * block_ring::places);
        crew_.start([this](crew::worker& self) { work(self); });
    }
    sample run(std::size_t steps) { return crew_.run(steps); }

private:
    void work(crew::worker& self) {
        local_of<C> mine(*pool_);
        block_ring& ring = *rings_[self.number() / 2];
        while (std::size_t steps = self.next()) {
            self.begin();
            escape(&*pool_);
            if (self.number() % 2 == 0) {
                for (; steps != 0; --steps) ring.push(get_touched(mine));
            } else {
                for (; steps != 0; --steps) put_seen(mine, read(ring.pop()));
            }
            self.end();
        }
    }
    // A consumer looks at what it was sent.
    static void* read(void* block) {
        std::size_t word = *static_cast<const std::size_t*>(block);
        asm volatile("" : : "r"(word));
        return block;
    }

    std::size_t block_size_;
    std::vector<std::unique_ptr<block_ring>> rings_;
    std::optional<C> pool_;
    crew crew_;
};

} // namespace cenote::bench
