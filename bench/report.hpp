// cenote: SPDX-License-Identifier: MIT
//
// What came out, for people (a table) and for programs (JSON).
#pragma once

#include "contender.hpp"

#include <map>
#include <string>
#include <utility>

namespace cenote::bench {

struct row {
    std::vector<double> ns; // every window of every round
    std::uint64_t peak_bytes = 0;

    void add(const outcome& numbers);
    [[nodiscard]] double best() const;
    [[nodiscard]] double median() const;
};

struct results {
    std::vector<test_case> cases;
    std::vector<roster_entry> contenders;
    std::map<std::pair<std::string, std::string>, row> rows; // by case and contender
    unsigned rounds = 0;
    unsigned windows = 0;
    double window_ns = 0;
    double load_before = 0; // of the machine, over the last minute
    double load_after = 0;

    [[nodiscard]] const row* find(const std::string& which, std::string_view who) const;
};

[[nodiscard]] double load_average();
[[nodiscard]] std::string make_table(const results& all);
// Both throw `tool::failure` when the file cannot be written; the first is for before the long work.
void check_writable(const std::string& path);
void write_json(const results& all, const std::string& path);

} // namespace cenote::bench
