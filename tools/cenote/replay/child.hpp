// cenote: SPDX-License-Identifier: MIT
//
// The process in which a contender runs: started anew from the tool's own file for every round, so that each
// round finds the same fresh heap that the recorded program found.
#pragma once

#include "replay/job.hpp"
#include "replay/plan.hpp"
#include "replay/roster.hpp"

#include <chrono>
#include <string>

namespace cenote::tool {

inline constexpr const char* replay_child_word = "--replay-child";

// The child's side: what `main` does when its first argument is `replay_child_word`.
[[nodiscard]] int replay_child(int argc, char** argv);

struct child_result {
    outcome numbers;
    std::string problem; // why there are no numbers; empty when there are
};

// The parent's side. `latency` may be null except for latency jobs.
[[nodiscard]] child_result run_child(const contender& who, job_mode mode, const plan& what,
                                     const shared_file* latency, std::chrono::milliseconds limit);

} // namespace cenote::tool
