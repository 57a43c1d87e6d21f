// cenote: SPDX-License-Identifier: MIT
//
// The only home of atomics, locks and threads. Other floors name `sync::atomic` and its friends, so that a
// schedule-exploring build can put its own in their place. Include it in sources and leaf headers only:
// the standard headers behind it are heavy.
#pragma once

#include <atomic>

namespace cenote::sync {

template<class T>
using atomic = std::atomic<T>;

using std::memory_order_acq_rel;
using std::memory_order_acquire;
using std::memory_order_relaxed;
using std::memory_order_release;

} // namespace cenote::sync
