// cenote: SPDX-License-Identifier: MIT
//
// Blocks of many sizes for one thread: what `malloc` gives, with the speed of fixed_pool. Requests are
// rounded up to a size class (at most an eighth above 128 bytes), each with magazines of its own over shared
// regions; requests above `largest_block()` go to the source. Blocks are taken back with their size or
// without. Allocation and sized freeing cost a fixed_pool's plus a few instructions for the class; freeing
// without a size a look-up of the address more. Amortised O(1). One thread at a time; not from signal
// handlers.
#pragma once

#include <cenote/pool/large_blocks.hpp>
#include <cenote/pool/options.hpp>
#include <cenote/pool/size_classes.hpp>
#include <cenote/slab/block_store.hpp>
#include <cenote/slab/stock.hpp>
#include <cenote/source/budget.hpp>
#include <cenote/source/os_pages.hpp>

#include <concepts>
#include <type_traits>

namespace cenote::inline v0_1 {

namespace engine {
template<class Core>
class shared;
} // namespace engine

struct multi_pool_options {
    std::size_t slab_bytes = std::size_t{64}
                             << 10;        ///< a power of two from 1 KiB to 1 MiB; blocks up to an eighth
    std::size_t initial_bytes = 0;         ///< of slabs, reserved by the constructor
    std::size_t maximum_bytes = unlimited; ///< never more than this from the source
    cenote::growth growth = growth::geometric(1.0625); ///< counted in slabs
    cenote::source* source = nullptr;                  ///< null: `default_source()`
    bool checks = false;           ///< finds misuse at the call, exactly; every call takes the slow path
    bool stats = false;            ///< counts calls; every call takes the slow path
    bool zero_on_allocate = false; ///< blocks come zeroed; every call takes the slow path
    bool erase_on_free = false;    ///< blocks are zeroed when they return; every call takes the slow path
    bool sanitizers = true;        ///< under ASan or memcheck: tell them of every block, by the slow path
    cenote::trim trim = cenote::trim::automatic;
    const char* name = "unnamed"; ///< for messages; not copied
    exhaustion_handler on_exhaustion{};

    /// What is wrong with these options, or null. The one place where they are judged.
    [[nodiscard]] constexpr const char* flaw() const noexcept;
};

class CENOTE_API multi_pool {
public:
    using options = multi_pool_options;
    /// The alignment of blocks for which none is asked.
    static constexpr std::size_t default_alignment = 16;

    /// Throws `bad_options`, and `out_of_memory` when `initial_bytes` cannot be had.
    constexpr explicit multi_pool(const multi_pool_options& wanted = {}) : multi_pool(wanted, 0) {}
    constexpr explicit multi_pool(defaults) : multi_pool(multi_pool_options{}) {}
    multi_pool(const multi_pool&) = delete;
    multi_pool& operator=(const multi_pool&) = delete;
    /// Live blocks are told to the leak handler, then everything goes back to the source.
    ~multi_pool();

    /// A block of at least `size` bytes (0 counts as 1) at a power of two `alignment`. Throws
    /// `out_of_memory`.
    [[nodiscard]] void* allocate(std::size_t size, std::size_t alignment = default_alignment);
    /// The same, or null; also null for an alignment that is no power of two.
    [[nodiscard]] void* try_allocate(std::size_t size, std::size_t alignment = default_alignment) noexcept;

    /// Takes back a live block. Anything else is misuse, found now (with `checks`, or when the address is in
    /// no slab of this pool) or when the magazine that took it is flushed. Null is ignored.
    void deallocate(void* block) noexcept;
    /// With the size asked for, and the alignment when one was: saves the look-up. Not for null.
    void deallocate(void* block, std::size_t size, std::size_t alignment = default_alignment) noexcept;

    [[nodiscard]] void* allocate_zeroed(std::size_t size, std::size_t alignment = default_alignment);
    /// A block and the bytes of it that may be used, at least `size`.
    [[nodiscard]] allocation allocate_at_least(std::size_t size, std::size_t alignment = default_alignment);
    /// `count` blocks of `size` into `blocks`, all or none. Throws `out_of_memory`.
    void allocate_n(std::size_t size, void** blocks, std::size_t count);
    [[nodiscard]] bool try_allocate_n(std::size_t size, void** blocks, std::size_t count) noexcept;
    void deallocate_n(void* const* blocks, std::size_t count) noexcept;
    /// Zeroes a live block and takes it back.
    void deallocate_erased(void* block) noexcept;

