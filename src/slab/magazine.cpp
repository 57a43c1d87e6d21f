// cenote: SPDX-License-Identifier: MIT
#include <cenote/slab/magazine.hpp>

namespace cenote::inline v0_1::engine {

void* const no_block[1] = {nullptr};

} // namespace cenote::inline v0_1::engine
