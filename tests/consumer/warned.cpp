// cenote: SPDX-License-Identifier: MIT
// A user's source that compiles with a warning.
#include <cenote/pool/fixed_pool.hpp>

bool is_made() {
    int unused;
    return cenote::fixed_pool{{.block_size = 48}}.is_valid();
}