    /// Whether a block of this pool starts here, live or free. Reads nothing behind the pointer.
    [[nodiscard]] bool owns(const void* pointer) const noexcept;
    /// Whether a live block starts here. O(a magazine).
    [[nodiscard]] bool is_live(const void* pointer) const noexcept;
    /// The usable bytes of a block of this pool, 0 for others. (A sanitizer lets those be touched that were
    /// asked for; `allocate_at_least` asks for all.)
    [[nodiscard]] std::size_t size_of(const void* block) const noexcept;

    /// A number for a block of this pool, stable while the block is live; `unlimited` for others and for
    /// blocks above `largest_block()`.
    [[nodiscard]] std::size_t index_of(const void* block) const noexcept;
    /// The block with that number, or null.
    [[nodiscard]] void* at(std::size_t index) const noexcept;

    /// Calls `visit(void*, std::size_t)` with every live block and its usable bytes; a visit that returns
    /// false ends the walk. `visit` may allocate and free: blocks live throughout are visited exactly once.
    template<std::invocable<void*, std::size_t> Visit>
    void for_each(Visit&& visit);

    /// All blocks are free, memory is kept. No destructor runs. During a walk it is misuse, told with
    /// `checks`.
    void reset() noexcept;
    /// Gives idle memory back to the source, and returns how many bytes. Nothing during a walk.
    std::size_t trim() noexcept;
    enum class touch { no, yes };
    /// Makes sure that `blocks` of `size` can be live without another call to the source. Throws
    /// `out_of_memory`.
    void reserve(std::size_t size, std::size_t blocks, touch pages = touch::no);

    /// Larger blocks come straight from the source.
    [[nodiscard]] std::size_t largest_block() const noexcept { return largest_; }
    /// The bytes that a request of `size` takes, up to `largest_block()`.
    [[nodiscard]] static constexpr std::size_t rounded_size(std::size_t size) noexcept {
        return engine::class_size(engine::class_of(size));
    }
    [[nodiscard]] const char* name() const noexcept { return options_.name; }
    [[nodiscard]] bool is_instrumented() const noexcept { return stores_[0].loaded.capacity() == 0; }
    [[nodiscard]] pool_stats stats() const noexcept;
    /// The pool's own invariants. O(blocks); for tests.
    [[nodiscard]] bool is_valid() const noexcept;

    /// How large a caller's buffer must be for `initial_bytes` of slabs, wherever it starts. Throws
    /// `bad_options`, also when they are not given.
    [[nodiscard]] static std::size_t required_bytes(const multi_pool_options& options);

private:
    friend class concurrent_multi_pool;
    friend class engine::shared<multi_pool>; // makes one the slabs and memory of many threads
    class walk;
    struct cursor {
        engine::position at{0, 0, nullptr};
        std::uint32_t large = 0;
        // Not beyond what there was: a visit that allocates would never see the end.
        std::uint32_t slab_end = 0;
        std::uint32_t large_end = 0;
    };
    static constexpr std::uint32_t is_large = engine::no_slab;

    /// What `threads` threads share: no magazines of its own. One call at a time.
    constexpr multi_pool(const multi_pool_options& wanted, unsigned threads)
        : options_(wanted),
          limit_(wanted.source != nullptr ? *wanted.source : default_source(), wanted.maximum_bytes),
          largest_(wanted.slab_bytes / 8), threads_(threads) {
        if (const char* const flaw = wanted.flaw()) base::raise_bad_options(wanted.name, flaw);
        if (threads != 0) regions_.share_table(wanted.slab_bytes);
        if (!std::is_constant_evaluated() && wanted.initial_bytes != 0) reserve_bytes(wanted.initial_bytes);
    }

