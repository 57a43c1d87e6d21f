// cenote: SPDX-License-Identifier: MIT
#include <cenote/buffer/buddy_region.hpp>

#include <cstring>

namespace cenote::inline v0_1::engine {

buddy_region::buddy_region(const buddy_shape& shape) noexcept {
    std::memset(words(), 0, shape.shares_at() - sizeof(buddy_region));
    set(shape, shape.orders() - 1, 0);
}

void buddy_region::set(const buddy_shape& shape, unsigned order, std::uint32_t block) noexcept {
    words()[shape.first_word[order] + block / 64] |= std::uint64_t{1} << block % 64;
    if (free_[order]++ == 0) has_free_ |= std::uint32_t{1} << order;
    if (block / 64 < hint_[order]) hint_[order] = block / 64;
}

void buddy_region::clear(const buddy_shape& shape, unsigned order, std::uint32_t block) noexcept {
    words()[shape.first_word[order] + block / 64] &= ~(std::uint64_t{1} << block % 64);
    if (--free_[order] == 0) has_free_ &= ~(std::uint32_t{1} << order);
}

// The lowest: what is used stays together, and the rest of the region idle.
std::uint32_t buddy_region::first_free(const buddy_shape& shape, unsigned order) noexcept {
    const std::uint64_t* const bits = words() + shape.first_word[order];
    std::uint32_t word = hint_[order];
    while (bits[word] == 0) ++word;
    hint_[order] = word;
    return word * 64 + static_cast<std::uint32_t>(std::countr_zero(bits[word]));
}

std::uint32_t buddy_region::take(const buddy_shape& shape, unsigned order, buddy_counts& counts,
                                 bool& was_clean) noexcept {
    unsigned from = order + static_cast<unsigned>(std::countr_zero(has_free_ >> order));
    std::uint32_t block = first_free(shape, from);
    clear(shape, from, block);
    while (from != order) { // the lower half is wanted, the upper one is free
        ++counts.split[from--];
        block *= 2;
        set(shape, from, block + 1);
    }
    const std::uint32_t granule = block << order;
    const std::size_t first = (std::size_t{granule} << shape.granule_bits) >> shape.unit_bits;
    const unsigned unit_order = shape.unit_bits - shape.granule_bits;
    const std::size_t units = order > unit_order ? std::size_t{1} << (order - unit_order) : 1;
    was_clean = std::memchr(ages(shape) + first, is_clean, units) != nullptr;
    return granule;
}

void buddy_region::set_ages(const buddy_shape& shape, std::uint32_t granule, unsigned order,
                            std::uint8_t age) noexcept {
    const std::size_t first = (std::size_t{granule} << shape.granule_bits) >> shape.unit_bits;
    const unsigned unit_order = shape.unit_bits - shape.granule_bits;
    const std::size_t units = order > unit_order ? std::size_t{1} << (order - unit_order) : 1;
    std::memset(ages(shape) + first, age, units);
}

void buddy_region::forget(const buddy_shape& shape, std::uint32_t granule, unsigned order) noexcept {
    set_ages(shape, granule, order, is_clean);
}

void buddy_region::give(const buddy_shape& shape, std::uint32_t granule, unsigned order,
                        buddy_counts& counts) noexcept {
    set_ages(shape, granule, order, is_fresh);
    std::uint32_t block = granule >> order;
    while (order + 1 < shape.orders() && test(shape, order, block ^ 1)) {
        clear(shape, order, block ^ 1);
        block /= 2;
        ++counts.merged[++order];
    }
    set(shape, order, block);
}

bool buddy_region::can_extend(const buddy_shape& shape, std::uint32_t granule, unsigned order,
                              unsigned wanted) const noexcept {
    for (unsigned at = order; at < wanted; ++at) {
        const std::uint32_t block = granule >> at;
        if (block % 2 != 0 || !test(shape, at, block + 1)) return false;
    }
    return true;
}

void buddy_region::extend(const buddy_shape& shape, std::uint32_t granule, unsigned order, unsigned wanted,
                          buddy_counts& counts) noexcept {
    for (unsigned at = order; at < wanted; ++at) {
        clear(shape, at, (granule >> at) + 1);
        ++counts.merged[at + 1];
    }
}

std::size_t buddy_region::free_bytes(const buddy_shape& shape) const noexcept {
    std::size_t bytes = 0;
    for (unsigned order = 0; order < shape.orders(); ++order) {
        bytes += std::size_t{free_[order]} << (order + shape.granule_bits);
    }
    return bytes;
}

bool buddy_region::is_valid(const buddy_shape& shape) const noexcept {
    for (unsigned order = 0; order < shape.orders(); ++order) {
        std::uint32_t found = 0;
        for (std::uint32_t block = 0; block < shape.blocks(order); ++block) {
            if (!test(shape, order, block)) continue;
            ++found;
            if (block / 64 < hint_[order]) return false;
            if (order + 1 < shape.orders() && test(shape, order, block ^ 1)) return false; // not merged
            for (unsigned above = order + 1; above < shape.orders(); ++above) {
                if (test(shape, above, block >> (above - order))) return false; // free twice
            }
        }
        if (found != free_[order] || (found != 0) != ((has_free_ >> order & 1) != 0)) return false;
    }
    return true;
}

} // namespace cenote::inline v0_1::engine
