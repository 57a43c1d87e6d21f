/* cenote: SPDX-License-Identifier: MIT */
#include "test.h"

#include <pthread.h>

enum { many = 1200, threads = 4 };

static void example_of_the_header(void) {
    cenote_fixed* pool = NULL;
    cenote_fixed_options options = CENOTE_FIXED_OPTIONS_INIT;
    options.block_size = 64;
    options.blocks_per_slab = 500;
    CHECK_STATUS(cenote_fixed_create(&options, &pool), CENOTE_OK);
    void* p = cenote_fixed_allocate(pool);
    CHECK(p != NULL);
    CHECK_STATUS(cenote_fixed_free(pool, p), CENOTE_OK);
    cenote_fixed_destroy(pool);
}

static void wrong_frees_have_codes(void) {
    cenote_fixed* pool = NULL;
    cenote_fixed_options options = CENOTE_FIXED_OPTIONS_INIT;
    options.block_size = 48;
    options.thread_safe = 1;
    CHECK_STATUS(cenote_fixed_create(&options, &pool), CENOTE_OK);
    char* block = cenote_fixed_allocate(pool);
    char local[48];
    CHECK_STATUS(cenote_fixed_free(pool, local), CENOTE_FOREIGN_POINTER);
    CHECK_STATUS(cenote_fixed_free(pool, block + 1), CENOTE_INTERIOR_POINTER);
    CHECK_STATUS(cenote_fixed_free(pool, block), CENOTE_OK);
    CHECK_STATUS(cenote_fixed_free(pool, block), CENOTE_DOUBLE_FREE);
    cenote_fixed_destroy(pool);
}

struct walk {
    cenote_fixed* pool;
    size_t seen;
    size_t most;
};

static int visit(void* context, void* block) {
    struct walk* walk = context;
    CHECK_STATUS(cenote_fixed_free(walk->pool, block), CENOTE_OK);
    return ++walk->seen < walk->most;
}

static void walk_stops_when_told(void) {
    cenote_fixed* pool = NULL;
    cenote_fixed_options options = CENOTE_FIXED_OPTIONS_INIT;
    options.block_size = 64;
    CHECK_STATUS(cenote_fixed_create(&options, &pool), CENOTE_OK);
    for (int i = 0; i < many; ++i) CHECK(cenote_fixed_allocate(pool) != NULL);
    struct walk walk = {pool, 0, 100};
    CHECK_STATUS(cenote_fixed_for_each(pool, visit, &walk), CENOTE_STOPPED);
    CHECK(walk.seen == 100);
    walk.most = SIZE_MAX;
    CHECK_STATUS(cenote_fixed_for_each(pool, visit, &walk), CENOTE_OK);
    CHECK(walk.seen == many);
    cenote_stats stats = CENOTE_STATS_INIT;
    CHECK_STATUS(cenote_fixed_stats(pool, &stats), CENOTE_OK);
    CHECK(stats.live_blocks == 0 && stats.peak_blocks == many);
    cenote_fixed_destroy(pool);
}

static void bad_options_leave_a_null_handle(void) {
    cenote_fixed_options options = CENOTE_FIXED_OPTIONS_INIT;
    cenote_fixed* pool = (cenote_fixed*)&options;
    CHECK_STATUS(cenote_fixed_create(&options, &pool), CENOTE_BAD_OPTIONS);
    CHECK(pool == NULL);
    CHECK(strstr(cenote_fixed_flaw(&options), "block_size") != NULL);
    options.block_size = SIZE_MAX;
    CHECK_STATUS(cenote_fixed_create(&options, &pool), CENOTE_BAD_OPTIONS);
}

/* The handle can be had, but not what is initial; also in a library without exceptions. */
static void memory_that_cannot_be_had_has_a_code(int thread_safe) {
    struct miser miser;
    const cenote_allocator parent = of_miser(&miser, 1);
    cenote_fixed_options options = CENOTE_FIXED_OPTIONS_INIT;
    options.block_size = 64;
    options.initial_blocks = 1000;
    options.thread_safe = thread_safe;
    options.memory.parent = &parent;
    cenote_fixed* pool = (cenote_fixed*)&options;
    CHECK_STATUS(cenote_fixed_create(&options, &pool), CENOTE_NO_MEMORY);
    CHECK(pool == NULL && miser.gives == 0 && miser.live == 0);
    miser.gives = 100;
    CHECK_STATUS(cenote_fixed_create(&options, &pool), CENOTE_OK);
    const int left = miser.gives;
    for (int i = 0; i < 1000; ++i) CHECK(cenote_fixed_allocate(pool) != NULL);
    CHECK(thread_safe || miser.gives == left); /* threads' caches are memory too */
    CHECK_STATUS(cenote_fixed_reset(pool), CENOTE_OK);
    cenote_fixed_destroy(pool);
    CHECK(miser.live == 0);
    options.initial_blocks = 0; /* nobody says how many */
    CHECK(cenote_fixed_required_bytes(&options) == 0);
}

static void no_heap_in_a_buffer(void) {
    static unsigned char buffer[8192];
    cenote_fixed* pool = NULL;
    cenote_fixed_options options = CENOTE_FIXED_OPTIONS_INIT;
    options.block_size = 64;
    options.maximum_blocks = 50;
    options.memory.buffer = buffer;
    options.memory.buffer_bytes = sizeof buffer;
    CHECK(cenote_fixed_required_bytes(&options) <= sizeof buffer);
    CHECK_STATUS(cenote_fixed_create(&options, &pool), CENOTE_OK);
    for (int i = 0; i < 50; ++i) {
        const unsigned char* block = cenote_fixed_allocate(pool);
        CHECK(block >= buffer && block < buffer + sizeof buffer);
    }
    CHECK(cenote_fixed_allocate(pool) == NULL);
    CHECK_STATUS(cenote_fixed_reset(pool), CENOTE_OK);
    cenote_fixed_destroy(pool);
}

static void* hammer(void* pool) {
    intptr_t wrong = 0;
    for (int i = 0; i < many; ++i) {
        void* block = cenote_fixed_allocate(pool);
        if (block == NULL) {
            ++wrong;
            continue;
        }
        memset(block, i, 64);
        if (cenote_fixed_free(pool, block) != CENOTE_OK) ++wrong;
    }
    return (void*)wrong;
}

static void many_threads(int unchecked) {
    cenote_fixed* pool = NULL;
    cenote_fixed_options options = CENOTE_FIXED_OPTIONS_INIT;
    options.block_size = 64;
    options.thread_safe = 1;
    options.unchecked = unchecked;
    CHECK_STATUS(cenote_fixed_create(&options, &pool), CENOTE_OK);
    pthread_t started[threads];
    for (int i = 0; i < threads; ++i) CHECK(pthread_create(&started[i], NULL, hammer, pool) == 0);
    for (int i = 0; i < threads; ++i) {
        void* wrong = pool;
        CHECK(pthread_join(started[i], &wrong) == 0);
        CHECK(wrong == NULL);
    }
    cenote_fixed_destroy(pool);
}

int main(void) {
    example_of_the_header();
    wrong_frees_have_codes();
    walk_stops_when_told();
    bad_options_leave_a_null_handle();
    memory_that_cannot_be_had_has_a_code(0);
    memory_that_cannot_be_had_has_a_code(1);
    no_heap_in_a_buffer();
    many_threads(0);
    many_threads(1);
    return failures;
}