    // What engine::shared asks of its core; one call at a time.
    [[nodiscard]] bool open_shared() noexcept { return is_open_ || open(); }
    [[nodiscard]] bool has_caches() const noexcept { return cache_entries_ != 0; }
    [[nodiscard]] std::size_t first_units() const noexcept { return threads_; }
    [[nodiscard]] std::size_t region_bytes() const noexcept { return regions_.reserved_bytes(); }
    [[nodiscard]] std::uint32_t size_classes() const noexcept { return classes(); }
    [[nodiscard]] engine::block_store& store(std::uint32_t size_class) noexcept {
        return stores_[size_class];
    }
    [[nodiscard]] source& from() noexcept { return limit_; }
    [[nodiscard]] std::size_t unit_bytes() const noexcept {
        return engine::unit_bytes_for(classes(), cache_entries_);
    }
    void clear(engine::cache_unit& unit) const noexcept;
    void equip(engine::cache_unit& unit, engine::stock& one, std::uint32_t size_class) const noexcept;
    /// Longer magazines for a size of which many are used, if they take at most one `share`th of what the
    /// thread may still cache.
    [[nodiscard]] bool widen(engine::cache_unit& unit, engine::stock& one, std::uint32_t size_class,
                             std::size_t share) const noexcept;
    /// The size whose magazines may hold most, at whose cost `size_class` may have some; or `is_large`. And
    /// half of that back, when they are empty.
    [[nodiscard]] std::uint32_t widest(engine::cache_unit& unit, std::uint32_t size_class) const noexcept;
    void narrow(engine::cache_unit& unit, engine::stock& one, std::uint32_t size_class) const noexcept;
    [[nodiscard]] std::size_t fetch(std::uint32_t size_class, void** begin, std::size_t want) noexcept;
    [[nodiscard]] void* const* put(std::uint32_t size_class, void* const* begin, void* const* end) noexcept;
    void after_put(std::uint32_t size_class) noexcept;
    [[nodiscard]] void* take_one(std::uint32_t size_class) noexcept { return take_block(size_class); }
    void give_one(std::uint32_t size_class, void* block) noexcept { deallocate_slow(block, size_class); }
    void collect_reports(engine::misuse_list* list) noexcept { regions_.collect_reports(list); }
    void set_caches(std::size_t) const noexcept {}
    void set_walks(std::size_t count) noexcept { walks_ = count; }
    void set_bought(std::size_t bytes) noexcept { bought_ = bytes; }
    [[nodiscard]] bool wants_flushes() const noexcept { return false; }
    [[nodiscard]] bool wants_caches_back(std::uint32_t) const noexcept { return false; }

    /// 1, 2, 4, 8 or 16: what every class gives. One shift; nothing when the alignment is a constant.
    [[nodiscard]] static constexpr bool is_plain(std::size_t alignment) noexcept {
        return alignment <= default_alignment && (0x10116u >> alignment & 1) != 0;
    }

    [[nodiscard]] std::size_t index_for(std::size_t size, std::size_t alignment) const noexcept;
    [[nodiscard]] std::uint32_t class_for(std::size_t size, std::size_t alignment) const noexcept {
        return static_cast<std::uint32_t>(index_for(size, alignment));
    }
    void put_block(std::size_t index, void* block) noexcept;
    [[nodiscard]] std::uint32_t classes() const noexcept { return engine::class_of(largest_) + 1; }

