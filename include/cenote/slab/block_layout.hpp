// cenote: SPDX-License-Identifier: MIT
//
// How a slab is cut: equal blocks, a stride apart, from its first byte on. Computed once for a pool or a
// size class, from sizes the caller gave, with every product checked.
#pragma once

#include <cenote/base/arith.hpp>
#include <cenote/base/divider.hpp>

#include <cstddef>
#include <cstdint>

namespace cenote::inline v0_1::engine {

/// A slab of small blocks holds about this many bytes. Large blocks make larger slabs: one block at least.
inline constexpr std::size_t usual_slab_bytes = std::size_t{64} << 10;

/// More blocks than this a slab may not have: finding an idle one searches its bitmap, a word for 64 of them.
inline constexpr std::size_t most_blocks_per_slab = std::size_t{1} << 16;

struct block_layout {
    std::size_t block_size = 0; ///< bytes asked for
    std::size_t alignment = 1;
    std::size_t stride = 0;          ///< bytes from one block to the next, a multiple of the alignment
    std::size_t blocks_per_slab = 0; ///< of a whole slab; the last slab of a region may have fewer
    base::divider by_stride;

    /// Bytes of the blocks of a whole slab.
    [[nodiscard]] constexpr std::size_t slab_bytes() const noexcept { return stride * blocks_per_slab; }
};

/// Lays out blocks of `block_size` > 0 bytes at a power of two `alignment`, `blocks_per_slab` to a slab (0:
/// as many as suit the size). False when a product does not fit; `layout` is untouched then.
[[nodiscard]] constexpr bool make_layout(std::size_t block_size, std::size_t alignment,
                                         std::size_t blocks_per_slab, block_layout& layout) noexcept {
    std::size_t stride = 0;
    std::size_t slab_bytes = 0;
    if (!base::round_up(block_size, alignment, stride)) return false;
    if (blocks_per_slab == 0) {
        // A power of two of blocks: slabs of strides divisible by 16 are then whole pages.
        blocks_per_slab = stride >= usual_slab_bytes ? 1 : std::bit_floor(usual_slab_bytes / stride);
    }
    if (blocks_per_slab > most_blocks_per_slab) return false;
    if (!base::multiply(stride, blocks_per_slab, slab_bytes) || slab_bytes > base::size_max / 2) return false;
    layout = {block_size, alignment, stride, blocks_per_slab, base::divider(stride)};
    return true;
}

} // namespace cenote::inline v0_1::engine
