// cenote: SPDX-License-Identifier: MIT
//
// Equal blocks of raw memory for one thread: the fastest pool, and the one under the others. Use it for
// nodes, messages, packets: many objects of one size that come and go. For objects with constructors see
// object_pool.hpp, for several sizes multi_pool.hpp.
// `allocate` and `deallocate` are a compare and a load, a compare and a store, inline at the end of the
// class; `allocate_slow` and `deallocate_slow` are all the rest. Amortised O(1) whatever the number of
// blocks. Memory comes in slabs from a source when the first block is asked for. The pool does not move; its
// destructor gives all memory back, live blocks included. One thread at a time; not from signal handlers.
#pragma once

#include <cenote/pool/options.hpp>
#include <cenote/slab/block_store.hpp>
#include <cenote/slab/stock.hpp>
#include <cenote/source/os_pages.hpp>

#include <concepts>
#include <type_traits>

namespace cenote::inline v0_1 {

namespace engine {
template<class Core>
class shared;
template<class T, class Pool>
class basic_object_pool;
} // namespace engine

struct fixed_pool_options {
    std::size_t block_size = 0;                ///< bytes; must be set
    std::size_t alignment = natural_alignment; ///< a power of two
    std::size_t initial_blocks = 0;            ///< reserved by the constructor
    std::size_t maximum_blocks = unlimited;    ///< never more than this
    std::size_t blocks_per_slab = 0;           ///< at most 65,536; 0: about 64 KiB of them
    std::size_t magazine_blocks = 0;           ///< at most 1,024 in each of two; 0: as many as suit the size
    cenote::growth growth{};
    cenote::source* source = nullptr; ///< null: `default_source()`
    bool checks = false;              ///< finds misuse at the call, exactly; every call takes the slow path
    bool stats = false;               ///< counts calls; every call takes the slow path
    bool zero_on_allocate = false;    ///< blocks come zeroed; every call takes the slow path
    bool erase_on_free = false;       ///< blocks are zeroed when they return; every call takes the slow path
    bool sanitizers = true;           ///< under ASan or memcheck: tell them of every block, by the slow path
    hand_out order = hand_out::most_recent; ///< any other: exact as with `checks`, by the slow path
    cenote::trim trim = cenote::trim::automatic;
    bool adaptive = false;        ///< learns how long to keep idle memory; see docs/decisions/0016
    const char* name = "unnamed"; ///< for messages; not copied
    exhaustion_handler on_exhaustion{};

    /// Whether every call takes the slow path.
    [[nodiscard]] constexpr bool is_exact() const noexcept {
        return checks || stats || zero_on_allocate || erase_on_free || order != hand_out::most_recent;
    }
    /// How blocks are laid out; false when that does not fit.
    [[nodiscard]] constexpr bool lay_out(engine::block_layout& layout) const noexcept;
    /// What is wrong with these options, or null. The one place where they are judged.
    [[nodiscard]] constexpr const char* flaw() const noexcept {
        engine::block_layout layout;
        return flaw(layout);
    }
    /// The same, and how blocks are laid out when nothing is.
    [[nodiscard]] constexpr const char* flaw(engine::block_layout& layout) const noexcept;
};

class CENOTE_API fixed_pool {
public:
    using options = fixed_pool_options;

    /// Throws `bad_options`, and `out_of_memory` when `initial_blocks` cannot be had. A pool in static
    /// storage is constant-initialised, and reserves its initial blocks at the first call.
    constexpr explicit fixed_pool(const fixed_pool_options& wanted) : fixed_pool(wanted, 0u) {}
    /// The same, without the initial blocks until `try_open()`.
    constexpr fixed_pool(const fixed_pool_options& wanted, unopened) : fixed_pool(wanted, 0u, unopened{}) {}
    fixed_pool(const fixed_pool&) = delete;
    fixed_pool& operator=(const fixed_pool&) = delete;
    /// Live blocks are told to the leak handler, then everything goes back to the source.
    ~fixed_pool();

