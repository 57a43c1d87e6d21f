// cenote: SPDX-License-Identifier: MIT
//
// A contender runs a case in a fresh process, so that no contender finds the memory that another left behind.
#pragma once

#include "job.hpp"
#include "roster.hpp"

#include <string>

namespace cenote::bench {

struct child_result {
    outcome numbers;
    std::string problem; // a sentence, or empty
};

// Starts a child and waits for its numbers.
[[nodiscard]] child_result run_child(const participant& who, const job& what);

// What a child prints, as numbers; without windows when it is not such a line.
[[nodiscard]] outcome parse_line(const std::string& line);

} // namespace cenote::bench
