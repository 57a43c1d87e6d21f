// cenote: SPDX-License-Identifier: MIT
//
// Turns the spool of a recorded run into a trace: streams become processes, addresses become block numbers.
#pragma once

#include "trace/format.hpp"
#include "trace/writer.hpp"

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

namespace cenote::tool {

struct merge_result {
    std::vector<trace::process> processes; // with their totals
    std::uint64_t lost_events = 0;
    std::uint64_t unrecorded_processes = 0; // that could not begin a stream
};

// Removes each stream's file once it is in the trace; `progress` hears the share that is done, from 0 to 1.
[[nodiscard]] merge_result merge_spool(const std::string& folder, trace::writer& out,
                                       const std::function<void(double)>& progress);

} // namespace cenote::tool