    /// A block of `block_size()` bytes; its contents are undefined. Throws `out_of_memory`.
    [[nodiscard]] void* allocate();
    /// The same, or null.
    [[nodiscard]] void* try_allocate() noexcept;
    /// Takes back a live block of this pool. Anything else is misuse, found now (with `checks`) or when the
    /// magazine that took it is flushed. Not for null.
    void deallocate(void* block) noexcept;

    /// A block with all its bytes zero.
    [[nodiscard]] void* allocate_zeroed();
    /// A block and the bytes of it that may be used: `stride()`.
    [[nodiscard]] allocation allocate_at_least();
    /// `count` blocks into `blocks`, all or none. Throws `out_of_memory`.
    void allocate_n(void** blocks, std::size_t count);
    /// The same; false when they could not be had.
    [[nodiscard]] bool try_allocate_n(void** blocks, std::size_t count) noexcept;
    void deallocate_n(void* const* blocks, std::size_t count) noexcept;
    /// Takes back a block whose size the caller knows; a size above `block_size()` is misuse.
    void deallocate(void* block, std::size_t size) noexcept;
    /// Takes back a live block if every call is exact (with `checks`); else changes and reports nothing.
    [[nodiscard]] bool try_deallocate(void* block) noexcept;
    /// Zeroes a live block and takes it back.
    void deallocate_erased(void* block) noexcept;

    /// Whether a block of this pool starts here, live or free. O(1), reads nothing behind the pointer.
    [[nodiscard]] bool owns(const void* pointer) const noexcept;
    /// Whether a live block starts here. O(a magazine).
    [[nodiscard]] bool is_live(const void* pointer) const noexcept;
    /// A number for a block of this pool, stable while the block is live and below 2^31; `unlimited` for
    /// others.
    [[nodiscard]] std::size_t index_of(const void* block) const noexcept;
    /// The block with that number, or null.
    [[nodiscard]] void* at(std::size_t index) const noexcept;

    /// Calls `visit(void*)` for every live block; a visit that returns false ends the walk. `visit` may
    /// allocate from this pool and free to it: blocks live throughout are visited exactly once, those that
    /// came meanwhile perhaps. O(blocks).
    template<std::invocable<void*> Visit>
    void for_each(Visit&& visit);

    /// All blocks are free, memory is kept. No destructor runs. During a walk it is misuse, told with
    /// `checks`.
    void reset() noexcept;
    /// Gives idle memory back to the source, and returns how many bytes. Nothing during a walk.
    std::size_t trim() noexcept;
    /// Whether `reserve` also backs the memory, so that first uses do not fault.
    enum class touch { no, yes };
    /// Makes sure that `blocks` can be live without another call to the source. Throws `out_of_memory`.
    void reserve(std::size_t blocks, touch pages = touch::no);
    /// The same; false when they cannot be had.
    [[nodiscard]] bool try_reserve(std::size_t blocks) noexcept;
    /// Reserves the initial blocks; false when they cannot be had.
    [[nodiscard]] bool try_open() noexcept {
        return options_.initial_blocks == 0 || try_reserve(options_.initial_blocks);
    }

    [[nodiscard]] std::size_t block_size() const noexcept { return layout_.block_size; }
    [[nodiscard]] std::size_t alignment() const noexcept { return layout_.alignment; }
    /// Bytes from one block to the next.
    [[nodiscard]] std::size_t stride() const noexcept { return layout_.stride; }
    [[nodiscard]] const char* name() const noexcept { return options_.name; }
    /// Whether every call takes the slow path at present: by an option, under a sanitizer, during a walk.
    [[nodiscard]] bool is_instrumented() const noexcept { return store_.loaded.capacity() == 0; }
    [[nodiscard]] pool_stats stats() const noexcept;
    /// The pool's own invariants. O(blocks); for tests.
    [[nodiscard]] bool is_valid() const noexcept;

    /// How large a caller's buffer must be so that exactly `maximum_blocks` (or else `initial_blocks`) blocks
    /// fit, wherever it starts. Throws `bad_options`, also when neither is given.
    [[nodiscard]] static std::size_t required_bytes(const fixed_pool_options& options);
    /// The same as `bytes`, without throwing: what is wrong with the options, or null.
    [[nodiscard]] static const char* try_required_bytes(const fixed_pool_options& options,
                                                        std::size_t& bytes) noexcept;

private:
    template<class T, class Pool>
    friend class engine::basic_object_pool; // for `retire`
    friend class concurrent_pool;
    friend class engine::shared<fixed_pool>; // makes one the depot, slabs and memory of many threads
    class walk;

