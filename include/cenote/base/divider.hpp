// cenote: SPDX-License-Identifier: MIT
//
// Exact division by a stride fixed at run time: one multiplication and one rotation, for every 64-bit
// offset. The stride is split into odd × 2^s; multiplying by the inverse of the odd part modulo 2^64
// undoes an exact product, and rotating by s pushes any remainder into the top bits. So a quotient below
// the count of blocks proves that the offset was an exact multiple, in range, and not negative.
// Source: T. Granlund, P. Montgomery, "Division by Invariant Integers using Multiplication", PLDI 1994,
// section 9 (exact division and divisibility).
#pragma once

#include <bit>
#include <cstdint>

namespace cenote::inline v0_1::base {

class divider {
public:
    constexpr divider() noexcept = default;

    /// Divides by `stride`, which is not zero.
    explicit constexpr divider(std::uint64_t stride) noexcept : shift_(std::countr_zero(stride)) {
        const std::uint64_t odd = stride >> shift_;
        inverse_ = odd * 3 ^ 2; // right in the low 5 bits; each step doubles them: 10, 20, 40, 80
        for (int step = 0; step < 4; ++step) inverse_ *= 2 - odd * inverse_;
    }

    /// offset ÷ stride when `offset` is an exact multiple; otherwise some number of at least 2^64 ÷ stride
    /// rounded down, hence not below any count of blocks that fits memory.
    [[nodiscard]] constexpr std::uint64_t quotient(std::uint64_t offset) const noexcept {
        return std::rotr(offset * inverse_, shift_);
    }

private:
    std::uint64_t inverse_ = 1;
    int shift_ = 0;
};

} // namespace cenote::inline v0_1::base
