// cenote: SPDX-License-Identifier: MIT
//
// The hot paths as a plugin's code has them: position independent and optimised. hot_path.cmake reads them.
#include <cenote/concurrent/concurrent_multi_pool.hpp>
#include <cenote/concurrent/concurrent_pool.hpp>

static_assert(sizeof(cenote::engine::this_thread) == 512);

extern "C" void* hot_allocate(cenote::concurrent_pool& pool) {
    return pool.allocate();
}
extern "C" void hot_deallocate(cenote::concurrent_pool& pool, void* block) {
    pool.deallocate(block);
}
extern "C" void* hot_allocate_100(cenote::concurrent_multi_pool& pool) {
    return pool.allocate(100);
}
extern "C" void hot_deallocate_100(cenote::concurrent_multi_pool& pool, void* block) {
    pool.deallocate(block, 100);
}