    /// What `threads` threads share: no magazines of its own, a depot between them. One call at a time.
    constexpr fixed_pool(const fixed_pool_options& wanted, unsigned threads)
        : fixed_pool(wanted, threads, unopened{}) {
        if (!std::is_constant_evaluated() && wanted.initial_blocks != 0) reserve(wanted.initial_blocks);
    }
    constexpr fixed_pool(const fixed_pool_options& wanted, unsigned threads, unopened)
        : options_(wanted), threads_(threads) {
        engine::block_layout layout; // g++ 12 reads no member here when the pool is a mutable one
        if (const char* const flaw = wanted.flaw(layout)) base::raise_bad_options(wanted.name, flaw);
        layout_ = layout;
    }

    // What engine::shared asks of its core; one call at a time. There is one size class, 0.
    [[nodiscard]] bool open_shared() noexcept { return is_open_ || open(); }
    [[nodiscard]] bool has_caches() const noexcept { return in_magazine() != 0; }
    [[nodiscard]] std::size_t first_units() const noexcept { return threads_; }
    [[nodiscard]] std::size_t region_bytes() const noexcept { return regions_.reserved_bytes(); }
    [[nodiscard]] static std::uint32_t size_classes() noexcept { return 1; }
    [[nodiscard]] engine::block_store& store(std::uint32_t) noexcept { return store_; }
    [[nodiscard]] std::size_t unit_bytes() const noexcept;
    void clear(engine::cache_unit& unit) const noexcept;
    void equip(engine::cache_unit& unit, engine::stock& one, std::uint32_t) const noexcept;
    [[nodiscard]] bool widen(engine::cache_unit&, engine::stock&, std::uint32_t, std::size_t) const noexcept {
        return false;
    }
    [[nodiscard]] std::uint32_t widest(engine::cache_unit&, std::uint32_t) const noexcept {
        return engine::no_slab;
    }
    void narrow(engine::cache_unit&, engine::stock&, std::uint32_t) const noexcept {}
    /// For a thread's magazine: up to `want` blocks into [begin, begin + n); returns n, 0 when there are
    /// none.
    [[nodiscard]] std::size_t fetch(std::uint32_t, void** begin, std::size_t want) noexcept;
    /// Takes a magazine's blocks back; returns where it stopped, as depot::put does.
    [[nodiscard]] void* const* put(std::uint32_t, void* const* begin, void* const* end) noexcept;
    void after_put(std::uint32_t) noexcept { give_back_what_is_idle(); }
    [[nodiscard]] void* take_one(std::uint32_t) noexcept { return take(); }
    void give_one(std::uint32_t, void* block) noexcept { deallocate_slow(block); }
    void collect_reports(engine::misuse_list* list) noexcept { regions_.collect_reports(list); }
    void set_caches(std::size_t count) noexcept { caches_ = count; }
    void set_walks(std::size_t count) noexcept { walks_ = count; }
    void set_bought(std::size_t) const noexcept {}
    [[nodiscard]] bool wants_flushes() const noexcept { return false; }
    [[nodiscard]] bool wants_caches_back(std::uint32_t) const noexcept { return false; }

    /// Also what one thread's cache needs: 0 when there are none.
    [[nodiscard]] static const char* try_required_bytes(const fixed_pool_options& options, unsigned threads,
                                                        std::size_t& bytes, std::size_t& unit_bytes) noexcept;

