/* cenote: SPDX-License-Identifier: MIT
 *
 * What the functions of the C face answer. Include <cenote/cenote.h>, which has everything.
 */
#pragma once

#include <cenote/base/api.h>

#include <stddef.h>

#if defined(__cplusplus)
#define CENOTE_NOEXCEPT noexcept
#define CENOTE_C_BEGIN extern "C" {
#define CENOTE_C_END }
#else
#define CENOTE_NOEXCEPT
#define CENOTE_C_BEGIN
#define CENOTE_C_END
#endif

CENOTE_C_BEGIN

/** Where nothing else is said, what is not CENOTE_OK has changed nothing. */
typedef enum cenote_status {
    CENOTE_OK = 0,
    CENOTE_BAD_ARGUMENT,     /**< a null handle, no place for the result, ... */
    CENOTE_BAD_OPTIONS,      /**< the options make no sense: cenote_..._flaw says why */
    CENOTE_NO_MEMORY,        /**< the parent gives no more, or a maximum is reached */
    CENOTE_FOREIGN_POINTER,  /**< not from this pool */
    CENOTE_INTERIOR_POINTER, /**< inside a block, not its start */
    CENOTE_PAST_THE_END,     /**< right behind the last block of a slab */
    CENOTE_NEVER_ALLOCATED,  /**< a block that was never handed out */
    CENOTE_DOUBLE_FREE,      /**< a block that is free already */
    CENOTE_WRONG_SIZE,       /**< the size given is not that of the block */
    CENOTE_NOT_QUIET,        /**< a reset during a walk; or a call, which was done, during another thread's */
    CENOTE_BAD_MARK,         /**< a mark of another arena, or one that was rewound past */
    CENOTE_USE_AFTER_FREE,   /**< a free block was written to */
    CENOTE_STOPPED,          /**< the walk was ended by its visitor */
    CENOTE_TIMED_OUT,        /**< nothing became free in time */
    CENOTE_CLOSED            /**< the pool gives out no more */
} cenote_status;

/** A plain sentence; never null, lives for ever. */
CENOTE_API const char* cenote_status_text(cenote_status status) CENOTE_NOEXCEPT;

CENOTE_C_END
