/* cenote: SPDX-License-Identifier: MIT
 * What a C user's first program does; built against an installed cenote.
 */
#include <cenote/cenote.h>

#include <stdio.h>
#include <string.h>

static int fixed_blocks_work(void) {
    cenote_fixed_options options = CENOTE_FIXED_OPTIONS_INIT;
    cenote_fixed* pool = NULL;
    void* block;
    options.block_size = 64;
    options.name = "consumer";
    if (cenote_fixed_create(&options, &pool) != CENOTE_OK) return 0;
    block = cenote_fixed_allocate(pool);
    if (block == NULL) return 0;
    memset(block, 1, 64);
    if (cenote_fixed_free(pool, block) != CENOTE_OK) return 0;
    if (cenote_fixed_free(pool, block) != CENOTE_DOUBLE_FREE) return 0;
    cenote_fixed_destroy(pool);
    return 1;
}

static int any_size_works(void) {
    cenote_variable_options options = CENOTE_VARIABLE_OPTIONS_INIT;
    cenote_variable* pool = NULL;
    char* text;
    if (cenote_variable_create(&options, &pool) != CENOTE_OK) return 0;
    text = cenote_variable_allocate(pool, 6);
    if (text == NULL) return 0;
    strcpy(text, "hello");
    text = cenote_variable_reallocate(pool, text, 600);
    if (text == NULL || strcmp(text, "hello") != 0) return 0;
    if (cenote_variable_free(pool, text) != CENOTE_OK) return 0;
    cenote_variable_destroy(pool);
    return 1;
}

int main(void) {
    if (fixed_blocks_work() && any_size_works()) return 0;
    puts("a pool did not do what it promises");
    return 1;
}
