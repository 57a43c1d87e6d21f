// cenote: SPDX-License-Identifier: MIT
//
// What a replay measured, and how it is told: as a table, as a sentence, as JSON.
#pragma once

#include "replay/plan.hpp"
#include "replay/roster.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace cenote::tool {

struct result {
    contender who;
    std::string problem;                  // why there are no numbers; empty when there are
    std::vector<double> first_ns;         // per operation, of each round's first pass
    std::vector<double> again_ns;         // of its second
    std::optional<double> latency_999_ns; // 99.9 % of the operations took no longer
    std::optional<double> latency_worst_ns;
    std::optional<std::uint64_t> reserved_bytes;
    std::optional<std::uint64_t> resident_bytes;
    std::uint64_t refused = 0;

    [[nodiscard]] bool usable() const { return problem.empty() && !first_ns.empty(); }
    [[nodiscard]] double best() const;
    [[nodiscard]] double median() const;
    [[nodiscard]] double best_again() const;
};

struct results {
    std::vector<result> rows; // as in the roster: malloc first, no-op last
    std::vector<absent_allocator> absent;
    unsigned rounds = 0;
    double clock_ns = 0; // what a reading of the clock adds to each single operation
    double seconds = 0;

    [[nodiscard]] const result& malloc() const { return rows.front(); }
    [[nodiscard]] const result& no_op() const { return rows.back(); }
    // Time of an operation without the replay's own cost, at least a hundredth of a nanosecond.
    [[nodiscard]] double net(const result& r) const;
};

[[nodiscard]] std::string describe_plan(const plan& p);
[[nodiscard]] std::string make_table(const plan& p, const results& all);
[[nodiscard]] std::string make_sentence(const results& all);
[[nodiscard]] std::string make_json(const plan& p, const results& all);

} // namespace cenote::tool
