// cenote: SPDX-License-Identifier: MIT
#include "patterns/crew.hpp"

#include "patterns/basics.hpp"
#include "patterns/distance.hpp"

#include <array>
#include <cstdlib>
#include <fcntl.h>
#include <sched.h>
#include <unistd.h>

namespace cenote::bench {

std::vector<int> usable_cores() {
    cpu_set_t set;
    CPU_ZERO(&set);
    std::vector<int> cores;
    if (::sched_getaffinity(0, sizeof set, &set) == 0)
        for (int core = 0; core < CPU_SETSIZE; ++core)
            if (CPU_ISSET(core, &set)) cores.push_back(core);
    if (cores.empty()) cores.push_back(0);
    return cores;
}

void bind_to(int core) {
    cpu_set_t set;
    CPU_ZERO(&set);
    CPU_SET(core, &set);
    ::sched_setaffinity(0, sizeof set, &set);
}

// The second number of the file; 0 where the kernel does not keep it.
double waited_ns() {
    thread_local const int file = ::open("/proc/thread-self/schedstat", O_RDONLY | O_CLOEXEC);
    std::array<char, 96> text{};
    if (file < 0 || ::pread(file, text.data(), text.size() - 1, 0) <= 0) return 0;
    char* rest = nullptr;
    (void)std::strtoull(text.data(), &rest, 10);
    return static_cast<double>(std::strtoull(rest, nullptr, 10));
}

bool tells_who_waits(const char* file) {
    return ::access(file, R_OK) == 0;
}

std::size_t crew::worker::next() {
    {
        const std::lock_guard here(all_.end_);
        if (++all_.done_ == all_.size_) all_.all_done_.notify_one();
    }
    all_.window_.wait(seen_, std::memory_order_acquire);
    seen_ = all_.window_.load(std::memory_order_acquire);
    return all_.steps_;
}

void crew::worker::begin() {
    std::this_thread::yield(); // to who set off the window and is about to sleep
    waited_before_ = waited_ns();
    all_.ready_.fetch_add(1, std::memory_order_acq_rel);
    if (all_.has_a_core_each()) {
        while (all_.ready_.load(std::memory_order_acquire) != all_.size_) __builtin_ia32_pause();
    }
    cpu_ = process_cpu_ns(); // what a contender's own threads do counts
    own_ = clock_ns(CLOCK_THREAD_CPUTIME_ID);
    start_ = clock_ns(CLOCK_MONOTONIC);
}

void crew::worker::end() {
    end_ = clock_ns(CLOCK_MONOTONIC);
    own_ = clock_ns(CLOCK_THREAD_CPUTIME_ID) - own_;
    cpu_ = process_cpu_ns() - cpu_;
    waited_ = waited_ns() - waited_before_;
}

crew::crew(unsigned size) : size_(size), cores_(usable_cores()) {
    for (unsigned i = 0; i < size; ++i) workers_.push_back(std::make_unique<worker>(*this, i));
}

crew::~crew() {
    if (!threads_.empty()) set_off(0);
    for (std::thread& one : threads_) one.join();
}

void crew::start(const std::function<void(worker&)>& life) {
    for (unsigned i = 0; i < size_; ++i) {
        threads_.emplace_back([this, i, life] {
            bind_to(cores_[i % cores_.size()]);
            life(*workers_[i]);
        });
    }
    wait_for_all();
}

void crew::set_off(std::size_t steps) {
    steps_ = steps;
    ready_.store(0, std::memory_order_relaxed);
    {
        const std::lock_guard here(end_);
        done_ = 0;
    }
    window_.fetch_add(1, std::memory_order_acq_rel);
    window_.notify_all();
}

void crew::wait_for_all() {
    std::unique_lock here(end_);
    all_done_.wait(here, [this] { return done_ == size_; });
}

double crew::trip_ns() const {
    return size_ > 1 && cores_.size() > 1 ? round_trip_ns(cores_[0], cores_[1]) : 0;
}

sample crew::run(std::size_t steps) {
    const double before = is_distance_watched ? trip_ns() : 0;
    set_off(steps);
    wait_for_all();
    if (size_ == 1) return {.ns = workers_[0]->cpu_};
    const double after = is_distance_watched ? trip_ns() : 0;
    double start = workers_[0]->start_;
    double end = workers_[0]->end_;
    double waited = 0;
    double busy = 0;
    for (const std::unique_ptr<worker>& one : workers_) {
        start = std::min(start, one->start_);
        end = std::max(end, one->end_);
        waited = std::max(waited, one->waited_);
        busy += one->own_;
    }
    const double abreast = std::min<double>(size_, static_cast<double>(cores_.size()));
    return {.ns = end - start,
            .share = abreast / size_,
            .waited_ns = has_a_core_each() ? waited : 0,
            .trip_ns = std::min(before, after),
            .busy_ns = has_a_core_each() ? 0 : busy / static_cast<double>(cores_.size()),
            .has_moved = is_elsewhere(before, after)};
}

} // namespace cenote::bench
