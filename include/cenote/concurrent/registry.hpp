// cenote: SPDX-License-Identifier: MIT
//
// All pools of this copy of the library that threads share, and the records of all threads' caches: where the
// end of a thread, the end of a pool and a fork meet. Its lock may be taken while a pool's is held, because a
// pool may draw from another; so a pool's lock is not waited for under it: a thread that ends pins the pool
// first, and a fork waits for a while only. No source is called under it.
#pragma once

#include <cenote/concurrent/crew.hpp>

namespace cenote::inline v0_1::engine {

template<class Policy>
class basic_registry {
public:
    using crew = basic_crew<Policy>;
    using cache = basic_thread_cache<Policy>;
    using slots = basic_thread_slots<Policy>;
    template<class T>
    using data = typename Policy::template data<T>;

    /// `gone` ends the chains of threads that get no cache any more; another record those of all others.
    constexpr explicit basic_registry(cache& gone) noexcept : gone_(&gone) {}
    basic_registry(const basic_registry&) = delete;
    basic_registry& operator=(const basic_registry&) = delete;

    /// Makes a pool known to forks and numbers it, before its lock is taken for the first time.
    void enter(crew& pool) noexcept {
        const sync::holder here(lock_);
        if (pool.is_listed()) return;
        insert(pool);
        last_id_ = last_id_ + 1;
        pool.id_.store(salt() | last_id_, sync::memory_order_relaxed);
        pool.is_listed_.store(true, sync::memory_order_relaxed);
    }

    /// The pool is about to end: parts with every cache of it. Nobody else may use it any more.
    void leave(crew& pool) noexcept {
        lock_.lock();
        while (pool.pins_ != 0) { // threads that end are just parting with it
            const std::uint32_t seen = unpinned_.load(sync::memory_order_relaxed);
            lock_.unlock();
            Policy::wait(unpinned_, seen);
            lock_.lock();
        }
        pool.lock();
        while (cache* const mine = pool.caches()) {
            pool.part(*mine, false);
            mine->key.store(no_key, sync::memory_order_relaxed);
        }
        pool.unlock();
        unlink(pool);
        pool.id_.store(0, sync::memory_order_relaxed);
        lock_.unlock();
    }

    /// The calling thread's cache of the pool, or null. Makes it the first of its slot.
    [[nodiscard]] static cache* find(slots& here, std::uint64_t id) noexcept {
        cache*& head = here.heads[slots::slot_of(id)];
        cache** link = &head;
        for (cache* at = head; at->next_here != nullptr; link = &at->next_here, at = at->next_here) {
            if (at->key.load(sync::memory_order_relaxed) != id) continue;
            *link = at->next_here;
            at->next_here = head;
            head = at;
            return at;
        }
        return nullptr;
    }

    /// Whether the thread may still get caches.
    [[nodiscard]] bool is_alive(const slots& here) const noexcept { return here.heads[0] != gone_; }

    /// Gives the calling thread a record for `pool`, in its table; null when there is none. Records of pools
    /// that have ended are used again first.
    [[nodiscard]] cache* take_record(slots& here, std::uint64_t id) noexcept {
        cache*& head = here.heads[slots::slot_of(id)];
        const sync::holder hold(lock_);
        cache* record = nullptr;
        for (cache** link = &head; (*link)->next_here != nullptr;) {
            cache& at = **link;
            if (at.key.load(sync::memory_order_relaxed) != no_key) {
                link = &at.next_here;
                continue;
            }
            *link = at.next_here;
            if (record != nullptr) add(*record);
            record = &at;
        }
        if (record == nullptr) {
            record = spare_;
            if (record == nullptr) return nullptr;
            spare_ = record->next_here;
            spare_count_.fetch_sub(1, sync::memory_order_relaxed);
        }
        record->owner = &here;
        record->next_here = head;
        head = record;
        return record;
    }

    /// The record that was just taken is the thread's cache of `pool` from now on. Under the pool's lock.
    void connect(cache& record, crew& pool) noexcept {
        record.crew = &pool;
        record.key.store(pool.id(), sync::memory_order_relaxed);
    }

    /// How many records are left, as of some moment ago; and more of them.
    [[nodiscard]] std::size_t spare_records() const noexcept {
        return spare_count_.load(sync::memory_order_relaxed);
    }
    void add_records(cache* first, std::size_t count) noexcept {
        const sync::holder here(lock_);
        for (std::size_t i = 0; i < count; ++i) add(first[i]);
    }

