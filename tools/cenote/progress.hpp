// cenote: SPDX-License-Identifier: MIT
//
// A progress bar on standard error, on a terminal only, and only once the work has taken two seconds.
#pragma once

#include <chrono>
#include <string>

namespace cenote::tool {

class progress_bar {
public:
    explicit progress_bar(std::string label);
    ~progress_bar();
    progress_bar(const progress_bar&) = delete;
    progress_bar& operator=(const progress_bar&) = delete;

    void show(double share); // from 0 to 1

private:
    std::string label_;
    std::chrono::steady_clock::time_point start_ = std::chrono::steady_clock::now();
    bool terminal_;
    bool drawn_ = false;
    int percent_ = -1;
};

} // namespace cenote::tool
