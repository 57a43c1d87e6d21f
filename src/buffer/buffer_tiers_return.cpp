// cenote: SPDX-License-Identifier: MIT
//
// How what is idle in the tiers goes back: off the shelves into the heap, and to the source as time passes.
#include <cenote/base/sync.hpp>
#include <cenote/buffer/buffer_tiers.hpp>

#include <algorithm>

namespace cenote::inline v0_1::engine {
namespace {

constexpr unsigned puts_to_a_look = 64;                        // at the clock
constexpr std::size_t bytes_at_a_time = std::size_t{16} << 20; // go back while others wait for the lock
constexpr std::int64_t between_parts = 1'000'000;              // nanoseconds, in which they have it
constexpr std::size_t taken_with_caches = 4;                   // for each that came from here

} // namespace

bool buffer_tiers::looks_at_clock() noexcept {
    if (options_.trim == cenote::trim::manual || ++puts_ < puts_to_a_look) return false;
    puts_ = 0;
    return true;
}

void buffer_tiers::after_put(std::uint32_t /*of*/) noexcept {
    if (looks_at_clock()) pass_by(sync::steady_now());
}

/// The buffers at the bottom of a shelf, those used longest ago, go to the heap.
void buffer_tiers::unshelve(tier& of, std::size_t count) noexcept {
    const auto order = static_cast<unsigned>(&of - tiers_);
    for (std::size_t i = 0; i < count; ++i) heap_.give(place_of(of.shelf_.begin[i]), order);
    std::copy(of.shelf_.begin + count, of.shelf_.top, of.shelf_.begin);
    of.shelf_.top -= count;
    shelved_bytes_ -= count * of.bytes_;
}

void buffer_tiers::clear_shelves() noexcept {
    for (unsigned t = 0; t < options_.tiers(); ++t) {
        unshelve(tiers_[t], tiers_[t].shelf_.count());
        tiers_[t].least_ = 0;
    }
}

// Steady traffic comes back to the most that was in use, and sometimes above it, the more so where threads go
// up and down together: what is idle within that, and some more as long as it takes as much, stays. Of what
// it takes most comes from caches, and is not seen here. The system may have what the last step was far from;
// for good goes what all steps were.
idle_limits buffer_tiers::limits_now() const noexcept {
    idle_limits limits;
    limits.final = static_cast<unsigned>(options_.return_after / options_.lazy_after) - 1;
    const unsigned window = limits.final - 1; // behind what came off a shelf
    const std::size_t taken = taken_with_caches * recent_.taken(window);
    const std::size_t lately = recent_.peak(limits.lazy - 1);
    const std::size_t needed = recent_.peak(window);
    limits.lazy_need = lately + std::min(taken, lately);
    limits.final_need = needed + std::min(taken, needed / 2);
    return limits;
}

std::int64_t buffer_tiers::tick(std::int64_t now) noexcept {
    const std::int64_t step = options_.lazy_after.count();
    if (stepped_at_ == never || now < stepped_at_) stepped_at_ = now;
    if (!heap_.is_in_step()) {
        const std::int64_t steps = (now - stepped_at_) / step;
        if (steps == 0) return later_by(stepped_at_, step);
        stepped_at_ += steps * step;
        begin_step(static_cast<unsigned>(std::min<std::int64_t>(steps, buddy_region::oldest)));
    }
    returned gone;
    if (heap_.is_in_step()) {
        gone = heap_.go_on(bytes_at_a_time);
        purges_ += gone.calls;
    }
    if (heap_.is_in_step()) {
        parted_at_ = now;
        return std::min(later_by(now, between_parts), later_by(stepped_at_, step));
    }
    // What is out may be released in a moment, and is idle from the step on that sees it.
    const bool is_pending = gone.is_more_to_come || heap_.used_bytes() != 0;
    return later_by(stepped_at_, is_pending ? step : options_.return_after.count());
}

void buffer_tiers::pass_by(std::int64_t now) noexcept {
    const std::int64_t apart = std::min<std::int64_t>(between_parts, options_.lazy_after.count());
    const bool is_soon = now >= parted_at_ && now - parted_at_ < apart; // the clock may go back
    if (!heap_.is_in_step() || !is_soon) (void)tick(now);
}

void buffer_tiers::begin_step(unsigned passed) noexcept {
    wants_flushes_ = true;
    merges_ = 0;
    for (unsigned t = 0; t < options_.tiers(); ++t) {
        unshelve(tiers_[t], tiers_[t].least_); // nobody needed them in the whole step
        tiers_[t].least_ = tiers_[t].shelf_.count();
    }
    if (limit_.is_prepaid()) return;
    recent_.skip(passed - 1);
    heap_.begin_step(passed, limits_now());
    recent_.pass(heap_.used_bytes());
}

std::int64_t buffer_tiers::later_by(std::int64_t from, std::int64_t length) noexcept {
    return from < sync::no_deadline - length ? from + length : sync::no_deadline;
}

void buffer_tiers::begin_trim() noexcept {
    merges_ = 0;
    clear_shelves();
}

std::size_t buffer_tiers::trim() noexcept {
    begin_trim();
    const returned gone = heap_.trim();
    purges_ += gone.calls;
    return gone.bytes;
}

bool buffer_tiers::trim_part(bool is_first, std::size_t& bytes) noexcept {
    if (is_first) {
        begin_trim();
        heap_.begin_trim();
    }
    if (!heap_.is_in_step()) return false;
    const returned gone = heap_.go_on(bytes_at_a_time);
    purges_ += gone.calls;
    bytes += gone.bytes;
    return heap_.is_in_step();
}

} // namespace cenote::inline v0_1::engine
