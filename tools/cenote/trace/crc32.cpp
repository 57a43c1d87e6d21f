// cenote: SPDX-License-Identifier: MIT
#include "trace/crc32.hpp"

#include <array>
#include <cstddef>

namespace cenote::trace {
namespace {

constexpr std::array<std::uint32_t, 256> make_table() {
    std::array<std::uint32_t, 256> table{};
    for (std::uint32_t i = 0; i < 256; ++i) {
        std::uint32_t value = i;
        for (int bit = 0; bit < 8; ++bit) value = (value >> 1) ^ ((value & 1U) != 0 ? 0xEDB88320U : 0U);
        table[i] = value;
    }
    return table;
}

constexpr std::array<std::uint32_t, 256> table = make_table();

} // namespace

std::uint32_t crc32(std::span<const unsigned char> data) noexcept {
    std::uint32_t value = 0xFFFFFFFFU;
    for (const unsigned char byte : data) value = (value >> 8) ^ table[(value ^ byte) & 0xFFU];
    return ~value;
}

} // namespace cenote::trace
