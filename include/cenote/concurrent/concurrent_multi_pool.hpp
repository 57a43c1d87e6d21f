// cenote: SPDX-License-Identifier: MIT
//
// Blocks of many sizes for many threads: what `malloc` gives. The size classes are multi_pool's; each thread
// has magazines of the sizes that it uses, taken at the first use, in front of slabs behind one lock. Any
// thread frees what any thread allocated, with its size or without: the size class of an address is found
// without the lock. Amortised O(1). A thread caches at most 256 KiB. Larger requests go to the source, under
// the lock. Threads, forks, sources and handlers as for concurrent_pool.
#pragma once

#include <cenote/concurrent/shared.hpp>
#include <cenote/pool/multi_pool.hpp>

namespace cenote::inline v0_1 {

extern template class engine::shared<multi_pool>;

struct concurrent_multi_pool_options {
    std::size_t slab_bytes = std::size_t{64}
                             << 10;        ///< a power of two from 1 KiB to 1 MiB; blocks up to an eighth
    std::size_t initial_bytes = 0;         ///< of slabs, reserved by the constructor
    std::size_t maximum_bytes = unlimited; ///< never more than this from the source
    cenote::growth growth = growth::geometric(1.0625); ///< counted in slabs
    cenote::source* source = nullptr;                  ///< null: `default_source()`
    bool checks = false;           ///< finds misuse at the call, exactly; every call takes the lock
    bool stats = false;            ///< counts calls; every call takes the lock
    bool zero_on_allocate = false; ///< blocks come zeroed; every call takes the lock
    bool erase_on_free = false;    ///< blocks are zeroed when they return; every call takes the lock
    bool sanitizers = true;        ///< under ASan or memcheck: tell them of every block, under the lock
    cenote::trim trim = cenote::trim::automatic;
    const char* name = "unnamed"; ///< for messages; not copied
    exhaustion_handler on_exhaustion{};
    unsigned threads = 4; ///< expected; more may come

    /// What is wrong with these options, or null.
    [[nodiscard]] constexpr const char* flaw() const noexcept {
        if (threads == 0) return "threads is 0; leave it out or say how many threads are expected";
        return to_multi().flaw();
    }

    [[nodiscard]] constexpr multi_pool_options to_multi() const noexcept {
        return {.slab_bytes = slab_bytes,
                .initial_bytes = initial_bytes,
                .maximum_bytes = maximum_bytes,
                .growth = growth,
                .source = source,
                .checks = checks,
                .stats = stats,
                .zero_on_allocate = zero_on_allocate,
                .erase_on_free = erase_on_free,
                .sanitizers = sanitizers,
                .trim = trim,
                .name = name,
                .on_exhaustion = on_exhaustion};
    }
};

class CENOTE_API concurrent_multi_pool {
public:
    using options = concurrent_multi_pool_options;
    class local;
    /// The alignment of blocks for which none is asked.
    static constexpr std::size_t default_alignment = multi_pool::default_alignment;

    /// Throws `bad_options`, and `out_of_memory` when `initial_bytes` cannot be had.
    constexpr explicit concurrent_multi_pool(const concurrent_multi_pool_options& wanted = {})
        : shared_(checked(wanted), wanted.threads) {}
    constexpr explicit concurrent_multi_pool(defaults)
        : concurrent_multi_pool(concurrent_multi_pool_options{}) {}
    concurrent_multi_pool(const concurrent_multi_pool&) = delete;
    concurrent_multi_pool& operator=(const concurrent_multi_pool&) = delete;
    /// Live blocks are told to the leak handler, then everything goes back to the source. No thread may be in
    /// a call; those that have caches need not know.
    ~concurrent_multi_pool();

    /// A block of at least `size` bytes (0 counts as 1) at a power of two `alignment`. Throws
    /// `out_of_memory`.
    [[nodiscard]] void* allocate(std::size_t size, std::size_t alignment = default_alignment);
    /// The same, or null; also null for an alignment that is no power of two.
    [[nodiscard]] void* try_allocate(std::size_t size, std::size_t alignment = default_alignment) noexcept;

