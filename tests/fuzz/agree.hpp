// cenote: SPDX-License-Identifier: MIT
//
// What the fuzzers of pools have in common: any bytes are a program of operations, on which the pool and what
// is kept beside it must agree.
#pragma once

#include "operations/ground.hpp"
#include "operations/program.hpp"

#include <cstdio>
#include <cstdlib>

namespace cenote::test {

inline int agree(const char* what, void (*interpret)(const program&), const std::uint8_t* data,
                 std::size_t size) {
    try {
        interpret(decode({data, size}));
    } catch (const disagreement& wrong) {
        std::fprintf(stderr, "%s disagree: %s\n", what, wrong.what());
        std::abort();
    }
    return 0;
}

} // namespace cenote::test
