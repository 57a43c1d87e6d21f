/* cenote: SPDX-License-Identifier: MIT
 *
 * Arenas that are lent, walks, many blocks at once, and the defaults, from C.
 */
#include "test.h"

static cenote_stats stats_of(const cenote_allocator* one) {
    cenote_stats stats = CENOTE_STATS_INIT;
    CHECK_STATUS(cenote_allocator_stats(one, &stats), CENOTE_OK);
    return stats;
}

static void arenas_are_lent(void) {
    cenote_arena_pool* pool = NULL;
    cenote_arena_pool_options options = CENOTE_ARENA_POOL_OPTIONS_INIT;
    options.arenas = 2;
    options.arena_size = 1000;
    CHECK(cenote_arena_pool_flaw(&options) == NULL);
    CHECK_STATUS(cenote_arena_pool_create(&options, &pool), CENOTE_OK);
    cenote_arena* one = NULL;
    cenote_arena* other = NULL;
    cenote_arena* none = NULL;
    CHECK_STATUS(cenote_arena_pool_acquire(pool, &one), CENOTE_OK);
    CHECK_STATUS(cenote_arena_pool_try_acquire(pool, &other), CENOTE_OK);
    CHECK(one != other && cenote_arena_pool_free_arenas(pool) == 0);
    CHECK_STATUS(cenote_arena_pool_try_acquire(pool, &none), CENOTE_TIMED_OUT);
    CHECK_STATUS(cenote_arena_pool_acquire_within(pool, 1000, &none), CENOTE_TIMED_OUT);
    CHECK(none == NULL);
    char* block = cenote_arena_allocate_with(one, 100, 32, CENOTE_ZERO);
    CHECK(block != NULL && block[99] == 0 && cenote_arena_owns(one, block));
    CHECK_STATUS(cenote_arena_free(one, block, 100), CENOTE_OK);
    CHECK(cenote_arena_allocate(one, 5000, 16) != NULL);
    CHECK_STATUS(cenote_arena_pool_release(pool, one), CENOTE_OK);
    CHECK_STATUS(cenote_arena_pool_release(pool, one), CENOTE_DOUBLE_FREE);
    CHECK_STATUS(cenote_arena_pool_acquire(pool, &none), CENOTE_OK);
    cenote_stats inside = CENOTE_STATS_INIT;
    CHECK_STATUS(cenote_arena_stats(none, &inside), CENOTE_OK);
    CHECK(none == one && inside.live_bytes == 0);
    CHECK_STATUS(cenote_arena_pool_release(pool, none), CENOTE_OK);
    CHECK_STATUS(cenote_arena_pool_release(pool, other), CENOTE_OK);
    (void)cenote_arena_pool_trim(pool);
    cenote_stats all = CENOTE_STATS_INIT;
    CHECK_STATUS(cenote_arena_pool_stats(pool, &all), CENOTE_OK);
    CHECK(all.live_blocks == 0 && all.peak_blocks == 2);
    CHECK_STATUS(cenote_arena_pool_close(pool), CENOTE_OK);
    CHECK_STATUS(cenote_arena_pool_acquire(pool, &none), CENOTE_CLOSED);
    cenote_arena_pool_destroy(pool);
}

static void an_arena_is_an_allocator(void) {
    cenote_arena* arena = NULL;
    cenote_arena_options options = CENOTE_ARENA_OPTIONS_INIT;
    CHECK(cenote_arena_flaw(&options) == NULL);
    CHECK_STATUS(cenote_arena_create(&options, &arena), CENOTE_OK);
    const cenote_allocator face = cenote_arena_allocator(arena);
    CHECK(cenote_allocate(&face, 100, 16, CENOTE_NONE) != NULL && stats_of(&face).live_bytes >= 100);
    CHECK_STATUS(cenote_arena_reset(arena), CENOTE_OK);
    CHECK(cenote_arena_trim(arena) != 0);
    CHECK_STATUS(cenote_arena_destroy(arena), CENOTE_OK);
}

static int count_block(void* context, void* block, size_t size) {
    size_t* bytes = context;
    CHECK(block != NULL);
    *bytes += size;
    return 1;
}

static void variable_pools_are_walked(void) {
    cenote_variable* pool = NULL;
    cenote_variable_options options = CENOTE_VARIABLE_OPTIONS_INIT;
    CHECK(cenote_variable_flaw(&options) == NULL);
    CHECK_STATUS(cenote_variable_create(&options, &pool), CENOTE_OK);
    void* block = cenote_variable_allocate_with(pool, 100, 64, CENOTE_ZERO);
    CHECK(block != NULL && cenote_variable_is_live(pool, block));
    CHECK(cenote_variable_largest_free(pool) > 100);
    size_t bytes = 0;
    CHECK_STATUS(cenote_variable_for_each(pool, count_block, &bytes), CENOTE_OK);
    cenote_stats stats = CENOTE_STATS_INIT;
    CHECK_STATUS(cenote_variable_stats(pool, &stats), CENOTE_OK);
    CHECK(bytes >= 100 && stats.live_bytes == bytes);
    CHECK_STATUS(cenote_variable_reset(pool), CENOTE_OK);
    CHECK(!cenote_variable_is_live(pool, block) && cenote_variable_trim(pool) != 0);
    cenote_variable_destroy(pool);
}

static void fixed_blocks_come_in_numbers(void) {
    cenote_fixed* pool = NULL;
    cenote_fixed_options options = CENOTE_FIXED_OPTIONS_INIT;
    options.block_size = 64;
    CHECK_STATUS(cenote_fixed_create(&options, &pool), CENOTE_OK);
    void* blocks[10];
    CHECK_STATUS(cenote_fixed_allocate_many(pool, blocks, 10), CENOTE_OK);
    CHECK(cenote_fixed_owns(pool, blocks[9]) && cenote_fixed_is_live(pool, blocks[9]));
    CHECK_STATUS(cenote_fixed_free_many(pool, blocks, 10), CENOTE_OK);
    CHECK(!cenote_fixed_is_live(pool, blocks[9]) && cenote_fixed_block_size(pool) == 64);
    const cenote_allocator face = cenote_fixed_allocator(pool);
    CHECK(cenote_allocate(&face, 65, 8, CENOTE_NONE) == NULL && stats_of(&face).live_blocks == 0);
    CHECK(cenote_fixed_trim(pool) != 0);
    cenote_fixed_destroy(pool);
}

static void defaults_can_be_set(void) {
    const cenote_allocator pages = cenote_pages_allocator();
    CHECK_STATUS(cenote_set_process_allocator(&pages), CENOTE_OK);
    const cenote_allocator now = cenote_default_allocator();
    void* page = cenote_allocate(&now, 100, 16, CENOTE_NONE);
    CHECK(page != NULL && (uintptr_t)page % 4096 == 0);
    CHECK_STATUS(cenote_deallocate(&now, page, 100, 16), CENOTE_OK);
    CHECK_STATUS(cenote_set_process_allocator(NULL), CENOTE_OK);
}

int main(void) {
    arenas_are_lent();
    an_arena_is_an_allocator();
    variable_pools_are_walked();
    fixed_blocks_come_in_numbers();
    defaults_can_be_set();
    return failures;
}
