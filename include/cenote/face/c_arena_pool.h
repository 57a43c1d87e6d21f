/* cenote: SPDX-License-Identifier: MIT
 *
 * A hard number of arenas for any number of threads, for C: each is lent to one holder at a time and comes
 * back empty. What it lends is used like any arena of c_arena.h, by one thread at a time, and released here:
 * then its handle is answered as null is, until it is lent again.
 */
#pragma once

#include <cenote/face/c_arena.h>

CENOTE_C_BEGIN

typedef struct cenote_arena_pool cenote_arena_pool;

typedef struct cenote_arena_pool_options {
    size_t struct_size;   /**< set by the initialiser */
    size_t arenas;        /**< how many; must be set */
    size_t arena_size;    /**< bytes that each holds from the start */
    int grows;            /**< whether an arena that is full takes more */
    size_t maximum_bytes; /**< never more from the parent, all together, their handles too; 0: no maximum */
    int unchecked;        /**< of every arena, as the next two */
    int zero_on_allocate;
    int erase_on_free;
    int stats;        /**< counts calls, those of every arena too */
    const char* name; /**< for messages; not copied */
    cenote_memory memory;
    cenote_exhaustion exhaustion;
} cenote_arena_pool_options;

/* clang-format off */
#define CENOTE_ARENA_POOL_OPTIONS_INIT \
    {sizeof(cenote_arena_pool_options), 0, (size_t)64 << 10, 1, 0, 0, 0, 0, 0, "unnamed", \
     CENOTE_MEMORY_INIT, CENOTE_EXHAUSTION_INIT}
/* clang-format on */

/** What is wrong with the options, and what to do; null when nothing is. */
CENOTE_API const char* cenote_arena_pool_flaw(const cenote_arena_pool_options* options) CENOTE_NOEXCEPT;
/** How large a caller's buffer must be, in which arenas do not grow; 0 for bad options. */
CENOTE_API size_t cenote_arena_pool_required_bytes(const cenote_arena_pool_options* options) CENOTE_NOEXCEPT;
/** Takes the memory of all arenas, untouched; null is stored when that fails. */
CENOTE_API cenote_status cenote_arena_pool_create(const cenote_arena_pool_options* options,
                                                  cenote_arena_pool** pool) CENOTE_NOEXCEPT;
/** Gives everything back, arenas that are still lent too. No thread may wait. Null is ignored. */
CENOTE_API void cenote_arena_pool_destroy(cenote_arena_pool* pool) CENOTE_NOEXCEPT;

/** An empty arena; waits for one. CENOTE_CLOSED when there will be none. Whenever there is none, null is
 * stored. */
CENOTE_API cenote_status cenote_arena_pool_acquire(cenote_arena_pool* pool,
                                                   cenote_arena** arena) CENOTE_NOEXCEPT;
/** The same, or CENOTE_TIMED_OUT when none is free now. */
CENOTE_API cenote_status cenote_arena_pool_try_acquire(cenote_arena_pool* pool,
                                                       cenote_arena** arena) CENOTE_NOEXCEPT;
/** The same, or CENOTE_TIMED_OUT when none came within so many nanoseconds. */
CENOTE_API cenote_status cenote_arena_pool_acquire_within(cenote_arena_pool* pool,
                                                          unsigned long long nanoseconds,
                                                          cenote_arena** arena) CENOTE_NOEXCEPT;
/** Takes an arena back. CENOTE_FOREIGN_POINTER for what this pool did not lend, CENOTE_DOUBLE_FREE for what
 * is back already. */
CENOTE_API cenote_status cenote_arena_pool_release(cenote_arena_pool* pool,
                                                   cenote_arena* arena) CENOTE_NOEXCEPT;

/** Nobody gets an arena any more; who waits is told. */
CENOTE_API cenote_status cenote_arena_pool_close(cenote_arena_pool* pool) CENOTE_NOEXCEPT;
/** Gives back what free arenas have grown by, and returns how many bytes. */
CENOTE_API size_t cenote_arena_pool_trim(cenote_arena_pool* pool) CENOTE_NOEXCEPT;
/** How many arenas are free now. */
CENOTE_API size_t cenote_arena_pool_free_arenas(cenote_arena_pool* pool) CENOTE_NOEXCEPT;
/** Its arenas are the blocks, a request for one is the call that is counted. */
CENOTE_API cenote_status cenote_arena_pool_stats(cenote_arena_pool* pool,
                                                 cenote_stats* stats) CENOTE_NOEXCEPT;

CENOTE_C_END
