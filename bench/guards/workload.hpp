// cenote: SPDX-License-Identifier: MIT
//
// What threads do to a guard in a window of time: churn of their own that overflows their magazines, or a
// ring in which every thread frees what the one before it allocated.
#pragma once

#include "guards.hpp"

#include <algorithm>
#include <array>
#include <atomic>
#include <chrono>
#include <cstdint>
#include <thread>
#include <vector>

namespace cenote::guards {

enum class load { own, handed };

struct measured {
    double ns = 0;                        // wall time by pairs of all threads together
    std::vector<std::uint32_t> exchanges; // each in ns
};

inline constexpr std::size_t own_blocks = 2000; // as many as overflow two magazines

/// Times the visits of one thread to the guard.
class watch {
public:
    template<class F>
    void time(F&& visit) {
        const auto before = std::chrono::steady_clock::now();
        visit();
        const auto took = std::chrono::steady_clock::now() - before;
        seen_.push_back(static_cast<std::uint32_t>(
            std::min<std::int64_t>(std::chrono::nanoseconds(took).count(), UINT32_MAX)));
    }
    [[nodiscard]] const std::vector<std::uint32_t>& seen() const { return seen_; }
    void clear() { seen_.clear(); }

private:
    std::vector<std::uint32_t> seen_;
};

/// Batches of blocks from one thread to the next.
class mailbox {
public:
    static constexpr std::size_t batch = 256;
    static constexpr std::size_t places = 8;

    /// Calls `fill` with the place of a batch; false when all are full.
    template<class F>
    bool send(F&& fill) {
        const std::size_t at = sent_.load(std::memory_order_relaxed);
        if (at - read_.load(std::memory_order_acquire) == places) return false;
        fill(letters_[at % places]);
        sent_.store(at + 1, std::memory_order_release);
        return true;
    }
    template<class F>
    bool receive(F&& take) {
        const std::size_t at = read_.load(std::memory_order_relaxed);
        if (at == sent_.load(std::memory_order_acquire)) return false;
        take(letters_[at % places]);
        read_.store(at + 1, std::memory_order_release);
        return true;
    }

private:
    alignas(64) std::atomic<std::size_t> sent_{0};
    alignas(64) std::atomic<std::size_t> read_{0};
    alignas(64) std::array<std::array<void*, batch>, places> letters_{};
};

template<class Guard>
class workshop {
public:
    workshop(load what, std::size_t threads) : what_(what), boxes_((threads + 1) / 2), rows_(threads) {}

    [[nodiscard]] measured run(std::chrono::nanoseconds length) {
        std::vector<std::thread> all;
        for (std::size_t i = 0; i < rows_.size(); ++i) all.emplace_back([this, i] { work(i); });
        while (ready_.load(std::memory_order_acquire) != rows_.size())
            std::this_thread::sleep_for(std::chrono::milliseconds(1));
        const auto start = clock::now(); // everybody waits
        go_.store(true, std::memory_order_release);
        go_.notify_all();
        std::this_thread::sleep_for(length);
        stop_.store(true, std::memory_order_relaxed);
        for (std::thread& one : all) one.join();
        measured result;
        std::uint64_t pairs = 0;
        auto end = start;
        for (row& one : rows_) {
            pairs += one.pairs;
            end = std::max(end, one.end);
            result.exchanges.insert(result.exchanges.end(), one.visits.seen().begin(),
                                    one.visits.seen().end());
        }
        result.ns =
            std::chrono::duration<double, std::nano>(end - start).count() / static_cast<double>(pairs);
        return result;
    }

private:
    using clock = std::chrono::steady_clock;

    struct alignas(64) row {
        std::uint64_t pairs = 0;
        clock::time_point end;
        watch visits;
    };

    void work(std::size_t me) {
        row& mine = rows_[me];
        cache<Guard> blocks(guard_);
        if (what_ == load::own) churn(blocks, mine); // warm
        mine.pairs = 0;
        mine.visits.clear();
        ready_.fetch_add(1, std::memory_order_release);
        go_.wait(false, std::memory_order_acquire);
        while (!stop_.load(std::memory_order_relaxed))
            what_ == load::own ? churn(blocks, mine) : hand_over(me, blocks, mine);
        mine.end = clock::now();
    }

    static void churn(cache<Guard>& blocks, row& mine) {
        std::array<void*, own_blocks> live;
        for (void*& block : live) {
            block = blocks.allocate(mine.visits);
            *static_cast<char*>(block) = 1;
        }
        for (void* block : live) blocks.deallocate(block, mine.visits);
        mine.pairs += own_blocks;
    }

    void hand_over(std::size_t me, cache<Guard>& blocks, row& mine) {
        mailbox& box = boxes_[me / 2];
        const bool is_alone = rows_.size() == 1;
        bool moved = false;
        if (me % 2 == 0)
            moved = box.send([&](auto& letter) {
                for (void*& block : letter) {
                    block = blocks.allocate(mine.visits);
                    *static_cast<char*>(block) = 1;
                }
            });
        if (me % 2 == 1 || is_alone)
            moved = box.receive([&](const auto& letter) {
                for (void* block : letter) blocks.deallocate(block, mine.visits);
                mine.pairs += letter.size();
            });
        if (!moved) std::this_thread::yield();
    }

    const load what_;
    Guard guard_;
    std::vector<mailbox> boxes_;
    std::vector<row> rows_;
    std::atomic<std::size_t> ready_{0};
    std::atomic<bool> go_{false};
    std::atomic<bool> stop_{false};
};

} // namespace cenote::guards
