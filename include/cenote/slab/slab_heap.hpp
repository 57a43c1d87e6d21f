// cenote: SPDX-License-Identifier: MIT
//
// All slabs of one block size. `take` moves idle blocks out, `withdraw` checks a returning pointer and
// clears its bit, `give` makes a withdrawn block idle. Slabs whose blocks are all idle
// are kept up to a number, against thrashing, and then go back to the region list. Everything is O(1) a
// block; a bad pointer is found before any byte behind it is read. One thread at a time. Where the lowest
// address goes first, a slab that gets its first idle block or loses its last costs O(log slabs), amortised.
// Source of that: D. D. Sleator, R. E. Tarjan, "Self-Adjusting Heaps", SIAM J. Comput. 15, 1986: skew heaps.
#pragma once

#include <cenote/base/error.hpp>
#include <cenote/slab/block_layout.hpp>
#include <cenote/slab/region_list.hpp>

namespace cenote::inline v0_1::engine {

/// Where a block is.
struct position {
    std::uint32_t id = no_slab;
    std::uint32_t index = 0;
    slab* record = nullptr;
};

/// Blocks of one word of one slab's bitmap: what a batch of neighbours changes at once.
struct word_run {
    std::uint32_t id = no_slab;
    std::uint32_t word = 0;
    slab* record = nullptr;
    slab::word mask = 0;
    std::uint32_t count =
        0; ///< bits of the mask: counting them is slow where the processor may not be asked to

    constexpr word_run() noexcept = default;
    explicit word_run(const position& at) noexcept
        : id(at.id), word(at.index / slab::word_bits), record(at.record), mask(slab::bit(at.index)),
          count(1) {}

    /// Takes a block of the same word that it does not have yet.
    [[nodiscard]] bool add(std::uint32_t of, std::uint32_t index) noexcept {
        const slab::word bit = slab::bit(index);
        if (of != id || index / slab::word_bits != word || (mask & bit) != 0) return false;
        mask |= bit;
        ++count;
        return true;
    }
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
        bool shares = false;               ///< other heaps draw from the same region list
        bool lowest_first = false;         ///< blocks are taken by address, from all slabs
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

    /// When a single block is asked for next, it is the one with this number in its slab, if that is idle and
    /// order does not matter: the first blocks of many pools, each the first of its pages, would compete for
    /// a few lines of the processor's cache, and those of a pool's threads lie in one.
    void begin_at(std::uint32_t index) noexcept { begin_at_ = habits_.lowest_first ? 0 : index; }

    /// One block, or null. Most are one look at a bitmap's word.
    [[nodiscard]] void* take_one() noexcept;
    /// The same, or null where more is to do than that look: for who then asks `take_one`.
    [[nodiscard]] void* take_quickly() noexcept;

    /// Finds the block that starts at `pointer`. False when none does; `at` is unspecified then.
    [[nodiscard]] bool find(const void* pointer, position& at) const noexcept;

    /// The same for who comes again and again: the slab found last is looked at first.
    [[nodiscard]] bool find_near(const void* pointer, position& at) noexcept;

    /// Where a block is, with what its slab is like: the next block may be of the same.
    struct place {
        position block;
        const std::byte* begin = nullptr;
        std::size_t bytes = 0;
    };

    /// The same for many pointers, while no slab comes or goes.
    class finder;
    [[nodiscard]] finder look() const noexcept;

    /// Marks the blocks of a run neither out nor idle. False, with nothing changed, when one of them is not
    /// out.
    [[nodiscard]] bool withdraw(const word_run& run) noexcept {
        slab::word& out = run.record->out()[run.word];
        if ((out & run.mask) != run.mask) return false;
        out &= ~run.mask;
        out_ -= run.count;
        return true;
    }

    /// For who clears the bits of out blocks by himself: so many were.
    void withdrew(std::size_t blocks) noexcept { out_ -= blocks; }

    /// The other way: withdrawn blocks go out again.
    void hand_out(const word_run& run) noexcept {
        run.record->out()[run.word] |= run.mask;
        out_ += run.count;
    }

    void handed_out(std::size_t blocks) noexcept { out_ += blocks; }

    /// Withdrawn blocks become idle. No slab goes before `give_surplus_slabs`, so that positions stay good.
    void give(const word_run& run) noexcept;

