// cenote: SPDX-License-Identifier: MIT
// The second source of the program of tests/single: it has the header without the implementation.
#include "cenote_single.hpp"

bool other_source_works(cenote::fixed_pool& pool) {
    void* block = pool.try_allocate();
    const bool is_live = block != nullptr && pool.owns(block);
    pool.deallocate(block);
    return is_live && pool.trim() > 0;
}
