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

// A plan as a child is told of it.
struct child_plan {
    explicit child_plan(const plan& p);
    explicit child_plan(const thread_plan& p);

    int operations = -1; // descriptors
    int threads = -1;
    std::uint64_t count = 0;
    std::uint64_t slots = 0;
    std::uint64_t peak_op = 0;
    std::uint64_t thread_count = 0; // 0: one worker
};

struct child_result {
    outcome numbers;
    std::string problem; // why there are no numbers; empty when there are
};

// The parent's side. `latency` may be null except for latency jobs.
[[nodiscard]] child_result run_child(const contender& who, job_mode mode, const child_plan& what,
                                     const shared_file* latency, std::chrono::milliseconds limit);

} // namespace cenote::tool
