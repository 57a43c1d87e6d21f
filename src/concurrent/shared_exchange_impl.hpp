// cenote: SPDX-License-Identifier: MIT
//
// How threads of `shared` exchange magazines with the core, in their calls and when they have gone.
#pragma once

#include <cenote/concurrent/shared.hpp>
#include <cenote/slab/magazine.hpp>

#include "process.hpp"

#include <cstring>
#include <initializer_list>

namespace cenote::inline v0_1::engine {

/// Empties `full`, of the stock `one`; less when more is wrong in it than a list of reports holds.
template<class Core>
void shared<Core>::flush(stock& one, magazine& full, std::uint32_t size_class) noexcept {
    flush(one, full, full.count(), size_class);
}

/// The same with only so many, those that were put there first.
template<class Core>
void shared<Core>::flush(stock& one, magazine& full, std::size_t count, std::uint32_t size_class) noexcept {
    if (count == 0) return;
    recount(one, size_class);
    void* const* const stopped = core_.put(size_class, full.begin, full.begin + count);
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
    if (crew_.is_fresh_child() && walks_ != 0 && walker_ != &own_slots()) end_walks(); // nobody else will
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
        if (one.loaded.is_empty() && one.has_spare()) one.exchange();
        if (!one.loaded.is_empty()) {
            if (void* const block = one.loaded.pop()) return block;
            const section here(*this);
            core_.store(size_class).report(misuse::foreign_pointer, nullptr);
            continue;
        }
        supply_records(); // for threads that only free; also their memory, below
        const section here(*this);
        if (crew_.answers(mine) || !is_first || core_.wants_caches_back(size_class)) flush_all(mine);
        if (one.can_hold()) widen(mine, size_class);
        if (!equip(mine, size_class)) return core_.take_one(size_class);
        recount(one, size_class);
        const std::size_t count = core_.fetch(size_class, one.loaded.begin, one.batch());
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
        if (one.can_hold() && one.has_spare() && one.spare.is_empty()) {
            one.exchange();
            continue;
        }
        const section here(*this);
        if (crew_.answers(mine)) {
            flush_all(mine);
        } else if (one.can_hold()) {
            if (!one.has_spare())
                flush(one, one.loaded, one.batch(), size_class);
            else if (!widen(mine, size_class))
                flush(one, one.spare, size_class);
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

} // namespace cenote::inline v0_1::engine
