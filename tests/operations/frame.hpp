// cenote: SPDX-License-Identifier: MIT
//
// What the interpreters do alike: judge options, make the ground that a pool stands on, go through a program.
#pragma once

#include "operations/ground.hpp"
#include "operations/program.hpp"

namespace cenote::test {

template<class T, std::size_t N>
[[nodiscard]] constexpr T pick(const T (&table)[N], std::size_t choice) {
    return table[choice % N];
}

[[nodiscard]] inline ground::kind kind_of_ground(const program& script) {
    return static_cast<ground::kind>(script.choices[8] % 7);
}

/// The ground that the program chooses for a pool with these options.
template<class Pool, class Options>
[[nodiscard]] ground ground_of(const program& script, const Options& options) {
    const ground::kind kind = kind_of_ground(script);
    return {kind, kind == ground::kind::exact_buffer ? Pool::required_bytes(options) : 0,
            script.choices[9] * 16u + script.choices[10]};
}

/// Whether the options make sense; those that do not must be refused by the constructor.
template<class Pool, class Options>
[[nodiscard]] bool are_good(const Options& options) {
    if (options.flaw() == nullptr) return true;
    try {
        const Pool never(options);
    } catch (const bad_options&) {
        return false;
    }
    throw disagreement("flawed options were accepted");
}

/// Calls `step(operation)` and `check(number of it)` for the first `most` operations.
template<class Step, class Check>
void go_through(const program& script, std::size_t most, const Step& step, const Check& check) {
    std::size_t number = 0;
    for (const operation& one : script.operations) {
        if (number == most) return;
        step(one);
        check(++number);
    }
}

} // namespace cenote::test
