/* cenote: SPDX-License-Identifier: MIT
 *
 * Bump allocation for C: what dies together, freed as a whole or back to a mark. One thread at a time; for
 * many see c_arena_pool.h, which hands whole arenas out. Destructors are C++'s affair: nothing is run here.
 */
#pragma once

#include <cenote/face/c_allocator.h>

CENOTE_C_BEGIN

typedef struct cenote_arena cenote_arena;

typedef struct cenote_arena_options {
    size_t struct_size;   /**< set by the initialiser */
    size_t chunk_size;    /**< bytes of the first chunk; later ones are larger */
    size_t maximum_bytes; /**< never more from the parent; 0: no maximum */
    int unchecked; /**< fast: wrong frees are ignored, and frees of all but the last do nothing anyway */
    int zero_on_allocate;
    int erase_on_free;
    int stats;        /**< counts calls */
    const char* name; /**< for messages; not copied */
    cenote_memory memory;
    cenote_exhaustion exhaustion;
} cenote_arena_options;

/* clang-format off */
#define CENOTE_ARENA_OPTIONS_INIT \
    {sizeof(cenote_arena_options), (size_t)64 << 10, 0, 0, 0, 0, 0, "unnamed", CENOTE_MEMORY_INIT, \
     CENOTE_EXHAUSTION_INIT}
/* clang-format on */

/** A place in an arena to go back to. What is inside is the library's. */
typedef struct cenote_mark {
    unsigned long long inside[3];
} cenote_mark;

/** What is wrong with the options, and what to do; null when nothing is. */
CENOTE_API const char* cenote_arena_flaw(const cenote_arena_options* options) CENOTE_NOEXCEPT;
/** Makes an arena; null is stored when that fails. */
CENOTE_API cenote_status cenote_arena_create(const cenote_arena_options* options,
                                             cenote_arena** arena) CENOTE_NOEXCEPT;
/** Gives everything back. Null is ignored. Not for an arena of a pool, which is released. */
CENOTE_API cenote_status cenote_arena_destroy(cenote_arena* arena) CENOTE_NOEXCEPT;

/** `size` bytes (0 counts as 1) at a power of two `alignment`, or null. */
CENOTE_API void* cenote_arena_allocate(cenote_arena* arena, size_t size, size_t alignment) CENOTE_NOEXCEPT;
/** The same with options: CENOTE_ZERO, CENOTE_NO_FAIL. */
CENOTE_API void* cenote_arena_allocate_with(cenote_arena* arena, size_t size, size_t alignment,
                                            unsigned options) CENOTE_NOEXCEPT;
/** Gives the last allocation back; others stay until the next reset. What is not the start of a live block
 * has a code, also a block that is freed already, and CENOTE_WRONG_SIZE is a size that ends in other eight
 * bytes than the block does. */
CENOTE_API cenote_status cenote_arena_free(cenote_arena* arena, void* block, size_t size) CENOTE_NOEXCEPT;

/** Where the arena stands now. */
CENOTE_API cenote_status cenote_arena_mark(cenote_arena* arena, cenote_mark* mark) CENOTE_NOEXCEPT;
/** Frees all that came after the mark, which stays. */
CENOTE_API cenote_status cenote_arena_rewind(cenote_arena* arena, const cenote_mark* mark) CENOTE_NOEXCEPT;
/** Frees everything; the chunks are kept. */
CENOTE_API cenote_status cenote_arena_reset(cenote_arena* arena) CENOTE_NOEXCEPT;
/** Gives chunks that are not in use back, and returns how many bytes. */
CENOTE_API size_t cenote_arena_trim(cenote_arena* arena) CENOTE_NOEXCEPT;

/** 1 when the pointer lies in bytes that the arena has handed out and not freed. */
CENOTE_API int cenote_arena_owns(const cenote_arena* arena, const void* pointer) CENOTE_NOEXCEPT;
/** Padding and marks count as live. */
CENOTE_API cenote_status cenote_arena_stats(const cenote_arena* arena, cenote_stats* stats) CENOTE_NOEXCEPT;
/** The arena as an allocator. */
CENOTE_API cenote_allocator cenote_arena_allocator(cenote_arena* arena) CENOTE_NOEXCEPT;

CENOTE_C_END
