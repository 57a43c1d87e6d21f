/* cenote: SPDX-License-Identifier: MIT
 *
 * Variable pools, arenas and the allocator interface, from C.
 */
#include "test.h"

static void variable_pools_split_and_merge(void) {
    cenote_variable* pool = NULL;
    cenote_variable_options options = CENOTE_VARIABLE_OPTIONS_INIT;
    options.fit = CENOTE_FIT_BEST;
    options.tolerance_percent = 20;
    CHECK_STATUS(cenote_variable_create(&options, &pool), CENOTE_OK);
    char* block = cenote_variable_allocate(pool, 640);
    CHECK(block != NULL && cenote_variable_size_of(pool, block) >= 640);
    memset(block, 9, 640);
    char* larger = cenote_variable_reallocate(pool, block, 6400);
    CHECK(larger != NULL && larger[639] == 9);
    CHECK(cenote_variable_allocate(pool, SIZE_MAX) == NULL);
    CHECK_STATUS(cenote_variable_free(pool, larger + 16), CENOTE_INTERIOR_POINTER);
    CHECK_STATUS(cenote_variable_free_sized(pool, larger, 6400), CENOTE_OK);
    CHECK(cenote_variable_free(pool, larger) != CENOTE_OK);
    CHECK(cenote_variable_fragmentation(pool) <= 0.0);
    cenote_variable_destroy(pool);
}

static void arenas_go_back(void) {
    cenote_arena* arena = NULL;
    cenote_arena_options options = CENOTE_ARENA_OPTIONS_INIT;
    CHECK_STATUS(cenote_arena_create(&options, &arena), CENOTE_OK);
    void* first = cenote_arena_allocate(arena, 10, 64);
    CHECK(first != NULL && (uintptr_t)first % 64 == 0);
    cenote_mark here;
    CHECK_STATUS(cenote_arena_mark(arena, &here), CENOTE_OK);
    void* second = cenote_arena_allocate(arena, 1000, 8);
    CHECK_STATUS(cenote_arena_rewind(arena, &here), CENOTE_OK);
    CHECK(cenote_arena_allocate(arena, 1000, 8) == second);
    CHECK_STATUS(cenote_arena_reset(arena), CENOTE_OK);
    CHECK(cenote_arena_allocate(arena, 10, 64) == first);
    CHECK_STATUS(cenote_arena_destroy(arena), CENOTE_OK);
}

/* An allocator of one's own, which counts. */
struct counter {
    cenote_allocator below;
    size_t live;
};

static void* count_allocate(void* context, size_t size, size_t alignment, unsigned options) {
    struct counter* self = context;
    void* block = cenote_allocate(&self->below, size, alignment, options);
    if (block != NULL) self->live += size;
    return block;
}

static void* count_reallocate(void* context, void* block, size_t old_size, size_t new_size, size_t alignment,
                              unsigned options) {
    struct counter* self = context;
    void* moved = cenote_reallocate(&self->below, block, old_size, new_size, alignment, options);
    if (moved != NULL) self->live += new_size - old_size;
    return moved;
}

static cenote_status count_deallocate(void* context, void* block, size_t size, size_t alignment) {
    struct counter* self = context;
    self->live -= size;
    return cenote_deallocate(&self->below, block, size, alignment);
}

