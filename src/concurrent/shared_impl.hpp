// cenote: SPDX-License-Identifier: MIT
//
// The code of `shared`, for the sources of the concurrent pools.
#pragma once

#include <cenote/concurrent/shared.hpp>

#include "process.hpp"
#include "shared_exchange_impl.hpp"
#include "shared_memory_impl.hpp"

namespace cenote::inline v0_1::engine {

template<class Core>
shared<Core>::~shared() {
    leave_registry(crew_);
    for (bool more = crew_.is_listed(); more;) { // a section drains what fits its list of reports
        const section here(*this);
        more = crew_.has_gone();
    }
    release_chunks(true);
}

// Joining.

// A source that was paid in advance gives the caches their memory first: the core may take all the rest. One
// that had none for them when the core was made may have some later.
template<class Core>
bool shared<Core>::open() noexcept {
    if (!is_open()) {
        if (!core_.open_shared()) return false;
        if (core_.from().is_prepaid() && core_.has_caches()) buy(core_.first_units() + 1);
    }
    const state now = core_.has_caches() ? with_caches : without_caches;
    if (state_ != now) sync::store_release(state_, now);
    return true;
}

template<class Core>
thread_cache* shared<Core>::cache_here() noexcept {
    return registry::find(own_slots(), id());
}

// The registry is asked before the pool's lock is taken: a fork that waits for that lock holds the
// registry's.
template<class Core>
thread_cache* shared<Core>::join(bool may_buy) noexcept {
    const state now = sync::load_acquire(state_);
    if (now == without_caches || (now == closed && !may_buy)) return nullptr;
    if (!process_registry().is_alive(own_slots())) return nullptr;
    if (thread_cache* const mine = cache_here()) return mine;
    if (may_buy) supply_records();
    {
        const section here(*this);
        if (!open() || !core_.has_caches()) return nullptr;
        if (may_buy) buy(2); // one for a thread that only frees
        if (!crew_.has_spare()) return nullptr;
    }
    if (!watch_this_thread()) return nullptr;
    thread_cache* const mine = process_registry().take_record(own_slots(), id());
    if (mine == nullptr) return nullptr;
    const section here(*this);
    if (!crew_.has_spare()) return nullptr;
    cache_unit& unit = crew_.join(*mine);
    mine->own = {};
    mine->stocks = core_.size_classes() == 1 ? &mine->own : unit.stocks();
    process_registry().connect(*mine, crew_);
    core_.set_caches(crew_.count());
    return mine;
}

// Counting.

template<class Core>
void shared<Core>::recount(stock& one, std::uint32_t size_class) noexcept {
    auto& store = core_.store(size_class);
    const auto now = static_cast<std::uint32_t>(one.count());
    store.set_elsewhere(store.elsewhere() - one.level + now);
    one.level = now;
}

template<class Core>
void shared<Core>::recount(bool all) noexcept {
    for (thread_cache* at = crew_.caches(); at != nullptr; at = at->next) {
        if (!all && at->owner != &own_slots()) continue;
        for (std::uint32_t c = 0; c < core_.size_classes(); ++c) recount(stock_of(*at, c), c);
    }
}

template<class Core>
std::size_t shared<Core>::cached_elsewhere(std::uint32_t size_class) noexcept {
    std::size_t blocks = 0;
    for (thread_cache* at = crew_.caches(); at != nullptr; at = at->next) {
        if (at->owner != &own_slots()) blocks += stock_of(*at, size_class).level;
    }
    return blocks;
}

template<class Core>
pool_stats shared<Core>::levels(bool all) noexcept {
    const section here(*this);
    recount(all);
    pool_stats result = core_.stats();
    result.reserved_bytes += bought_;
    return result;
}

template<class Core>
bool shared<Core>::is_valid() noexcept {
    const section here(*this);
    recount(true);
    return core_.is_valid();
}

template<class Core>
void shared<Core>::count_failure() noexcept {
    const section here(*this);
    ++core_.calls_.failures;
}

// Questions and memory.

template<class Core>
bool shared<Core>::holds(const void* block, std::uint32_t size_class) noexcept {
    thread_cache* const mine = cache_here();
    if (mine == nullptr) return false;
    const stock& one = stock_of(*mine, size_class);
    for (const magazine* cached : {&one.loaded, &one.spare}) {
        for (void* const* entry = cached->begin; entry != cached->top; ++entry) {
            if (*entry == block) return true;
        }
    }
    return false;
}

template<class Core>
void shared<Core>::release_cache() noexcept {
    thread_cache* const mine = cache_here();
    if (mine == nullptr) return;
    for (std::uint32_t c = 0; c < core_.size_classes(); ++c) {
        while (stock_of(*mine, c).count() != 0) { // more than once only when much of it is wrong
            const section here(*this);
            flush_all(*mine);
            core_.after_put(c);
        }
    }
}

template<class Core>
void shared<Core>::give_way() noexcept {
    constexpr std::int64_t to_wake = 100'000; // nanoseconds
    const std::int64_t begin = sync::steady_now();
    while (!crew_.is_locked() && sync::steady_now() - begin < to_wake) sync::real::yield();
}

template<class Core>
trim_result shared<Core>::trim() noexcept {
    trim_result result;
    release_cache();
    const section here(*this);
    if (!is_open() || walks_ != 0) return result;
    crew_.ask_for_flushes();
    if (thread_cache* const mine = cache_here()) (void)crew_.answers(*mine);
    // A caller's buffer is kept: caches, and a table that threads read, stay in it and would leave holes.
    if (!core_.from().is_prepaid()) {
        const std::size_t bought = bought_;
        result.returned_bytes += core_.trim();
        release_chunks(false);
        result.returned_bytes += bought - bought_;
        core_.from().trim();
    }
    for (std::uint32_t c = 0; c < core_.size_classes(); ++c) {
        result.pinned_bytes += cached_elsewhere(c) * core_.store(c).stride();
    }
    return result;
}

// Quiet.

/// True when nothing is cached any more; false when there was more wrong than a list of reports holds.
template<class Core>
bool shared<Core>::flush_everybody() noexcept {
    bool is_done = !crew_.has_gone();
    for (thread_cache* at = crew_.caches(); at != nullptr; at = at->next) {
        flush_all(*at);
        for (std::uint32_t c = 0; c < core_.size_classes(); ++c) {
            is_done = is_done && stock_of(*at, c).count() == 0;
        }
    }
    return is_done;
}

template<class Core>
void shared<Core>::suspend() noexcept {
    for (bool is_done = false; !is_done;) {
        const section here(*this);
        is_done = flush_everybody();
        if (!is_done) continue;
        core_.set_walks(++walks_);
        walker_ = &own_slots();
        if (walks_ != 1) return;
        for (thread_cache* at = crew_.caches(); at != nullptr; at = at->next) {
            for (std::uint32_t c = 0; c < core_.size_classes(); ++c) {
                stock& one = stock_of(*at, c);
                one.loaded.end = one.loaded.begin;
                one.spare.end = one.spare.begin;
            }
        }
    }
}

template<class Core>
void shared<Core>::resume() noexcept {
    const section here(*this);
    if (walks_ == 1) return end_walks();
    core_.set_walks(--walks_);
}

template<class Core>
bool shared<Core>::is_walked() noexcept {
    const section here(*this);
    return walks_ != 0;
}

template<class Core>
void shared<Core>::end_walks() noexcept {
    walks_ = 0;
    core_.set_walks(0);
    for (thread_cache* at = crew_.caches(); at != nullptr; at = at->next) {
        for (std::uint32_t c = 0; c < core_.size_classes(); ++c) {
            stock_of(*at, c).restore();
        }
    }
}

template<class Core>
void shared<Core>::reset() noexcept {
    for (bool is_done = false; !is_done;) {
        const section here(*this);
        is_done = flush_everybody();
        if (is_done) core_.reset();
    }
}

} // namespace cenote::inline v0_1::engine
