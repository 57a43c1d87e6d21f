/* cenote: SPDX-License-Identifier: MIT
 *
 * The smallest test harness: CHECK prints what did not hold and goes on; main returns how many did not.
 */
#pragma once

#include <cenote/cenote.h>

#include <stdint.h>
#include <stdio.h>
#include <string.h>

static int failures = 0;

/* An allocator with the heap behind it that refuses from some call on. */
struct miser {
    cenote_allocator heap;
    int gives; /* so many more times */
    size_t live;
};

static inline void* miser_allocate(void* context, size_t size, size_t alignment, unsigned options) {
    struct miser* self = (struct miser*)context;
    if (self->gives == 0) return NULL;
    --self->gives;
    ++self->live;
    return self->heap.allocate(self->heap.context, size, alignment, options);
}

static inline cenote_status miser_deallocate(void* context, void* block, size_t size, size_t alignment) {
    struct miser* self = (struct miser*)context;
    --self->live;
    return self->heap.deallocate(self->heap.context, block, size, alignment);
}

static inline cenote_allocator of_miser(struct miser* self, int gives) {
    const cenote_allocator result = {self, miser_allocate, NULL, miser_deallocate, NULL};
    self->heap = cenote_heap_allocator();
    self->gives = gives;
    self->live = 0;
    return result;
}

#define CHECK(condition)                                                                                     \
    do {                                                                                                     \
        if (!(condition)) {                                                                                  \
            ++failures;                                                                                      \
            printf("%s:%d: does not hold: %s\n", __FILE__, __LINE__, #condition);                            \
        }                                                                                                    \
    } while (0)

#define CHECK_STATUS(call, wanted)                                                                           \
    do {                                                                                                     \
        const cenote_status got_ = (call);                                                                   \
        if (got_ != (wanted)) {                                                                              \
            ++failures;                                                                                      \
            printf("%s:%d: %s: %s\n", __FILE__, __LINE__, #call, cenote_status_text(got_));                  \
        }                                                                                                    \
    } while (0)