static void any_allocator_is_a_parent(void) {
    struct counter counter = {cenote_heap_allocator(), 0};
    const cenote_allocator parent = {&counter, count_allocate, count_reallocate, count_deallocate, NULL};
    cenote_variable* pool = NULL;
    cenote_variable_options options = CENOTE_VARIABLE_OPTIONS_INIT;
    options.memory.parent = &parent;
    CHECK_STATUS(cenote_variable_create(&options, &pool), CENOTE_OK);
    const cenote_allocator middle = cenote_variable_allocator(pool);

    cenote_fixed* blocks = NULL;
    cenote_fixed_options small = CENOTE_FIXED_OPTIONS_INIT;
    small.block_size = 32;
    small.memory.parent = &middle;
    CHECK_STATUS(cenote_fixed_create(&small, &blocks), CENOTE_OK);
    char* block = cenote_fixed_allocate_zeroed(blocks);
    CHECK(block != NULL && block[31] == 0);
    CHECK(counter.live > 1000);
    CHECK_STATUS(cenote_fixed_free(blocks, block), CENOTE_OK);
    cenote_fixed_destroy(blocks);
    cenote_variable_destroy(pool);
    CHECK(counter.live == 0);

    cenote_set_thread_allocator(&parent);
    const cenote_allocator mine = cenote_default_allocator();
    void* any = cenote_allocate(&mine, 100, 16, CENOTE_ZERO);
    CHECK(any != NULL && counter.live == 100);
    any = cenote_reallocate(&mine, any, 100, 50, 16, CENOTE_NONE);
    CHECK(any != NULL && counter.live == 50);
    CHECK_STATUS(cenote_deallocate(&mine, any, 50, 16), CENOTE_OK);
    cenote_set_thread_allocator(NULL);
    CHECK(counter.live == 0);
}

/* The handle can be had, but not what comes next; also in a library without exceptions. */
static void variable_pools_without_memory_have_a_code(int thread_safe) {
    struct miser miser;
    const cenote_allocator parent = of_miser(&miser, 1);
    cenote_variable_options options = CENOTE_VARIABLE_OPTIONS_INIT;
    options.initial_bytes = 100000;
    options.thread_safe = thread_safe;
    options.memory.parent = &parent;
    cenote_variable* pool = (cenote_variable*)&options;
    CHECK_STATUS(cenote_variable_create(&options, &pool), CENOTE_NO_MEMORY);
    CHECK(pool == NULL && miser.gives == 0 && miser.live == 0);
    miser.gives = 100;
    CHECK_STATUS(cenote_variable_create(&options, &pool), CENOTE_OK);
    CHECK(miser.live >= 2);
    cenote_variable_destroy(pool);
    CHECK(miser.live == 0);
    options.initial_bytes = 0;
    CHECK(cenote_variable_required_bytes(&options) == 0);
}

static void arenas_without_memory_have_a_code(void) {
    struct miser miser;
    const cenote_allocator parent = of_miser(&miser, 2);
    cenote_arena_options options = CENOTE_ARENA_OPTIONS_INIT;
    options.chunk_size = 256;
    options.memory.parent = &parent;
    cenote_arena* arena = NULL;
    CHECK_STATUS(cenote_arena_create(&options, &arena), CENOTE_OK);
    while (cenote_arena_allocate(arena, 16, 16) != NULL) {
    }
    cenote_mark mark;
    CHECK_STATUS(cenote_arena_mark(arena, &mark), CENOTE_NO_MEMORY);
    CHECK_STATUS(cenote_arena_reset(arena), CENOTE_OK);
    CHECK_STATUS(cenote_arena_mark(arena, &mark), CENOTE_OK);
    CHECK_STATUS(cenote_arena_destroy(arena), CENOTE_OK);
    CHECK(miser.live == 0);
    cenote_arena_pool_options many = CENOTE_ARENA_POOL_OPTIONS_INIT;
    many.arenas = 2;
    many.arena_size = 1000;
    many.memory.parent = &parent;
    for (int gives = 0; gives < 3; ++gives) { /* the handle, the arenas, their handles */
        cenote_arena_pool* pool = (cenote_arena_pool*)&many;
        miser.gives = gives;
        CHECK_STATUS(cenote_arena_pool_create(&many, &pool), CENOTE_NO_MEMORY);
        CHECK(pool == NULL && miser.gives == 0 && miser.live == 0);
    }
    many.arena_size = SIZE_MAX / 8;
    CHECK(cenote_arena_pool_required_bytes(&many) == 0);
}

int main(void) {
    variable_pools_split_and_merge();
    arenas_go_back();
    any_allocator_is_a_parent();
    variable_pools_without_memory_have_a_code(0);
    variable_pools_without_memory_have_a_code(1);
    arenas_without_memory_have_a_code();
    return failures;
}
