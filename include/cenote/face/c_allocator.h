/* cenote: SPDX-License-Identifier: MIT
 *
 * The allocator interface for C: a struct of functions. Every pool gives one of itself, there is one for the
 * heap and one for pages, and every pool can draw from any of them, or from one of your own, as its parent.
 * The context must outlive what uses the struct; the struct itself is copied. Calls are as thread-safe as
 * what is behind them.
 */
#pragma once

#include <cenote/face/c_status.h>

CENOTE_C_BEGIN

/** What else is asked of a single allocation; combine with |. */
enum cenote_option {
    CENOTE_NONE = 0,
    CENOTE_ZERO = 1, /**< all its bytes are zero; of a reallocation: those that are new */
    /** Rather aborts with a message than returns null. Not for what is no request: a bad alignment, a block
     * that is not live. */
    CENOTE_NO_FAIL = 2
};

/** What an allocator holds, and what was asked of it. Bytes are those of whole blocks; an arena pool counts
 * its arenas as blocks of `arena_size`. What there is not is 0. */
typedef struct cenote_stats {
    size_t struct_size;    /**< set by the initialiser */
    size_t live_bytes;     /**< handed out and not returned */
    size_t peak_bytes;     /**< the most ever live; of a variable pool only where it counts calls */
    size_t held_bytes;     /**< of an arena: that its chunks or its buffer can hold */
    size_t reserved_bytes; /**< taken from the parent */
    size_t live_blocks;    /**< handed out and not returned */
    size_t free_blocks;    /**< that the pool could hand out without its parent */
    size_t blocks;         /**< both */
    size_t peak_blocks;    /**< the most ever live */
    int has_calls;         /**< whether calls are counted: the option `stats` */
    unsigned long long allocations;
    unsigned long long deallocations;
    unsigned long long failures; /**< requests refused */
    int has_adapted;   /**< whether the pool learns how long to keep memory: the option `adaptive` */
    unsigned patience; /**< windows of traffic are so many times as long as usual before memory goes back */
    unsigned long long returns; /**< times that memory went back */
    unsigned long long regrets; /**< of these, how often most of it was soon wanted again */
} cenote_stats;
#define CENOTE_STATS_INIT {sizeof(cenote_stats), 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0}

/** `alignment` is a power of two; sizes of 0 count as 1; the functions may neither throw nor jump. */
typedef struct cenote_allocator {
    void* context;
    /** A block, or null. */
    void* (*allocate)(void* context, size_t size, size_t alignment, unsigned options);
    /** A block with the contents of the old one, in place where that can be, or null: then the old one is as
     * it was. A null block is none. The alignment must be that which the block was allocated with, as for
     * `deallocate`; no block stays where it does not stand at it. */
    void* (*reallocate)(void* context, void* block, size_t old_size, size_t new_size, size_t alignment,
                        unsigned options);
    /** Takes a block back, with the size asked for last and its alignment; null is ignored. */
    cenote_status (*deallocate)(void* context, void* block, size_t size, size_t alignment);
    /** What it holds; null for an allocator that does not say. */
    cenote_status (*stats)(void* context, cenote_stats* stats);
} cenote_allocator;

CENOTE_API cenote_allocator cenote_heap_allocator(void) CENOTE_NOEXCEPT;
/** Every request is pages of its own: for large ones, and as a parent. */
CENOTE_API cenote_allocator cenote_pages_allocator(void) CENOTE_NOEXCEPT;

/** The calling thread's default, or else the process's, or else the heap; C++ code has the same. */
CENOTE_API cenote_allocator cenote_default_allocator(void) CENOTE_NOEXCEPT;
/** Set the defaults; null restores what they are at first. What drew from the one before goes on doing so:
 * for each context that was ever set a few words of the heap are kept as long as the process lives.
 * CENOTE_BAD_ARGUMENT for one that cannot allocate or deallocate, CENOTE_NO_MEMORY when it cannot be kept. */
CENOTE_API cenote_status cenote_set_process_allocator(const cenote_allocator* allocator) CENOTE_NOEXCEPT;
CENOTE_API cenote_status cenote_set_thread_allocator(const cenote_allocator* allocator) CENOTE_NOEXCEPT;

/** The calls through a struct, checked: null, or CENOTE_BAD_ARGUMENT, where there is no function, for a bad
 * alignment, and for a `stats` that is not from its initialiser. */
CENOTE_API void* cenote_allocate(const cenote_allocator* from, size_t size, size_t alignment,
                                 unsigned options) CENOTE_NOEXCEPT;
CENOTE_API void* cenote_reallocate(const cenote_allocator* from, void* block, size_t old_size,
                                   size_t new_size, size_t alignment, unsigned options) CENOTE_NOEXCEPT;
CENOTE_API cenote_status cenote_deallocate(const cenote_allocator* from, void* block, size_t size,
                                           size_t alignment) CENOTE_NOEXCEPT;
CENOTE_API cenote_status cenote_allocator_stats(const cenote_allocator* of,
                                                cenote_stats* stats) CENOTE_NOEXCEPT;

/** What a pool does when it is exhausted. At first the handler, at most `retries` times for a request: free
 *  something and return 1 to have it tried again. Then null, or with `abort` a message and the end. */
typedef struct cenote_exhaustion {
    int (*handler)(void* context, const char* pool, size_t requested);
    void* context;
    unsigned retries;
    int abort;
} cenote_exhaustion;
#define CENOTE_EXHAUSTION_INIT {NULL, NULL, 1, 0}

/** Where a pool's memory comes from: a caller's buffer, or else a parent, or else OS pages. With either of
 * the first two the handle stands there too, and the heap is not touched. No maximum counts the handle. */
typedef struct cenote_memory {
    const cenote_allocator* parent; /**< copied */
    void* buffer;                   /**< outlives the pool */
    size_t buffer_bytes;
} cenote_memory;
#define CENOTE_MEMORY_INIT {NULL, NULL, 0}

CENOTE_C_END