    CENOTE_NOINLINE void* allocate_slow();
    CENOTE_NOINLINE void* try_allocate_slow() noexcept;
    CENOTE_NOINLINE void deallocate_slow(void* block) noexcept;
    // What these do of exact calls is a look at a bitmap, without a frame on the stack; the rest is seldom.
    [[nodiscard]] void* take_quickly() noexcept;
    [[nodiscard]] bool give_quickly(void* block) noexcept;
    CENOTE_NOINLINE void* allocate_seldom();
    CENOTE_NOINLINE void* try_allocate_seldom() noexcept;
    CENOTE_NOINLINE bool try_deallocate_seldom(void* block) noexcept;
    CENOTE_NOINLINE void deallocate_seldom(void* block) noexcept;
    template<class Get>
    [[nodiscard]] auto grow_and(const Get& get) noexcept;
    [[nodiscard]] void* take() noexcept;
    void take_back_exactly(void* block) noexcept;
    void note_taken_back(void* block) noexcept;
    [[nodiscard]] bool take_n(void** blocks, std::size_t count) noexcept;
    void wipe(void* block) noexcept;
    void wipe_live() noexcept;
    /// Makes a live block not live, but leaves it as it is until `reset`; false for others.
    bool retire(void* block) noexcept;
    /// What `get()` finds, or the end of it; `counts`: as a failure.
    template<class Get>
    auto insist(std::size_t blocks, const Get& get, bool counts = true) {
        return engine::insist(
            options_.on_exhaustion, this, get, [&] { return shortage_of(blocks); },
            [&] { calls_.failures += counts ? 1 : 0; });
    }
    [[nodiscard]] shortage shortage_of(std::size_t blocks) const noexcept;

    /// Whether every call of an open pool takes the slow path, whatever goes on.
    [[nodiscard]] bool is_exact() const noexcept { return is_exact_; }
    [[nodiscard]] source& from() const noexcept {
        return options_.source != nullptr ? *options_.source : default_source();
    }
    /// Blocks of a magazine in front of the depot: none in front of a queue.
    [[nodiscard]] std::size_t in_magazine() const noexcept {
        return store_.depot().is_queue() ? 0 : store_.depot().capacity();
    }
    [[nodiscard]] std::size_t blocks_reserved() const noexcept {
        return regions_.block_bytes() / layout_.stride;
    }

    [[nodiscard]] bool open() noexcept;
    [[nodiscard]] bool grow() noexcept;
    [[nodiscard]] bool grow_by(std::size_t blocks) noexcept;
    void use_magazines_of(std::size_t blocks) noexcept;
    [[nodiscard]] std::size_t whole_slabs(std::size_t blocks) const noexcept;
    [[nodiscard]] std::size_t enough_for(std::size_t live) const noexcept;
    [[nodiscard]] bool add_region(std::size_t blocks) noexcept;
    [[nodiscard]] std::size_t fitting(std::size_t blocks, std::size_t bytes) const noexcept;
    void shrink_to(std::size_t slabs) noexcept;
    [[nodiscard]] bool has_room_for(std::size_t blocks) noexcept;
    void give_back_what_is_idle() noexcept;
    void give_back_surplus() noexcept;
    [[nodiscard]] std::size_t window() const noexcept;
    void look_ahead() noexcept;
    void settle() noexcept;
    void give_slabs_beyond(std::size_t needed) noexcept;
    void release_idle_regions() noexcept;
    [[nodiscard]] void* next_live(engine::position& at) const noexcept;