    /// Whether a size class serves so many bytes. The compiler is told that no class lies beyond the array.
    [[nodiscard]] CENOTE_INLINE bool has_class(std::size_t size) const noexcept {
        CENOTE_ASSUME(largest_ <= engine::class_size(engine::most_size_classes - 1));
        return size <= largest_;
    }
    CENOTE_NOINLINE void* allocate_slow(std::size_t size, std::size_t alignment);
    CENOTE_NOINLINE void* try_allocate_slow(std::size_t size, std::size_t alignment) noexcept;
    CENOTE_NOINLINE void deallocate_slow(void* block, std::uint32_t size_class) noexcept;
    CENOTE_NOINLINE void deallocate_apart(void* block) noexcept;
    CENOTE_NOINLINE void deallocate_large(void* block) noexcept;
    CENOTE_NOINLINE void deallocate_large(void* block, std::size_t size) noexcept;
    [[nodiscard]] void* take(std::size_t size, std::size_t alignment) noexcept;
    [[nodiscard]] void* take_block(std::uint32_t size_class) noexcept;
    [[nodiscard]] bool take_n(std::size_t size, void** blocks, std::size_t count) noexcept;
    void take_back_exactly(std::uint32_t size_class, void* block) noexcept;
    /// What `get()` finds, or the end of it; `counts`: as a failure.
    template<class Get>
    auto insist(std::size_t size, const Get& get, bool counts = true) {
        return engine::insist(
            options_.on_exhaustion, this, get, [&] { return shortage_of(size); },
            [&] { calls_.failures += counts ? 1 : 0; });
    }
    [[nodiscard]] shortage shortage_of(std::size_t size) const noexcept;
    void note_live(std::uint32_t size_class) noexcept;
    void wipe(void* block, std::size_t bytes) noexcept;
    void wipe_live() noexcept;
    void report_stray(const void* pointer) const noexcept;

    [[nodiscard]] bool is_exact() const noexcept {
        return options_.checks || options_.stats || options_.zero_on_allocate || options_.erase_on_free ||
               watched_;
    }
    [[nodiscard]] static engine::region_plan plan_for(source& from, const multi_pool_options& options,
                                                      bool exact, unsigned threads) noexcept;
    [[nodiscard]] static std::size_t required_bytes(const multi_pool_options& wanted, unsigned threads);
    [[nodiscard]] static std::size_t entries_for(bool prepaid, std::size_t bytes, std::size_t largest,
                                                 unsigned threads) noexcept;
    [[nodiscard]] bool open() noexcept;
    [[nodiscard]] bool grow() noexcept;
    [[nodiscard]] bool add_region(std::size_t slabs) noexcept;
    [[nodiscard]] bool grow_with_short_magazines(std::size_t bytes) noexcept;
    void shrink_to(std::size_t slabs) noexcept;
    void release_everything() noexcept;
    [[nodiscard]] std::size_t blocks_in_slab() const noexcept {
        return options_.slab_bytes / engine::smallest_class;
    }
    [[nodiscard]] bool reclaim() noexcept;
    [[nodiscard]] bool trim_for_large() noexcept;
    [[nodiscard]] std::size_t slabs_for(std::size_t bytes) const noexcept;
    [[nodiscard]] bool try_reserve_bytes(std::size_t bytes) noexcept;
    void reserve_bytes(std::size_t bytes);
    [[nodiscard]] bool try_reserve(std::size_t size, std::size_t blocks) noexcept;
    void populate() noexcept;
    void equip() noexcept;
    void give_back_surplus() noexcept;
    std::size_t release_idle_regions(std::size_t keep_slabs) noexcept;
    [[nodiscard]] void* next_live(cursor& at, std::size_t& size) const noexcept;

