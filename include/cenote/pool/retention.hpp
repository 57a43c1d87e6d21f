// cenote: SPDX-License-Identifier: MIT
//
// How long an adaptive pool keeps memory that nobody needs. It goes back when a whole window of traffic did
// without it; when most of it is wanted again soon, that was too early, and windows become twice as long:
// a peak that comes again and again is then within one. When nobody wants it, they become shorter again.
// Bounded in both directions, so memory goes back in the end whatever was learned. O(1), at the end of a
// window only. One thread at a time.
#pragma once

#include <cstddef>
#include <cstdint>

namespace cenote::inline v0_1 {

/// What an adaptive pool has learned of when memory should go back, and from what.
struct adaptation {
    unsigned patience = 1;     ///< windows of traffic are so many times as long as usual
    std::uint64_t returns = 0; ///< times that memory went back
    std::uint64_t regrets = 0; ///< of these, how often most of it was soon wanted again: patience doubled
};

namespace engine {

/// A window of a pool of several sizes is over when this many times its memory has come back.
inline constexpr std::size_t usual_window = 2;

class retention {
public:
    static constexpr unsigned most_patience = 32;
    /// What is wanted again within so many windows of the pool that it was went back too early.
    static constexpr std::size_t soon = 8;

    [[nodiscard]] const adaptation& learned() const noexcept { return learned_; }
    [[nodiscard]] unsigned patience() const noexcept { return learned_.patience; }

    /// A pool of `before` blocks has `after` left.
    constexpr void note_return(std::size_t before, std::size_t after) noexcept {
        if (before <= after) return;
        note_regret(before);
        if (!is_waiting_) {
            is_waiting_ = true;
            traffic_ = 0;
            gone_ = 0;
            ++learned_.returns;
        }
        gone_ += before - after;
        left_ = after;
    }

    /// A window has ended with `blocks` in the pool, after `flushed` came back in it. A window of usual
    /// length sees `usual` come back for each block of a pool.
    constexpr void note_window(std::size_t blocks, std::size_t flushed, std::size_t usual) noexcept {
        if (!is_waiting_) return;
        traffic_ += flushed;
        note_regret(blocks);
        if (is_waiting_ && traffic_ / soon / usual >= left_ + gone_) {
            if (learned_.patience > 1) learned_.patience /= 2;
            is_waiting_ = false;
        }
    }

private:
    constexpr void note_regret(std::size_t blocks) noexcept {
        if (!is_waiting_ || blocks <= left_ || blocks - left_ <= gone_ / 2) return;
        ++learned_.regrets;
        if (learned_.patience < most_patience) learned_.patience *= 2;
        is_waiting_ = false;
    }

    adaptation learned_;
    std::size_t gone_ = 0; // blocks, since memory began to go back
    std::size_t left_ = 0;
    std::size_t traffic_ = 0; // blocks that came back since then
    bool is_waiting_ = false;
};

} // namespace engine
} // namespace cenote::inline v0_1
