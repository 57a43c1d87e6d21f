// cenote: SPDX-License-Identifier: MIT
//
// All slabs of one block size. `take` moves idle blocks out, `withdraw` checks a returning pointer and
// clears its bit, `give` makes a withdrawn block idle. Slabs whose blocks are all idle
// are kept up to a number, against thrashing, and then go back to the region list. Everything is O(1) a
// block; a bad pointer is found before any byte behind it is read. One thread at a time.
#pragma once

#include <cenote/base/error.hpp>
#include <cenote/slab/block_layout.hpp>
#include <cenote/slab/region_list.hpp>

namespace cenote::engine {

/// Where a block is.
struct position {
    std::uint32_t id = no_slab;
    std::uint32_t index = 0;
    slab* record = nullptr;
};

/// The next out block at or behind `at`, which moves behind it: its address, or null at the end. `at.id` and
/// `at.record` tell its slab. Slabs and blocks may come and go between calls. For heaps of strides
/// `stride_of(owner)`.
template<class StrideOf>
[[nodiscard]] void* next_out(const slab_table& table, position& at, const StrideOf& stride_of) noexcept {
    for (; at.id < table.end_id(); ++at.id, at.index = 0) {
        const slab_table::entry& entry = table.at(at.id);
        if (entry.begin == nullptr) continue;
        at.record = entry.record;
        if (const std::uint32_t index = entry.record->next_out(at.index); index < entry.record->blocks) {
            at.index = index + 1;
            return entry.begin + index * stride_of(entry.record->owner);
        }
    }
    return nullptr;
}

class slab_heap {
public:
    constexpr slab_heap() noexcept = default;
    slab_heap(const slab_heap&) = delete;
    slab_heap& operator=(const slab_heap&) = delete;

    struct habits {
        std::uint32_t owner = 0;           ///< tells the slabs of several heaps of one region list apart
        std::size_t most_kept = unlimited; ///< idle slabs kept before they go back to the region list
        bool watched = false;              ///< a sanitizer is told of every block
    };

    constexpr void configure(const block_layout& layout, region_list& regions,
                             const habits& wanted) noexcept {
        layout_ = layout;
        regions_ = &regions;
        habits_ = wanted;
    }

    [[nodiscard]] const block_layout& layout() const noexcept { return layout_; }
    [[nodiscard]] region_list& regions() const noexcept { return *regions_; }

    /// Fills [end - n, end) with up to `want` blocks, the lowest address last, and returns n. Takes new slabs
    /// from the region list for the first block only. 0: the regions have no place left.
    [[nodiscard]] std::size_t take(void** end, std::size_t want) noexcept;

    /// Finds the block that starts at `pointer`. False when none does; `at` is unspecified then.
    [[nodiscard]] bool find(const void* pointer, position& at) const noexcept {
        // No memory of the last slab: a wrong guess costs more than the look-up.
        at.id = regions_->table().find(pointer);
        if (at.id == no_slab) return false;
        const slab_table::entry& entry = regions_->table().at(at.id);
        at.record = entry.record;
        const std::uint64_t offset =
            static_cast<std::uint64_t>(static_cast<const std::byte*>(pointer) - entry.begin);
        const std::uint64_t index = layout_.by_stride.quotient(offset);
        at.index = static_cast<std::uint32_t>(index);
        return index < entry.record->blocks && entry.record->owner == habits_.owner;
    }

    /// Checks that an out block starts at `pointer`, and marks it neither out nor idle. False, with nothing
    /// changed, when the pointer is bad: `diagnose` says how.
    [[nodiscard]] bool withdraw(const void* pointer, position& at) noexcept {
        if (!find(pointer, at) || !at.record->is_out(at.index)) return false;
        at.record->clear_out(at.index);
        --out_;
        return true;
    }

    /// The other way: a withdrawn block goes out again, at its address.
    [[nodiscard]] void* hand_out(std::uint32_t id, std::uint32_t index) noexcept {
        const slab_table::entry& entry = regions_->table().at(id);
        entry.record->set_out(index);
        ++out_;
        return entry.begin + index * layout_.stride;
    }

    /// A withdrawn block becomes idle.
    void give(std::uint32_t id, std::uint32_t index) noexcept;

    /// What is wrong with a pointer that `withdraw` refused.
    [[nodiscard]] misuse diagnose(const void* pointer) const noexcept;

    /// All blocks idle, slabs kept.
    void reset() noexcept;
    /// Sets up at most `slabs` slabs in places of the regions, to be kept until they are needed.
    void set_up(std::size_t slabs) noexcept;
    /// Gives up to `most` slabs without a block in use back to the regions.
    void give_idle_slabs(std::size_t most) noexcept;
    /// The fewest idle slabs kept at any time since `forget_fewest`: nobody needed them.
    [[nodiscard]] std::size_t fewest_kept() const noexcept { return fewest_kept_; }
    void forget_fewest() noexcept { fewest_kept_ = kept_count_; }
    /// Forgets all slabs: their regions are gone.
    void forget_slabs() noexcept;

    [[nodiscard]] std::size_t blocks() const noexcept { return blocks_; }
    [[nodiscard]] std::size_t out() const noexcept { return out_; }
    [[nodiscard]] std::size_t idle() const noexcept { return idle_; }
    [[nodiscard]] bool is_watched() const noexcept { return habits_.watched; }

    [[nodiscard]] bool is_valid() const noexcept;

private:
    [[nodiscard]] std::uint32_t set_up_slab() noexcept;
    void give_slab(std::uint32_t id) noexcept;
    void keep(std::uint32_t id) noexcept;
    [[nodiscard]] std::uint32_t take_kept() noexcept;
    void link(std::uint32_t id) noexcept;
    void unlink(std::uint32_t id) noexcept;

    block_layout layout_;
    region_list* regions_ = nullptr;
    habits habits_;
    std::uint32_t partial_ = no_slab; // slabs with an idle block and one in use
    std::uint32_t kept_ = no_slab;    // slabs with idle blocks only, chained through `next`
    std::size_t kept_count_ = 0;
    std::size_t fewest_kept_ = 0;
    std::size_t blocks_ = 0;
    std::size_t idle_ = 0;
    std::size_t out_ = 0;
};

} // namespace cenote::engine
