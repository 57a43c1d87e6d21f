// cenote: SPDX-License-Identifier: MIT
//
// Buffers that tests fill with one value, and whether they still hold it.
#pragma once

#include <cenote/buffer/buffer_pool.hpp>

#include <cstring>

namespace cenote::test {

inline void fill(const buffer& one, unsigned char with) {
    std::memset(one.data(), with, one.size());
}

inline bool holds(const buffer& one, unsigned char with, std::size_t bytes) {
    for (std::size_t i = 0; i < bytes; ++i) {
        if (one.data()[i] != std::byte{with}) return false;
    }
    return true;
}

} // namespace cenote::test
