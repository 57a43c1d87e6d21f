// cenote: SPDX-License-Identifier: MIT
//
// Three ways to share a depot. Two hold a lock while a magazine is checked and converted, as the library
// does; the third hands over whole magazines of addresses on lock-free stacks and checks nothing: the best
// that it could ever do. Each has a cache, one a thread, which calls the guard once a magazine.
#pragma once

#include <cenote/slab/depot.hpp>
#include <cenote/source/os_pages.hpp>

#include "tagged_stack.hpp"

#include <memory>
#include <mutex>
#include <new>
#include <utility>
#include <vector>

namespace cenote::guards {

inline constexpr std::size_t block_size = 64;
inline constexpr std::size_t capacity = 512; // what 64 KiB a thread allow
inline constexpr std::size_t most_blocks = std::size_t{1} << 18;

/// Slabs for all blocks, bought at once: the guards are compared, not sources.
class stock {
public:
    stock() {
        engine::block_layout layout;
        engine::region_plan plan;
        plan.from = &default_source();
        plan.alignment = block_size;
        if (!engine::make_layout(block_size, block_size, 1024, layout)) throw std::bad_alloc();
        plan.slab_bytes = layout.slab_bytes();
        plan.record_bytes = engine::slab::bytes_for(layout.blocks_per_slab);
        plan.magazine_bytes = engine::depot::magazine_bytes(capacity);
        plan.most_slabs = engine::most_slabs_for(layout);
        regions_.configure(plan);
        depot_.heap().configure(layout, regions_, {0, unlimited, false});
        depot_.configure(capacity, "guards", engine::depot::order::oldest_first);
        if (!regions_.grow(most_blocks * block_size)) throw std::bad_alloc();
        depot_.adopt(*regions_.last());
    }
    ~stock() { regions_.release_all(); }
    stock(const stock&) = delete;
    stock& operator=(const stock&) = delete;

    [[nodiscard]] engine::depot& depot() { return depot_; }

private:
    engine::region_list regions_;
    engine::depot depot_;
};

/// A thread's two magazines. `exchange` is told of every visit to the guard.
template<class Guard>
class cache {
public:
    explicit cache(Guard& guard) : guard_(guard), loaded_(guard.make()), spare_(guard.make()) {}
    cache(const cache&) = delete;
    cache& operator=(const cache&) = delete;
    ~cache() {
        guard_.flush(loaded_);
        guard_.flush(spare_);
    }

    template<class Watch>
    [[nodiscard]] void* allocate(Watch& watch) {
        if (loaded_->count == 0) [[unlikely]] {
            std::swap(loaded_, spare_);
            if (loaded_->count == 0) watch.time([&] { guard_.refill(loaded_); });
        }
        return loaded_->blocks[--loaded_->count];
    }
    template<class Watch>
    void deallocate(void* block, Watch& watch) {
        if (loaded_->count == capacity) [[unlikely]] {
            std::swap(loaded_, spare_);
            if (loaded_->count == capacity) watch.time([&] { guard_.flush(loaded_); });
        }
        loaded_->blocks[loaded_->count++] = block;
    }

private:
    Guard& guard_;
    typename Guard::magazine* loaded_;
    typename Guard::magazine* spare_;
};

struct addresses {
    std::size_t count = 0;
    void* blocks[capacity];
};

/// The depot as it is, behind `Mutex`.
template<class Mutex>
class locked {
public:
    using magazine = addresses;

    [[nodiscard]] magazine* make() {
        const std::lock_guard hold(mutex_);
        return made_.emplace_back(std::make_unique<magazine>()).get();
    }
    void refill(magazine*& empty) {
        const std::lock_guard hold(mutex_);
        empty->count = stock_.depot().fetch(empty->blocks, capacity);
        if (empty->count == 0) throw std::bad_alloc();
    }
    void flush(magazine*& full) {
        const std::lock_guard hold(mutex_);
        stock_.depot().put(full->blocks, full->blocks + full->count);
        full->count = 0;
    }

private:
    Mutex mutex_;
    stock stock_;
    std::vector<std::unique_ptr<magazine>> made_;
};

/// The same stack under a lock.
class locked_stack {
public:
    static constexpr std::uint32_t none = tagged_stack<sync::real>::none;

    explicit locked_stack(std::uint32_t size) { numbers_.reserve(size); }
    void push(std::uint32_t number) noexcept {
        const sync::holder hold(mutex_);
        numbers_.push_back(number);
    }
    [[nodiscard]] std::uint32_t pop() noexcept {
        const sync::holder hold(mutex_);
        if (numbers_.empty()) return none;
        const std::uint32_t number = numbers_.back();
        numbers_.pop_back();
        return number;
    }

private:
    sync::mutex mutex_;
    std::vector<std::uint32_t> numbers_;
};

/// Whole magazines on two stacks; checks nothing, and cuts blocks from slabs only the first time.
template<class Stack>
class unchecked {
public:
    using magazine = addresses;

    unchecked() : magazines_(std::make_unique_for_overwrite<magazine[]>(count)), full_(count), empty_(count) {
        for (std::uint32_t i = 0; i < count; ++i) {
            magazines_[i].count = 0;
            empty_.push(i);
        }
    }
    [[nodiscard]] magazine* make() { return taken(empty_.pop()); }
    void refill(magazine*& empty) {
        const std::uint32_t full = full_.pop();
        if (full == Stack::none) {
            const std::lock_guard hold(mutex_);
            empty->count = stock_.depot().fetch(empty->blocks, capacity);
            if (empty->count == 0) throw std::bad_alloc();
            return;
        }
        empty_.push(number(empty));
        empty = &magazines_[full];
    }
    void flush(magazine*& full) {
        const std::uint32_t empty = empty_.pop();
        full_.push(number(full));
        full = taken(empty);
    }

private:
    static constexpr std::uint32_t count = 2 * most_blocks / capacity;

    [[nodiscard]] magazine* taken(std::uint32_t number) {
        if (number == Stack::none) throw std::bad_alloc();
        return &magazines_[number];
    }
    [[nodiscard]] std::uint32_t number(const magazine* one) const {
        return static_cast<std::uint32_t>(one - magazines_.get());
    }

    std::unique_ptr<magazine[]> magazines_;
    Stack full_;
    Stack empty_;
    sync::mutex mutex_;
    stock stock_;
};

} // namespace cenote::guards