    /// Takes back a live block, from whatever thread it came. Anything else is misuse, found now (with
    /// `checks`, or when the address is in no slab of this pool) or when the magazine that took it is
    /// flushed. Null is ignored. Never needs memory.
    void deallocate(void* block) noexcept;
    /// With the size asked for, and the alignment when one was: saves the look-up. Not for null.
    void deallocate(void* block, std::size_t size, std::size_t alignment = default_alignment) noexcept;
    /// The calling thread's cache, for a loop that allocates and frees a lot. To be used by this thread
    /// alone, while the pool exists.
    [[nodiscard]] local local_cache();

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
    /// Whether a live block starts here. One that another thread has just freed counts as live until that
    /// thread's next exchange. O(a magazine).
    [[nodiscard]] bool is_live(const void* pointer) const noexcept;
    /// The usable bytes of a block of this pool, 0 for others.
    [[nodiscard]] std::size_t size_of(const void* block) const noexcept;
    /// A number for a block of this pool, stable while the block is live; `unlimited` for others and for
    /// blocks above `largest_block()`.
    [[nodiscard]] std::size_t index_of(const void* block) const noexcept;
    /// The block with that number, or null.
    [[nodiscard]] void* at(std::size_t index) const noexcept;

    /// Calls `visit(void*, std::size_t)` with every live block and its usable bytes; a visit that returns
    /// false ends the walk. Needs quiet: no other thread may use the pool meanwhile (with `checks` it is
    /// told). `visit` may allocate and free: blocks live throughout are visited exactly once.
    template<std::invocable<void*, std::size_t> Visit>
    void for_each(Visit&& visit);

    /// All blocks are free, memory is kept. Needs quiet; during a walk it is misuse, told with `checks`.
    void reset() noexcept;
    /// Gives idle memory back to the source, and asks other threads to flush at their next exchange.
    trim_result trim() noexcept;
    /// Flushes what the calling thread has cached of this pool, so that others can have it.
    void release_thread_caches() noexcept;
    enum class touch { no, yes };
    /// Makes sure that `blocks` of `size` can be live without another call to the source, but for the caches
    /// of threads that are new to the pool. Throws `out_of_memory`.
    void reserve(std::size_t size, std::size_t blocks, touch pages = touch::no);

    /// Larger blocks come straight from the source.
    [[nodiscard]] std::size_t largest_block() const noexcept { return shared_.core().largest_block(); }
    /// The bytes that a request of `size` takes, up to `largest_block()`.
    [[nodiscard]] static constexpr std::size_t rounded_size(std::size_t size) noexcept {
        return multi_pool::rounded_size(size);
    }
    [[nodiscard]] const char* name() const noexcept { return shared_.core().name(); }
    /// Whether every call of this thread takes the slow path at present.
    [[nodiscard]] bool is_instrumented() const noexcept;
    /// Levels, exact for the calling thread and as of their last exchange for the others.
    [[nodiscard]] pool_stats stats() const noexcept;
    /// Exact. Needs quiet.
    [[nodiscard]] pool_stats stats(quiet_t) const noexcept;
    /// The pool's own invariants. Needs quiet. O(blocks); for tests.
    [[nodiscard]] bool is_valid() const noexcept;

    /// How large a caller's buffer must be for `initial_bytes` of slabs, wherever it starts, and the caches
    /// of `threads` threads where they are worth it. Throws `bad_options`, also when they are not given.
    [[nodiscard]] static std::size_t required_bytes(const concurrent_multi_pool_options& wanted);

private:
    static constexpr std::uint32_t is_large = multi_pool::is_large;
    using sharing = engine::shared<multi_pool>;
    using section = sharing::section;

    static constexpr multi_pool_options checked(const concurrent_multi_pool_options& wanted) {
        if (const char* const flaw = wanted.flaw()) base::raise_bad_options(wanted.name, flaw);
        return wanted.to_multi();
    }
    CENOTE_INLINE void put(std::size_t index, void* block) noexcept;

    CENOTE_NOINLINE void* allocate_slow(std::size_t size, std::size_t alignment);
    CENOTE_NOINLINE void* try_allocate_slow(std::size_t size, std::size_t alignment) noexcept;
    CENOTE_NOINLINE void deallocate_slow(std::uint32_t size_class, void* block) noexcept;
    CENOTE_NOINLINE void deallocate_apart(void* block) noexcept;
    CENOTE_NOINLINE void deallocate_large(void* block) noexcept;
    CENOTE_NOINLINE void deallocate_large(void* block, std::size_t size) noexcept;
    [[nodiscard]] void* take(std::size_t size, std::size_t alignment) noexcept;
    [[nodiscard]] bool take_n(std::size_t size, void** blocks, std::size_t count) noexcept;
    [[nodiscard]] bool may_retry(unsigned attempt, std::size_t size);
    [[nodiscard]] shortage shortage_of(std::size_t size) noexcept;
    void report_disturbance() const noexcept;
    [[nodiscard]] multi_pool::cursor begin_of_walk() const noexcept;
    [[nodiscard]] void* next_live(multi_pool::cursor& at, std::size_t& size) const noexcept;

