// cenote: SPDX-License-Identifier: MIT
//
// Behind refill and flush: spare magazines first, slabs when there are none. A flush checks every pointer
// before it goes further and stores the block's number in an empty magazine bought with its region; without
// one the blocks go back to the bitmaps, so that freeing never needs memory, and so do neighbours. A refill
// takes the full magazine that came last, or cuts blocks from slabs. Amortised O(1) a block. One thread at a
// time.
// Source: J. Bonwick, J. Adams, "Magazines and Vmem", USENIX ATC 2001: depot, and its working set of
// magazines. A depot between threads hands magazines out in the order in which they came, and their blocks in
// the order in which they were freed, so that a prefetcher sees a stream.
#pragma once

#include <cenote/slab/magazine.hpp>
#include <cenote/slab/slab_heap.hpp>

namespace cenote::inline v0_1::engine {

class depot {
public:
    constexpr depot() noexcept = default;
    depot(const depot&) = delete;
    depot& operator=(const depot&) = delete;

    /// Whose frees a magazine from the depot brings back.
    enum class order {
        newest_first, ///< one thread's own: what came last is still in its cache
        oldest_first, ///< another thread's
        queue,        ///< block by block, in the order in which they came, by the calls for one
    };

    /// `capacity`: blocks of a magazine. `pool` names it in reports of misuse.
    constexpr void configure(std::size_t capacity, const char* pool,
                             order wanted = order::newest_first) noexcept {
        capacity_ = capacity;
        pool_ = pool;
        order_ = wanted;
    }

    [[nodiscard]] bool is_queue() const noexcept { return order_ == order::queue; }

    /// Bytes of one empty magazine for `capacity` blocks.
    [[nodiscard]] static constexpr std::size_t magazine_bytes(std::size_t capacity) noexcept {
        return base::rounded_up(sizeof(spare) + capacity * sizeof(std::uint32_t), alignof(spare));
    }

    [[nodiscard]] slab_heap& heap() noexcept { return heap_; }
    [[nodiscard]] const slab_heap& heap() const noexcept { return heap_; }

    /// Makes empty magazines of a new region's side room.
    void adopt(const region_header& region) noexcept;
    /// Makes sure that no magazine stands in a region that is about to go.
    void abandon(const region_header& region) noexcept;

    /// Up to `want` blocks into [begin, begin + n), the next one to use last; returns n, 0 when there is
    /// none.
    [[nodiscard]] std::size_t fetch(void** begin, std::size_t want) noexcept;

    /// Takes back [begin, end). Pointers that are no out block are reported and dropped. Returns `end`, or
    /// where it stopped because the list of reports is crowded.
    void* const* put(void* const* begin, void* const* end) noexcept;

    /// Takes back one block, straight to its slab or to the end of the queue; false when the pointer was bad
    /// (and reported).
    bool put_exact(void* block) noexcept;
    /// The same without a report.
    [[nodiscard]] bool try_put_exact(void* block) noexcept;
    /// One block from a slab, or else from the front of the queue, or null.
    [[nodiscard]] void* take_exact() noexcept;

    /// The same two for who does without them where there is more to do than to look at the slab in use:
    /// null, or false and nothing changed.
    [[nodiscard]] void* take_quickly() noexcept { return cached_ == 0 ? heap_.take_quickly() : nullptr; }
    [[nodiscard]] bool put_quickly(void* block) noexcept { return !is_queue() && heap_.put_quickly(block); }

    /// For a pool that ends: [begin, end) are no longer out, and go nowhere. Bad pointers are reported.
    void discard(void* const* begin, void* const* end) noexcept;

    /// Blocks that are out and that nobody may have again: they leave every count but this one.
    void write_off(void* const* begin, void* const* end) noexcept;
    [[nodiscard]] std::size_t written_off() const noexcept { return written_off_; }

    /// Empties up to `most` full magazines into the slabs, those longest unused first.
    void drain(std::size_t most) noexcept;
    /// All magazines empty, without a look at their blocks: for a heap whose blocks are all idle.
    void forget_blocks() noexcept;
    /// No magazines at all: their regions are gone.
    void forget_magazines() noexcept;

    /// Blocks of a magazine.
    [[nodiscard]] std::size_t capacity() const noexcept { return capacity_; }
    /// Blocks in full magazines.
    [[nodiscard]] std::size_t cached() const noexcept { return cached_; }

    void report(misuse kind, const void* pointer) const noexcept;
    [[nodiscard]] bool is_valid() const noexcept;

private:
    struct spare { // the blocks' numbers stand behind it
        spare* next;
        std::size_t count; // blocks; of an empty one: how many that were never used stand behind it
        [[nodiscard]] std::uint32_t* blocks() noexcept { return reinterpret_cast<std::uint32_t*>(this + 1); }
    };

    // A block's number is its slab's, and behind it its place in the slab in these many bits.
    [[nodiscard]] int index_bits() const noexcept {
        return static_cast<int>(std::bit_width(heap_.layout().blocks_per_slab - 1));
    }
    [[nodiscard]] std::uint32_t index_mask() const noexcept { return (std::uint32_t{1} << index_bits()) - 1; }
    /// Of [block, end) those that are out go into `sink`, `count` of them; returns as `put` does.
    template<class Sink>
    void* const* withdraw(void* const* block, void* const* end, std::size_t& count, Sink& sink) noexcept;
    void* const* put_in_slabs(void* const* begin, void* const* end) noexcept;
    void hand_out(const std::uint32_t* numbers, std::size_t count, void** into) noexcept;
    void give(const std::uint32_t* first, const std::uint32_t* last) noexcept;
    void drain_one(spare& full) noexcept;
    [[nodiscard]] bool put_in_queue(const position& at) noexcept;
    [[nodiscard]] bool queue_up(const position& at) noexcept;
    [[nodiscard]] void* take_first() noexcept;
    void push_full(spare& magazine) noexcept;
    spare* pop_full() noexcept;
    spare* pop_empty() noexcept;
    void push_empty(spare& magazine) noexcept;

    slab_heap heap_;
    spare* full_ = nullptr;      // the next one to use first
    spare* last_full_ = nullptr; // not kept for `newest_first`
    spare* turned_ = nullptr;    // the front of a queue, when its first block stands last
    spare* empty_ = nullptr;
    order order_ = order::newest_first;
    std::size_t full_count_ = 0;
    std::size_t cached_ = 0;
    std::size_t written_off_ = 0;
    std::size_t capacity_ = 0;
    const char* pool_ = "";
};

/// How many slabs can be told apart when a block's number is stored in 32 bits.
[[nodiscard]] constexpr std::size_t most_slabs_for(const block_layout& layout) noexcept {
    return std::size_t{1} << (31 - static_cast<int>(std::bit_width(layout.blocks_per_slab - 1)));
}

} // namespace cenote::inline v0_1::engine
