// cenote: SPDX-License-Identifier: MIT
//
// Byte buffers of random sizes, as servers use them: one at a time, or some live ones replaced at random,
// untouched or written once a page; and workers that get a buffer, work, and put it back, less the time of
// the work alone. And how soon a thread wakes that waits for what another gives.
#pragma once

#include "patterns/basics.hpp"
#include "patterns/crew.hpp"
#include "patterns/distance.hpp"
#include "patterns/memory.hpp"
#include "patterns/parts.hpp"

#include <algorithm>
#include <array>
#include <chrono>
#include <memory>
#include <optional>
#include <utility>
#include <vector>

namespace cenote::bench {

// What is held of a contender that gives addresses; others say themselves.
template<class C>
struct held_bytes {
    void* block = nullptr;
    std::size_t size = 0;

    void get(local_of<C>& from, std::size_t wanted) {
        block = from.get(wanted);
        size = wanted;
    }
    void put(local_of<C>& to) {
        if (block != nullptr) to.put(block, size);
        block = nullptr;
    }
    [[nodiscard]] void* data() const { return block; }
};
template<class C>
    requires requires { typename C::held; }
struct held_bytes<C> : C::held {};

[[nodiscard]] inline std::size_t some_size(dice& random, const test_case& which) {
    const std::size_t least = is_over(which.what) ? which.block_size + 1 : 1;
    return least + random.below(which.block_size);
}

inline void touch_pages(std::byte* data, std::size_t size) {
    for (std::size_t at = 0; at < size; at += 4096)
        *static_cast<volatile std::byte*>(data + at) = std::byte{1};
}

template<class C>
class buffers_loop {
    static constexpr std::size_t most_live = 16;
    static constexpr int warm_up = 300;

public:
    static constexpr std::size_t operations_a_step = 1;
    explicit buffers_loop(const test_case& which) : which_(which), crew_(which.threads) {}
    void prepare() {
        pool_.emplace(which_.block_size, most_live * crew_.size());
        crew_.start([this](crew::worker& self) { work(self); });
    }
    sample run(std::size_t steps) { return crew_.run(steps); }

private:
    void work(crew::worker& self) {
        local_of<C> mine(*pool_);
        dice random(self.number() + 1);
        std::array<held_bytes<C>, most_live> held;
        const bool touches = is_touched(which_.what);
        const bool is_of_many =
            which_.what == pattern::buffers_16 || which_.what == pattern::buffers_16_touched;
        const std::size_t live = is_of_many ? most_live : 1;
        const auto replace = [&] {
            held_bytes<C>& one = held[random.below(live)];
            const std::size_t size = some_size(random, which_);
            one.put(mine);
            clobber();
            one.get(mine, size);
            escape(one.data());
            if (touches) touch_pages(static_cast<std::byte*>(one.data()), size);
        };
        // Until their pages have all been touched, which the trials of short windows do not reach. What is
        // mapped for each call is never warm.
        if (is_of_many || (touches && !is_over(which_.what))) {
            for (int i = 0; i < warm_up; ++i) replace();
        }
        while (std::size_t steps = self.next()) {
            self.begin();
            escape(&*pool_);
            for (; steps != 0; --steps) replace();
            self.end();
        }
        for (held_bytes<C>& one : held) one.put(mine);
    }

    test_case which_;
    std::optional<C> pool_;
    crew crew_;
};

template<class C>
class buffer_workers_loop {
    static constexpr int work_length = 200;

public:
    static constexpr std::size_t operations_a_step = 1;
    explicit buffer_workers_loop(const test_case& which) : which_(which), crew_(which.threads) {}
    void prepare() {
        pool_.emplace(which_.block_size, crew_.size());
        crew_.start([this](crew::worker& self) { work(self); });
    }
    // In parts, of which those count in which nobody waited: within every few milliseconds the system has a
    // core for longer than a pool takes of them. To look for the cores takes as long as a part: only now and
    // then.
    sample run(std::size_t steps) {
        const std::size_t parts = steps < 10 * most_parts ? 1 : most_parts;
        parts_sum work;
        parts_sum all;
        const bool looks = std::exchange(is_distance_watched, false);
        double before = looks ? crew_.trip_ns() : 0;
        for (std::size_t i = 0; i < parts; i += parts_a_look) {
            std::array<sample, parts_a_look> alone;
            std::array<sample, parts_a_look> both;
            const std::size_t count = std::min(parts_a_look, parts - i);
            for (std::size_t k = 0; k < count; ++k) {
                only_works_ = true;
                alone[k] = crew_.run(steps / parts);
                only_works_ = false;
                both[k] = crew_.run(steps / parts);
            }
            const double after = looks ? crew_.trip_ns() : 0;
            for (std::size_t k = 0; k < count; ++k) {
                work.add(between(alone[k], before, after));
                all.add(between(both[k], before, after));
            }
            before = after;
        }
        is_distance_watched = looks;
        const double scale = static_cast<double>(steps) / static_cast<double>(steps / parts);
        const sample alone = work.mean(scale);
        sample both = all.mean(scale);
        const double of_pool = std::max(both.ns - alone.ns, 0.01 * alone.ns) / both.ns; // less is noise
        both.share *= of_pool;
        both.waited_ns = std::max(both.waited_ns, alone.waited_ns) / of_pool; // beside what counts
        both.has_moved |= alone.has_moved || is_elsewhere(alone.trip_ns, both.trip_ns);
        return both;
    }

private:
    static constexpr std::size_t most_parts = 32;
    static constexpr std::size_t parts_a_look = 4;

