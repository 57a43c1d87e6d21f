// cenote: SPDX-License-Identifier: MIT
//
// Numbers for one case, which are then judged.
#pragma once

#include "demands.hpp"

#include <array>
#include <gtest/gtest.h>

namespace cenote::bench {

inline constexpr std::array<demand, 1> half_of_best{
    {{"pair/64", names::fixed_pool, statistic::best, rival::best_peer, "", 0.5, false}}};

inline entry contestant(std::string_view name, kind what) {
    return {name, what, 0, "", "", "", ""};
}

inline outcome windows(std::vector<double> ns) {
    outcome numbers;
    numbers.ns = std::move(ns);
    return numbers;
}

class demands : public testing::Test {
protected:
    void enter(std::string_view name, kind what, const outcome& numbers) {
        all.contenders.push_back({contestant(name, what), "", ""});
        all.rows[{"pair/64", std::string(name)}].add(numbers, 0.5, 2e6);
    }
    verdict only_verdict(std::span<const demand> asked) {
        const std::vector<verdict> verdicts = judge(all, asked);
        EXPECT_EQ(verdicts.size(), 1u);
        return verdicts.at(0);
    }
    results all{.cases = {{.what = pattern::pair, .block_size = 64}}};
};

// A window is a number and the round trip between the cores during it.
inline outcome apart(std::initializer_list<std::pair<double, double>> windows) {
    outcome numbers;
    for (const auto& [ns, trip] : windows) {
        numbers.ns.push_back(ns);
        numbers.trips_ns.push_back(trip);
    }
    return numbers;
}

} // namespace cenote::bench
