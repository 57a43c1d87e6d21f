// cenote: SPDX-License-Identifier: MIT
//
// What is measured of a pass besides its time: how long single operations take, and how much memory is held.
// Each worker has an observer of its own, which knows where its operations begin among those of all.
#pragma once

#include "replay/job.hpp"
#include "replay/memory_use.hpp"
#include "replay/ticks.hpp"

#include <algorithm>
#include <limits>
#include <mutex>

namespace cenote::tool {

// Keeps for each operation the least time it took in any round: what the machine adds now and then falls
// away.
class latency_observer {
public:
    latency_observer(std::span<std::uint32_t> all, std::uint64_t first)
        : out_(all.subspan(std::min<std::size_t>(first, all.size()))) {}
    void before() { start_ = ticks(); }
    void after(std::size_t i) {
        const std::uint64_t took = ticks() - start_;
        if (i >= out_.size()) return;
        const auto kept = static_cast<std::uint32_t>(
            std::min<std::uint64_t>(took, std::numeric_limits<std::uint32_t>::max()));
        out_[i] = std::min(out_[i], kept);
    }
    void done(std::size_t) {}

private:
    std::span<std::uint32_t> out_;
    std::uint64_t start_ = 0;
};

// Looks at the memory some 200 times in a pass, and where the most is live.
template<class Contender>
class memory_watch {
public:
    memory_watch(Contender& contender, const job& j, outcome& out)
        : contender_(contender), step_(std::max<std::size_t>(1, j.count() / 200)), peak_op_(j.peak_op),
          out_(out) {
        out_.mapped_bytes = mapped_bytes();
        out_.resident_bytes = resident_bytes();
        out_.reserved_bytes = contender_.reserved_bytes();
    }

    void done(std::uint64_t i) {
        if (i % step_ != 0 && i != peak_op_) return;
        const std::lock_guard lock(mutex_);
        raise(out_.mapped_bytes, mapped_bytes());
        raise(out_.resident_bytes, resident_bytes());
        raise(out_.reserved_bytes, contender_.reserved_bytes());
    }

private:
    static void raise(std::uint64_t& peak, std::uint64_t now) {
        if (now != unknown_value && peak != unknown_value) peak = std::max(peak, now);
    }

    Contender& contender_;
    std::size_t step_;
    std::uint64_t peak_op_;
    outcome& out_;
    std::mutex mutex_;
};

template<class Contender>
class memory_observer {
public:
    memory_observer(memory_watch<Contender>& watch, std::uint64_t first) : watch_(watch), first_(first) {}
    void before() {}
    void after(std::size_t) {}
    void done(std::size_t i) { watch_.done(first_ + i); }

private:
    memory_watch<Contender>& watch_;
    std::uint64_t first_;
};

} // namespace cenote::tool
