// cenote: SPDX-License-Identifier: MIT
//
// A contender runs a case in a fresh process of this program, so that no contender finds the memory that
// another left behind. The child prints one line: bytes in RAM at most, then the nanoseconds an operation of
// each window.
#pragma once

#include "contender.hpp"
#include "job.hpp"

#include <string>

namespace cenote::bench {

// Starts a child and waits for its numbers. Throws `tool::failure` when it has none.
[[nodiscard]] outcome run_child(const roster_entry& who, const job& what);

// The line that a child prints.
[[nodiscard]] std::string line_of(const outcome& numbers);

} // namespace cenote::bench
