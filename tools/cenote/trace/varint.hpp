// cenote: SPDX-License-Identifier: MIT
//
// Variable-length integers as the trace holds them: seven bits a byte, low bits first, the top bit says "more
// follows". Reading is strict: a value that does not fit 64 bits, is longer than it need be or runs off the
// end is refused.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <vector>

namespace cenote::trace {

using bytes = std::vector<unsigned char>;

inline void append_varint(bytes& out, std::uint64_t value) {
    while (value >= 0x80) {
        out.push_back(static_cast<unsigned char>(value | 0x80));
        value >>= 7;
    }
    out.push_back(static_cast<unsigned char>(value));
}

// Reads from the front of `in` and shortens it; nothing when the bytes are no varint.
[[nodiscard]] inline std::optional<std::uint64_t> take_varint(std::span<const unsigned char>& in) {
    std::uint64_t value = 0;
    for (std::size_t i = 0; i < in.size() && i < 10; ++i) {
        const std::uint64_t low = in[i] & 0x7FU;
        if (i == 9 && low > 1) return std::nullopt;
        value |= low << (7 * i);
        if ((in[i] & 0x80U) == 0) {
            if (low == 0 && i > 0) return std::nullopt;
            in = in.subspan(i + 1);
            return value;
        }
    }
    return std::nullopt;
}

} // namespace cenote::trace
