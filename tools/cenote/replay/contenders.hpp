// cenote: SPDX-License-Identifier: MIT
//
// The contenders that live in the tool itself; each runs a job in the process it is called in.
#pragma once

#include "replay/job.hpp"

namespace cenote::tool {

[[nodiscard]] outcome run_no_op(const job& j);
[[nodiscard]] outcome run_malloc(const job& j); // whatever malloc is in this process
[[nodiscard]] outcome run_pmr(const job& j);
[[nodiscard]] outcome run_pmr_synchronized(const job& j);
[[nodiscard]] outcome run_cenote(const job& j);
[[nodiscard]] outcome run_cenote_sized(const job& j);
[[nodiscard]] outcome run_cenote_concurrent(const job& j);
[[nodiscard]] outcome run_cenote_concurrent_sized(const job& j);
[[nodiscard]] outcome run_cenote_locked(const job& j);

} // namespace cenote::tool
