// cenote: SPDX-License-Identifier: MIT
//
// From an address to its slab, and from a slab's number to its place: a hash of masked addresses with linear
// probing, and a directory of numbers. A look-up reads only the table's own memory. Slabs need not be
// aligned: a slab is entered for each granule (a power of two of at most one slab) that it touches, and a
// cell holds the two slabs that may meet in one, so that one probe without a guess finds either. Source of
// the hash: multiplication by 2^64 ÷ φ, D. E. Knuth, The Art of Computer Programming 3, 6.4. Finding,
// entering and removing are O(1) expected; numbers are reused. One thread at a time.
// A table of aligned slabs also answers `owner_of`, from words of their own in which granule and owner stand
// together: a quarter of the cache lines. Of a shared table, threads that hold no lock may ask for slabs of
// which they know that they are there: words never move, none becomes empty before another in use, and a
// table that was outgrown stays readable.
#pragma once

#include <cenote/base/arith.hpp>
#include <cenote/base/config.hpp>
#include <cenote/base/sync_word.hpp>
#include <cenote/slab/slab.hpp>

#include <bit>
#include <cstddef>
#include <cstdint>
#include <limits>

namespace cenote::inline v0_1::engine {

struct region_header;

class slab_table {
public:
    constexpr slab_table() noexcept = default;
    slab_table(const slab_table&) = delete;
    slab_table& operator=(const slab_table&) = delete;

    struct entry {
        std::byte* begin = nullptr; ///< the first block; null when the number is not in use
        std::size_t bytes = 0;
        slab* record = nullptr;
        region_header* home = nullptr;
    };

    /// For slabs of `slab_bytes` > 0. `aligned`: every slab starts on a multiple of its size, a power of two,
    /// and the table tells owners. `shared`: it tells them without a lock.
    constexpr void configure(std::size_t slab_bytes, bool aligned, bool shared = false) noexcept {
        granule_shift_ = static_cast<int>(std::bit_width(slab_bytes)) - 1;
        // One that is as long as a granule touches two at most; a longer one three.
        granules_per_slab_ = aligned ? 1 : base::is_power_of_two(slab_bytes) ? 2 : 3;
        tells_owners_ = aligned;
        is_shared_ = shared;
    }
    [[nodiscard]] bool is_shared() const noexcept { return is_shared_; }

    /// For stretches of any size: each is entered by granules of about its own size, of at least `least`, and
    /// `find_of_any_size` probes once for each power of two that some stretch has had.
    constexpr void configure_any_size(std::size_t least) noexcept {
        configure(least, false);
        granules_per_slab_ = 3;
        is_of_any_size_ = true;
    }

    /// Bytes of the memory that a table of `slabs` needs beyond the object itself.
    [[nodiscard]] std::size_t bytes_for(std::size_t slabs) const noexcept;

    /// How many slabs the table has room for.
    [[nodiscard]] std::size_t capacity() const noexcept { return capacity_; }
    /// Whether `slabs` in all fit beside what cells that were left keep occupied.
    [[nodiscard]] bool has_room_for(std::size_t slabs) const noexcept {
        return slabs <= capacity_ && (!is_shared_ || left_ + slabs * granules_per_slab_ <= mask_ - mask_ / 8);
    }

    /// Moves the table into `memory` of `bytes_for(slabs)` bytes, aligned for pointers; `slabs` is not below
    /// `capacity()`. The memory before it is not written any more; of a shared table it must stay readable.
    void move_to(void* memory, std::size_t slabs) noexcept;

    /// Back to the small table inside the object; no slab may be entered.
    void clear() noexcept;

    /// Enters a slab and returns its number. There must be room.
    std::uint32_t insert(const entry& what) noexcept;
    void remove(std::uint32_t id) noexcept;

    [[nodiscard]] const entry& at(std::uint32_t id) const noexcept { return directory_[id]; }

    /// Numbers in use are below this one; those not in use have a null `begin`.
    [[nodiscard]] std::uint32_t end_id() const noexcept { return end_id_; }

    /// The number of the slab that holds `address`, or `no_slab`.
    [[nodiscard]] std::uint32_t find(const void* address) const noexcept;

    /// The same of a table for stretches of any size. O(1): there are as many sizes as bits of an address.
    [[nodiscard]] std::uint32_t find_of_any_size(const void* address) const noexcept;

