// cenote: SPDX-License-Identifier: MIT
//
// One thread's stock of one block size: two magazines in front of a depot. `pop` and `push` of `loaded` are
// the hot path; `refill` and `flush` are all that lies behind it. Two magazines, so that a load that swings
// around the edge of one does not go to the depot at every swing. A pool of one size has one store, a pool
// of several sizes one for each.
#pragma once

#include <cenote/slab/depot.hpp>
#include <cenote/slab/magazine.hpp>

namespace cenote::inline v0_1::engine {

class alignas(32) block_store { // so that `loaded` never straddles two cache lines
public:
    constexpr block_store() noexcept = default;
    block_store(const block_store&) = delete;
    block_store& operator=(const block_store&) = delete;

    magazine loaded; ///< first, so that it shares the store's first cache line with nothing colder

    [[nodiscard]] engine::depot& depot() noexcept { return depot_; }
    [[nodiscard]] const engine::depot& depot() const noexcept { return depot_; }
    [[nodiscard]] slab_heap& heap() noexcept { return depot_.heap(); }
    [[nodiscard]] const slab_heap& heap() const noexcept { return depot_.heap(); }

    /// Gives the store two magazines of `capacity`, one behind the other in `memory`. Capacity 0: none.
    CENOTE_API void equip(void** memory, std::size_t capacity) noexcept;
    /// Both magazines at capacity zero until `resume`, their blocks back in the slabs.
    CENOTE_API void suspend() noexcept;
    void resume() noexcept { equip(memory_, capacity_); }
    /// The magazines' blocks are no longer out: what is, was never freed. For a pool that ends.
    void end() noexcept;
    /// Without magazines, slabs and depot: their memory is gone.
    void strip() noexcept;

    // What `shared` says of blocks in magazines that are not the store's own.
    void write_off(void* const* begin, void* const* end) noexcept { depot_.write_off(begin, end); }
    void report(misuse kind, const void* pointer) const noexcept { depot_.report(kind, pointer); }
    [[nodiscard]] std::size_t stride() const noexcept { return heap().layout().stride; }

    /// Called when `loaded` is empty or has a null on top: a block, or null when depot, slabs and regions
    /// have none left.
    [[nodiscard]] void* refill() noexcept;
    /// Called with `loaded` full: makes room and takes `block`.
    void flush(void* block) noexcept;

    /// Fills [begin, begin + n), n <= `want`; less only when no block is left.
    [[nodiscard]] std::size_t take_many(void** begin, std::size_t want) noexcept;
    void put_many(void* const* begin, std::size_t count) noexcept;

    /// All blocks idle, slabs kept.
    void reset() noexcept;
    /// The magazines' blocks back to the slabs.
    void drain_magazines() noexcept;

    [[nodiscard]] bool holds(const void* block) const noexcept;
    [[nodiscard]] std::size_t capacity() const noexcept { return capacity_; }
    [[nodiscard]] std::size_t in_magazines() const noexcept {
        return loaded.count() + spare_.count() + elsewhere_;
    }
    [[nodiscard]] std::size_t live() const noexcept {
        const std::size_t out = heap().out();
        return out > in_magazines() ? out - in_magazines() : 0;
    }
    /// Not `in_magazines()`: what a thread is thought to cache may have passed through other hands meanwhile.
    [[nodiscard]] std::size_t cached() const noexcept { return heap().out() - live() + depot_.cached(); }

    /// The most live blocks seen at a refill, before a flush, or now: exact to two magazines.
    [[nodiscard]] std::size_t peak() const noexcept { return peak_ > live() ? peak_ : live(); }
    /// The same since `forget_recent_peak`.
    [[nodiscard]] std::size_t recent_peak() const noexcept {
        return recent_peak_ > live() ? recent_peak_ : live();
    }
    /// Free blocks that count as out because they are in magazines that the store does not see: threads'.
    [[nodiscard]] std::size_t elsewhere() const noexcept { return elsewhere_; }
    void set_elsewhere(std::size_t blocks) noexcept { elsewhere_ = blocks; }

    void forget_recent_peak() noexcept { recent_peak_ = live(); }
    void note_peak() noexcept {
        if (const std::size_t out = heap().out(); out <= peak_ && out <= recent_peak_) return;
        const std::size_t now = live();
        if (now > peak_) peak_ = now;
        if (now > recent_peak_) recent_peak_ = now;
    }
    /// For a call that failed half way: blocks that nobody got were never live.
    void set_peak(std::size_t blocks) noexcept { peak_ = blocks; }

    /// Blocks that came back through flushes since `forget_flushed`.
    [[nodiscard]] std::size_t flushed() const noexcept { return flushed_; }
    void note_flushed(std::size_t blocks) noexcept { flushed_ += blocks; }
    void forget_flushed() noexcept { flushed_ = 0; }

    [[nodiscard]] bool is_valid() const noexcept;

private:
    void drain(magazine& full) noexcept;

    magazine spare_;
    engine::depot depot_;
    void** memory_ = nullptr;
    std::size_t capacity_ = 0;
    std::size_t elsewhere_ = 0;
    std::size_t peak_ = 0;
    std::size_t recent_peak_ = 0;
    std::size_t flushed_ = 0;
};

} // namespace cenote::inline v0_1::engine
