// cenote: SPDX-License-Identifier: MIT
//
// CRC-32 (the polynomial of zip and Ethernet), the checksum of the trace's headers and frames.
#pragma once

#include <cstdint>
#include <span>

namespace cenote::trace {

[[nodiscard]] std::uint32_t crc32(std::span<const unsigned char> data) noexcept;

} // namespace cenote::trace
