// cenote: SPDX-License-Identifier: MIT
//
// The proof that a plan for threads comes to its end: one walker does what the workers will do, without their
// clocks.
#include "replay/thread_plan.hpp"

#include <vector>

namespace cenote::tool {
namespace {

// Whoever waits stands in one list, linked through `next`: that of a slot, or that of a thread that has to
// end.
class waiting_lists {
public:
    waiting_lists(std::size_t lists, std::vector<std::uint32_t>& next)
        : heads_(lists, no_thread), next_(next) {}

    void add(std::size_t list, std::uint32_t thread) {
        next_[thread] = heads_[list];
        heads_[list] = thread;
    }
    void release(std::size_t list, std::vector<std::uint32_t>& ready) {
        for (std::uint32_t t = heads_[list]; t != no_thread; t = next_[t]) ready.push_back(t);
        heads_[list] = no_thread;
    }

private:
    std::vector<std::uint32_t> heads_;
    std::vector<std::uint32_t>& next_;
};

class walk {
public:
    explicit walk(const thread_plan& p)
        : steps_(p.steps()), threads_(p.threads()), turns_(p.slots), done_(threads_.size()),
          to_start_(threads_.size()), state_(threads_.size(), state::unborn), next_(threads_.size()),
          slot_lists_(p.slots, next_), end_lists_(threads_.size(), next_) {
        for (std::size_t t = 0; t < threads_.size(); ++t) to_start_[t] = threads_[t].first_started;
    }

    std::optional<std::uint64_t> run() {
        if (!threads_.empty()) wake(0);
        while (!ready_.empty()) {
            const std::uint32_t thread = ready_.back();
            ready_.pop_back();
            advance(thread);
        }
        for (std::size_t t = 0; t < threads_.size(); ++t)
            if (state_[t] != state::ended) return threads_[t].first + done_[t];
        return std::nullopt;
    }

private:
    enum class state : std::uint8_t { unborn, walking, starting, ended };

    void wake(std::uint32_t thread) {
        state_[thread] = state::walking;
        ready_.push_back(thread);
    }

    void advance(std::uint32_t thread) {
        const recorded_thread& t = threads_[thread];
        if (t.first > steps_.size() || t.count > steps_.size() - t.first) return;
        while (done_[thread] < t.count) {
            const step& s = steps_[t.first + done_[thread]];
            if (state_[thread] == state::walking && !take(thread, s)) return;
            if (s.starts != 0 && !start(thread)) return;
            state_[thread] = state::walking;
            ++done_[thread];
        }
        state_[thread] = state::ended;
        end_lists_.release(thread, ready_);
    }

    // False when it is not its turn yet.
    bool take(std::uint32_t thread, const step& s) {
        if (s.slot >= turns_.size()) return false;
        if (s.waits != 0 && turns_[s.slot] != s.turn) {
            slot_lists_.add(s.slot, thread);
            return false;
        }
        if (s.passes != 0) {
            turns_[s.slot] = s.turn + 1;
            slot_lists_.release(s.slot, ready_);
        }
        return true;
    }

    // False when a lane is not free yet, or there is no such thread.
    bool start(std::uint32_t starter) {
        state_[starter] = state::starting;
        for (bool more = true; more;) {
            const std::uint32_t thread = to_start_[starter];
            if (thread >= threads_.size() || state_[thread] != state::unborn) return false;
            const std::uint32_t after = threads_[thread].after;
            if (after != no_thread && after >= threads_.size()) return false;
            if (after != no_thread && state_[after] != state::ended) {
                end_lists_.add(after, starter);
                return false;
            }
            to_start_[starter] = threads_[thread].next_started;
            more = threads_[thread].next_at_once != 0;
            wake(thread);
        }
        return true;
    }

    std::span<const step> steps_;
    std::span<const recorded_thread> threads_;
    std::vector<std::uint32_t> turns_;
    std::vector<std::uint64_t> done_;     // steps of each thread
    std::vector<std::uint32_t> to_start_; // the thread that each starts next
    std::vector<state> state_;
    std::vector<std::uint32_t> next_;
    waiting_lists slot_lists_;
    waiting_lists end_lists_;
    std::vector<std::uint32_t> ready_;
};

} // namespace

std::optional<std::uint64_t> first_stuck_step(const thread_plan& p) {
    return walk(p).run();
}

} // namespace cenote::tool
