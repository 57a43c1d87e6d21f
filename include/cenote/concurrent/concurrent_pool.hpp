// cenote: SPDX-License-Identifier: MIT
//
// Equal blocks of raw memory for many threads: any thread allocates, any thread frees, threads come and go.
// Each thread has two magazines of its own, and what fixed_pool has behind its magazines is shared behind one
// lock, which is taken once a magazine. `allocate` and `deallocate` find the thread's magazine in a
// thread-local table and are fixed_pool's then; `local_cache` saves the look-up. Amortised O(1). A thread
// caches at most 64 KiB of blocks; with a maximum, all expected threads together at most a quarter of it.
// The pool does not move. It must outlive every call; caches of threads that still run do not hinder its end.
// In the child of a fork it can be used; what other threads had cached is counted as abandoned there.
// Sources are called under the lock; handlers and visitors are not. Not from signal handlers.
#pragma once

#include <cenote/concurrent/shared.hpp>
#include <cenote/pool/fixed_pool.hpp>

namespace cenote::inline v0_1 {

extern template class engine::shared<fixed_pool>;

struct concurrent_pool_options {
    std::size_t block_size = 0;                ///< bytes; must be set
    std::size_t alignment = natural_alignment; ///< a power of two
    std::size_t initial_blocks = 0;            ///< reserved by the constructor
    std::size_t maximum_blocks = unlimited;    ///< never more than this
    std::size_t blocks_per_slab = 0;           ///< at most 65,536; 0: about 64 KiB of them
    std::size_t magazine_blocks = 0;           ///< at most 1,024 in each of two; 0: as many as suit the size
    cenote::growth growth{};
    cenote::source* source = nullptr; ///< null: `default_source()`
    bool checks = false;              ///< finds misuse at the call, exactly; every call takes the lock
    bool stats = false;               ///< counts calls; every call takes the lock
    bool zero_on_allocate = false;    ///< blocks come zeroed; every call takes the lock
    bool erase_on_free = false;       ///< blocks are zeroed when they return; every call takes the lock
    bool sanitizers = true;           ///< under ASan or memcheck: tell them of every block, under the lock
    hand_out order = hand_out::most_recent; ///< any other: exact as with `checks`, under the lock
    cenote::trim trim = cenote::trim::automatic;
    bool adaptive = false;        ///< learns how long to keep idle memory; see docs/decisions/0016
    const char* name = "unnamed"; ///< for messages; not copied
    exhaustion_handler on_exhaustion{};
    unsigned threads = 4; ///< expected: they share what may be cached of a maximum; more may come

    /// What is wrong with these options, or null.
    [[nodiscard]] constexpr const char* flaw() const noexcept {
        if (const char* const own = own_flaw()) return own;
        return to_fixed().flaw();
    }
    /// The same of what a pool of one thread has not.
    [[nodiscard]] constexpr const char* own_flaw() const noexcept {
        return threads == 0 ? "threads is 0; leave it out or say how many threads are expected" : nullptr;
    }

    [[nodiscard]] constexpr fixed_pool_options to_fixed() const noexcept {
        return {.block_size = block_size,
                .alignment = alignment,
                .initial_blocks = initial_blocks,
                .maximum_blocks = maximum_blocks,
                .blocks_per_slab = blocks_per_slab,
                .magazine_blocks = magazine_blocks,
                .growth = growth,
                .source = source,
                .checks = checks,
                .stats = stats,
                .zero_on_allocate = zero_on_allocate,
                .erase_on_free = erase_on_free,
                .sanitizers = sanitizers,
                .order = order,
                .trim = trim,
                .adaptive = adaptive,
                .name = name,
                .on_exhaustion = on_exhaustion};
    }
};

class CENOTE_API concurrent_pool {
public:
    using options = concurrent_pool_options;
    class local;

    /// Throws `bad_options`, and `out_of_memory` when `initial_blocks` cannot be had. A pool in static
    /// storage is constant-initialised, and reserves its initial blocks at the first call.
    constexpr explicit concurrent_pool(const concurrent_pool_options& wanted)
        : shared_(checked(wanted), wanted.threads) {}
    /// The same, without the initial blocks until `try_open()`.
    constexpr concurrent_pool(const concurrent_pool_options& wanted, unopened)
        : shared_(checked(wanted), wanted.threads, unopened{}) {}
    concurrent_pool(const concurrent_pool&) = delete;
    concurrent_pool& operator=(const concurrent_pool&) = delete;
    /// Live blocks are told to the leak handler, then everything goes back to the source. No thread may be in
    /// a call; those that have caches need not know.
    ~concurrent_pool();

