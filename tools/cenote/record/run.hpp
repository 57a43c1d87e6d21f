// cenote: SPDX-License-Identifier: MIT
//
// Runs the program to be recorded as a shell would: signals reach it, its end is reported as a shell reports
// it.
#pragma once

#include <string>
#include <vector>

namespace cenote::tool {

struct run_result {
    int status = 0; // to exit with: the program's own, or 128 and the signal that ended it
    int signal = 0; // that ended it, or 0
    double seconds = 0;
};

// Variables are "NAME=value". Throws `failure` with status 127 or 126 when the program does not exist or
// cannot be run.
[[nodiscard]] run_result run_program(const std::vector<std::string>& command,
                                     const std::vector<std::string>& variables);

// The file that running `program` would execute, found as the shell finds it; empty when there is none.
[[nodiscard]] std::string find_program(const std::string& program);

// Why the recorder could not get into this program: it is linked statically, setuid, of another machine, a
// script, …
[[nodiscard]] std::string why_unrecordable(const std::string& program);

} // namespace cenote::tool