    /// The same for blocks of one word of a slab's bitmap, some of them withdrawn by who counts them himself:
    /// `gave` says how many became idle in all.
    void give_bits(const position& at, slab::word mask, std::uint32_t count) noexcept;
    void gave(std::size_t blocks) noexcept { idle_ += blocks; }

    /// Makes an out block idle; false, with nothing changed, when it is not out.
    [[nodiscard]] bool put_one(const position& at) noexcept;

    /// The same for a pointer into the slab that `find_near` found last; false also where the slab is listed
    /// elsewhere then: for who then does all of it.
    [[nodiscard]] bool put_quickly(const void* pointer) noexcept;

    /// What is wrong with a pointer that `withdraw` or `put_one` refused.
    [[nodiscard]] misuse diagnose(const void* pointer) const noexcept;

    /// All blocks idle, slabs kept.
    void reset() noexcept;
    /// Sets up at most `slabs` slabs in places of the regions, to be kept until they are needed.
    void set_up(std::size_t slabs) noexcept;
    /// Gives idle slabs above the number to keep back to the regions; to be called after a batch of `give`.
    void give_surplus_slabs() noexcept {
        if (kept_count_ > habits_.most_kept) give_idle_slabs(kept_count_ - habits_.most_kept);
    }
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

    [[nodiscard]] bool is_valid() const noexcept;

private:
    [[nodiscard]] std::uint32_t set_up_slab() noexcept;
    [[nodiscard]] std::size_t take_begin(const slab_table::entry& entry, void** end,
                                         std::size_t want) noexcept;
    void give_slab(std::uint32_t id) noexcept;
    void keep(std::uint32_t id) noexcept;
    [[nodiscard]] void* take_from(const slab_table::entry& entry, slab& record) noexcept;
    void note_idle(std::uint32_t id) noexcept;
    [[nodiscard]] bool stays(std::uint32_t id, const slab& record) const noexcept;
    [[nodiscard]] bool find_in_nearest(const void* pointer, position& at) const noexcept;
    void keep_apart(std::uint32_t id) noexcept;
    void keep_lone() noexcept;
    [[nodiscard]] bool has_lone() const noexcept {
        return !habits_.lowest_first && partial_ != no_slab &&
               regions_->record(partial_).idle_count == regions_->record(partial_).blocks;
    }
    [[nodiscard]] std::uint32_t take_kept() noexcept;
    void note_less_kept() noexcept {
        if (--kept_count_ < fewest_kept_) fewest_kept_ = kept_count_;
    }
    void link(std::uint32_t id) noexcept;
    void unlink(std::uint32_t id) noexcept;
    void unlink_first(slab& record) noexcept;
    [[nodiscard]] std::uint32_t merged(std::uint32_t one, std::uint32_t other) noexcept;
    void give_highest_slabs(std::size_t most) noexcept;
    [[nodiscard]] bool has_sound_links(std::uint32_t id, std::size_t& links) const noexcept;

