// cenote: SPDX-License-Identifier: MIT
//
// The threads that share a pool, and the lock that guards what they share. The lock is held for a magazine's
// exchange, a growth, a question; no user callback but the pool's source runs under it. Caches come with
// memory bought in advance, so that a thread that only frees needs none. The caches of threads that have gone
// wait in a list for the next call, which has nothing else to wait for. A template over the atomics policy:
// the tests drive it through all short schedules.
#pragma once

#include <cenote/concurrent/thread_cache.hpp>

namespace cenote::inline v0_1::engine {

template<class Policy>
class basic_registry;

template<class Policy>
class basic_crew {
public:
    using cache = basic_thread_cache<Policy>;
    using slots = basic_thread_slots<Policy>;
    template<class T>
    using data = typename Policy::template data<T>;

    constexpr basic_crew() noexcept = default;
    basic_crew(const basic_crew&) = delete;
    basic_crew& operator=(const basic_crew&) = delete;

    /// The pool's number, which no other pool has or had; 0 before its first call and after its end.
    [[nodiscard]] std::uint64_t id() const noexcept { return id_.load(sync::memory_order_relaxed); }

    /// Whether forks know of it, as they must before its lock is taken. Stays so after its end.
    [[nodiscard]] bool is_listed() const noexcept { return is_listed_.load(sync::memory_order_relaxed); }

    void lock() noexcept { lock_.lock(); }
    [[nodiscard]] bool try_lock() noexcept { return lock_.try_lock(); }
    void unlock() noexcept { lock_.unlock(); }
    [[nodiscard]] bool is_locked() const noexcept { return lock_.is_locked(); }

    // All that follows needs the lock.

    /// Memory for caches to come.
    void add_spare(cache_unit& unit) noexcept {
        push(spare_, unit);
        spare_count_ = spare_count_ + 1;
    }
    [[nodiscard]] std::size_t spare_count() const noexcept { return spare_count_; }
    [[nodiscard]] bool has_spare() const noexcept { return spare_ != nullptr; }
    /// All of it.
    [[nodiscard]] cache_unit* take_spares() noexcept {
        spare_count_ = 0;
        return take_all(spare_);
    }

    /// Makes `mine` the calling thread's cache, with memory that must be there.
    cache_unit& join(cache& mine) noexcept {
        cache_unit& unit = *spare_;
        spare_ = unit.next;
        spare_count_ = spare_count_ - 1;
        mine.unit = &unit;
        mine.unit->flushes_seen = flushes_;
        mine.previous = nullptr;
        mine.next = caches_;
        if (mine.next != nullptr) mine.next->previous = &mine;
        caches_ = &mine;
        count_ = count_ + 1;
        return unit;
    }

    /// Parts with a cache. What its magazines hold waits with their memory.
    void part(cache& gone, bool is_abandoned) noexcept {
        if (gone.previous != nullptr) {
            gone.previous->next = gone.next;
        } else {
            caches_ = gone.next;
        }
        if (gone.next != nullptr) gone.next->previous = gone.previous;
        count_ = count_ - 1;
        cache_unit& unit = *gone.unit;
        if (gone.stocks == &gone.own) *unit.stocks() = gone.own;
        push(is_abandoned ? abandoned_ : returned_, unit);
        gone.own = {};
        gone.stocks = nullptr;
        gone.unit = nullptr;
    }

    /// What threads that have gone left; the caller empties it and adds it to the spare memory.
    [[nodiscard]] cache_unit* take_returned() noexcept { return take_all(returned_); }
    void put_back_returned(cache_unit& unit) noexcept { push(returned_, unit); }
    /// The same of threads that a fork left behind: nobody may have these blocks again.
    [[nodiscard]] cache_unit* take_abandoned() noexcept { return take_all(abandoned_); }
    [[nodiscard]] bool has_gone() const noexcept {
        return returned_ != nullptr || abandoned_ != nullptr || is_fresh_child_;
    }
    /// Whether this is the first question in the child of a fork.
    [[nodiscard]] bool is_fresh_child() noexcept {
        const bool fresh = is_fresh_child_;
        is_fresh_child_ = false;
        return fresh;
    }

    [[nodiscard]] cache* caches() const noexcept { return caches_; }
    [[nodiscard]] std::size_t count() const noexcept { return count_; }

    /// Asks every thread to flush at its next call that holds the lock.
    void ask_for_flushes() noexcept { flushes_ = flushes_ + 1; }
    /// Whether `mine` was asked since it last answered.
    [[nodiscard]] bool answers(cache& mine) const noexcept {
        const bool asked = mine.unit->flushes_seen != flushes_;
        mine.unit->flushes_seen = flushes_;
        return asked;
    }

private:
    friend class basic_registry<Policy>;

    static void push(data<cache_unit*>& list, cache_unit& unit) noexcept {
        unit.next = list;
        list = &unit;
    }
    [[nodiscard]] static cache_unit* take_all(data<cache_unit*>& list) noexcept {
        cache_unit* const all = list;
        list = nullptr;
        return all;
    }

    // Read by every call, and so not beside what every exchange writes.
    typename Policy::template atomic<std::uint64_t> id_{0};
    typename Policy::template atomic<bool> is_listed_{false};

    alignas(64) sync::basic_mutex<Policy> lock_;
    data<cache*> caches_{nullptr};
    data<std::size_t> count_{0};
    data<cache_unit*> spare_{nullptr};
    data<std::size_t> spare_count_{0};
    data<cache_unit*> returned_{nullptr};
    data<cache_unit*> abandoned_{nullptr};
    data<std::uint32_t> flushes_{0};
    data<bool> is_fresh_child_{false};

    // These belong to the registry, and to its lock.
    data<basic_crew*> next_{nullptr};
    data<basic_crew*> previous_{nullptr};
    data<std::uint32_t> pins_{0}; // threads that are about to part with it
};

using crew = basic_crew<sync::real>;

/// Makes a crew known to forks of the process, before its lock is taken for the first time.
CENOTE_API void enter_registry(crew& pool) noexcept;
/// Before it ends; also when it never entered.
CENOTE_API void leave_registry(crew& pool) noexcept;

} // namespace cenote::inline v0_1::engine
