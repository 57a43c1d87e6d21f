/* cenote: SPDX-License-Identifier: MIT
 *
 * Equal blocks for C, for one thread or many. Every free is checked, exactly, and answered with a code,
 * unless `unchecked` is set: then a wrong free is told to the C++ misuse handler, at latest when the block
 * would reach another thread, and that handler aborts unless it is replaced.
 */
#pragma once

#include <cenote/face/c_allocator.h>

CENOTE_C_BEGIN

typedef struct cenote_fixed cenote_fixed;

typedef enum cenote_growth {
    CENOTE_GROWTH_GEOMETRIC, /**< (`growth_factor` - 1) × the blocks there are, at most `growth_blocks` */
    CENOTE_GROWTH_CONSTANT,  /**< `growth_blocks` each time */
    CENOTE_GROWTH_NONE       /**< what is initial, or else the maximum, at once, and no more */
} cenote_growth;

/** Which free block is handed out next. Any but the first makes every call take the slow path. */
typedef enum cenote_hand_out {
    CENOTE_MOST_RECENT,   /**< the one freed last */
    CENOTE_OLDEST,        /**< the one that has been free longest */
    CENOTE_LOWEST_ADDRESS /**< of those in the pool's slabs */
} cenote_hand_out;

typedef struct cenote_fixed_options {
    size_t struct_size;     /**< set by the initialiser */
    size_t block_size;      /**< bytes; must be set */
    size_t alignment;       /**< a power of two; 0: the largest that divides the size, at most 16 */
    size_t initial_blocks;  /**< reserved at once */
    size_t maximum_blocks;  /**< never more; 0: no maximum */
    size_t blocks_per_slab; /**< at most 65,536; 0: about 64 KiB of them */
    size_t magazine_blocks; /**< at most 1,024; 0: as many as suit the size */
    cenote_growth growth;
    double growth_factor;
    size_t growth_blocks; /**< 0: no limit to a geometric step */
    int thread_safe;      /**< any thread allocates, any thread frees */
    unsigned threads;     /**< expected at once, when it is thread-safe */
    int unchecked;        /**< fast: wrong frees are not answered with a code */
    int zero_on_allocate;
    int erase_on_free;
    int stats;       /**< counts calls */
    int manual_trim; /**< memory goes back by cenote_fixed_trim only */
    int adaptive;    /**< learns how long to keep idle memory */
    cenote_hand_out order;
    const char* name; /**< for messages; not copied */
    cenote_memory memory;
    cenote_exhaustion exhaustion;
} cenote_fixed_options;

/* clang-format off */
#define CENOTE_FIXED_OPTIONS_INIT \
    {sizeof(cenote_fixed_options), 0, 0, 0, 0, 0, 0, CENOTE_GROWTH_GEOMETRIC, 1.25, 0, 0, 4, 0, 0, 0, 0, 0, \
     0, CENOTE_MOST_RECENT, "unnamed", CENOTE_MEMORY_INIT, CENOTE_EXHAUSTION_INIT}
/* clang-format on */

/** What is wrong with the options, and what to do; null when nothing is. */
CENOTE_API const char* cenote_fixed_flaw(const cenote_fixed_options* options) CENOTE_NOEXCEPT;
/** How large a caller's buffer must be for `maximum_blocks`, or else `initial_blocks`; 0 for bad options. */
CENOTE_API size_t cenote_fixed_required_bytes(const cenote_fixed_options* options) CENOTE_NOEXCEPT;

/** Makes a pool; null is stored when that fails. */
CENOTE_API cenote_status cenote_fixed_create(const cenote_fixed_options* options,
                                             cenote_fixed** pool) CENOTE_NOEXCEPT;
/** Gives everything back, live blocks too. Null is ignored. */
CENOTE_API void cenote_fixed_destroy(cenote_fixed* pool) CENOTE_NOEXCEPT;

/** A block, or null when the pool is exhausted. */
CENOTE_API void* cenote_fixed_allocate(cenote_fixed* pool) CENOTE_NOEXCEPT;
CENOTE_API void* cenote_fixed_allocate_zeroed(cenote_fixed* pool) CENOTE_NOEXCEPT;
/** Takes a live block back; null is ignored. */
CENOTE_API cenote_status cenote_fixed_free(cenote_fixed* pool, void* block) CENOTE_NOEXCEPT;
/** `count` blocks, all or none. */
CENOTE_API cenote_status cenote_fixed_allocate_many(cenote_fixed* pool, void** blocks,
                                                    size_t count) CENOTE_NOEXCEPT;
/** Takes all that are live back; the answer tells of the first that was not. */
CENOTE_API cenote_status cenote_fixed_free_many(cenote_fixed* pool, void* const* blocks,
                                                size_t count) CENOTE_NOEXCEPT;

/** 1 when a block of this pool starts here, live or free. */
CENOTE_API int cenote_fixed_owns(const cenote_fixed* pool, const void* pointer) CENOTE_NOEXCEPT;
/** 1 when a live block starts here. */
CENOTE_API int cenote_fixed_is_live(const cenote_fixed* pool, const void* pointer) CENOTE_NOEXCEPT;
/** Shows every live block until `visit` returns 0. It may allocate from this pool and free to it. */
CENOTE_API cenote_status cenote_fixed_for_each(cenote_fixed* pool, int (*visit)(void* context, void* block),
                                               void* context) CENOTE_NOEXCEPT;

/** All blocks are free, memory is kept. No other thread may be in a call. */
CENOTE_API cenote_status cenote_fixed_reset(cenote_fixed* pool) CENOTE_NOEXCEPT;
/** Gives idle memory back, and returns how many bytes. */
CENOTE_API size_t cenote_fixed_trim(cenote_fixed* pool) CENOTE_NOEXCEPT;

CENOTE_API size_t cenote_fixed_block_size(const cenote_fixed* pool) CENOTE_NOEXCEPT;
CENOTE_API cenote_status cenote_fixed_stats(const cenote_fixed* pool, cenote_stats* stats) CENOTE_NOEXCEPT;
/** The pool as an allocator of requests that fit a block. */
CENOTE_API cenote_allocator cenote_fixed_allocator(cenote_fixed* pool) CENOTE_NOEXCEPT;

CENOTE_C_END
