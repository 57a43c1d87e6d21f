// cenote: SPDX-License-Identifier: MIT
#include <cenote/base/eight.hpp>
#include <cenote/slab/slab.hpp>

namespace cenote::inline v0_1::engine {

void slab::make_all_idle() noexcept {
    const std::size_t count = words();
    for (std::size_t w = 0; w < count; ++w) {
        out()[w] = 0;
        idle()[w] = ~word{0};
    }
    if (const std::uint32_t rest = blocks % word_bits; rest != 0) idle()[count - 1] = bit(rest) - 1;
    idle_count = blocks;
    hint = 0;
}

std::uint32_t slab::next_out(std::uint32_t index) const noexcept {
    while (index < blocks) {
        const word bits = out()[index / word_bits] >> index % word_bits;
        if (bits != 0) return index + static_cast<std::uint32_t>(std::countr_zero(bits));
        index = (index / word_bits + 1) * word_bits;
    }
    return index;
}

std::size_t slab::take(std::byte* begin, std::size_t stride, void** end, std::size_t want) noexcept {
    const std::size_t most = want < idle_count ? want : idle_count;
    std::size_t left = most;
    std::uint32_t w = hint;
    while (left != 0) {
        word bits = idle()[w];
        if (bits == 0) {
            ++w;
            continue;
        }
        std::byte* const first = begin + std::size_t{w} * word_bits * stride;
        word taken = 0;
        do {
            const int at = std::countr_zero(bits);
            std::byte* const lowest = first + static_cast<std::size_t>(at) * stride;
            if (left >= 8 && (bits >> at & 0xff) == 0xff) { // eight neighbours
                end -= 8;
                base::store_eight(end, reinterpret_cast<std::uintptr_t>(lowest + 7 * stride), 0 - stride);
                taken |= word{0xff} << at;
                bits &= ~(word{0xff} << at);
                left -= 7;
                continue;
            }
            *--end = lowest;
            taken |= bits & (0 - bits);
            bits &= bits - 1;
        } while (--left != 0 && bits != 0);
        idle()[w] &= ~taken;
        out()[w] |= taken;
        const auto past = w * word_bits + word_bits - static_cast<std::uint32_t>(std::countl_zero(taken));
        if (past > fresh) fresh = past;
    }
    hint = w;
    idle_count -= static_cast<std::uint32_t>(most);
    return most;
}

bool slab::is_valid() const noexcept {
    std::size_t counted = 0;
    for (std::size_t w = 0; w < words(); ++w) {
        if ((out()[w] & idle()[w]) != 0) return false;
        if (w < hint && idle()[w] != 0) return false;
        counted += static_cast<std::size_t>(std::popcount(idle()[w]));
    }
    if (const std::uint32_t rest = blocks % word_bits; rest != 0) {
        const std::size_t last = words() - 1;
        if (((out()[last] | idle()[last]) & ~(bit(rest) - 1)) != 0) return false;
    }
    return counted == idle_count && fresh <= blocks;
}

} // namespace cenote::inline v0_1::engine
