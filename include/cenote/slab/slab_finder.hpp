// cenote: SPDX-License-Identifier: MIT
//
// Takes many blocks back while no slab comes or goes, as a flush does: what a look-up reads is kept in
// registers, and eight neighbours are one change of a bitmap, for which the slab of the eight before is
// looked at first. A block by itself is looked up in the table: a guess that is right now and then costs more
// than it saves. O(1) a block. A bad pointer is found before any byte behind it is read. One thread at a
// time.
#pragma once

#include <cenote/base/eight.hpp>
#include <cenote/slab/slab_heap.hpp>

namespace cenote::inline v0_1::engine {

class slab_heap::finder {
public:
    /// Unspecified when no block starts at `pointer`.
    [[nodiscard]] CENOTE_INLINE bool find(const void* pointer, position& at) const noexcept {
        at.id = table_.find(pointer);
        if (at.id == no_slab) [[unlikely]]
            return false;
        const slab_table::entry& entry = table_.at(at.id);
        at.record = entry.record;
        if (shares_ && at.record->owner != owner_) [[unlikely]]
            return false;
        return find_in(entry.begin, pointer, at.index);
    }

    /// Finds an out block and clears its bit; false when there is none (`at` is unspecified then).
    [[nodiscard]] CENOTE_INLINE bool withdraw_one(const void* pointer, position& at) const noexcept {
        if (!find(pointer, at)) [[unlikely]]
            return false;
        slab::word& out = at.record->out()[at.index / slab::word_bits];
        const slab::word bit = slab::bit(at.index);
        if ((out & bit) == 0) [[unlikely]]
            return false;
        out ^= bit;
        return true;
    }

    /// What is between each two of the next eight of [block, end), when that is a stride up or down; else 0.
    [[nodiscard]] CENOTE_INLINE std::ptrdiff_t step_of_eight(void* const* block,
                                                             void* const* end) const noexcept {
        if (end - block < 8) return 0;
        const auto first = reinterpret_cast<std::uintptr_t>(block[0]);
        const std::uintptr_t step = reinterpret_cast<std::uintptr_t>(block[1]) - first;
        if (step != stride_ && step != 0 - stride_) return 0;
        return base::rises_by(block, first, step) ? static_cast<std::ptrdiff_t>(step) : 0;
    }

    /// The same as `withdraw_one` for eight neighbours from `pointer` on, all or none: not when they are of
    /// two slabs or of two words of a bitmap. `at` is where the last eight were, or new; its index alone is
    /// unspecified after a failure.
    [[nodiscard]] CENOTE_INLINE bool withdraw_eight(const void* pointer, place& at) const noexcept {
        if (static_cast<std::size_t>(static_cast<const std::byte*>(pointer) - at.begin) >= at.bytes) {
            position found;
            if (!find(pointer, found)) [[unlikely]]
                return false;
            const slab_table::entry& entry = table_.at(found.id);
            at = {found, entry.begin, entry.bytes};
        }
        if (!find_in(at.begin, pointer, at.block.index)) [[unlikely]]
            return false;
        const std::uint32_t shift = at.block.index % slab::word_bits;
        if (shift > slab::word_bits - 8) return false;
        slab::word& out = at.block.record->out()[at.block.index / slab::word_bits];
        const slab::word eight = slab::word{0xff} << shift;
        if ((out & eight) != eight) [[unlikely]]
            return false;
        out ^= eight;
        return true;
    }

private:
    friend class slab_heap;
    // The address is within the slab, and an exact quotient below the blocks of a whole slab: the record,
    // which would be one more cache line, is not needed for that.
    [[nodiscard]] CENOTE_INLINE bool find_in(const std::byte* begin, const void* pointer,
                                             std::uint32_t& index) const noexcept {
        const auto offset = static_cast<std::size_t>(static_cast<const std::byte*>(pointer) - begin);
        const std::uint64_t quotient = by_stride_.quotient(offset);
        index = static_cast<std::uint32_t>(quotient);
        return quotient < blocks_per_slab_;
    }
    explicit finder(const slab_heap& heap) noexcept
        : table_(heap.regions_->table().look()), by_stride_(heap.layout_.by_stride),
          stride_(heap.layout_.stride), blocks_per_slab_(heap.layout_.blocks_per_slab),
          owner_(heap.habits_.owner), shares_(heap.habits_.shares) {}

    slab_table::finder table_;
    base::divider by_stride_;
    std::uintptr_t stride_;
    std::uint64_t blocks_per_slab_;
    std::uint32_t owner_;
    bool shares_;
};

inline slab_heap::finder slab_heap::look() const noexcept {
    return finder(*this);
}

} // namespace cenote::inline v0_1::engine
