// cenote: SPDX-License-Identifier: MIT
//
// Tells AddressSanitizer and Valgrind's memcheck which blocks may be touched. Found at run time, so that one
// release library serves both kinds of program; pools that find a watcher run at capacity zero, where every
// call passes here. Without a watcher each function is a load and a compare. Safe from any thread.
#pragma once

#include <cenote/base/config.hpp>

#include <cstddef>

namespace cenote::inline v0_1::base {

/// Whether this process runs under AddressSanitizer or memcheck.
[[nodiscard]] CENOTE_API bool watched() noexcept;

/// From now on touching these bytes is an error to the watcher.
CENOTE_API void forbid(const void* data, std::size_t bytes) noexcept;

/// From now on these bytes may be touched; their contents are undefined.
CENOTE_API void permit(const void* data, std::size_t bytes) noexcept;
/// The same where some of it is in use already: its contents stay what they are to a watcher of contents.
CENOTE_API void permit_kept(const void* data, std::size_t bytes) noexcept;

/// How many of these bytes, from the first on, may be touched: all when nobody watches.
[[nodiscard]] CENOTE_API std::size_t permitted(const void* data, std::size_t bytes) noexcept;

} // namespace cenote::inline v0_1::base
