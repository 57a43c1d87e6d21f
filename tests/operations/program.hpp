// cenote: SPDX-License-Identifier: MIT
//
// A program of pool operations: what the random tests generate and the fuzzers decode from bytes. Any bytes
// are a program: sixteen choices that make a pool, then four bytes an operation.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

namespace cenote::test {
inline namespace operations { // the explorer has programs, too

struct operation {
    std::uint8_t verb = 0;  // which of the interpreter's verbs, modulo their number
    std::uint8_t which = 0; // a block, an order, a flag
    std::uint16_t amount = 0;
};

struct program {
    std::array<std::uint8_t, 16> choices{};
    std::vector<operation> operations;
};

inline program decode(std::span<const std::uint8_t> bytes) {
    program result;
    std::size_t at = 0;
    const auto next = [&]() -> std::uint8_t { return at < bytes.size() ? bytes[at++] : std::uint8_t{0}; };
    for (std::uint8_t& choice : result.choices) choice = next();
    while (at < bytes.size()) {
        operation one;
        one.verb = next();
        one.which = next();
        one.amount = next();
        one.amount = static_cast<std::uint16_t>(one.amount | next() << 8);
        result.operations.push_back(one);
    }
    return result;
}

inline std::vector<std::uint8_t> encode(const program& from) {
    std::vector<std::uint8_t> bytes(from.choices.begin(), from.choices.end());
    for (const operation& one : from.operations) {
        bytes.insert(bytes.end(), {one.verb, one.which, static_cast<std::uint8_t>(one.amount),
                                   static_cast<std::uint8_t>(one.amount >> 8)});
    }
    return bytes;
}

} // namespace operations

/// Runs a program against a pool and a map beside it; throws `disagreement` when they differ.
void run_on_fixed_pool(const program& script);
void run_on_multi_pool(const program& script);
void run_on_variable_pool(const program& script);
void run_on_arena(const program& script);
void run_on_arena_pool(const program& script);
void run_on_buffer_pool(const program& script);
void run_on_bounded_pool(const program& script);
void run_on_c_face(const program& script);
void run_on_resource(const program& script);

} // namespace cenote::test