    /// The same, for a single look-up of an address that likely is in a slab.
    [[nodiscard]] CENOTE_INLINE std::uint32_t find_one(const void* address) const noexcept {
        const auto number = reinterpret_cast<std::uintptr_t>(address);
        const std::uintptr_t key = number >> granule_shift_;
        const cell& here = cells_[slot_of(key)];
        if (here.key == key) [[likely]] {
            const std::uint32_t id = number < here.split ? here.low : here.high;
            if (id != no_slab && number - reinterpret_cast<std::uintptr_t>(at(id).begin) < at(id).bytes)
                return id;
        }
        return find_apart(address);
    }

    /// What a look-up reads, for loops that look up many addresses of a table that does not change meanwhile:
    /// kept in registers, because the compiler cannot know that stores to bitmaps leave it alone.
    class finder;
    [[nodiscard]] finder look() const noexcept;

    /// The owner of the aligned slab that holds `address`, or `no_slab`. O(1) expected. Of a shared table
    /// without its lock, for a block that is live or in no slab of the table.
    [[nodiscard]] CENOTE_API std::uint32_t owner_of(const void* address) const noexcept;

    /// The same for hot paths, which call nothing: what the first word says that is looked at. When it is
    /// another granule's, or there is no slab, a number not below `no_owner`: ask `owner_of` then.
    [[nodiscard]] CENOTE_INLINE std::uint64_t quick_owner_of(const void* address) const noexcept {
        const std::uintptr_t key = reinterpret_cast<std::uintptr_t>(address) >> granule_shift_;
        return sync::load_relaxed(words_[slot_of(key)]) - word_of(key, 0);
    }
    [[nodiscard]] CENOTE_INLINE std::uint64_t quick_shared_owner_of(const void* address) const noexcept {
        const view& now = *sync::load_acquire(view_);
        const std::uintptr_t key = reinterpret_cast<std::uintptr_t>(address) >> granule_shift_;
        return sync::load_relaxed(now.words[hash(key, now.hash_shift)]) - word_of(key, 0);
    }
    /// Owners of slabs of a table that tells them are below this.
    static constexpr std::uint32_t no_owner = 0xff;

    [[nodiscard]] bool is_valid() const noexcept;

private:
    struct cell {
        std::uintptr_t key = 0; // the granule; 0, which no slab has, in an empty cell
        std::uintptr_t split = no_split;
        std::uint32_t low = no_slab;  // the slab of addresses below `split`
        std::uint32_t high = no_slab; // the slab of those from it on
    };

    static constexpr std::uintptr_t no_split = ~std::uintptr_t{0};
    static constexpr std::size_t small_cells = 4; // one slab, three granules

    // What owners are told from: for each cell a word of its granule and, in the lowest bits, the owner of
    // its slab or `no_owner`. Granules are of at least a kilobyte, so both find room.
    struct view {
        std::size_t mask = 0;
        int hash_shift = 0;
        std::uint64_t words[small_cells] = {empty_word, empty_word, empty_word,
                                            empty_word}; // and more behind
    };
    static constexpr int owner_bits = 8;
    static constexpr std::uint64_t empty_word = no_owner;
    [[nodiscard]] static constexpr std::uint64_t word_of(std::uintptr_t key, std::uint32_t owner) noexcept {
        return std::uint64_t{key} << owner_bits | (owner == no_slab ? no_owner : owner);
    }

    [[nodiscard]] static std::size_t hash(std::uintptr_t key, int shift) noexcept {
        return static_cast<std::size_t>((std::uint64_t{key} * 0x9e3779b97f4a7c15u) >> shift);
    }
    [[nodiscard]] std::size_t slot_of(std::uintptr_t key) const noexcept { return hash(key, hash_shift_); }
    [[nodiscard]] std::size_t cells_for(std::size_t slabs) const noexcept;

