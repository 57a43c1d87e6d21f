// cenote: SPDX-License-Identifier: MIT
//
// Who takes part in a replay: the contenders built into the tool, and the general allocators found on this
// machine.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace cenote::tool {

struct contender {
    std::string name;    // as the table shows it
    std::string word;    // as a child process is told it
    std::string preload; // the library that replaces malloc, or nothing
};

struct absent_allocator {
    std::string name;
    std::string package; // that brings it, on Debian and Ubuntu
};

struct roster {
    std::vector<contender> contenders; // malloc first, no-op last
    std::vector<absent_allocator> absent;
    std::string ours; // the word of cenote's own that the others are compared with
};

namespace contender_words {
inline constexpr std::string_view malloc = "malloc", pmr = "pmr", pmr_synchronized = "pmr-synchronized",
                                  no_op = "no-op", cenote = "cenote", cenote_sized = "cenote-sized",
                                  cenote_concurrent = "cenote-concurrent",
                                  cenote_concurrent_sized = "cenote-concurrent-sized",
                                  cenote_locked = "cenote-locked";
}

// For one worker, or those that several may call at once.
[[nodiscard]] roster find_contenders(bool threads);

} // namespace cenote::tool
