// cenote: SPDX-License-Identifier: MIT
//
// Threads for tests: one that does what it is told, step by step, and crowds that start together. And what a
// test may know of a thread's cache without asking the pool, which would count as a call.
#pragma once

#include <cenote/concurrent/thread_cache.hpp>
#include <cenote/pool/options.hpp>

#include <atomic>
#include <condition_variable>
#include <functional>
#include <gtest/gtest.h>
#include <latch>
#include <mutex>
#include <thread>
#include <vector>

#if __has_include(<valgrind/valgrind.h>)
#include <valgrind/valgrind.h>
#endif

namespace cenote::test {

/// How many times slower this program runs than it should: loops divide by it.
[[nodiscard]] inline std::size_t slowness() noexcept {
#if defined(RUNNING_ON_VALGRIND)
    if (RUNNING_ON_VALGRIND) return 50;
#endif
#if defined(__SANITIZE_THREAD__)
    return 8;
#elif defined(__has_feature)
#if __has_feature(thread_sanitizer)
    return 8;
#endif
#endif
    return 1;
}

/// `count`, or what a slow program can do of it; at least `least`.
[[nodiscard]] inline std::size_t scaled(std::size_t count, std::size_t least = 1) noexcept {
    const std::size_t some = count / slowness();
    return some < least ? least : some;
}

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
    std::latch start(static_cast<std::ptrdiff_t>(threads));
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
