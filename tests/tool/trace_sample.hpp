// cenote: SPDX-License-Identifier: MIT
//
// A small recording with something of everything, and how to take recordings apart.
#pragma once

#include "trace/reader.hpp"
#include "trace/writer.hpp"

#include <cstddef>
#include <span>
#include <string>
#include <vector>

namespace cenote::test {

struct sample {
    trace::bytes file;
    std::vector<trace::event> events; // as a reader must give them
};

// Two processes; several frames when `rounds` is large.
[[nodiscard]] sample make_sample(unsigned rounds);

struct read_result {
    std::vector<trace::event> events;
    std::vector<trace::process> processes;
    bool truncated = false;
    std::string error; // what the reader threw, or nothing
};

[[nodiscard]] read_result read_all(std::span<const unsigned char> file, trace::limits limits = {});

// A file with the given frames behind its header.
[[nodiscard]] trace::bytes file_of(const std::vector<trace::bytes>& frames);

} // namespace cenote::test
