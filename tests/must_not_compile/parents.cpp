// cenote: SPDX-License-Identifier: MIT
//
// Which pools can stand behind the allocator interface, and so be the parent of others: those that take a
// pointer back. Handles return themselves.
#include <cenote/buffer/buffer_pool.hpp>
#include <cenote/concurrent/arena_pool.hpp>
#include <cenote/concurrent/bounded_object_pool.hpp>
#include <cenote/face/resource.hpp>

void use(cenote::arena_pool& arenas, cenote::bounded_pool& blocks, cenote::bounded_object_pool<int>& numbers,
         cenote::buffer_pool& buffers) {
    cenote::arena_pool::lease lease = arenas.acquire();
    cenote::resource<cenote::arena> parent(*lease); // an arena on loan is one
    cenote::pool_resource<cenote::arena> child(parent);
#if CASE == 1
    // expect: raw_pool
    cenote::resource<cenote::arena_pool> never(arenas);
#elif CASE == 2
    // expect: raw_pool
    cenote::resource<cenote::bounded_pool> never(blocks);
#elif CASE == 3
    // expect: raw_pool
    cenote::resource<cenote::bounded_object_pool<int>> never(numbers);
#elif CASE == 4
    // expect: raw_pool
    cenote::resource<cenote::buffer_pool> never(buffers);
#elif CASE == 5
    // expect: raw_pool
    cenote::pool_resource<cenote::arena_pool> never(parent, {.arenas = 1});
#endif
    (void)blocks;
    (void)numbers;
    (void)buffers;
}
