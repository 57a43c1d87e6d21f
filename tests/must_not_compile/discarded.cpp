// cenote: SPDX-License-Identifier: MIT
//
// A block or an object that nobody keeps is lost: the compiler says so.
#include <cenote/pool/object_pool.hpp>

#pragma GCC diagnostic error "-Wunused-result"

void use(cenote::fixed_pool& pool, cenote::object_pool<int>& numbers, void** blocks) {
    void* const block = pool.allocate();
    pool.deallocate(block);
    pool.trim(); // how much came back need not interest anybody
#if CASE == 1
    // expect: (nodiscard|unused-result)
    pool.allocate();
#elif CASE == 2
    // expect: (nodiscard|unused-result)
    pool.try_allocate();
#elif CASE == 3
    // expect: (nodiscard|unused-result)
    pool.try_allocate_n(blocks, 2);
#elif CASE == 4
    // expect: (nodiscard|unused-result)
    numbers.make(1);
#elif CASE == 5
    // expect: (nodiscard|unused-result)
    numbers.make_unique(1);
#elif CASE == 6
    // expect: (nodiscard|unused-result)
    pool.allocate_zeroed();
#elif CASE == 7
    // expect: (nodiscard|unused-result)
    pool.allocate_at_least();
#endif
    (void)numbers;
    (void)blocks;
}
