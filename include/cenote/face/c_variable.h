/* cenote: SPDX-License-Identifier: MIT
 *
 * Blocks of any size for C, split and merged, for one thread or many. Every pointer is judged, exactly, at
 * every call. For sizes that are few and known, cenote_fixed is faster.
 */
#pragma once

#include <cenote/face/c_allocator.h>

CENOTE_C_BEGIN

typedef struct cenote_variable cenote_variable;

/** Which free block serves a request. */
typedef enum cenote_fit {
    CENOTE_FIT_GOOD, /**< one of the smallest class that fits, found in constant time */
    CENOTE_FIT_BEST, /**< the smallest that fits, or one that is too large by the tolerance at most */
    CENOTE_FIT_FIRST /**< the first that fits */
} cenote_fit;

typedef struct cenote_variable_options {
    size_t struct_size;   /**< set by the initialiser */
    size_t initial_bytes; /**< of blocks, reserved at once */
    size_t maximum_bytes; /**< never more from the parent; 0: no maximum */
    size_t grow_size;     /**< bytes of blocks added at a time; 0: no growth */
    cenote_fit fit;
    unsigned tolerance_percent;
    int thread_safe; /**< by a lock */
    int checks; /**< also finds writes to freed memory, and tells them to the C++ misuse handler, which aborts
                 */
    int zero_on_allocate;
    int erase_on_free;
    int stats;        /**< counts calls */
    int manual_trim;  /**< memory goes back by cenote_variable_trim only */
    const char* name; /**< for messages; not copied */
    cenote_memory memory;
    cenote_exhaustion exhaustion;
} cenote_variable_options;

/* clang-format off */
#define CENOTE_VARIABLE_OPTIONS_INIT \
    {sizeof(cenote_variable_options), 0, 0, (size_t)1 << 20, CENOTE_FIT_GOOD, 0, 0, 0, 0, 0, 0, 0, "unnamed", \
     CENOTE_MEMORY_INIT, CENOTE_EXHAUSTION_INIT}
/* clang-format on */

/** What is wrong with the options, and what to do; null when nothing is. */
CENOTE_API const char* cenote_variable_flaw(const cenote_variable_options* options) CENOTE_NOEXCEPT;
/** How large a caller's buffer must be for `initial_bytes`; 0 for bad options. */
CENOTE_API size_t cenote_variable_required_bytes(const cenote_variable_options* options) CENOTE_NOEXCEPT;
/** Makes a pool; null is stored when that fails. */
CENOTE_API cenote_status cenote_variable_create(const cenote_variable_options* options,
                                                cenote_variable** pool) CENOTE_NOEXCEPT;
/** Gives everything back, live blocks too. Null is ignored. */
CENOTE_API void cenote_variable_destroy(cenote_variable* pool) CENOTE_NOEXCEPT;

/** At least `size` bytes (0 counts as 1) at a multiple of 16, or null. */
CENOTE_API void* cenote_variable_allocate(cenote_variable* pool, size_t size) CENOTE_NOEXCEPT;
/** The same at any power of two, and with options: CENOTE_ZERO, CENOTE_NO_FAIL. */
CENOTE_API void* cenote_variable_allocate_with(cenote_variable* pool, size_t size, size_t alignment,
                                               unsigned options) CENOTE_NOEXCEPT;
/** A block of `size` with the contents of `block`, which is the same block where its neighbour allows it.
 * Null, and `block` as it was, when there is no memory or `block` is not live. A null `block` is allocated.
 */
CENOTE_API void* cenote_variable_reallocate(cenote_variable* pool, void* block, size_t size) CENOTE_NOEXCEPT;
/** Takes a live block back; null is ignored. */
CENOTE_API cenote_status cenote_variable_free(cenote_variable* pool, void* block) CENOTE_NOEXCEPT;
/** With the size asked for last. CENOTE_WRONG_SIZE: it is larger than the block, or smaller by 32 bytes or
 * more (of a block larger than half of `grow_size`: any other size). Smaller ones pass once a reallocation to
 * fewer bytes has found no memory to cut its block. */
CENOTE_API cenote_status cenote_variable_free_sized(cenote_variable* pool, void* block,
                                                    size_t size) CENOTE_NOEXCEPT;

/** The usable bytes of a live block, 0 for anything else. */
CENOTE_API size_t cenote_variable_size_of(const cenote_variable* pool, const void* block) CENOTE_NOEXCEPT;
/** 1 when a live block starts here. */
CENOTE_API int cenote_variable_is_live(const cenote_variable* pool, const void* pointer) CENOTE_NOEXCEPT;
/** Shows every live block until `visit` returns 0. It may use this pool, but not end it: allocate, free, ask,
 * walk. A pool for many threads is locked meanwhile: the others wait, so the visitor must not wait for them.
 */
CENOTE_API cenote_status cenote_variable_for_each(cenote_variable* pool,
                                                  int (*visit)(void* context, void* block, size_t size),
                                                  void* context) CENOTE_NOEXCEPT;

/** All blocks are free, memory is kept. CENOTE_NOT_QUIET during a walk. */
CENOTE_API cenote_status cenote_variable_reset(cenote_variable* pool) CENOTE_NOEXCEPT;
/** Gives idle memory back, and returns how many bytes. */
CENOTE_API size_t cenote_variable_trim(cenote_variable* pool) CENOTE_NOEXCEPT;
/** Bytes of the largest block that can be had without the parent. */
CENOTE_API size_t cenote_variable_largest_free(const cenote_variable* pool) CENOTE_NOEXCEPT;
/** 0 when all free bytes are one block; near 1 when none holds much of them. */
CENOTE_API double cenote_variable_fragmentation(const cenote_variable* pool) CENOTE_NOEXCEPT;
CENOTE_API cenote_status cenote_variable_stats(const cenote_variable* pool,
                                               cenote_stats* stats) CENOTE_NOEXCEPT;
/** The pool as an allocator. */
CENOTE_API cenote_allocator cenote_variable_allocator(cenote_variable* pool) CENOTE_NOEXCEPT;

CENOTE_C_END
