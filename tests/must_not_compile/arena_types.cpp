// cenote: SPDX-License-Identifier: MIT
//
// What an arena and a bounded object pool can hold: objects whose destructors do not throw.
#include <cenote/concurrent/arena_pool.hpp>
#include <cenote/concurrent/bounded_object_pool.hpp>

#pragma GCC diagnostic error "-Wunused-result"

struct throwing {
    ~throwing() noexcept(false);
};

void use(cenote::arena& scratch, cenote::arena_pool& arenas, cenote::bounded_pool& blocks) {
    int* made = scratch.make<int>(1);
    cenote::arena_pool::lease lease = arenas.acquire();
    cenote::bounded_pool::block block = blocks.acquire();
    cenote::bounded_object_pool<int> numbers({.objects = 1});
#if CASE == 1
    // expect: the destructor of T must be noexcept, because reset is
    (void)scratch.make<throwing>();
#elif CASE == 2
    // expect: T must be an object type, neither const nor an array
    (void)scratch.make<int[3]>();
#elif CASE == 3
    // expect: T has no constructor for these arguments
    (void)scratch.make<throwing>(1, 2);
#elif CASE == 4
    // expect: the destructor of T must be noexcept, because handles end so
    cenote::bounded_object_pool<throwing> never({.objects = 1});
#elif CASE == 5
    // expect: T must be an object type, neither const nor an array
    cenote::bounded_object_pool<const int> never({.objects = 1});
#elif CASE == 6
    // expect: (deleted|implicitly-deleted)
    cenote::arena_pool::lease copy(lease);
#elif CASE == 7
    // expect: (deleted|implicitly-deleted)
    cenote::bounded_pool::block copy(block);
#elif CASE == 8
    // expect: (deleted|implicitly-deleted)
    cenote::arena copy(scratch);
#elif CASE == 9
    // expect: (nodiscard|unused-result)
    arenas.acquire();
#endif
    (void)made;
}
