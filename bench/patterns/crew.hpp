// cenote: SPDX-License-Identifier: MIT
//
// Workers for the patterns of many threads: each bound to a core, all set off at once for each window. With
// no more workers than cores they start within some ten nanoseconds of each other, and it is known how long
// each waited for its core, which other programs may have had. With more, waiting is part of the pattern.
#pragma once

#include "job.hpp"

#include <algorithm>
#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <thread>
#include <vector>

namespace cenote::bench {

// The cores that this process may use.
[[nodiscard]] std::vector<int> usable_cores();
// Binds the calling thread, and those it will start, to one core.
void bind_to(int core);
// How long the calling thread has been ready to run without a core.
[[nodiscard]] double waited_ns();
// Whether the kernel keeps that.
[[nodiscard]] bool tells_who_waits(const char* file = "/proc/thread-self/schedstat");

class crew {
public:
    class worker {
    public:
        worker(crew& all, unsigned number) : all_(all), number_(number) {}
        [[nodiscard]] unsigned number() const { return number_; }
        // Waits for the next window and returns its steps; 0 ends the worker.
        std::size_t next();
        // Around the timed part. `begin` waits until all are ready.
        void begin();
        void end();

    private:
        friend class crew;
        crew& all_;
        unsigned number_;
        std::uint32_t seen_ = 0;
        double waited_before_ = 0;
        double waited_ = 0;
        double cpu_ = 0;
        double own_ = 0; // processor time of this worker alone
        double start_ = 0;
        double end_ = 0;
    };

    explicit crew(unsigned size);
    ~crew();
    crew(const crew&) = delete;
    crew& operator=(const crew&) = delete;

    [[nodiscard]] unsigned size() const { return size_; }
    // Starts the workers; returns when all wait for their first window.
    void start(const std::function<void(worker&)>& life);
    // How far the cores are from each other now; 0 for one worker, or one core.
    [[nodiscard]] double trip_ns() const;
    // A window: wall time from the first to start to the last to end; of one worker: its processor time.
    sample run(std::size_t steps);

private:
    [[nodiscard]] bool has_a_core_each() const { return size_ <= cores_.size(); }
    void set_off(std::size_t steps);
    void wait_for_all();

    unsigned size_;
    std::vector<int> cores_;
    std::vector<std::unique_ptr<worker>> workers_;
    std::vector<std::thread> threads_;
    std::size_t steps_ = 0;
    alignas(64) std::atomic<std::uint32_t> window_{0};
    alignas(64) std::atomic<std::uint32_t> ready_{0};
    // Who waits for the end sleeps at once: it would have some of a worker's core while it looks.
    std::mutex end_;
    std::condition_variable all_done_;
    std::uint32_t done_ = 0;
};

} // namespace cenote::bench
