// cenote: SPDX-License-Identifier: MIT
//
// Counts the calls of the C++ heap in a test program: linking this in replaces operator new. For proving that
// a pool on a caller's buffer never goes there. Not exact while several threads allocate.
#pragma once

#include <cstddef>

namespace cenote::test {

/// Calls of any operator new since the program started.
[[nodiscard]] std::size_t heap_calls() noexcept;

} // namespace cenote::test