    /// The calling thread ends: parts with all its caches.
    void end_thread(slots& here) noexcept {
        for (cache*& head : here.heads) {
            while (head->next_here != nullptr) {
                cache& mine = *head;
                head = mine.next_here;
                part(mine);
            }
            head = gone_;
        }
    }

    /// Around a fork: takes every lock there is, and gives them back. It keeps those that it has while it
    /// waits for the next, or busy pools would never all be free at once; but who holds the next may wait
    /// for one of them. Then all are let go, and that pool comes first from now on: it draws from others.
    void lock_all() noexcept {
        for (;;) {
            lock_.lock();
            crew* busy = crews_;
            while (busy != nullptr && wait_a_while_for(*busy)) busy = busy->next_;
            if (busy == nullptr) return;
            for (crew* held = crews_; held != busy; held = held->next_) held->unlock();
            unlink(*busy);
            insert(*busy);
            lock_.unlock();
            Policy::yield();
        }
    }
    void unlock_all() noexcept {
        for (crew* held = crews_; held != nullptr;) {
            crew* const next = held->next_;
            held->unlock();
            held = next;
        }
        lock_.unlock();
    }
    /// In the child: the caches of all threads but this one are abandoned.
    void abandon_others(const slots& here) noexcept {
        for (crew* pool = crews_; pool != nullptr; pool = pool->next_) {
            for (cache* at = pool->caches(); at != nullptr;) {
                cache* const next = at->next;
                if (at->owner != &here) {
                    pool->part(*at, true);
                    at->key.store(no_key, sync::memory_order_relaxed);
                    add(*at);
                }
                at = next;
            }
            pool->pins_ = 0;
            pool->is_fresh_child_ = true;
        }
    }

private:
    static constexpr int patience = 1000; // looks at a lock, in each of which other threads run

    void insert(crew& pool) noexcept {
        pool.previous_ = nullptr;
        pool.next_ = crews_;
        if (crews_ != nullptr) pool.next_->previous_ = &pool;
        crews_ = &pool;
    }
    void unlink(crew& pool) noexcept {
        if (pool.previous_ != nullptr) {
            pool.previous_->next_ = pool.next_;
        } else {
            crews_ = pool.next_;
        }
        if (pool.next_ != nullptr) pool.next_->previous_ = pool.previous_;
    }

    [[nodiscard]] static bool wait_a_while_for(crew& pool) noexcept {
        for (int looks = 0; !pool.try_lock(); ++looks) {
            if (looks == patience) return false;
            Policy::yield();
        }
        return true;
    }

    void part(cache& mine) noexcept {
        crew* pool = nullptr;
        {
            const sync::holder here(lock_);
            if (mine.key.load(sync::memory_order_relaxed) == no_key) return add(mine);
            pool = mine.crew;
            pool->pins_ = pool->pins_ + 1;
        }
        pool->lock();
        pool->part(mine, false);
        pool->unlock();
        {
            const sync::holder here(lock_);
            mine.key.store(no_key, sync::memory_order_relaxed);
            add(mine);
            pool->pins_ = pool->pins_ - 1;
            unpinned_.fetch_add(1, sync::memory_order_relaxed);
        }
        Policy::wake_all(unpinned_);
    }

    // Two copies of the library in one process may share the thread-local table: their numbers differ in the
    // upper bits. The lower ones last for 2^40 pools.
    [[nodiscard]] std::uint64_t salt() const noexcept {
        return (std::uint64_t{reinterpret_cast<std::uintptr_t>(this)} * 0x9e3779b97f4a7c15u) >> 40 << 40;
    }

    void add(cache& record) noexcept {
        record.crew = nullptr;
        record.owner = nullptr;
        record.next_here = spare_;
        spare_ = &record;
        spare_count_.fetch_add(1, sync::memory_order_relaxed);
    }

    sync::basic_mutex<Policy> lock_;
    cache* gone_;
    data<std::uint64_t> last_id_{0};
    data<crew*> crews_{nullptr};
    data<cache*> spare_{nullptr};
    typename Policy::template atomic<std::size_t> spare_count_{0};
    typename Policy::template atomic<std::uint32_t> unpinned_{0};
};

using registry = basic_registry<sync::real>;

} // namespace cenote::inline v0_1::engine
