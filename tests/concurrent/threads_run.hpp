// cenote: SPDX-License-Identifier: MIT
//
// A pool that threads share under an operation program: the threads take the operations in turn, keep what
// they allocate filled with bytes that nobody else writes, hand blocks to each other, come and go. In between
// all are quiet, and everything that is live is compared with what the pool says.
#pragma once

#include <cenote/concurrent/concurrent_multi_pool.hpp>
#include <cenote/concurrent/concurrent_pool.hpp>

#include "operations/ground.hpp"
#include "operations/program.hpp"

#include <atomic>
#include <map>
#include <mutex>
#include <thread>
#include <vector>

namespace cenote::test {

/// A block of a thread, with contents that tell it from all others.
struct held_block {
    unsigned char* data = nullptr;
    std::size_t size = 0;
    std::uint32_t mark = 0;

    void fill() const {
        for (std::size_t i = 0; i < size; ++i) data[i] = byte(i);
    }
    [[nodiscard]] bool is_intact() const {
        for (std::size_t i = 0; i < size; ++i) {
            if (data[i] != byte(i)) return false;
        }
        return true;
    }

private:
    [[nodiscard]] unsigned char byte(std::size_t at) const {
        return static_cast<unsigned char>(mark >> at % 4 * 8 ^ at);
    }
};

/// What differs between the pools.
struct shared_blocks {
    static constexpr std::size_t size = 48;
    concurrent_pool pool;

    shared_blocks(const program& script, source& from)
        : pool({.block_size = size,
                .maximum_blocks = script.choices[1] % 3 == 0 ? 2000u : unlimited,
                .source = &from,
                .checks = script.choices[2] % 4 == 0,
                .erase_on_free = script.choices[3] % 8 == 0,
                .trim = script.choices[4] % 2 == 0 ? trim::automatic : trim::manual,
                .threads = 1u + script.choices[5] % 8}) {}

    [[nodiscard]] static std::size_t size_for(operation) { return size; }
    [[nodiscard]] void* allocate(std::size_t) { return pool.try_allocate(); }
    [[nodiscard]] bool allocate_n(std::size_t, void** blocks, std::size_t count) {
        return pool.try_allocate_n(blocks, count);
    }
    void deallocate(const held_block& gone, bool) { pool.deallocate(gone.data); }
    [[nodiscard]] void* allocate_locally(std::size_t) { return pool.local_cache().try_allocate(); }
    void deallocate_locally(const held_block& gone) { pool.local_cache().deallocate(gone.data); }
    template<class Visit>
    void for_each(Visit&& visit) {
        pool.for_each([&](void* block) { visit(block, size); });
    }
};

struct shared_sizes {
    concurrent_multi_pool pool;

    shared_sizes(const program& script, source& from)
        : pool({.slab_bytes = std::size_t{4096} << script.choices[1] % 5,
                .source = &from,
                .checks = script.choices[2] % 4 == 0,
                .erase_on_free = script.choices[3] % 8 == 0,
                .trim = script.choices[4] % 2 == 0 ? trim::automatic : trim::manual,
                .threads = 1u + script.choices[5] % 8}) {}

    [[nodiscard]] static std::size_t size_for(operation how) {
        return how.which % 16 == 0 ? std::size_t{how.amount} * 2 : how.amount % 700u;
    }
    [[nodiscard]] void* allocate(std::size_t size) { return pool.try_allocate(size); }
    [[nodiscard]] bool allocate_n(std::size_t size, void** blocks, std::size_t count) {
        return pool.try_allocate_n(size, blocks, count);
    }
    void deallocate(const held_block& gone, bool with_size) {
        with_size ? pool.deallocate(gone.data, gone.size) : pool.deallocate(gone.data);
    }
    [[nodiscard]] void* allocate_locally(std::size_t size) { return pool.local_cache().try_allocate(size); }
    void deallocate_locally(const held_block& gone) { pool.local_cache().deallocate(gone.data, gone.size); }
    template<class Visit>
    void for_each(Visit&& visit) {
        pool.for_each(visit);
    }
};

template<class Shared>
class threads_run {
public:
    threads_run(const program& script, std::size_t threads)
        : script_(script), source_(strict_), shared_(script, source_), workers_(threads) {}

    void run() {
        const recorder handlers;
        constexpr std::size_t phase = 96; // operations between two looks
        for (std::size_t begin = 0; begin < script_.operations.size(); begin += phase) {
            const std::size_t end = std::min(begin + phase, script_.operations.size());
            std::vector<std::thread> threads;
            for (std::size_t w = 0; w < workers_.size(); ++w) {
                threads.emplace_back([this, w, begin, end] { work(w, begin, end); });
            }
            work_here(begin, end);
            for (std::thread& one : threads) one.join();
            look(script_.operations[begin]);
        }
        for (worker& one : workers_) {
            for (const held_block& block : one.held) release(one, block, true);
            for (const held_block& block : one.mail) release(one, block, false);
            require_good(one.wrong);
        }
        require(shared_.pool.stats(quiet).live == 0, "blocks are live that nobody has");
        require(recorder::count() == 0, "misuse is reported where there was none");
    }

private:
    struct worker {
        std::vector<held_block> held;
        std::vector<held_block> mail; // from others
        std::mutex lock;              // of the mail
        std::uint32_t next_mark = 1;
        std::string wrong;
    };

