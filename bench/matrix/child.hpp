// cenote: SPDX-License-Identifier: MIT
//
// Each maker works in a process of its own, so that none finds the memory that another left behind, and so
// that an allocator can be put in the place of malloc.
#pragma once

#include "work.hpp"

#include <optional>
#include <string>

namespace cenote::matrices {

struct contender {
    std::string name;    // as the table shows it
    std::string word;    // as the child is told it
    std::string preload; // the library that replaces malloc, or nothing
};

struct numbers {
    double seconds = 0;
    std::uint64_t most_resident = 0; // bytes
};

/// What the maker of that word does with a plan; nothing when there is none.
[[nodiscard]] std::optional<outcome> work_of(const std::string& word, const plan& what);

/// Has a child of this program do it. Throws tool::failure with a sentence when that fails.
[[nodiscard]] numbers run_child(const contender& who, const plan& what);
/// What the child does: prints a line of numbers. Returns the status to exit with.
int be_child(int argc, char** argv);

} // namespace cenote::matrices