    mutable sharing shared_;
};

// The hot path: multi_pool's, once the thread's magazines are found.

CENOTE_INLINE void* concurrent_multi_pool::allocate(std::size_t size, std::size_t alignment) {
    const std::uint64_t id = shared_.id();
    const engine::thread_cache& mine = engine::first_cache(id);
    if (!shared_.core().has_class(size) || !multi_pool::is_plain(alignment) || !mine.is_of(id)) [[unlikely]]
        return allocate_slow(size, alignment);
    if (void* const block = mine.stocks[engine::class_of(size)].loaded.take()) [[likely]]
        return block;
    return allocate_slow(size, alignment);
}

CENOTE_INLINE void* concurrent_multi_pool::try_allocate(std::size_t size, std::size_t alignment) noexcept {
    const std::uint64_t id = shared_.id();
    const engine::thread_cache& mine = engine::first_cache(id);
    if (!shared_.core().has_class(size) || !multi_pool::is_plain(alignment) || !mine.is_of(id)) [[unlikely]]
        return try_allocate_slow(size, alignment);
    if (void* const block = mine.stocks[engine::class_of(size)].loaded.take()) [[likely]]
        return block;
    return try_allocate_slow(size, alignment);
}

// Between threads there are atomic operations, which wait for every store before them: also for the first one
// to a block that has not been looked at for long. A prefetch when it is freed is not waited for.
CENOTE_INLINE void concurrent_multi_pool::put(std::size_t index, void* block) noexcept {
    base::prefetch_for_write(block);
    const std::uint64_t id = shared_.id();
    const engine::thread_cache& mine = engine::first_cache(id);
    if (!mine.is_of(id)) [[unlikely]]
        return deallocate_slow(static_cast<std::uint32_t>(index), block);
    engine::magazine& loaded = mine.stocks[index].loaded;
    if (loaded.is_full()) [[unlikely]]
        return deallocate_slow(static_cast<std::uint32_t>(index), block);
    loaded.push_in_order(block);
}

CENOTE_INLINE void concurrent_multi_pool::deallocate(void* block) noexcept {
    const std::uint64_t owner = shared_.core().regions_.table().quick_shared_owner_of(block);
    if (owner >= engine::slab_table::no_owner) [[unlikely]]
        return deallocate_apart(block);
    put(static_cast<std::size_t>(owner), block);
}

CENOTE_INLINE void concurrent_multi_pool::deallocate(void* block, std::size_t size,
                                                     std::size_t alignment) noexcept {
    const multi_pool& core = shared_.core();
    const bool is_over_aligned = alignment > default_alignment && alignment > core.largest_;
    if (!core.has_class(size) || is_over_aligned) [[unlikely]]
        return deallocate_large(block, size);
    put(core.index_for(size, alignment), block);
}

/// A thread's way to its magazines of one concurrent_multi_pool.
class concurrent_multi_pool::local {
public:
    [[nodiscard]] CENOTE_INLINE void* allocate(std::size_t size) {
        engine::magazine* const loaded = magazine_for(size);
        if (void* const block = loaded != nullptr ? loaded->take() : nullptr) [[likely]]
            return block;
        return pool_->allocate_slow(size, default_alignment);
    }
    [[nodiscard]] CENOTE_INLINE void* try_allocate(std::size_t size) noexcept {
        engine::magazine* const loaded = magazine_for(size);
        if (void* const block = loaded != nullptr ? loaded->take() : nullptr) [[likely]]
            return block;
        return pool_->try_allocate_slow(size, default_alignment);
    }
    CENOTE_INLINE void deallocate(void* block, std::size_t size) noexcept {
        engine::magazine* const loaded = magazine_for(size);
        base::prefetch_for_write(block);
        if (loaded == nullptr || loaded->is_full()) [[unlikely]]
            return pool_->deallocate(block, size);
        loaded->push_in_order(block);
    }
    [[nodiscard]] concurrent_multi_pool& pool() const noexcept { return *pool_; }

private:
    friend class concurrent_multi_pool;
    local(concurrent_multi_pool& pool, engine::stock* stocks) noexcept : stocks_(stocks), pool_(&pool) {}
    [[nodiscard]] CENOTE_INLINE engine::magazine* magazine_for(std::size_t size) const noexcept {
        if (stocks_ == nullptr || !pool_->shared_.core().has_class(size)) [[unlikely]]
            return nullptr;
        return &stocks_[engine::class_of(size)].loaded;
    }

    engine::stock* stocks_; // null when the pool works without
    concurrent_multi_pool* pool_;
};

template<std::invocable<void*, std::size_t> Visit>
void concurrent_multi_pool::for_each(Visit&& visit) {
    const sharing::walk silence(shared_);
    multi_pool::cursor at = begin_of_walk();
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
