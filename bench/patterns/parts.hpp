// cenote: SPDX-License-Identifier: MIT
//
// A window measured in parts, of which the undisturbed count.
#pragma once

#include "job.hpp"
#include "patterns/distance.hpp"

#include <algorithm>

namespace cenote::bench {

// A part before and after which somebody looked how far the cores were from each other.
[[nodiscard]] inline sample between(sample part, double before_ns, double after_ns) {
    part.trip_ns = std::min(before_ns, after_ns);
    part.has_moved = is_elsewhere(before_ns, after_ns);
    return part;
}

// The sum of the parts in which nobody waited and the cores stayed where they were. If there are few, waiting
// is the contender's own, as for its lock, and all parts count.
class parts_sum {
public:
    void add(const sample& part) {
        all_.add(part);
        if (part.waited_ns == 0 && !part.has_moved) quiet_.add(part);
    }
    // A part in the mean, and so many times as long.
    [[nodiscard]] sample mean(double scale) const {
        const bool is_quiet = quiet_.count * 4 >= all_.count;
        sample result = is_quiet ? quiet_.whole : all_.whole;
        const double factor = scale / (is_quiet ? quiet_.count : all_.count);
        result.ns *= factor;
        result.waited_ns *= factor;
        result.busy_ns *= factor;
        return result;
    }

private:
    struct sum {
        sample whole{};
        unsigned count = 0;
        void add(const sample& part) {
            const bool is_first = count++ == 0;
            whole.share = part.share;
            whole.ns += part.ns;
            whole.waited_ns += part.waited_ns;
            whole.busy_ns += part.busy_ns;
            whole.has_moved |= part.has_moved || (!is_first && is_elsewhere(whole.trip_ns, part.trip_ns));
            whole.trip_ns = is_first ? part.trip_ns : std::min(whole.trip_ns, part.trip_ns);
        }
    };
    sum all_;
    sum quiet_;
};

} // namespace cenote::bench
