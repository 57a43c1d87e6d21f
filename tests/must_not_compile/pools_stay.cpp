// cenote: SPDX-License-Identifier: MIT
//
// A pool does not move: its blocks know it by its address. A handle moves and is not copied.
#include <cenote/pool/object_pool.hpp>
#include <cenote/source/region.hpp>

#include <utility>

void use(cenote::fixed_pool& pool, cenote::object_pool<int>& numbers, cenote::region& bytes) {
    cenote::fixed_pool another({.block_size = 64});
    cenote::unique_handle<int> handle = numbers.make_unique(1);
    cenote::unique_handle<int> moved(std::move(handle));
#if CASE == 1
    // expect: (deleted|implicitly-deleted)
    cenote::fixed_pool copy(pool);
#elif CASE == 2
    // expect: (deleted|implicitly-deleted)
    cenote::fixed_pool taken(std::move(pool));
#elif CASE == 3
    // expect: (deleted|implicitly-deleted)
    another = pool;
#elif CASE == 4
    // expect: (deleted|implicitly-deleted)
    cenote::object_pool<int> copy(numbers);
#elif CASE == 5
    // expect: (deleted|implicitly-deleted)
    cenote::unique_handle<int> copy(moved);
#elif CASE == 6
    // expect: (deleted|implicitly-deleted)
    cenote::region copy(bytes);
#elif CASE == 7
    // expect: (private|explicit)
    cenote::unique_handle<int> stolen(new int(1));
#endif
    (void)another;
    (void)pool;
    (void)bytes;
}
