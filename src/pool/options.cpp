// cenote: SPDX-License-Identifier: MIT
#include <cenote/pool/options.hpp>

#include <cstdio>
#include <cstdlib>

namespace cenote {

bool abort_on_exhaustion(void* /*context*/, const shortage& what) {
    std::fprintf(stderr, "%s\n", out_of_memory(what).what());
    std::abort();
}

} // namespace cenote
