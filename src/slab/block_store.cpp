// cenote: SPDX-License-Identifier: MIT
#include <cenote/slab/block_store.hpp>

#include <cstring>
#include <initializer_list>
#include <utility>

namespace cenote::inline v0_1::engine {
namespace {

constexpr std::size_t first_blocks = 4;

} // namespace

void block_store::equip(void** memory, std::size_t capacity) noexcept {
    memory_ = memory;
    capacity_ = capacity;
    loaded = magazine::in(memory, capacity);
    spare_ = magazine::in(memory + magazine::words_for(capacity), capacity);
}

void block_store::suspend() noexcept {
    drain_magazines();
    loaded = {};
    spare_ = {};
}

void block_store::strip() noexcept {
    loaded = {};
    spare_ = {};
    memory_ = nullptr;
    capacity_ = 0;
    flushed_ = 0;
    heap().forget_slabs();
    depot_.forget_magazines();
}

void block_store::end() noexcept {
    if (!spare_.is_empty()) depot_.discard(spare_.begin, spare_.top);
    if (!loaded.is_empty()) depot_.discard(loaded.begin, loaded.top);
}

void* block_store::refill() noexcept {
    for (;;) {
        while (!loaded.is_empty()) {
            if (void* const block = loaded.pop()) return block;
            depot_.report(misuse::foreign_pointer, nullptr);
        }
        if (spare_.is_empty()) break;
        std::swap(loaded, spare_);
    }
    note_peak();
    if (loaded.capacity() == 0) return depot_.take_exact();
    // A pool of few blocks pays for few, of a single one for one: at most as many more as are out.
    const std::size_t out = heap().out();
    const std::size_t want = out == 0 ? 1 : out < first_blocks ? first_blocks - out : out;
    loaded.top += depot_.fetch(loaded.begin, want < loaded.capacity() ? want : loaded.capacity());
    return loaded.is_empty() ? nullptr : loaded.pop();
}

void block_store::flush(void* block) noexcept {
    if (!spare_.is_empty()) drain(spare_);
    std::swap(loaded, spare_);
    if (loaded.is_full()) { // capacity zero
        if (depot_.put_exact(block)) note_flushed(1);
        return;
    }
    loaded.push(block);
}

void block_store::drain(magazine& full) noexcept {
    note_peak();
    note_flushed(full.count());
    depot_.put(full.begin, full.top);
    full.top = full.begin;
}

std::size_t block_store::take_many(void** begin, std::size_t want) noexcept {
    std::size_t taken = 0;
    while (taken < want) {
        if (loaded.is_empty()) {
            // More than a magazine: straight from the slabs, without disturbing what is cached.
            if (spare_.is_empty() && want - taken >= loaded.capacity()) {
                const std::size_t more = heap().take(begin + want, want - taken);
                if (more != 0) std::memmove(begin + taken, begin + want - more, more * sizeof(void*));
                taken += more;
                if (more != 0) continue;
            }
            void* const block = refill();
            if (block == nullptr) break;
            begin[taken++] = block;
            continue;
        }
        const std::size_t wanted = want - taken;
        const std::size_t count = loaded.count() < wanted ? loaded.count() : wanted;
        loaded.top -= count;
        std::memcpy(begin + taken, loaded.top, count * sizeof(void*));
        taken += count;
    }
    return taken;
}

void block_store::put_many(void* const* begin, std::size_t count) noexcept {
    while (count != 0) {
        if (loaded.is_full()) {
            flush(*begin++);
            --count;
            continue;
        }
        const std::size_t fits = loaded.room() < count ? loaded.room() : count;
        std::memcpy(loaded.top, begin, fits * sizeof(void*));
        loaded.top += fits;
        begin += fits;
        count -= fits;
    }
}

void block_store::reset() noexcept {
    note_peak();
    loaded.top = loaded.begin;
    spare_.top = spare_.begin;
    depot_.forget_blocks();
    heap().reset();
}

void block_store::drain_magazines() noexcept {
    note_peak();
    for (magazine* one : {&loaded, &spare_}) {
        while (!one->is_empty()) (void)depot_.put_exact(one->pop());
    }
}

bool block_store::holds(const void* block) const noexcept {
    for (const magazine* one : {&loaded, &spare_}) {
        for (void** entry = one->begin; entry != one->top; ++entry) {
            if (*entry == block) return true;
        }
    }
    return false;
}

bool block_store::is_valid() const noexcept {
    if (!depot_.is_valid() || in_magazines() > heap().out()) return false;
    for (const magazine* one : {&loaded, &spare_}) {
        for (void** entry = one->begin; entry != one->top; ++entry) {
            position at;
            if (!heap().find(*entry, at) || !at.record->is_out(at.index)) return false;
        }
    }
    return true;
}

} // namespace cenote::inline v0_1::engine
