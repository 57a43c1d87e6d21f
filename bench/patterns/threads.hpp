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
        : block_size_(which.block_size), most_(most_of(which)), crew_(which.threads) {}
    void prepare() {
        pool_.emplace(block_size_, most_);
        crew_.start([this](crew::worker& self) { work(self); });
    }
    sample run(std::size_t steps) { return crew_.run(steps); }

private:
    // Of a hard number: twice or half as many as threads.
    [[nodiscard]] static std::size_t most_of(const test_case& which) {
        if (which.what == pattern::bounded_plenty) return 2 * which.threads;
        return which.what == pattern::bounded_short ? which.threads / 2 : which.threads;
    }
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
    std::size_t most_;
    std::optional<C> pool_;
    crew crew_;
};

// From one thread to one other. Each side remembers how far the other was when it last looked, and tells how
// far it is itself after every `Burst` and at the end of a window: what goes to and fro between the cores is
// mostly what is handed over.
template<class T, std::size_t Places, std::size_t Burst = 1>
class handover {
public:
    explicit handover(bool may_spin) : may_spin_(may_spin) {}
    // The place of the next to be sent, once there is one.
    T& next_to_send() {
        if (sent_ - seen_read_ == Places) {
            wait([&] {
                return sent_ - (seen_read_ = read_shared_.load(std::memory_order_acquire)) != Places;
            });
        }
        return places_[sent_ % Places];
    }
    void send() {
        if (++sent_ % Burst == 0) finish_sending();
    }
    void finish_sending() { sent_shared_.store(sent_, std::memory_order_release); }
    T& next_to_read() {
        if (read_ == seen_sent_) {
            wait([&] { return read_ != (seen_sent_ = sent_shared_.load(std::memory_order_acquire)); });
        }
        return places_[read_ % Places];
    }
    void done_reading() {
        if (++read_ % Burst == 0) finish_reading();
    }
    void finish_reading() { read_shared_.store(read_, std::memory_order_release); }

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
    alignas(64) std::array<T, Places> places_{};
};

// Whether a thread that waits for another may keep its core.
[[nodiscard]] inline bool has_a_core_each(const test_case& which) {
    return which.threads <= usable_cores().size();
}

// Parcels of blocks go round: a thread fills one for the next thread, and puts back all blocks of one that
// the thread before it filled. A few lie ready in between, so that threads need not run in step.
template<contender C, std::size_t ParcelBlocks = parcel_blocks>
class free_each_other_loop {
    using parcel = std::array<void*, ParcelBlocks>;
    static constexpr std::size_t places = 16;
    static constexpr std::size_t ready = places / 2;

public:
    static constexpr std::size_t operations_a_step = ParcelBlocks;
    explicit free_each_other_loop(const test_case& which)
        : block_size_(which.block_size), crew_(which.threads) {
        for (unsigned i = 0; i < which.threads; ++i)
            inboxes_.push_back(std::make_unique<handover<parcel, places>>(has_a_core_each(which)));
    }
    void prepare() {
        pool_.emplace(block_size_, crew_.size() * places * ParcelBlocks);
        crew_.start([this](crew::worker& self) { work(self); });
    }
    sample run(std::size_t steps) { return crew_.run(steps); }

private:
    void work(crew::worker& self) {
        local_of<C> mine(*pool_);
        handover<parcel, places>& in = *inboxes_[self.number()];
        handover<parcel, places>& out = *inboxes_[(self.number() + 1) % crew_.size()];
        for (std::size_t i = 0; i < ready; ++i) fill(mine, out);
        while (std::size_t steps = self.next()) {
            self.begin();
            escape(&*pool_);
            for (; steps != 0; --steps) {
                fill(mine, out);
                for (void* block : in.next_to_read()) put_seen(mine, block);
                in.done_reading();
            }
            self.end();
        }
    }
    static void fill(local_of<C>& mine, handover<parcel, places>& out) {
        for (void*& block : out.next_to_send()) block = get_touched(mine);
        out.send();
    }

    std::size_t block_size_;
    std::vector<std::unique_ptr<handover<parcel, places>>> inboxes_;
    std::optional<C> pool_;
    crew crew_;
};

template<contender C>
class producer_consumer_loop {
    static constexpr std::size_t places = 1024;
    static constexpr std::size_t burst = 16;
    using ring = handover<void*, places, burst>;

public:
    static constexpr std::size_t operations_a_step = 1;
    explicit producer_consumer_loop(const test_case& which)
        : block_size_(which.block_size), crew_(which.threads) {
        for (unsigned i = 0; i < which.threads / 2; ++i)
            rings_.push_back(std::make_unique<ring>(has_a_core_each(which)));
    }
    void prepare() {
        pool_.emplace(block_size_, crew_.size() * places);
        crew_.start([this](crew::worker& self) { work(self); });
    }
    sample run(std::size_t steps) { return crew_.run(steps); }

private:
    void work(crew::worker& self) {
        local_of<C> mine(*pool_);
        ring& way = *rings_[self.number() / 2];
        while (std::size_t steps = self.next()) {
            self.begin();
            escape(&*pool_);
            if (self.number() % 2 == 0) {
                for (; steps != 0; --steps) {
                    way.next_to_send() = get_touched(mine);
                    way.send();
                }
                way.finish_sending();
            } else {
                for (; steps != 0; --steps) {
                    void* const block = way.next_to_read();
                    way.done_reading();
                    put_seen(mine, read(block));
                }
                way.finish_reading();
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
    std::vector<std::unique_ptr<ring>> rings_;
    std::optional<C> pool_;
    crew crew_;
};

} // namespace cenote::bench