    /// A block of `block_size()` bytes; its contents are undefined. Throws `out_of_memory`, whose text says
    /// how much is cached by other threads.
    [[nodiscard]] void* allocate();
    /// The same, or null.
    [[nodiscard]] void* try_allocate() noexcept;
    /// Takes back a live block of this pool, from whatever thread it came. Anything else is misuse, found now
    /// (with `checks`) or when the magazine that took it is flushed, before another thread can get it. Not
    /// for null. Never needs memory.
    void deallocate(void* block) noexcept;
    /// The calling thread's cache, for a loop that allocates and frees a lot. To be used by this thread
    /// alone, while the pool exists.
    [[nodiscard]] local local_cache();

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
    /// Zeroes a live block and takes it back.
    void deallocate_erased(void* block) noexcept;

    /// Whether a block of this pool starts here, live or free. O(1), reads nothing behind the pointer.
    [[nodiscard]] bool owns(const void* pointer) const noexcept;
    /// Whether a live block starts here. One that another thread has just freed counts as live until that
    /// thread's next exchange. O(a magazine).
    [[nodiscard]] bool is_live(const void* pointer) const noexcept;
    /// A number for a block of this pool, stable while the block is live and below 2^31; `unlimited` for
    /// others.
    [[nodiscard]] std::size_t index_of(const void* block) const noexcept;
    /// The block with that number, or null.
    [[nodiscard]] void* at(std::size_t index) const noexcept;

    /// Calls `visit(void*)` for every live block; a visit that returns false ends the walk. Needs quiet: no
    /// other thread may use the pool meanwhile (with `checks` it is told). `visit` may allocate from this
    /// pool and free to it: blocks live throughout are visited exactly once. O(blocks).
    template<std::invocable<void*> Visit>
    void for_each(Visit&& visit);

    /// All blocks are free, memory is kept. Needs quiet; during a walk it is misuse, told with `checks`.
    void reset() noexcept;
    /// Gives idle memory back to the source, and asks other threads to flush at their next exchange.
    trim_result trim() noexcept;
    /// Flushes what the calling thread has cached of this pool, so that others can have it.
    void release_thread_caches() noexcept;
    enum class touch { no, yes };
    /// Makes sure that `blocks` can be live without another call to the source, but for the caches of threads
    /// that are new to the pool. Throws `out_of_memory`.
    void reserve(std::size_t blocks, touch pages = touch::no);
    /// Reserves the initial blocks; false when they cannot be had.
    [[nodiscard]] bool try_open() noexcept;

    [[nodiscard]] std::size_t block_size() const noexcept { return shared_.core().block_size(); }
    [[nodiscard]] std::size_t alignment() const noexcept { return shared_.core().alignment(); }
    /// Bytes from one block to the next.
    [[nodiscard]] std::size_t stride() const noexcept { return shared_.core().stride(); }
    [[nodiscard]] const char* name() const noexcept { return shared_.core().name(); }
    /// Whether the next call of this thread takes the slow path whatever is cached.
    [[nodiscard]] bool is_instrumented() const noexcept {
        const std::uint64_t id = shared_.id();
        const engine::thread_cache& mine = engine::first_cache(id);
        return !mine.is_of(id) || !mine.own.can_hold();
    }
    /// Levels, exact for the calling thread and as of their last exchange for the others.
    [[nodiscard]] pool_stats stats() const noexcept;
    /// Exact. Needs quiet.
    [[nodiscard]] pool_stats stats(quiet_t) const noexcept;
    /// The pool's own invariants. Needs quiet. O(blocks); for tests.
    [[nodiscard]] bool is_valid() const noexcept;

