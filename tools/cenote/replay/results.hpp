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
    std::vector<double> wall_ns;          // of each first pass as a whole, with the next three
    std::vector<double> waiting_ns;       // of all workers, for one another
    std::vector<double> waiting_share;    // of the time that the workers lived
    std::vector<double> waits;            // how many operations waited
    std::optional<double> latency_999_ns; // 99.9 % of the operations took no longer
    std::optional<double> latency_worst_ns;
    std::optional<std::uint64_t> reserved_bytes;
    std::optional<std::uint64_t> resident_bytes;
    std::uint64_t refused = 0;

    [[nodiscard]] bool usable() const { return problem.empty() && !first_ns.empty(); }
    [[nodiscard]] double best() const;
    [[nodiscard]] double median() const;
    [[nodiscard]] double best_again() const;
    [[nodiscard]] double best_wall() const;
};

// Of a replay with the recorded threads.
struct thread_facts {
    std::uint64_t threads = 0;
    std::uint64_t most_alive = 0; // at a time
    std::uint64_t crossing = 0;   // operations on blocks that another thread allocated
};

struct results {
    std::vector<result> rows; // as in the roster: malloc first, no-op last
    std::vector<absent_allocator> absent;
    std::string ours; // the word of the row that the sentence speaks of
    std::optional<thread_facts> threads{};
    unsigned rounds = 0;
    double clock_ns = 0; // what a reading of the clock adds to each single operation
    double seconds = 0;

    [[nodiscard]] const result& malloc() const { return rows.front(); }
    [[nodiscard]] const result& no_op() const { return rows.back(); }
    // Time of an operation without the replay's own cost, at least a hundredth of a nanosecond.
    [[nodiscard]] double net(const result& r) const;
};

[[nodiscard]] double median_of(std::vector<double> values); // 0 when there are none
[[nodiscard]] std::string describe_plan(const plan& p, const std::optional<thread_facts>& threads);
[[nodiscard]] std::string make_table(const plan& p, const results& all);
[[nodiscard]] std::string make_sentence(const results& all);
[[nodiscard]] std::string make_json(const plan& p, const results& all);

} // namespace cenote::tool
