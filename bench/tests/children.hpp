// cenote: SPDX-License-Identifier: MIT
//
// What a child of the tests can run.
#pragma once

#include "contender.hpp"

namespace cenote::bench {

inline constexpr const char* log_variable = "CENOTE_BENCH_TEST_LOG"; // names the file that children write to

[[nodiscard]] std::vector<runner> test_runners();

} // namespace cenote::bench
