// cenote: SPDX-License-Identifier: MIT
//
// What this copy of the library has once: the registry, and the memory of the records of threads' caches.
#pragma once

#include <cenote/concurrent/registry.hpp>

namespace cenote::inline v0_1::engine {

/// The registry, which also knows of forks from the first call on.
[[nodiscard]] registry& process_registry() noexcept;

/// A record of no pool: always empty, always full.
[[nodiscard]] thread_cache& no_cache() noexcept;

/// Makes sure that there are records for the next threads; may ask the system for memory.
void supply_records() noexcept;

/// Has the calling thread part with its caches when it ends.
[[nodiscard]] bool watch_this_thread() noexcept;

} // namespace cenote::inline v0_1::engine
