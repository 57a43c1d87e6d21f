// cenote: SPDX-License-Identifier: MIT
#include <cenote/slab/magazine.hpp>

namespace cenote::engine {

void* const no_block[1] = {nullptr};

} // namespace cenote::engine
