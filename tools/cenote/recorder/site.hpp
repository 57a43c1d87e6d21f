// cenote: SPDX-License-Identifier: MIT
//
// Call sites: a return address becomes a hash of its module's file name and its offset in that module, the
// same in every run whatever addresses the program was loaded at. Remembered per thread, so a repeated site
// costs one compare.
#pragma once

#include <cstdint>

namespace cenote::recorder {

// Looks up what `site_of` needs; called once before the first use.
void prepare_sites() noexcept;

[[nodiscard]] std::uint32_t site_of(const void* return_address) noexcept;

} // namespace cenote::recorder