    // A thread's share of a phase, several times over so that the threads overlap.
    void work(std::size_t number, std::size_t begin, std::size_t end) {
        worker& me = workers_[number];
        for (int round = 0; round < 4; ++round) {
            for (std::size_t i = begin; i < end; ++i) {
                if ((i + static_cast<std::size_t>(round)) % workers_.size() == number) {
                    step(me, number, script_.operations[i]);
                }
            }
        }
    }
    // The thread that runs the test stays, and keeps its cache, while the others come and go.
    void work_here(std::size_t begin, std::size_t end) {
        worker here;
        for (std::size_t i = begin; i < end; ++i) step(here, 15, script_.operations[i]);
        for (const held_block& block : here.held) release(here, block, false);
        require_good(here.wrong);
    }

    void step(worker& me, std::size_t number, operation how) {
        switch (how.verb % 12) {
        case 0:
        case 1:
        case 2:
            return allocate(me, how, number);
        case 3:
            return allocate_many(me, how, number);
        case 4:
        case 5:
            return free_some(me, 1 + how.amount % 40u, how.which % 2 == 0);
        case 6:
            return hand_over(me, how);
        case 7:
            return take_mail(me);
        case 8:
            if (how.which % 4 == 0) shared_.pool.release_thread_caches();
            return free_some(me, 1, true);
        case 9:
            if (how.which % 8 == 0) (void)shared_.pool.trim();
            return allocate(me, how, number);
        case 10:
            return add_up(me);
        default:
            return locally(me, how, number);
        }
    }

    void enter(worker& me, void* block, std::size_t size, std::size_t number) {
        if (block == nullptr) return;
        const auto mark = static_cast<std::uint32_t>(me.next_mark++ * 16 + number);
        me.held.push_back({static_cast<unsigned char*>(block), size, mark * 2654435761u});
        me.held.back().fill();
    }
    void release(worker& me, const held_block& block, bool with_size) {
        if (!block.is_intact()) me.wrong = "somebody wrote into a block of another";
        shared_.deallocate(block, with_size);
    }
    void allocate(worker& me, operation how, std::size_t number) {
        const std::size_t size = shared_.size_for(how);
        for (std::size_t n = how.amount % 60u; n != 0 && me.held.size() < 800; --n) {
            enter(me, shared_.allocate(size), size, number);
        }
    }
    void allocate_many(worker& me, operation how, std::size_t number) {
        void* blocks[64];
        const std::size_t count = how.which % 64u;
        const std::size_t size = shared_.size_for(how) % 2000;
        if (!shared_.allocate_n(size, blocks, count)) return;
        for (std::size_t i = 0; i < count; ++i) enter(me, blocks[i], size, number);
    }
    void free_some(worker& me, std::size_t count, bool with_size) {
        for (; count != 0 && !me.held.empty(); --count) {
            const std::size_t at = count * 7919 % me.held.size();
            std::swap(me.held[at], me.held.back());
            release(me, me.held.back(), with_size);
            me.held.pop_back();
        }
    }
    void hand_over(worker& me, operation how) {
        worker& other = workers_[how.which % workers_.size()];
        const std::lock_guard hold(other.lock);
        for (std::size_t n = how.amount % 50u; n != 0 && !me.held.empty(); --n) {
            other.mail.push_back(me.held.back());
            me.held.pop_back();
        }
    }
    void take_mail(worker& me) {
        const std::lock_guard hold(me.lock);
        for (const held_block& block : me.mail) release(me, block, false);
        me.mail.clear();
    }
    void add_up(worker& me) {
        const pool_stats now = shared_.pool.stats();
        if (now.live + now.cached + now.idle + now.abandoned != now.blocks)
            me.wrong = "the levels do not add up";
        if (now.live > now.blocks || now.cached > now.blocks) me.wrong = "a level is below zero";
    }
    void locally(worker& me, operation how, std::size_t number) {
        const std::size_t size = shared_.size_for(how);
        enter(me, shared_.allocate_locally(size), size, number);
        if (me.held.empty() || how.which % 2 == 0) return;
        if (!me.held.back().is_intact()) me.wrong = "somebody wrote into a block of another";
        shared_.deallocate_locally(me.held.back());
        me.held.pop_back();
    }

    // All are quiet: what the threads hold is what is live.
    void look(operation how) {
        std::map<void*, std::size_t> live;
        for (worker& one : workers_) {
            require_good(one.wrong);
            for (const std::vector<held_block>* some : {&one.held, &one.mail}) {
                for (const held_block& block : *some) {
                    require(live.emplace(block.data, block.size).second, "a block was handed out twice");
                    require(block.is_intact(), "somebody wrote into a live block");
                }
            }
        }
        const pool_stats now = shared_.pool.stats(quiet);
        require(now.live == live.size(), "the number of live blocks is wrong");
        require(now.live + now.cached + now.idle == now.blocks, "the levels do not add up");
        require(now.reserved_bytes == strict_.reserved(), "reserved bytes are not what the source gave");
        require(shared_.pool.is_valid(), "the pool is not valid");
        require_good(strict_.complaint());
        std::size_t visited = 0;
        shared_.for_each([&](void* block, std::size_t) {
            require(live.count(block) == 1, "a walk visits a block that is not live");
            ++visited;
        });
        require(visited == live.size(), "a walk misses live blocks");
        if (how.which % 16 == 1) {
            shared_.pool.reset();
            for (worker& one : workers_) one.held.clear(), one.mail.clear();
            require(shared_.pool.stats(quiet).live == 0, "blocks are live after a reset");
        }
    }

    const program& script_;
    strict_source strict_{1};
    failing_source source_;
    Shared shared_;
    std::vector<worker> workers_;
};

} // namespace cenote::test
