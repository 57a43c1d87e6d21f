// cenote: SPDX-License-Identifier: MIT
//
// What came out, for people (tables) and for programs (JSON).
#pragma once

#include "demands.hpp"

#include <string>
#include <vector>

namespace cenote::bench {

// All rows, case by case, each with what is demanded of it.
[[nodiscard]] std::string make_table(const results& all, const std::vector<verdict>& verdicts);
// Only what is demanded, a line each, and how much of it is reached.
[[nodiscard]] std::string make_summary(const std::vector<verdict>& verdicts);
// Where and when, and how the numbers were made.
[[nodiscard]] std::string make_footer(const results& all);

// Both throw `tool::failure` when the file cannot be written; the first is for before the long work.
void check_writable(const std::string& path);
void write_json(const results& all, const std::vector<verdict>& verdicts, const std::string& path);

} // namespace cenote::bench
