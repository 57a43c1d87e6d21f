// cenote: SPDX-License-Identifier: MIT
//
// `cenote record`: runs a program with the recorder preloaded and leaves a trace of what it allocated.
#pragma once

#include <string>
#include <vector>

namespace cenote::tool {

struct record_options {
    std::string file;
    std::string spool; // the folder for temporary files; empty: the one of `file`
    bool quiet = false;
    std::vector<std::string> command;
};

// Returns the status to exit with: the program's own. Throws `failure` with 125 when recording itself fails.
[[nodiscard]] int record(const record_options& options);

} // namespace cenote::tool
