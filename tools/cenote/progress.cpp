// cenote: SPDX-License-Identifier: MIT
#include "progress.hpp"

#include <algorithm>
#include <cstdio>
#include <fmt/format.h>
#include <unistd.h>
#include <utility>

namespace cenote::tool {

progress_bar::progress_bar(std::string label)
    : label_(std::move(label)), terminal_(::isatty(STDERR_FILENO) == 1) {}

progress_bar::~progress_bar() {
    if (drawn_) fmt::print(stderr, "\r\x1b[K");
}

void progress_bar::show(double share) {
    if (!terminal_ || std::chrono::steady_clock::now() - start_ < std::chrono::seconds(2)) return;
    const int percent = std::clamp(static_cast<int>(share * 100), 0, 100);
    if (percent == percent_) return;
    percent_ = percent;
    constexpr int width = 40;
    const int full = percent * width / 100;
    fmt::print(stderr, "\r{} [{:#<{}}{:.<{}}] {:3} %", label_, "", full, "", width - full, percent);
    std::fflush(stderr);
    drawn_ = true;
}

} // namespace cenote::tool
