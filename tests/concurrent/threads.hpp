// cenote: SPDX-License-Identifier: MIT
//
// Threads for tests: one that does what it is told, step by step, and crowds that start together. And what a
// test may know of a thread's cache without asking the pool, which would count as a call.
#pragma once

#include <cenote/concurrent/thread_cache.hpp>
#include <cenote/pool/options.hpp>

#include "support/gate.hpp"
#include "support/slowness.hpp"

#include <atomic>
#include <condition_variable>
#include <functional>
#include <gtest/gtest.h>
#include <mutex>
#include <thread>
#include <vector>

namespace cenote::test {

/// Another thread, which does one thing after the other. `run` returns when it is done, so that a test says
/// exactly who did what in which order.
class worker {
public:
    worker() : thread_([this] { loop(); }) {}
    worker(const worker&) = delete;
    worker& operator=(const worker&) = delete;
    ~worker() { end(); }

    void run(std::function<void()> what) {
        start(std::move(what));
        wait();
    }
    void start(std::function<void()> what) {
        const std::lock_guard here(lock_);
        task_ = std::move(what);
        changed_.notify_all();
    }
    void wait() {
        std::unique_lock here(lock_);
        changed_.wait(here, [this] { return !task_; });
    }
    /// The thread ends, and with it its caches.
    void end() {
        if (!thread_.joinable()) return;
        {
            const std::lock_guard here(lock_);
            is_over_ = true;
            changed_.notify_all();
        }
        thread_.join();
    }

private:
    void loop() {
        std::unique_lock here(lock_);
        for (;;) {
            changed_.wait(here, [this] { return task_ || is_over_; });
            if (!task_) return;
            here.unlock();
            task_();
            here.lock();
            task_ = nullptr;
            changed_.notify_all();
        }
    }

    std::mutex lock_;
    std::condition_variable changed_;
    std::function<void()> task_;
    bool is_over_ = false;
    std::thread thread_;
};

/// Runs `work(number)` in so many threads, which start together; returns when all have ended.
template<class Work>
void run_threads(std::size_t threads, const Work& work) {
    gate start(threads);
    std::vector<std::thread> crowd;
    for (std::size_t i = 0; i < threads; ++i) {
        crowd.emplace_back([&, i] {
            start.arrive_and_wait();
            work(i);
        });
    }
    for (std::thread& one : crowd) one.join();
}

/// Whether all blocks of a pool are accounted for.
[[nodiscard]] inline bool adds_up(const pool_stats& now) noexcept {
    return now.live + now.cached + now.idle + now.abandoned == now.blocks && now.live <= now.blocks &&
           now.peak_live >= now.live;
}

/// The calling thread's cache of the only pool that it uses, or null.
[[nodiscard]] inline const engine::thread_cache* only_cache() noexcept {
    for (const engine::thread_cache* at : engine::own_slots().heads) {
        for (; at->next_here != nullptr; at = at->next_here) {
            if (at->key.load(std::memory_order_relaxed) != engine::no_key) return at;
        }
    }
    return nullptr;
}

} // namespace cenote::test
