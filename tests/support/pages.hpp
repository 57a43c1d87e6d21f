// cenote: SPDX-License-Identifier: MIT
//
// Pages that may not be touched, on every system: for sources that hold pools to their contract.
#pragma once

#include <cstddef>

namespace cenote::test {

/// `bytes`, a multiple of the page size, that fault when they are touched; null when there are none.
[[nodiscard]] std::byte* forbidden_pages(std::size_t bytes) noexcept;
/// From now on these may be touched; their contents are anything.
void permit_pages(std::byte* data, std::size_t bytes) noexcept;
/// Forbids them again; their contents are lost.
void forbid_pages(std::byte* data, std::size_t bytes) noexcept;
/// Gives back all of what `forbidden_pages` gave.
void release_pages(std::byte* data, std::size_t bytes) noexcept;

} // namespace cenote::test
