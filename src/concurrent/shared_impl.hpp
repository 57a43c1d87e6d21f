// cenote: SPDX-License-Identifier: MIT
//
// The code of `shared`, for the sources of the concurrent pools.
#pragma once

#include <cenote/base/arith.hpp>
#include <cenote/concurrent/shared.hpp>
#include <cenote/slab/block_store.hpp>

#include "process.hpp"
#include "shared_memory_impl.hpp"

#include <cstring>
#include <initializer_list>
#include <new>
#include <utility>

namespace cenote::engine {

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

// A source that was paid in advance gives the caches their memory first: the core may take all the rest.
template<class Core>
bool shared<Core>::open() noexcept {
    if (is_open()) return true;
    if (!core_.open_shared()) return false;
    if (core_.from().is_prepaid() && core_.has_caches()) buy(core_.first_units() + 1);
    sync::store_release(state_, core_.has_caches() ? with_caches : without_caches);
    return true;
}

template<class Core>
thread_cache* shared<Core>::cache_here() noexcept {
    return registry::find(this_thread, id());
}

// The registry is asked before the pool's lock is taken: a fork that waits for that lock holds the
// registry's.
template<class Core>
thread_cache* shared<Core>::join(bool may_buy) noexcept {
    const state now = sync::load_acquire(state_);
    if (now == without_caches || (now == closed && !may_buy)) return nullptr;
    if (!process_registry().is_alive(this_thread)) return nullptr;
    if (thread_cache* const mine = cache_here()) return mine;
    if (may_buy) supply_records();
    {
        const section here(*this);
        if (!open() || !core_.has_caches()) return nullptr;
        if (may_buy) buy(2); // one for a thread that only frees
        if (!crew_.has_spare()) return nullptr;
    }
    if (!watch_this_thread()) return nullptr;
    thread_cache* const mine = process_registry().take_record(this_thread, id());
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
        if (!all && at->owner != &this_thread) continue;
        for (std::uint32_t c = 0; c < core_.size_classes(); ++c) recount(stock_of(*at, c), c);
    }
}

