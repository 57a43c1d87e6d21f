// cenote: SPDX-License-Identifier: MIT
//
// How much was in use at most, and how much was taken, in the last steps of a clock: what idle memory is
// measured by. Steady traffic comes back to its own high water; what lies above that will not be missed. A
// step costs O(steps kept). One thread.
#pragma once

#include <algorithm>
#include <cstddef>
#include <utility>

namespace cenote::inline v0_1::engine {

class recent_use {
public:
    static constexpr unsigned most_steps = 200; ///< that are remembered

    /// So much has been taken just now, and so much is in use.
    void note(std::size_t taken, std::size_t used) noexcept {
        steps_[0].taken += taken;
        steps_[0].peak = std::max(steps_[0].peak, used);
    }
    /// A step is over, with so much in use.
    void pass(std::size_t used) noexcept {
        skip(1);
        std::swap(steps_[0], steps_[1]);
        steps_[0].peak = used;
    }
    /// So many steps more are over than `pass` was told of: all that was noted was in the last.
    void skip(unsigned steps) noexcept {
        const unsigned by = std::min(steps, most_steps - 1);
        std::copy_backward(steps_ + 1, steps_ + most_steps - by, steps_ + most_steps);
        std::fill(steps_ + 1, steps_ + 1 + by, step{});
    }
    /// The most that was in use in so many steps, this one included.
    [[nodiscard]] std::size_t peak(unsigned steps) const noexcept {
        std::size_t most = 0;
        for (unsigned i = 0; i < std::min(steps, most_steps); ++i) most = std::max(most, steps_[i].peak);
        return most;
    }
    [[nodiscard]] std::size_t taken(unsigned steps) const noexcept {
        std::size_t sum = 0;
        for (unsigned i = 0; i < std::min(steps, most_steps); ++i) sum += steps_[i].taken;
        return sum;
    }

private:
    struct step {
        std::size_t taken = 0;
        std::size_t peak = 0;
    };
    step steps_[most_steps];
};

} // namespace cenote::inline v0_1::engine