    [[nodiscard]] CENOTE_NOINLINE std::uint32_t find_apart(const void* address) const noexcept;
    [[nodiscard]] int shift_of(std::uint32_t id) const noexcept {
        const int own = static_cast<int>(std::bit_width(at(id).bytes)) - 1;
        return is_of_any_size_ && own > granule_shift_ ? own : granule_shift_;
    }
    /// Granules of different sizes are told apart by bits that no granule's number has.
    [[nodiscard]] std::uintptr_t key_of(const std::byte* address, int shift) const noexcept {
        constexpr int tag_bits = 6;
        const std::uintptr_t tag = is_of_any_size_ ? static_cast<std::uintptr_t>(shift) : 0;
        return reinterpret_cast<std::uintptr_t>(address) >> shift |
               tag << (std::numeric_limits<std::uintptr_t>::digits - tag_bits);
    }
    [[nodiscard]] std::uintptr_t first_key(std::uint32_t id) const noexcept {
        return key_of(at(id).begin, shift_of(id));
    }
    [[nodiscard]] std::uintptr_t last_key(std::uint32_t id) const noexcept {
        return key_of(at(id).begin + (at(id).bytes - 1), shift_of(id));
    }
    [[nodiscard]] std::uint64_t word_of(const cell& one) const noexcept {
        return word_of(one.key, one.low != no_slab ? at(one.low).record->owner : no_slab);
    }
    void publish(std::size_t i) noexcept {
        if (tells_owners_) sync::store_relaxed(words_[i], word_of(cells_[i]));
    }
    void enter(std::uint32_t id) noexcept;
    void enter_cell(std::uintptr_t key, std::uint32_t id) noexcept;
    void remove_cell(std::uintptr_t key, std::uint32_t id) noexcept;
    void close_gap(std::size_t gap) noexcept;
    void empty_left(std::size_t last) noexcept;
    [[nodiscard]] static bool is_left(const cell& one) noexcept {
        return one.key != 0 && one.low == no_slab && one.high == no_slab;
    }

    cell small_[small_cells];
    view small_view_{small_cells - 1, 62};
    entry only_;
    cell* cells_ = small_; // the small table, until it is outgrown
    entry* directory_ = &only_;
    std::size_t mask_ = small_cells - 1;
    int hash_shift_ = 62; // 64 less the bits of a slot number
    int granule_shift_ = 0;
    bool is_of_any_size_ = false;
    bool tells_owners_ = false;
    bool is_shared_ = false;
    const view* view_ = &small_view_;
    std::uint64_t* words_ = small_view_.words; // of `view_`
    std::size_t left_ = 0;                     // cells of a shared table that hold no slab any more
    std::size_t granules_per_slab_ = 3;
    std::size_t capacity_ = 1;
    std::uint64_t shifts_ = 0; // of stretches of any size that were entered, a bit each
    std::uint32_t end_id_ = 0;
    std::uint32_t free_id_ = no_slab; // numbers given back, chained through `home`
};

class slab_table::finder {
public:
    [[nodiscard]] CENOTE_INLINE std::uint32_t find(const void* address) const noexcept {
        const auto number = reinterpret_cast<std::uintptr_t>(address);
        const std::uintptr_t key = number >> granule_shift_;
        const cell& here = cells_[hash(key, hash_shift_)];
        if (here.key == key) [[likely]] {
            if (const std::uint32_t id = find_in(here, number); id != no_slab) [[likely]]
                return id;
        }
        return find_behind(number);
    }

    [[nodiscard]] const entry& at(std::uint32_t id) const noexcept { return directory_[id]; }

private:
    friend class slab_table;
    explicit finder(const slab_table& table) noexcept
        : cells_(table.cells_), directory_(table.directory_), mask_(table.mask_),
          hash_shift_(table.hash_shift_), granule_shift_(table.granule_shift_) {}

    [[nodiscard]] CENOTE_INLINE std::uint32_t find_in(const cell& here,
                                                      std::uintptr_t number) const noexcept {
        const std::uint32_t id = number < here.split ? here.low : here.high;
        if (id == no_slab) return no_slab;
        return number - reinterpret_cast<std::uintptr_t>(at(id).begin) < at(id).bytes ? id : no_slab;
    }
    /// When it is not in the first cell.
    [[nodiscard]] CENOTE_NOINLINE std::uint32_t find_behind(std::uintptr_t number) const noexcept;

    const cell* cells_;
    const entry* directory_;
    std::size_t mask_;
    int hash_shift_;
    int granule_shift_;
};

inline slab_table::finder slab_table::look() const noexcept {
    return finder(*this);
}

inline std::uint32_t slab_table::find(const void* address) const noexcept {
    return look().find(address);
}

} // namespace cenote::inline v0_1::engine
