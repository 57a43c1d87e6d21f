// cenote: SPDX-License-Identifier: MIT
//
// The functions whose instructions are counted, out of line and in a file of their own, so that the loop that
// calls them is compiled the same for each.
#pragma once

#include <cenote/buffer/buffer_pool.hpp>
#include <cenote/concurrent/bounded_pool.hpp>
#include <cenote/concurrent/concurrent_multi_pool.hpp>
#include <cenote/concurrent/concurrent_pool.hpp>
#include <cenote/pool/fixed_pool.hpp>
#include <cenote/pool/multi_pool.hpp>

struct stage {
    cenote::fixed_pool fixed{{.block_size = 64, .sanitizers = false, .name = "fixed"}};
    cenote::multi_pool multi{{.sanitizers = false, .name = "multi"}};
    cenote::concurrent_pool shared{{.block_size = 64, .sanitizers = false, .name = "shared"}};
    cenote::concurrent_multi_pool shared_multi{{.sanitizers = false, .name = "shared multi"}};
    cenote::concurrent_pool::local local = shared.local_cache();
    cenote::buffer_pool buffers{{.sanitizers = false, .name = "buffers"}};
    cenote::bounded_pool bounded{{.block_size = 64, .blocks = 16, .sanitizers = false, .name = "bounded"}};
    std::size_t size = 64;
};

extern "C" {
void hot_nothing(stage& on, void** slot);
void hot_fixed_allocate(stage& on, void** slot);
void hot_fixed_try_allocate(stage& on, void** slot);
void hot_fixed_deallocate(stage& on, void** slot);
void hot_multi_allocate(stage& on, void** slot);
void hot_multi_deallocate(stage& on, void** slot);
void hot_multi_deallocate_sized(stage& on, void** slot);
void hot_shared_allocate(stage& on, void** slot);
void hot_shared_deallocate(stage& on, void** slot);
void hot_local_allocate(stage& on, void** slot);
void hot_local_deallocate(stage& on, void** slot);
void hot_shared_multi_allocate(stage& on, void** slot);
void hot_shared_multi_deallocate(stage& on, void** slot);
void hot_shared_multi_deallocate_sized(stage& on, void** slot);
void hot_buffer_pair(stage& on, void** slot);
void hot_bounded_pair(stage& on, void** slot);
}
