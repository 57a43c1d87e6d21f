// cenote: SPDX-License-Identifier: MIT
//
// Takes many blocks back while no slab comes or goes, as a flush does: what a look-up reads is kept in
// registers, the slab found last is looked at first, and eight neighbours are one change of a bitmap.
// O(1) a block. A bad pointer is found before any byte behind it is read. One thread at a time.
#pragma once

#include <cenote/slab/slab_heap.hpp>

namespace cenote::inline v0_1::engine {

class slab_heap::finder {
public:
    /// `at` is a place that was found before, or a new one; unspecified when no block starts at `pointer`.
    [[nodiscard]] CENOTE_INLINE bool find(const void* pointer, place& at) const noexcept {
        std::size_t offset = static_cast<std::size_t>(static_cast<const std::byte*>(pointer) - at.begin);
        if (offset >= at.bytes) {
            at.id = table_.find(pointer);
            at.bytes = 0;
            if (at.id == no_slab) return false;
            const slab_table::entry& entry = table_.at(at.id);
            if (shares_ && entry.record->owner != owner_) return false;
            // A guess that is right now and then is never foreseen: only two in a row make one.
            at.bytes = entry.begin == at.begin ? entry.bytes : 0;
            at.begin = entry.begin;
            at.record = entry.record;
            offset = static_cast<std::size_t>(static_cast<const std::byte*>(pointer) - at.begin);
        }
        // The offset is below the end, and an exact quotient below the blocks of a whole slab: the record,
        // which would be one more cache line, is not needed for that.
        const std::uint64_t index = by_stride_.quotient(offset);
        at.index = static_cast<std::uint32_t>(index);
        return index < blocks_per_slab_;
    }

    /// Finds an out block and clears its bit; false when there is none (`at` is unspecified then).
    [[nodiscard]] CENOTE_INLINE bool withdraw_one(const void* pointer, place& at) const noexcept {
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
        const auto apart = [&](int i) {
            return reinterpret_cast<std::uintptr_t>(block[i + 1]) -
                   reinterpret_cast<std::uintptr_t>(block[i]);
        };
        const std::uintptr_t step = apart(0);
        if (step != stride_ && step != 0 - stride_) return 0;
        std::uintptr_t difference = 0;
        for (int i = 1; i < 7; ++i) difference |= apart(i) ^ step;
        return difference == 0 ? static_cast<std::ptrdiff_t>(step) : 0;
    }

    /// The same as `withdraw_one` for eight neighbours from `pointer` on, all or none: not when they are of
    /// two slabs or of two words of a bitmap.
    [[nodiscard]] CENOTE_INLINE bool withdraw_eight(const void* pointer, place& at) const noexcept {
        if (!find(pointer, at)) [[unlikely]]
            return false;
        const std::uint32_t shift = at.index % slab::word_bits;
        if (shift > slab::word_bits - 8) return false;
        slab::word& out = at.record->out()[at.index / slab::word_bits];
        const slab::word eight = slab::word{0xff} << shift;
        if ((out & eight) != eight) [[unlikely]]
            return false;
        out ^= eight;
        return true;
    }

private:
    friend class slab_heap;
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