    void work(crew::worker& self) {
        local_of<C> mine(*pool_);
        dice random(self.number() + 1);
        held_bytes<C> one;
        std::byte own[64];
        const bool touches = is_touched(which_.what);
        while (std::size_t steps = self.next()) {
            const bool gets = !only_works_;
            self.begin();
            escape(&*pool_);
            for (; steps != 0; --steps) {
                const std::size_t size = some_size(random, which_);
                if (gets) one.get(mine, size);
                clobber();
                touch(gets ? one.data() : own);
                if (gets && touches) touch_pages(static_cast<std::byte*>(one.data()), size);
                for (int i = 0; i < work_length; ++i) (void)random.below(2);
                escape(&random);
                if (gets) one.put(mine);
                clobber();
            }
            self.end();
        }
    }

    test_case which_;
    bool only_works_ = false; // read when a window has begun
    std::optional<C> pool_;
    crew crew_;
};

// A peak of buffers of some sizes, three quarters of which are put back; then an hour with a little traffic
// every minute. Contenders that can are told how time passes; for others there is none.
template<class C>
class buffers_hour_loop {
    static constexpr std::size_t peak = 1'000;
    static constexpr std::size_t kept = peak / 4;
    static constexpr std::size_t sizes = 7; // powers of two, up to the largest

public:
    static constexpr std::size_t operations_a_step = 1;
    static constexpr std::size_t fixed_steps = 1;
    static constexpr unsigned fixed_windows = 1;
    explicit buffers_hour_loop(const test_case& which) : largest_(which.block_size) {}
    void prepare() {
        pool_.emplace(largest_, peak);
        mine_.emplace(*pool_);
        resident_before_ = resident_bytes();
    }
    sample run(std::size_t /*steps*/) {
        const cpu_watch watch;
        for (slot& one : slots_) renew(one);
        for (std::size_t i = peak; i > kept; --i) { // what stays lies anywhere
            std::swap(slots_[random_.below(i)], slots_[i - 1]);
            slots_[i - 1].what.put(*mine_);
            clobber();
        }
        for (int minute = 0; minute < 60; ++minute) {
            for (int i = 0; i < 20; ++i) renew(slots_[random_.below(kept)]);
            if constexpr (requires { pool_->pass(std::chrono::seconds(60)); })
                pool_->pass(std::chrono::seconds(60));
        }
        return watch.read();
    }
    // What is in RAM for each byte that is live.
    [[nodiscard]] double figure() const {
        double live = 0;
        for (std::size_t i = 0; i < kept; ++i) live += static_cast<double>(slots_[i].size);
        return static_cast<double>(resident_bytes() - resident_before_) / live;
    }

private:
    struct slot {
        held_bytes<C> what;
        std::size_t size = 0;
    };
    void renew(slot& one) {
        one.what.put(*mine_);
        clobber();
        one.size = largest_ >> random_.below(sizes);
        one.what.get(*mine_, one.size);
        for (std::size_t at = 0; at < one.size; at += 4096)
            touch(static_cast<std::byte*>(one.what.data()) + at);
    }

    std::size_t largest_;
    std::optional<C> pool_;
    std::optional<local_of<C>> mine_;
    std::vector<slot> slots_{peak};
    dice random_{1};
    std::uint64_t resident_before_ = 0;
};

// Three things go round between two threads: one gives what the other waits for, and waits for the next. What
// it has given it wants again only when the other has had it.
template<contender C>
class wake_up_loop {
    static constexpr std::size_t things = 3;

public:
    static constexpr std::size_t operations_a_step = 2; // each wakes the other
    explicit wake_up_loop(const test_case& which) : block_size_(which.block_size), crew_(2) {}
    void prepare() {
        for (auto& one : pools_) one = std::make_unique<C>(block_size_, 1);
        crew_.start([this](crew::worker& self) { work(self); });
    }
    sample run(std::size_t steps) { return crew_.run(steps); }

private:
    void work(crew::worker& self) {
        std::array<local_of<C>, things> ways{local_of<C>(*pools_[0]), local_of<C>(*pools_[1]),
                                             local_of<C>(*pools_[2])};
        std::array<void*, things> held{};
        const bool leads = self.number() == 0;
        for (const std::size_t i : {0u, 1u, 2u}) {
            if ((i == 1) != leads) held[i] = ways[i].get();
        }
        for (std::size_t at = 0; std::size_t steps = self.next();) {
            self.begin();
            for (; steps != 0; --steps) {
                const std::size_t next = (at + 1) % things;
                if (leads) put_seen(ways[at], held[at]);
                const std::size_t wanted = leads ? next : at;
                held[wanted] = ways[wanted].get();
                escape(held[wanted]);
                if (!leads) put_seen(ways[next], held[next]);
                at = (at + 2) % things;
            }
            self.end();
        }
    }

    std::size_t block_size_;
    std::array<std::unique_ptr<C>, things> pools_;
    crew crew_;
};

} // namespace cenote::bench
