// cenote: SPDX-License-Identifier: MIT
//
// `cenote replay`: the recorded operations again, on every contender, and a table of what they took.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

namespace cenote::tool {

// One worker for all threads, as many as were recorded, or whichever the recording suggests.
enum class replay_threads { automatic, one, recorded };

struct replay_options {
    std::string file;
    std::optional<unsigned> rounds{}; // exactly so many; else as many as there is time for, at least five
    std::optional<std::uint64_t> process{};
    replay_threads threads = replay_threads::automatic;
    std::string json;
    bool whole = false; // however long it takes
};

// Returns the status to exit with; throws `failure` or `trace::error`.
[[nodiscard]] int replay(const replay_options& options);

} // namespace cenote::tool
