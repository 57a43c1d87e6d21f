// cenote: SPDX-License-Identifier: MIT
//
// The magazines of one of several owners of a pool's blocks, such as one thread of many: two of each block
// size, and the memory that they stand in. One thread.
#pragma once

#include <cenote/base/arith.hpp>
#include <cenote/slab/magazine.hpp>

#include <cstdint>

namespace cenote::inline v0_1::engine {

/// The two magazines of one block size.
struct stock {
    magazine loaded;
    magazine spare;
    std::uint32_t level = 0;          ///< blocks in both, as of the last call that held the pool's lock
    std::uint32_t is_in_exchange = 0; ///< a fork finds the two mixed up
    std::uint32_t capacity = 0;       ///< of each while nobody walks
    std::uint32_t most = 0;           ///< what their memory has room for

    [[nodiscard]] std::size_t count() const noexcept { return loaded.count() + spare.count(); }
    [[nodiscard]] bool can_hold() const noexcept { return loaded.capacity() != 0; }
    /// Whether there are two. One that is short stands alone: to move half of it costs less than to change
    /// between two all the time, and it swings around no edge either.
    [[nodiscard]] bool has_spare() const noexcept { return spare.begin != no_block + 1; }
    /// How many the pool is asked for, or given, at once.
    [[nodiscard]] std::size_t batch() const noexcept {
        return has_spare() ? loaded.capacity() : (loaded.capacity() + 1) / 2;
    }

    /// Both magazines as long as `capacity` says: after a walk, or a change of it.
    void restore() noexcept {
        loaded.end = loaded.begin + capacity;
        if (has_spare()) spare.end = spare.begin + capacity;
    }

    /// `many` blocks without the pool's lock, if both magazines together have them.
    [[nodiscard]] bool pop_many(void** into, std::size_t many) noexcept {
        if (count() < many) return false;
        const std::size_t first = loaded.count() < many ? loaded.count() : many;
        loaded.pop_many(into, first);
        if (first == many) return true;
        exchange();
        loaded.pop_many(into + first, many - first);
        return true;
    }
    /// The other way, into an empty magazine if they do not fit in the other: what comes in a batch goes in
    /// one, and a batch that comes and goes does not swing around the edge.
    [[nodiscard]] bool push_many(void* const* from, std::size_t many) noexcept {
        if (loaded.room() < many) {
            if (!spare.is_empty() || spare.room() < many) return false;
            exchange();
        }
        loaded.push_many(from, many);
        return true;
    }

    /// Without the pool's lock, so that a fork may come at any instruction.
    void exchange() noexcept {
        is_in_exchange = 1;
        base::keep_order();
        const magazine other = spare;
        spare = loaded;
        loaded = other;
        base::keep_order();
        is_in_exchange = 0;
    }
};

/// Memory for one owner's magazines, which belongs to the pool: who goes leaves it to the pool with what the
/// magazines hold.
struct alignas(64) cache_unit {
    cache_unit* next = nullptr;
    void* home = nullptr;  ///< what it was cut from
    void** room = nullptr; ///< not yet in any magazine
    void** room_end = nullptr;
    std::uint32_t flushes_seen = 0; ///< what its owner was asked for and has done
    std::uint32_t refusals = 0;     ///< of longer magazines
    std::size_t left = 0;           ///< bytes of blocks that its further magazines may hold

    /// One of each block size stands behind it.
    [[nodiscard]] stock* stocks() noexcept { return reinterpret_cast<stock*>(this + 1); }
};

/// Bytes of a unit with so many sizes and so many words of magazines.
[[nodiscard]] constexpr std::size_t unit_bytes_for(std::size_t sizes, std::size_t words) noexcept {
    return base::rounded_up(sizeof(cache_unit) + sizes * sizeof(stock) + words * sizeof(void*), 64);
}

/// As new: no magazines, all of `words` to be given to some.
inline void clear_unit(cache_unit& unit, std::size_t sizes, std::size_t words, std::size_t bytes) noexcept {
    for (std::size_t i = 0; i < sizes; ++i) unit.stocks()[i] = {};
    unit.room = reinterpret_cast<void**>(unit.stocks() + sizes);
    unit.room_end = unit.room + words;
    unit.left = bytes;
}

// A line each; where addresses are shorter, stocks share lines.
static_assert(sizeof(cache_unit) == 64 && (sizeof(stock) == 64 || sizeof(void*) < 8));

/// Gives an owner's stock two magazines of `capacity` entries in room for `most`, which the unit must have
/// left.
inline void equip_stock(cache_unit& unit, stock& one, std::size_t capacity, std::size_t most) noexcept {
    one.capacity = static_cast<std::uint32_t>(capacity);
    one.most = static_cast<std::uint32_t>(most);
    one.loaded = magazine::in(unit.room, most);
    one.spare = magazine::in(unit.room + magazine::words_for(most), most);
    one.restore();
    unit.room += 2 * magazine::words_for(most);
}

/// The same with a single magazine of `capacity` entries.
inline void equip_alone(cache_unit& unit, stock& one, std::size_t capacity) noexcept {
    one.capacity = one.most = static_cast<std::uint32_t>(capacity);
    one.loaded = magazine::in(unit.room, capacity);
    unit.room += magazine::words_for(capacity);
}

} // namespace cenote::inline v0_1::engine
