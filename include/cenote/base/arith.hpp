// cenote: SPDX-License-Identifier: MIT
//
// Arithmetic on sizes that says when it does not fit, and small bit helpers. Every size, count and
// product that comes from a caller passes through here before it is used. All functions are O(1),
// constexpr and safe from any thread.
#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>
#include <limits>

namespace cenote::inline v0_1::base {

inline constexpr std::size_t size_max = std::numeric_limits<std::size_t>::max();

/// a × b into `product`; false (and `product` untouched) when that does not fit.
[[nodiscard]] constexpr bool multiply(std::size_t a, std::size_t b, std::size_t& product) noexcept {
    if (b != 0 && a > size_max / b) return false;
    product = a * b;
    return true;
}

/// a + b into `sum`; false (and `sum` untouched) when that does not fit.
[[nodiscard]] constexpr bool add(std::size_t a, std::size_t b, std::size_t& sum) noexcept {
    if (a > size_max - b) return false;
    sum = a + b;
    return true;
}

[[nodiscard]] constexpr bool is_power_of_two(std::size_t n) noexcept {
    return n != 0 && (n & (n - 1)) == 0; // what counts the bits is a call where there is no instruction
}

/// `n` rounded up to a multiple of `unit` (not zero) into `rounded`; false when that does not fit.
[[nodiscard]] constexpr bool round_up(std::size_t n, std::size_t unit, std::size_t& rounded) noexcept {
    const std::size_t rest = n % unit;
    return rest == 0 ? add(n, 0, rounded) : add(n, unit - rest, rounded);
}

/// `n` rounded up to a multiple of `unit`, for values known to fit.
[[nodiscard]] constexpr std::size_t rounded_up(std::size_t n, std::size_t unit) noexcept {
    return (n + unit - 1) / unit * unit;
}

/// How many bytes from `address` to the next multiple of `alignment` (a power of two).
[[nodiscard]] inline std::size_t padding_to(const void* address, std::size_t alignment) noexcept {
    return (0 - reinterpret_cast<std::uintptr_t>(address)) & (alignment - 1);
}

} // namespace cenote::inline v0_1::base
