// cenote: SPDX-License-Identifier: MIT
//
// The functions whose instructions are counted, out of line and in a file of their own, so that the loop that
// calls them is compiled the same for each.
#pragma once

#include <cenote/pool/fixed_pool.hpp>
#include <cenote/pool/multi_pool.hpp>

struct stage {
    cenote::fixed_pool fixed{{.block_size = 64, .sanitizers = false, .name = "fixed"}};
    cenote::multi_pool multi{{.sanitizers = false, .name = "multi"}};
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
}
