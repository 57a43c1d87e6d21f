// cenote: SPDX-License-Identifier: MIT
#include <cenote/pool/edge_map.hpp>

#include <cstring>

namespace cenote::inline v0_1::engine {

void edge_map::clear(std::size_t from, std::size_t to) noexcept {
    for (; from < to && from % bits != 0; ++from) clear(from);
    const std::size_t whole = from < to ? (to - from) / bits : 0;
    std::memset(bits_ + from / bits, 0, whole);
    for (from += whole * bits; from < to; ++from) clear(from);
}

std::size_t edge_map::next(std::size_t from, std::size_t to) const noexcept {
    while (from < to) {
        if (is_set(from)) return from;
        ++from;
        while (from % bits == 0 && from + bits <= to && bits_[from / bits] == 0) from += bits;
    }
    return to;
}

void edge_map::enter(const std::byte* top, const void* block, std::size_t size) noexcept {
    const std::size_t end = end_of(block, size);
    // What is below the top is in use, be it a part of a unit only.
    clear(top == begin_ ? 0 : start_of(top - 1) + 2, end + 1);
    set(start_of(block));
    set(end);
}

void edge_map::resize(const void* block, std::size_t had, std::size_t now) noexcept {
    clear(end_of(block, had));
    if (now > had) clear(end_of(block, had) + 1, end_of(block, now));
    set(end_of(block, now));
}

void edge_map::leave(const void* block, std::size_t size) noexcept {
    clear(start_of(block));
    clear(end_of(block, size));
}

// It ends where it is and does not begin: a free of it finds no block, one of a block below ends there.
void edge_map::keep(const void* block) noexcept {
    clear(start_of(block));
    set(start_of(block) + 1);
}

bool edge_map::holds(const void* block, std::size_t size, const std::byte* top) const noexcept {
    if (!is_on_unit(block) || !is_set(start_of(block))) return false;
    const std::size_t end = end_of(block, size);
    const std::size_t behind = start_of(top - 1) + 2;
    return end < behind && next(start_of(block) + 1, behind) == end;
}

misuse edge_map::wrong_about(const void* pointer) const noexcept {
    const std::size_t here = start_of(pointer);
    if (is_set(here)) return is_on_unit(pointer) ? misuse::wrong_size : misuse::interior_pointer;
    if (is_set(here + 1)) return misuse::interior_pointer;
    for (std::size_t bit = here; bit-- > 0;) {
        if (is_set(bit)) return bit % 2 == 0 ? misuse::interior_pointer : misuse::double_free;
    }
    return misuse::double_free;
}

bool edge_map::is_valid(const std::byte* top) const noexcept {
    bool has_begun = false;
    const std::size_t behind = top == begin_ ? 0 : start_of(top - 1) + 2;
    for (std::size_t bit = next(0, behind); bit < behind; bit = next(bit + 1, behind)) {
        if (bit % 2 == 0 && has_begun) return false;
        has_begun = bit % 2 == 0;
    }
    return !has_begun;
}

} // namespace cenote::inline v0_1::engine
