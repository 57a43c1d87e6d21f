// cenote: SPDX-License-Identifier: MIT
//
// What both runs of cenote_worst do: random replacement of 16 to 1,024 bytes, on memory whose addresses are
// the same in both, so that a call in one takes the way that it takes in the other. Each of the two files
// that include this has a library of its own; nothing of it is shared.
#pragma once

#include <cenote/pool/variable_pool.hpp>

#include "worst.hpp"

#include <utility>
#include <vector>

namespace {

volatile bool is_in_source = false; // while the source has the word

/// Says so.
class turn {
public:
    turn() noexcept { is_in_source = true; }
    turn(const turn&) = delete;
    turn& operator=(const turn&) = delete;
    ~turn() { is_in_source = false; }
};

/// Cuts regions from the ground one behind the other, and counts its calls.
class furrow final : public cenote::source {
public:
    explicit furrow(const worst::ground& on) noexcept : next_(on.begin), end_(on.begin + on.bytes) {}
    std::size_t calls = 0;
    void* reserve(const request& wanted) noexcept override {
        const turn here;
        ++calls;
        const auto address = reinterpret_cast<std::uintptr_t>(next_);
        const std::size_t padding = (0 - address) & (wanted.alignment - 1);
        const auto room = static_cast<std::size_t>(end_ - next_);
        if (padding > room || wanted.bytes > room - padding) return nullptr;
        std::byte* const given = next_ + padding;
        next_ = given + wanted.bytes;
        return given;
    }
    void release(void* /*region*/, const request& /*given*/) noexcept override {
        const turn here;
        ++calls;
    }
    [[nodiscard]] std::size_t granularity() const noexcept override { return 4096; }

private:
    std::byte* next_;
    std::byte* end_;
};

class dice {
public:
    std::size_t below(std::size_t limit) {
        state_ = state_ * 6364136223846793005u + 1442695040888963407u;
        return static_cast<std::size_t>(((state_ >> 32) * limit) >> 32);
    }
    std::size_t size() { return 16 + below(1009); }

private:
    std::uint64_t state_ = 0x9e3779b97f4a7c15u;
};

/// `watch(call, has_used_source)` runs every call to the pool once there are blocks and their order is lost,
/// `watch_tide` those that fill the pool before and empty it behind.
template<class WatchTide, class Watch>
void run_traffic(const worst::ground& on, std::size_t calls, std::size_t live, const WatchTide& watch_tide,
                 const Watch& watch) {
    furrow from(on);
    cenote::variable_pool pool({.source = &from, .sanitizers = false, .name = "worst"});
    dice random;
    std::vector<void*> slots(live);
    std::size_t before = from.calls;
    const auto used_source = [&] { return std::exchange(before, from.calls) != from.calls; };
    for (void*& slot : slots) {
        const std::size_t size = random.size();
        watch_tide([&] { slot = pool.allocate(size); }, used_source);
    }
    for (std::size_t i = 0; i < 2 * live; ++i) {
        void*& slot = slots[random.below(live)];
        const std::size_t size = random.size();
        watch_tide([&] { pool.deallocate(slot); }, used_source);
        watch_tide([&] { slot = pool.allocate(size); }, used_source);
    }
    for (std::size_t done = 0; done < calls; done += 2) {
        void*& slot = slots[random.below(live)];
        const std::size_t size = random.size();
        void* const old = slot;
        watch([&] { slot = pool.allocate(size); }, used_source);
        watch([&] { pool.deallocate(old); }, used_source);
    }
    for (void* const slot : slots) watch_tide([&] { pool.deallocate(slot); }, used_source);
}

} // namespace
