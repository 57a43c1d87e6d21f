// cenote: SPDX-License-Identifier: MIT
//
// A window measured in parts, of which only the undisturbed count.
#pragma once

#include "job.hpp"
#include "patterns/distance.hpp"

#include <algorithm>

namespace cenote::bench {

// The sum of the parts in which nobody waited and the cores stayed where they were, or if there are none of
// all.
class parts_sum {
public:
    void add(const sample& part) {
        const bool is_quiet = part.waited_ns == 0 && !part.has_moved;
        if (is_quiet && !is_quiet_) *this = {};
        if (is_quiet_ && !is_quiet) return;
        is_quiet_ = is_quiet;
        const bool is_first = count_++ == 0;
        sum_.share = part.share;
        sum_.ns += part.ns;
        sum_.waited_ns += part.waited_ns;
        sum_.has_moved |= part.has_moved || (!is_first && is_elsewhere(sum_.trip_ns, part.trip_ns));
        sum_.trip_ns = is_first ? part.trip_ns : std::min(sum_.trip_ns, part.trip_ns);
    }
    // A part in the mean, and so many times as long.
    [[nodiscard]] sample mean(double scale) const {
        sample all = sum_;
        all.ns *= scale / count_;
        all.waited_ns *= scale / count_;
        return all;
    }

private:
    sample sum_{};
    bool is_quiet_ = false;
    unsigned count_ = 0;
};

} // namespace cenote::bench
