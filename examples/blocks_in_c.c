/* cenote: SPDX-License-Identifier: MIT
 *
 * The C face: a pool of records, checked frees, and an arena for what dies together.
 */
#include <cenote/cenote.h>

#include <stdio.h>
#include <string.h>

struct record {
    int key;
    char text[60];
};

static int print(void* context, void* block) {
    const struct record* record = block;
    printf("  %d: %s\n", record->key, record->text);
    return --*(int*)context != 0; /* 0 ends the walk */
}

int main(void) {
    cenote_fixed* pool = NULL;
    cenote_fixed_options options = CENOTE_FIXED_OPTIONS_INIT;
    options.block_size = sizeof(struct record);
    options.thread_safe = 1;
    options.name = "records";
    if (cenote_fixed_create(&options, &pool) != CENOTE_OK) {
        printf("no pool: %s\n", cenote_fixed_flaw(&options));
        return 1;
    }
    struct record* first = NULL;
    for (int key = 1; key <= 5; ++key) {
        struct record* record = cenote_fixed_allocate(pool);
        if (record == NULL) return 1;
        record->key = key;
        snprintf(record->text, sizeof record->text, "record number %d", key);
        if (first == NULL) first = record;
    }
    int most = 3;
    printf("three of the records:\n");
    if (cenote_fixed_for_each(pool, print, &most) != CENOTE_STOPPED) return 1;

    if (cenote_fixed_free(pool, first) != CENOTE_OK) return 1;
    const cenote_status again = cenote_fixed_free(pool, first);
    printf("freed twice: %s\n", cenote_status_text(again));
    if (again != CENOTE_DOUBLE_FREE) return 1;

    cenote_arena* arena = NULL;
    cenote_arena_options scratch = CENOTE_ARENA_OPTIONS_INIT;
    const cenote_allocator heap = cenote_heap_allocator();
    scratch.memory.parent = &heap;
    if (cenote_arena_create(&scratch, &arena) != CENOTE_OK) return 1;
    char* joined = cenote_arena_allocate_with(arena, 200, 1, CENOTE_ZERO);
    if (joined == NULL) return 1;
    strcat(joined, "an arena's bytes ");
    strcat(joined, "die together");
    printf("%s\n", joined);
    if (cenote_arena_destroy(arena) != CENOTE_OK) return 1;

    cenote_stats stats = CENOTE_STATS_INIT;
    if (cenote_fixed_stats(pool, &stats) != CENOTE_OK) return 1;
    printf("%zu records live, %zu bytes reserved\n", stats.live_blocks, stats.reserved_bytes);
    if (cenote_fixed_reset(pool) != CENOTE_OK) return 1;
    cenote_fixed_destroy(pool);
    return 0;
}