    engine::block_store store_; // the hot words come first
    engine::region_list regions_;
    engine::block_layout layout_;
    fixed_pool_options options_;
    bool is_open_ = false;
    bool watched_ = false;
    bool is_exact_ = false;  // known once it is open
    bool is_quick_ = false;  // exact, and nothing is done to the bytes of blocks
    unsigned threads_ = 0;   // that are expected to share it; 0: it belongs to one
    std::size_t caches_ = 1; // pairs of magazines before the depot
    std::size_t walks_ = 0;
    std::size_t most_reserved_ = 0; // blocks
    std::size_t settling_ = 0;      // until as many were flushed, all go to their slabs
    std::size_t quick_until_ = 0;   // as many were flushed, a free is a look at a bitmap and no more
    engine::retention retention_;
    call_counts calls_;
};

constexpr bool fixed_pool_options::lay_out(engine::block_layout& layout) const noexcept {
    const std::size_t divisor = block_size & (0 - block_size);
    const std::size_t natural = divisor < 16 ? divisor : 16;
    const std::size_t wanted = alignment == natural_alignment ? natural : alignment;
    if (!engine::make_layout(block_size, wanted, blocks_per_slab, layout)) return false;
    // Steps smaller than a usual slab make smaller slabs, so that each step is a whole number of them.
    if (blocks_per_slab == 0 && growth.how != growth::kind::none && growth.blocks < layout.blocks_per_slab) {
        return engine::make_layout(block_size, wanted, growth.blocks, layout);
    }
    return true;
}

constexpr const char* fixed_pool_options::flaw(engine::block_layout& layout) const noexcept {
    if (block_size == 0) return "block_size is 0; give the bytes of a block";
    if (alignment != natural_alignment && !base::is_power_of_two(alignment)) {
        return "alignment is not a power of two; leave it out or give 8, 16, 64, ...";
    }
    if (maximum_blocks == 0) return "maximum_blocks is 0; leave it out for no maximum";
    if (initial_blocks > maximum_blocks) return "initial_blocks is above maximum_blocks";
    if (!growth.is_sound()) return "growth adds nothing: the factor must be above 1, the blocks above 0";
    if (growth.how == growth::kind::none && initial_blocks == 0 && maximum_blocks == unlimited) {
        return "growth is none, but neither initial_blocks nor maximum_blocks is given";
    }
    if (blocks_per_slab > engine::most_blocks_per_slab) {
        return "blocks_per_slab is above 65536; to add more at a time use growth";
    }
    if (magazine_blocks > engine::most_in_magazine) return "magazine_blocks is above 1024";
    if (adaptive && trim == cenote::trim::manual) {
        return "adaptive learns when memory goes back by itself, but trim is manual";
    }
    if (!lay_out(layout)) return "block_size, alignment and blocks_per_slab are too large together";
    std::size_t bytes = 0;
    if (!base::multiply(layout.stride, initial_blocks, bytes))
        return "initial_blocks is more than memory can hold";
    return nullptr;
}

// After `get` has found nothing: what it finds in a pool that has grown; nothing changed when that is
// nothing.
template<class Get>
auto fixed_pool::grow_and(const Get& get) noexcept {
    const std::size_t slabs = regions_.slabs();
    // With places left the source would not back one.
    if (slabs != regions_.used() || !grow()) return decltype(get()){};
    const auto found = get();
    if (!found) shrink_to(slabs);
    return found;
}

// The hot path. Two compares in all: no flag, no counter, no lock.

CENOTE_INLINE void* fixed_pool::allocate() {
    if (void* const block = store_.loaded.take()) [[likely]]
        return block;
    return allocate_slow();
}

CENOTE_INLINE void* fixed_pool::try_allocate() noexcept {
    if (void* const block = store_.loaded.take()) [[likely]]
        return block;
    return try_allocate_slow();
}

CENOTE_INLINE void fixed_pool::deallocate(void* block) noexcept {
    base::prefetch_freed(block);
    if (store_.loaded.is_full()) [[unlikely]]
        return deallocate_slow(block);
    store_.loaded.push(block);
}

// A walk runs at capacity zero, so that what the visitor allocates and frees is exact at once.
class fixed_pool::walk {
public:
    explicit walk(fixed_pool& pool) noexcept : pool_(pool) {
        if (pool_.walks_++ == 0) pool_.store_.suspend();
    }
    walk(const walk&) = delete;
    walk& operator=(const walk&) = delete;
    ~walk() {
        if (--pool_.walks_ == 0) pool_.store_.resume();
    }

private:
    fixed_pool& pool_;
};

template<std::invocable<void*> Visit>
void fixed_pool::for_each(Visit&& visit) {
    const walk silence(*this);
    // Not into slabs that come during the walk: a visit that allocates would never see the end.
    const std::uint32_t end = regions_.table().end_id();
    engine::position at{0, 0, nullptr};
    while (void* const block = next_live(at)) {
        if (at.id >= end) return;
        if constexpr (std::convertible_to<std::invoke_result_t<Visit&, void*>, bool>) {
            if (!static_cast<bool>(visit(block))) return;
        } else {
            visit(block);
        }
    }
}

} // namespace cenote::inline v0_1