    /// How large a caller's buffer must be so that exactly `maximum_blocks` (or else `initial_blocks`) blocks
    /// fit, and the caches of `threads` threads. Throws `bad_options`, also when neither is given.
    [[nodiscard]] static std::size_t required_bytes(const concurrent_pool_options& options);
    /// The same as `bytes`, without throwing: what is wrong with the options, or null.
    [[nodiscard]] static const char* try_required_bytes(const concurrent_pool_options& options,
                                                        std::size_t& bytes) noexcept;

private:
    template<class T, class Pool>
    friend class engine::basic_object_pool; // for `retire`

    static constexpr fixed_pool_options checked(const concurrent_pool_options& wanted) {
        if (const char* const flaw = wanted.own_flaw()) base::raise_bad_options(wanted.name, flaw);
        return wanted.to_fixed(); // whose flaws the core finds
    }

    CENOTE_NOINLINE void* allocate_slow();
    CENOTE_NOINLINE void* try_allocate_slow() noexcept;
    CENOTE_NOINLINE void deallocate_slow(void* block) noexcept;
    [[nodiscard]] void* take() noexcept;
    [[nodiscard]] bool take_n(void** blocks, std::size_t count) noexcept;
    CENOTE_NOINLINE bool take_n_slow(void** blocks, std::size_t count) noexcept;
    [[nodiscard]] bool may_retry(unsigned attempt, std::size_t blocks);
    [[nodiscard]] shortage shortage_of(std::size_t blocks) noexcept;
    void report_disturbance() const noexcept;
    bool retire(void* block) noexcept;
    [[nodiscard]] std::uint32_t end_of_walk() const noexcept;
    [[nodiscard]] void* next_live(engine::position& at) const noexcept;

    using sharing = engine::shared<fixed_pool>;
    using section = sharing::section;

    mutable sharing shared_;
};

/// A thread's way to its magazines of one concurrent_pool.
class concurrent_pool::local {
public:
    [[nodiscard]] CENOTE_INLINE void* allocate() {
        if (void* const block = mine_->own.loaded.take()) [[likely]]
            return block;
        return pool_->allocate_slow();
    }
    [[nodiscard]] CENOTE_INLINE void* try_allocate() noexcept {
        if (void* const block = mine_->own.loaded.take()) [[likely]]
            return block;
        return pool_->try_allocate_slow();
    }
    CENOTE_INLINE void deallocate(void* block) noexcept {
        base::prefetch_freed(block);
        if (mine_->own.loaded.is_full()) [[unlikely]]
            return pool_->deallocate_slow(block);
        mine_->own.loaded.push_in_order(block);
    }
    [[nodiscard]] concurrent_pool& pool() const noexcept { return *pool_; }

private:
    friend class concurrent_pool;
    local(concurrent_pool& pool, engine::thread_cache& mine) noexcept : mine_(&mine), pool_(&pool) {}

    engine::thread_cache* mine_; // one of no pool, always empty and always full, when there is none
    concurrent_pool* pool_;
};

// The hot path: fixed_pool's, once the thread's magazine is found.

CENOTE_INLINE void* concurrent_pool::allocate() {
    const std::uint64_t id = shared_.id();
    engine::thread_cache& mine = engine::first_cache(id);
    if (mine.is_of(id)) [[likely]] {
        if (void* const block = mine.own.loaded.take()) [[likely]]
            return block;
    }
    return allocate_slow();
}

CENOTE_INLINE void* concurrent_pool::try_allocate() noexcept {
    const std::uint64_t id = shared_.id();
    engine::thread_cache& mine = engine::first_cache(id);
    if (mine.is_of(id)) [[likely]] {
        if (void* const block = mine.own.loaded.take()) [[likely]]
            return block;
    }
    return try_allocate_slow();
}

CENOTE_INLINE void concurrent_pool::deallocate(void* block) noexcept {
    base::prefetch_freed(block);
    const std::uint64_t id = shared_.id();
    engine::thread_cache& mine = engine::first_cache(id);
    if (!mine.is_of(id) || mine.own.loaded.is_full()) [[unlikely]]
        return deallocate_slow(block);
    mine.own.loaded.push_in_order(block);
}

template<std::invocable<void*> Visit>
void concurrent_pool::for_each(Visit&& visit) {
    const sharing::walk silence(shared_);
    // Not into slabs that come during the walk: a visit that allocates would never see the end.
    const std::uint32_t end = end_of_walk();
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