template<class Core>
std::size_t shared<Core>::cached_elsewhere(std::uint32_t size_class) noexcept {
    std::size_t blocks = 0;
    for (thread_cache* at = crew_.caches(); at != nullptr; at = at->next) {
        if (at->owner != &this_thread) blocks += stock_of(*at, size_class).level;
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

// Exchanges.

/// Empties `full`, of the stock `one`; less when more is wrong in it than a list of reports holds.
template<class Core>
void shared<Core>::flush(stock& one, magazine& full, std::uint32_t size_class) noexcept {
    if (full.is_empty()) return;
    recount(one, size_class);
    void* const* const stopped = core_.put(size_class, full.begin, full.top);
    const auto rest = static_cast<std::size_t>(full.top - stopped);
    if (rest != 0) std::memmove(full.begin, stopped, rest * sizeof(void*));
    full.top = full.begin + rest;
    recount(one, size_class);
}

template<class Core>
void shared<Core>::flush_all(thread_cache& mine) noexcept {
    for (std::uint32_t c = 0; c < core_.size_classes(); ++c) {
        stock& one = stock_of(mine, c);
        flush(one, one.spare, c);
        flush(one, one.loaded, c);
    }
}

/// True when nothing is left in it.
template<class Core>
bool shared<Core>::drain(cache_unit& unit) noexcept {
    bool is_empty = true;
    for (std::uint32_t c = 0; c < core_.size_classes(); ++c) {
        stock& one = unit.stocks()[c];
        recount(one, c);
        for (magazine* full : {&one.spare, &one.loaded}) flush(one, *full, c);
        is_empty = is_empty && one.count() == 0;
    }
    return is_empty;
}

template<class Core>
void shared<Core>::write_off(cache_unit& unit) noexcept {
    for (std::uint32_t c = 0; c < core_.size_classes(); ++c) {
        stock& one = unit.stocks()[c];
        if (one.is_in_exchange != 0) one.loaded = one.spare = {}; // unreadable: its blocks stay live
        recount(one, c);
        for (magazine* lost : {&one.spare, &one.loaded}) {
            core_.store(c).write_off(lost->begin, lost->top);
            lost->top = lost->begin;
        }
        recount(one, c);
    }
}

/// What threads that have gone left.
template<class Core>
void shared<Core>::collect() noexcept {
    if (crew_.is_fresh_child() && walks_ != 0 && walker_ != &this_thread) end_walks(); // nobody else will
    for (cache_unit* unit = crew_.take_abandoned(); unit != nullptr;) {
        cache_unit* const next = unit->next;
        write_off(*unit);
        core_.clear(*unit);
        crew_.add_spare(*unit);
        unit = next;
    }
    for (cache_unit* unit = crew_.take_returned(); unit != nullptr;) {
        cache_unit* const next = unit->next;
        if (drain(*unit)) {
            core_.clear(*unit);
            crew_.add_spare(*unit);
        } else {
            crew_.put_back_returned(*unit);
        }
        unit = next;
    }
    core_.set_caches(crew_.count());
}

template<class Core>
void* shared<Core>::take(thread_cache& mine, std::uint32_t size_class) noexcept {
    stock& one = stock_of(mine, size_class);
    for (bool is_first = true;; is_first = false) {
        if (one.loaded.is_empty()) one.exchange();
        if (!one.loaded.is_empty()) {
            if (void* const block = one.loaded.pop()) return block;
            const section here(*this);
            core_.store(size_class).report(misuse::foreign_pointer, nullptr);
            continue;
        }
        supply_records(); // for threads that only free; also their memory, below
        const section here(*this);
        if (crew_.answers(mine) || !is_first) flush_all(mine);
        if (one.can_hold()) widen(mine, size_class);
        if (!equip(mine, size_class)) return core_.take_one(size_class);
        recount(one, size_class);
        const std::size_t count = core_.fetch(size_class, one.loaded.begin, one.loaded.capacity());
        one.loaded.top = one.loaded.begin + count;
        recount(one, size_class);
        if (count != 0) {
            buy(1);
            return one.loaded.pop();
        }
        // What the caller caches in other sizes may help; then only other threads can.
        if (is_first && core_.size_classes() > 1) continue;
        crew_.ask_for_flushes();
        return nullptr;
    }
}

template<class Core>
void shared<Core>::give(thread_cache& mine, std::uint32_t size_class, void* block) noexcept {
    stock& one = stock_of(mine, size_class);
    // A loop, because a handler that hears of misuse runs when the section ends.
    for (;;) {
        if (!one.loaded.is_full()) return one.loaded.push_in_order(block);
        if (one.can_hold() && one.spare.is_empty()) {
            one.exchange();
            continue;
        }
        const section here(*this);
        if (crew_.answers(mine)) {
            flush_all(mine);
        } else if (one.can_hold()) {
            if (!widen(mine, size_class)) flush(one, one.spare, size_class);
        } else if (!equip(mine, size_class)) {
            return core_.give_one(size_class, block);
        }
        core_.after_put(size_class);
    }
}

template<class Core>
std::size_t shared<Core>::take_many(thread_cache& mine, std::uint32_t size_class, void** blocks,
                                    std::size_t want) noexcept {
    magazine& loaded = stock_of(mine, size_class).loaded;
    std::size_t taken = 0;
    while (taken < want) {
        void* const block = take(mine, size_class);
        if (block == nullptr) break;
        blocks[taken++] = block;
        const std::size_t more = loaded.count() < want - taken ? loaded.count() : want - taken;
        loaded.top -= more;
        if (more != 0) std::memcpy(blocks + taken, loaded.top, more * sizeof(void*));
        taken += more;
    }
    return taken;
}

template<class Core>
void shared<Core>::give_many(thread_cache& mine, std::uint32_t size_class, void* const* blocks,
                             std::size_t count) noexcept {
    magazine& loaded = stock_of(mine, size_class).loaded;
    while (count != 0) {
        const std::size_t fits = loaded.room() < count ? loaded.room() : count;
        if (fits != 0) std::memcpy(loaded.top, blocks, fits * sizeof(void*));
        loaded.top += fits;
        blocks += fits;
        count -= fits;
        if (count == 0) return;
        give(mine, size_class, *blocks++);
        --count;
    }
}

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
        walker_ = &this_thread;
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

} // namespace cenote::engine
