// cenote: SPDX-License-Identifier: MIT
//
// From an address to its slab, and from a slab's number to its place: a hash of masked addresses with linear
// probing, and a directory of numbers. A look-up reads only the table's own memory. Slabs need not be
// aligned: a slab is entered once for each granule (a power of two of at most one slab) that it touches, and
// two slabs may share one. Source of the hash: multiplication by 2^64 ÷ φ, D. E. Knuth, The Art of Computer
// Programming 3, 6.4. Finding, entering and removing are O(1) expected; numbers are reused. One thread at a
// time.
#pragma once

#include <cenote/slab/slab.hpp>

#include <bit>
#include <cstddef>
#include <cstdint>

namespace cenote::engine {

struct region_header;

class slab_table {
public:
    struct entry {
        std::byte* begin = nullptr; ///< the first block; null when the number is not in use
        slab* record = nullptr;
        region_header* home = nullptr;
    };

    /// For slabs of `slab_bytes` > 0. `aligned`: every slab starts on a multiple of its size, a power of two.
    constexpr void configure(std::size_t slab_bytes, bool aligned) noexcept {
        slab_bytes_ = slab_bytes;
        granule_shift_ = static_cast<int>(std::bit_width(slab_bytes)) - 1;
        granules_per_slab_ = aligned ? 1 : 3;
    }

    /// Bytes of the memory that a table of `slabs` needs beyond the object itself.
    [[nodiscard]] std::size_t bytes_for(std::size_t slabs) const noexcept;

    /// How many slabs the table has room for.
    [[nodiscard]] std::size_t capacity() const noexcept { return capacity_; }

    /// Moves the table into `memory` of `bytes_for(slabs)` bytes, aligned for pointers; `slabs` is not below
    /// `capacity()`. The memory before it is not used any more.
    void move_to(void* memory, std::size_t slabs) noexcept;

    /// Back to the small table inside the object; no slab may be entered.
    void clear() noexcept;

    /// Enters a slab of `bytes` and returns its number. There must be room.
    std::uint32_t insert(const entry& what, std::size_t bytes, std::uint32_t owner) noexcept;
    void remove(std::uint32_t id) noexcept;

    [[nodiscard]] const entry& at(std::uint32_t id) const noexcept { return directory_()[id]; }

    /// Numbers in use are below this one; those not in use have a null `begin`.
    [[nodiscard]] std::uint32_t end_id() const noexcept { return end_id_; }

    /// The number of the slab that holds `address`, or `no_slab`.
    [[nodiscard]] std::uint32_t find(const void* address) const noexcept {
        const std::uintptr_t key = key_of(address);
        for (std::size_t i = slot_of(key);; i = (i + 1) & mask_) {
            const cell& here = cells_()[i];
            if (here.id == no_slab) return no_slab;
            if (here.key == key && offset_in(address, here.id) < slab_bytes_) return here.id;
        }
    }

    /// The owner of the aligned slab that holds `address`, or `no_slab`: one probe in the common case.
    [[nodiscard]] std::uint32_t owner_of(const void* address) const noexcept {
        const std::uintptr_t key = key_of(address);
        for (std::size_t i = slot_of(key);; i = (i + 1) & mask_) {
            const cell& here = cells_()[i];
            if (here.key == key && here.id != no_slab) return here.owner;
            if (here.id == no_slab) return no_slab;
        }
    }

    [[nodiscard]] bool is_valid() const noexcept;

private:
    struct cell {
        std::uintptr_t key = 0;
        std::uint32_t id = no_slab;
        std::uint32_t owner = 0;
    };

    static constexpr std::size_t small_cells = 4; // one slab, three granules

    [[nodiscard]] std::uintptr_t key_of(const void* address) const noexcept {
        return reinterpret_cast<std::uintptr_t>(address) >> granule_shift_;
    }
    [[nodiscard]] std::size_t slot_of(std::uintptr_t key) const noexcept {
        return static_cast<std::size_t>((std::uint64_t{key} * 0x9e3779b97f4a7c15u) >> hash_shift_);
    }
    [[nodiscard]] std::size_t offset_in(const void* address, std::uint32_t id) const noexcept {
        return reinterpret_cast<std::uintptr_t>(address) - reinterpret_cast<std::uintptr_t>(at(id).begin);
    }
    [[nodiscard]] std::size_t cells_for(std::size_t slabs) const noexcept;

    // Null means the small table inside: no pointer into the object itself, so that it can be
    // constant-initialised.
    [[nodiscard]] const cell* cells_() const noexcept {
        return outer_cells_ != nullptr ? outer_cells_ : small_;
    }
    [[nodiscard]] cell* cells_() noexcept { return outer_cells_ != nullptr ? outer_cells_ : small_; }
    [[nodiscard]] const entry* directory_() const noexcept {
        return outer_directory_ != nullptr ? outer_directory_ : &only_;
    }
    [[nodiscard]] entry* directory_() noexcept {
        return outer_directory_ != nullptr ? outer_directory_ : &only_;
    }
    void enter_cell(std::uintptr_t key, std::uint32_t id, std::uint32_t owner) noexcept;
    void enter_cells(std::uint32_t id, std::size_t bytes, std::uint32_t owner) noexcept;
    void remove_cell(std::uintptr_t key, std::uint32_t id) noexcept;

    cell* outer_cells_ = nullptr;
    entry* outer_directory_ = nullptr;
    std::size_t mask_ = small_cells - 1;
    int hash_shift_ = 62; // 64 less the bits of a slot number
    int granule_shift_ = 0;
    std::size_t slab_bytes_ = 1;
    std::size_t granules_per_slab_ = 3;
    std::size_t capacity_ = 1;
    std::uint32_t end_id_ = 0;
    std::uint32_t free_id_ = no_slab; // numbers given back, chained through `home`
    cell small_[small_cells];
    entry only_;
};

} // namespace cenote::engine