    engine::block_store stores_[engine::most_size_classes]; // the hot words
    engine::region_list regions_;
    engine::large_blocks large_;
    multi_pool_options options_;
    budget limit_; // around the source
    std::size_t largest_;
    bool is_open_ = false;
    bool has_short_magazines_ = false;
    bool watched_ = false;
    unsigned threads_ = 0;          // that are expected to share it; 0: it belongs to one
    std::size_t cache_entries_ = 0; // of the magazines of each of them, all sizes together
    std::size_t bought_ = 0;        // bytes from the source for their caches
    std::size_t walks_ = 0;
    std::size_t noted_[engine::most_size_classes] = {}; // live blocks as of each class's last slow call
    std::size_t live_ = 0;                              // their sum, and the large ones
    std::size_t peak_ = 0;
    std::size_t flushed_bytes_ = 0;
    call_counts calls_;
};

constexpr const char* multi_pool_options::flaw() const noexcept {
    if (!base::is_power_of_two(slab_bytes) || slab_bytes < 1024 || slab_bytes > std::size_t{1} << 20) {
        return "slab_bytes is not a power of two from 1 KiB to 1 MiB";
    }
    if (maximum_bytes == 0) return "maximum_bytes is 0; leave it out for no maximum";
    if (initial_bytes > maximum_bytes) return "initial_bytes is above maximum_bytes";
    if (!growth.is_sound()) return "growth adds nothing: the factor must be above 1, the blocks above 0";
    if (growth.how == growth::kind::none && initial_bytes == 0)
        return "growth is none, but initial_bytes is not given";
    if (initial_bytes > base::size_max / 4) {
        return "initial_bytes is more than memory can hold";
    }
    return nullptr;
}

// Alignments above the default take a class whose size is a multiple of them: slabs start on their own size.
CENOTE_INLINE std::size_t multi_pool::index_for(std::size_t size, std::size_t alignment) const noexcept {
    if (alignment <= default_alignment) [[likely]]
        return engine::index_of_class(size);
    std::uint32_t size_class = engine::class_of(size < alignment ? alignment : size);
    while ((engine::class_size(size_class) & (alignment - 1)) != 0) ++size_class;
    return size_class;
}

// The hot path: a range check, the class, and fixed_pool's.

CENOTE_INLINE void* multi_pool::allocate(std::size_t size, std::size_t alignment) {
    if (!has_class(size) || !is_plain(alignment)) [[unlikely]]
        return allocate_slow(size, alignment);
    if (void* const block = stores_[engine::class_of(size)].loaded.take()) [[likely]]
        return block;
    return allocate_slow(size, alignment);
}

CENOTE_INLINE void* multi_pool::try_allocate(std::size_t size, std::size_t alignment) noexcept {
    if (!has_class(size) || !is_plain(alignment)) [[unlikely]]
        return try_allocate_slow(size, alignment);
    if (void* const block = stores_[engine::class_of(size)].loaded.take()) [[likely]]
        return block;
    return try_allocate_slow(size, alignment);
}

CENOTE_INLINE void multi_pool::deallocate(void* block) noexcept {
    const std::uint64_t owner = regions_.table().quick_owner_of(block);
    if (owner >= engine::slab_table::no_owner) [[unlikely]]
        return deallocate_apart(block);
    base::prefetch_freed(block);
    put_block(static_cast<std::size_t>(owner), block);
}

// Who gets the block next likely writes to one that has not been looked at for long: sizes spread over more
// memory than a cache holds, and a core that commits stores in order has no room for more of them meanwhile.
CENOTE_INLINE void multi_pool::deallocate(void* block, std::size_t size, std::size_t alignment) noexcept {
    const bool is_over_aligned = alignment > default_alignment && alignment > largest_;
    if (!has_class(size) || is_over_aligned) [[unlikely]]
        return deallocate_large(block, size);
    base::prefetch_for_write(block);
    put_block(index_for(size, alignment), block);
}

// `index` is a class, as wide as the address that is made of it; the block stays in the register in which it
// came.
CENOTE_INLINE void multi_pool::put_block(std::size_t index, void* block) noexcept {
    engine::magazine& loaded = stores_[index].loaded;
    if (loaded.is_full()) [[unlikely]]
        return deallocate_slow(block, static_cast<std::uint32_t>(index));
    loaded.push(block);
}

// A walk runs at capacity zero, so that what the visitor allocates and frees is exact at once.
class multi_pool::walk {
public:
    explicit walk(multi_pool& pool) noexcept : pool_(pool) {
        if (pool_.walks_++ == 0) {
            for (engine::block_store& store : pool_.stores_) store.suspend();
        }
    }
    walk(const walk&) = delete;
    walk& operator=(const walk&) = delete;
    ~walk() {
        if (--pool_.walks_ == 0) {
            for (engine::block_store& store : pool_.stores_) store.resume();
        }
    }

private:
    multi_pool& pool_;
};

template<std::invocable<void*, std::size_t> Visit>
void multi_pool::for_each(Visit&& visit) {
    const walk silence(*this);
    cursor at{.slab_end = regions_.table().end_id(), .large_end = large_.end_id()};
    std::size_t size = 0;
    while (void* const block = next_live(at, size)) {
        if constexpr (std::convertible_to<std::invoke_result_t<Visit&, void*, std::size_t>, bool>) {
            if (!static_cast<bool>(visit(block, size))) return;
        } else {
            visit(block, size);
        }
    }
}

} // namespace cenote::inline v0_1
