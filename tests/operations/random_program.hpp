// cenote: SPDX-License-Identifier: MIT
//
// Random programs of pool operations, for RapidCheck.
#pragma once

#include "operations/program.hpp"

#include <ostream>
#include <rapidcheck.h>

namespace rc {

template<>
struct Arbitrary<cenote::test::operation> {
    static Gen<cenote::test::operation> arbitrary() {
        using cenote::test::operation;
        const auto small = gen::map(gen::inRange(0, 64), [](int n) { return static_cast<std::uint16_t>(n); });
        return gen::build<operation>(
            gen::set(&operation::verb,
                     gen::map(gen::inRange(0, 16), [](int n) { return static_cast<std::uint8_t>(n); })),
            gen::set(&operation::which, gen::arbitrary<std::uint8_t>()),
            gen::set(&operation::amount,
                     gen::weightedOneOf<std::uint16_t>({{2, small}, {1, gen::arbitrary<std::uint16_t>()}})));
    }
};

template<>
struct Arbitrary<cenote::test::program> {
    static Gen<cenote::test::program> arbitrary() {
        using cenote::test::program;
        return gen::build<program>(
            gen::set(&program::choices,
                     gen::container<std::array<std::uint8_t, 16>>(gen::arbitrary<std::uint8_t>())),
            gen::set(&program::operations,
                     gen::scale(2.0, gen::container<std::vector<cenote::test::operation>>(
                                         gen::arbitrary<cenote::test::operation>()))));
    }
};

} // namespace rc

namespace cenote::test {

inline void showValue(const operation& one, std::ostream& out) {
    out << "{" << int{one.verb} << ", " << int{one.which} << ", " << one.amount << "}";
}

inline void showValue(const program& script, std::ostream& out) {
    out << "choices ";
    rc::show(script.choices, out);
    out << "\noperations ";
    for (const operation& one : script.operations) {
        showValue(one, out);
        out << " ";
    }
}

} // namespace cenote::test