    block_layout layout_;
    region_list* regions_ = nullptr;
    habits habits_;
    // Slabs with an idle block and one in use; for `lowest_first` all with an idle block, as a skew heap by
    // address, whose children are `next` and `previous`.
    std::uint32_t partial_ = no_slab;
    std::uint32_t kept_ = no_slab; // slabs with idle blocks only, chained through `next`
    std::uint32_t begin_at_ = 0;
    place near_; // the slab that `find_near` found last
    std::size_t kept_count_ = 0;
    std::size_t fewest_kept_ = 0;
    std::size_t blocks_ = 0;
    std::size_t idle_ = 0;
    std::size_t out_ = 0;
};

inline bool slab_heap::find(const void* pointer, position& at) const noexcept {
    const std::uint32_t id = regions_->table().find_one(pointer);
    if (id == no_slab) return false;
    const slab_table::entry& entry = regions_->table().at(id);
    if (habits_.shares && entry.record->owner != habits_.owner) return false;
    const auto offset = static_cast<std::size_t>(static_cast<const std::byte*>(pointer) - entry.begin);
    const std::uint64_t index = layout_.by_stride.quotient(offset);
    at = {id, static_cast<std::uint32_t>(index), entry.record};
    return index < layout_.blocks_per_slab;
}

// The only slab with idle blocks stays where the next block comes from, or one block that comes and goes
// would move it to and fro.
inline bool slab_heap::stays(std::uint32_t id, const slab& record) const noexcept {
    return !habits_.lowest_first && !habits_.shares && partial_ == id && record.next == no_slab;
}

inline void slab_heap::note_idle(std::uint32_t id) noexcept {
    if (habits_.lowest_first) {
        ++kept_count_;
        return;
    }
    if (!stays(id, regions_->record(id))) keep_apart(id);
}

inline void slab_heap::give_bits(const position& at, slab::word mask, std::uint32_t count) noexcept {
    slab& record = *at.record;
    if (record.idle_count == 0) [[unlikely]]
        link(at.id);
    record.give(at.index / slab::word_bits, mask, count);
    if (record.idle_count == record.blocks) [[unlikely]]
        note_idle(at.id);
}

inline bool slab_heap::put_one(const position& at) noexcept {
    slab& record = *at.record;
    const std::uint32_t w = at.index / slab::word_bits;
    slab::word& out = record.out()[w];
    const slab::word bit = slab::bit(at.index);
    if ((out & bit) == 0) return false;
    out ^= bit;
    --out_;
    give_bits(at, bit, 1);
    ++idle_;
    return true;
}

// The list's head, where no address goes first, and it has no idle block any more.
inline void slab_heap::unlink_first(slab& record) noexcept {
    partial_ = record.next;
    if (partial_ != no_slab) regions_->record(partial_).previous = no_slab;
    record.next = no_slab;
}

// Of a listed slab, which has an idle block.
inline void* slab_heap::take_from(const slab_table::entry& entry, slab& record) noexcept {
    while (record.idle()[record.hint] == 0) ++record.hint;
    slab::word& idle = record.idle()[record.hint];
    const auto index = record.hint * slab::word_bits + static_cast<std::uint32_t>(std::countr_zero(idle));
    record.out()[record.hint] |= idle & (0 - idle);
    idle &= idle - 1;
    if (index >= record.fresh) record.fresh = index + 1;
    --record.idle_count;
    --idle_;
    ++out_;
    return entry.begin + index * layout_.stride;
}

inline void* slab_heap::take_quickly() noexcept {
    const std::uint32_t id = partial_;
    if (id == no_slab || begin_at_ != 0) [[unlikely]]
        return nullptr;
    const slab_table::entry& entry = regions_->table().at(id);
    slab& record = *entry.record;
    if (habits_.lowest_first && (record.idle_count == 1 || record.idle_count == record.blocks)) [[unlikely]]
        return nullptr;
    void* const block = take_from(entry, record);
    if (record.idle_count == 0) unlink_first(record);
    return block;
}

inline bool slab_heap::find_in_nearest(const void* pointer, position& at) const noexcept {
    const auto offset = static_cast<std::size_t>(static_cast<const std::byte*>(pointer) - near_.begin);
    if (offset >= near_.bytes) return false;
    const std::uint64_t index = layout_.by_stride.quotient(offset);
    at = {near_.block.id, static_cast<std::uint32_t>(index), near_.block.record};
    return index < layout_.blocks_per_slab;
}

inline bool slab_heap::find_near(const void* pointer, position& at) noexcept {
    if (find_in_nearest(pointer, at)) return true;
    if (!find(pointer, at)) return false;
    const slab_table::entry& entry = regions_->table().at(at.id);
    near_ = {at, entry.begin, entry.bytes};
    return true;
}

inline bool slab_heap::put_quickly(const void* pointer) noexcept {
    position at;
    if (!find_in_nearest(pointer, at)) return false;
    slab& record = *at.record;
    const std::uint32_t w = at.index / slab::word_bits;
    const slab::word bit = slab::bit(at.index);
    slab::word& out = record.out()[w];
    if ((out & bit) == 0 || record.idle_count == 0) return false;
    if (record.idle_count + 1 == record.blocks && !stays(near_.block.id, record)) return false;
    out ^= bit;
    record.give(w, bit, 1);
    --out_;
    ++idle_;
    return true;
}

} // namespace cenote::inline v0_1::engine
