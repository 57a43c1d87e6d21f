// cenote: SPDX-License-Identifier: MIT
//
// Blocks too large for slabs: each is a region of its own from the source, with its record behind the block.
// Freed regions are kept within bounds, because the source is slow, in a list for each size; a request takes
// one that is at most an eighth too large, and what was freed longest ago goes first when there are too many.
// O(1). What a pointer is, is known from a slab table, a probe for each power of two among the sizes; of what
// has gone back to the source nothing is known: it is foreign. One thread at a time.
#pragma once

#include <cenote/base/error.hpp>
#include <cenote/slab/table_memory.hpp>

namespace cenote::inline v0_1::engine {

class large_blocks {
public:
    /// Kept for reuse when memory goes back by itself: this many bytes and this many regions, none of more
    /// than a quarter of the bytes.
    static constexpr std::size_t most_kept_bytes = std::size_t{16} << 20;
    static constexpr std::size_t most_kept = 1024;

    struct record {
        slab tag; ///< what the table holds
        std::uint32_t id = no_slab;
        bool is_live = false;
        std::size_t requested = 0;
        source::request reserved;
        record* next = nullptr; ///< kept ones: of the same size
        record* previous = nullptr;
        record* older = nullptr; ///< of all sizes
        record* newer = nullptr;
    };

    constexpr large_blocks() noexcept { table_.configure_any_size(std::size_t{4} << 10); }
    large_blocks(const large_blocks&) = delete;
    large_blocks& operator=(const large_blocks&) = delete;

    /// `keep_all`: nothing goes back to the source but by `release_kept`. `watched`: a sanitizer is told.
    constexpr void configure(source& from, bool keep_all, bool watched) noexcept {
        from_ = &from;
        keep_all_ = keep_all;
        watched_ = watched;
    }

    /// A block of `size` bytes, or null; nothing has changed then.
    [[nodiscard]] void* allocate(std::size_t size, std::size_t alignment) noexcept;
    /// The live block that starts at `pointer`, or null.
    [[nodiscard]] const record* find(const void* pointer) const noexcept;
    void deallocate(const record& live) noexcept;
    /// Makes a live block one of `size` bytes where it is: false when its region is too small for that, or
    /// more than twice too large.
    [[nodiscard]] bool resize(const record& live, std::size_t size) noexcept;

    /// Whether a block starts at `pointer`, live, or freed and kept.
    [[nodiscard]] bool owns(const void* pointer) const noexcept;
    /// What is wrong with a pointer that is no live block.
    [[nodiscard]] misuse diagnose(const void* pointer) const noexcept;

    /// Bytes of the largest block that a kept region serves; 0 when none does.
    [[nodiscard]] std::size_t largest_kept(std::size_t alignment) const noexcept;

    /// The next live block at or behind number `id`, which moves behind it; null at the end.
    [[nodiscard]] const record* next_live(std::uint32_t& id, void*& block) const noexcept;

    /// Numbers are below this one.
    [[nodiscard]] std::uint32_t end_id() const noexcept { return table_.end_id(); }

    /// Kept regions go back, except so many that were freed first; returns their bytes.
    std::size_t release_kept(std::size_t except = 0) noexcept;
    /// Everything goes back, live or not.
    void release_all() noexcept;
    /// All blocks are freed; regions are kept as `deallocate` keeps them.
    void reset() noexcept;

    [[nodiscard]] std::size_t live() const noexcept { return live_; }
    [[nodiscard]] std::size_t kept() const noexcept { return kept_count_; }
    [[nodiscard]] std::size_t live_bytes() const noexcept { return live_bytes_; }
    [[nodiscard]] std::size_t reserved_bytes() const noexcept { return reserved_ + memory_.bytes(); }
    [[nodiscard]] bool is_valid() const noexcept;

private:
    [[nodiscard]] record* find_kept(const source::request& wanted) const noexcept;
    [[nodiscard]] record* reserve(const source::request& wanted) noexcept;
    void release(record& gone) noexcept;
    void keep(record& freed) noexcept;
    void unkeep(record& kept) noexcept;
    [[nodiscard]] static std::size_t bin_of(std::size_t bytes) noexcept;
    [[nodiscard]] record* record_of(std::uint32_t id) const noexcept {
        return reinterpret_cast<record*>(table_.at(id).record);
    }

    source* from_ = nullptr;
    bool keep_all_ = false;
    bool watched_ = false;
    slab_table table_;
    table_memory memory_;
    static constexpr std::size_t bins = 128;
    record* kept_[bins] = {}; // by size, the last freed first
    record* newest_ = nullptr;
    record* oldest_ = nullptr;
    std::size_t kept_count_ = 0;
    std::size_t kept_bytes_ = 0;
    std::size_t live_ = 0;
    std::size_t live_bytes_ = 0;
    std::size_t reserved_ = 0;
};

} // namespace cenote::inline v0_1::engine
