// cenote: SPDX-License-Identifier: MIT
#include <cenote/slab/boundary_map.hpp>

#include <cstring>

namespace cenote::inline v0_1::engine {

void boundary_map::clear() const noexcept {
    std::memset(static_cast<void*>(words_), 0, layout_->bytes - (boundary_layout::alignment - sizeof(word)));
    set_start(0);
    set_start(layout_->granules);
    live(layout_->granules / bits) |= bit(layout_->granules);
}

void boundary_map::note_some(boundary_map map, std::uint32_t at) noexcept {
    for (std::uint32_t k = 0; k < map.layout_->levels; ++k, at /= bits) {
        word& here = map.level(k)[at / bits];
        const word before = here;
        here |= bit(at);
        if (before != 0) return;
    }
}

void boundary_map::note_none(boundary_map map, std::uint32_t at) noexcept {
    for (std::uint32_t k = 0; k < map.layout_->levels; ++k, at /= bits) {
        word& here = map.level(k)[at / bits];
        here &= ~bit(at);
        if (here != 0) return;
    }
}

// Up to the level that knows of a word behind this one, and down to its first.
std::uint32_t boundary_map::next_far(boundary_map map, std::uint32_t at) noexcept {
    for (std::uint32_t k = 0;; ++k, at /= bits) {
        const word behind = map.level(k)[at / bits] & ~word{1} << at % bits;
        if (behind == 0) continue;
        at = first_of(at / bits, behind);
        while (k-- != 0) at = first_of(at, map.level(k)[at]);
        return first_of(at, map.starts(at));
    }
}

std::uint32_t boundary_map::previous_far(boundary_map map, std::uint32_t at) noexcept {
    for (std::uint32_t k = 0;; ++k, at /= bits) {
        const word before = map.level(k)[at / bits] & (bit(at) - 1);
        if (before == 0) continue;
        at = last_of(at / bits, before);
        while (k-- != 0) at = last_of(at, map.level(k)[at]);
        return last_of(at, map.starts(at));
    }
}

std::uint32_t boundary_map::next_live(std::uint32_t g) const noexcept {
    for (std::uint32_t at = g / bits; at < layout_->words; ++at, g = 0) {
        const word here = starts(at) & live(at) & ~word{0} << g % bits;
        if (here != 0) return first_of(at, here); // the last boundary is live
    }
    return layout_->granules;
}

std::uint32_t boundary_map::next_free(std::uint32_t g) const noexcept {
    for (std::uint32_t at = g / bits; at < layout_->words; ++at, g = 0) {
        const word here = starts(at) & ~live(at) & ~word{0} << g % bits;
        if (here != 0) return first_of(at, here);
    }
    return layout_->granules;
}

bool boundary_map::is_valid() const noexcept {
    std::uint32_t below = layout_->words;
    for (std::uint32_t k = 0; k < layout_->levels; ++k) {
        for (std::uint32_t at = 0; at < below; ++at) {
            const word some = k == 0 ? starts(at) : level(k - 1)[at];
            if (((level(k)[at / bits] & bit(at)) != 0) != (some != 0)) return false;
        }
        below = (below + bits - 1) / bits;
    }
    word ends = 0; // the last granules of live blocks: boundaries follow
    for (std::uint32_t at = 0; at < layout_->words; ++at) {
        const word before = ends >> (bits - 1);
        ends = live(at) & ~starts(at);
        if (((ends << 1 | before) & ~starts(at)) != 0) return false;
    }
    return is_start(0) && is_live_start(layout_->granules) &&
           next(layout_->granules - 1) == layout_->granules;
}

} // namespace cenote::inline v0_1::engine
