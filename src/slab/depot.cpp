// cenote: SPDX-License-Identifier: MIT
#include <cenote/slab/depot.hpp>

#include <cstring>
#include <new>

namespace cenote::engine {

void depot::adopt(const region_header& region) noexcept {
    if (capacity_ == 0) return;
    const std::size_t pitch = magazine_bytes(capacity_);
    for (std::size_t at = 0; region.room_bytes - at >= pitch; at += pitch) {
        push_empty(*::new (region.room + at) spare{nullptr, 0});
    }
}

void depot::abandon(const region_header& region) noexcept {
    const auto stands_in = [&](const spare* magazine) {
        const auto address = reinterpret_cast<std::uintptr_t>(magazine);
        return address - reinterpret_cast<std::uintptr_t>(region.room) < region.room_bytes;
    };
    spare* full = full_;
    full_ = nullptr;
    full_count_ = 0;
    cached_ = 0;
    spare* kept = nullptr; // turned round, so that the order stays
    while (full != nullptr) {
        spare* const next = full->next;
        if (stands_in(full)) {
            drain_one(*full);
        } else {
            full->next = kept;
            kept = full;
        }
        full = next;
    }
    while (kept != nullptr) {
        spare* const next = kept->next;
        push_full(*kept);
        kept = next;
    }
    spare** link = &empty_;
    while (*link != nullptr) {
        if (stands_in(*link)) {
            *link = (*link)->next;
        } else {
            link = &(*link)->next;
        }
    }
    if (full_count_ < fewest_full_) fewest_full_ = full_count_;
}

std::size_t depot::fetch(void** begin, std::size_t want) noexcept {
    if (spare* const magazine = pop_full()) {
        const int bits = index_bits();
        const std::uint32_t mask = (std::uint32_t{1} << bits) - 1;
        const std::size_t count = magazine->count;
        for (std::size_t i = 0; i < count; ++i) {
            const std::uint32_t block = magazine->blocks()[i];
            begin[i] = heap_.hand_out(block >> bits, block & mask);
        }
        push_empty(*magazine);
        return count;
    }
    const std::size_t taken = heap_.take(begin + want, want);
    if (taken < want) std::memmove(begin, begin + (want - taken), taken * sizeof(void*));
    return taken;
}

void depot::put(void* const* begin, void* const* end) noexcept {
    spare* const magazine = empty_;
    const int bits = index_bits();
    position at;
    std::size_t count = 0;
    for (void* const* block = begin; block != end; ++block) {
        if (!heap_.withdraw(*block, at)) {
            report(heap_.diagnose(*block), *block);
            continue;
        }
        if (magazine != nullptr) {
            magazine->blocks()[count++] = at.id << bits | at.index;
        } else {
            heap_.give(at.id, at.index);
        }
    }
    if (count == 0) return;
    empty_ = magazine->next;
    magazine->count = count;
    push_full(*magazine);
}

bool depot::put_exact(void* block) noexcept {
    position at;
    if (!heap_.withdraw(block, at)) {
        report(heap_.diagnose(block), block);
        return false;
    }
    heap_.give(at.id, at.index);
    return true;
}

void depot::drain(std::size_t most) noexcept {
    if (most == 0) return;
    spare** link = &full_;
    for (std::size_t skip = most < full_count_ ? full_count_ - most : 0; skip != 0; --skip)
        link = &(*link)->next;
    spare* magazine = *link;
    *link = nullptr;
    while (magazine != nullptr) {
        spare* const next = magazine->next;
        --full_count_;
        cached_ -= magazine->count;
        drain_one(*magazine);
        push_empty(*magazine);
        magazine = next;
    }
    if (full_count_ < fewest_full_) fewest_full_ = full_count_;
}

void depot::drain_one(spare& full) noexcept {
    const int bits = index_bits();
    const std::uint32_t mask = (std::uint32_t{1} << bits) - 1;
    for (std::size_t i = 0; i < full.count; ++i)
        heap_.give(full.blocks()[i] >> bits, full.blocks()[i] & mask);
}

void depot::forget_blocks() noexcept {
    while (spare* const magazine = pop_full()) push_empty(*magazine);
}

void depot::forget_magazines() noexcept {
    full_ = nullptr;
    empty_ = nullptr;
    full_count_ = 0;
    fewest_full_ = 0;
    cached_ = 0;
}

void depot::push_full(spare& magazine) noexcept {
    magazine.next = full_;
    full_ = &magazine;
    ++full_count_;
    cached_ += magazine.count;
}

depot::spare* depot::pop_full() noexcept {
    spare* const magazine = full_;
    if (magazine == nullptr) return nullptr;
    full_ = magazine->next;
    cached_ -= magazine->count;
    if (--full_count_ < fewest_full_) fewest_full_ = full_count_;
    return magazine;
}

void depot::push_empty(spare& magazine) noexcept {
    magazine.next = empty_;
    empty_ = &magazine;
}

void depot::report(misuse kind, const void* pointer) const noexcept {
    base::report_misuse({kind, pool_, pointer, heap_.layout().block_size});
}

bool depot::is_valid() const noexcept {
    std::size_t cached = 0;
    std::size_t full = 0;
    for (const spare* magazine = full_; magazine != nullptr; magazine = magazine->next) {
        cached += magazine->count;
        ++full;
    }
    return cached == cached_ && full == full_count_ && fewest_full_ <= full_count_ && heap_.is_valid() &&
           heap_.blocks() == heap_.out() + heap_.idle() + cached;
}

} // namespace cenote::engine
