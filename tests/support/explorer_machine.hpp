// cenote: SPDX-License-Identifier: MIT
//
// What runs the schedules of an exploration: virtual threads on fibers, a trail of choices to repeat and to
// change, and who can run. Only for the explorer itself.
#pragma once

#include "explorer.hpp"
#include "fiber.hpp"

#include <map>
#include <memory>
#include <string_view>

namespace cenote::test::exploring {

class machine {
public:
    machine(const std::function<void(program&)>& make, const exploration& limits)
        : make_(make), limits_(limits), random_(limits.seed * 2 + 1) {}
    machine(const machine&) = delete;
    machine& operator=(const machine&) = delete;

    findings explore_all();

    // What virtual threads call.
    [[nodiscard]] bool is_tracing() const { return tracing_; }
    [[nodiscard]] std::size_t current() const { return current_; }
    [[nodiscard]] clock& now() { return threads_[current_].now; }
    void arrive(bool only_loads);
    void note_change() { ++changes_; }
    void pause();
    void yield();
    [[nodiscard]] bool sleep(const location& word);
    [[nodiscard]] bool sleep_until(const location& word);
    void wake(const location& word, bool all);
    [[nodiscard]] std::size_t choose_age(std::size_t ages);
    /// Ends the schedule, from within a thread without a return: what stands on its stack is abandoned.
    /// `culprit` is a thread to be named between the two texts.
    void fail(failure kind, std::string_view what, std::size_t culprit = most_threads,
              std::string_view behind = {});
    void tell(const location& where, const std::string& text);

private:
    enum class state { unborn, ready, asleep, over };
    struct virtual_thread {
        state is = state::unborn;
        clock now;
        bool has_begun = false;         // to use atomics
        const location* word = nullptr; // what it sleeps on
        bool has_deadline = false;      // which may come at any time: it can run then
        bool is_late = false;           // it has come
        std::uint64_t mark = 0;         // the changes it had seen at its last pause
        std::size_t idle = 0;           // pauses since then
        bool yields = false;            // until something changes
        bool waits = false;             // until those have run who did not yield since it did
        bool stuck = false;             // it paused in vain too often
    };
    struct choice {
        std::size_t taken;
        std::size_t options;
    };

    struct stopped {};
    void run_once();
    void run_threads();
    void run_from(std::size_t thread);
    void clear_away();
    void body(std::size_t thread);
    [[nodiscard]] bool next_schedule();
    [[nodiscard]] std::size_t choose(std::size_t options, bool is_free = true);
    [[nodiscard]] bool can_run(std::size_t thread) const;
    void switch_to(std::size_t thread);
    void switch_to_another();
    [[nodiscard]] std::string name_schedule() const;
    void read_schedule(const std::string& text);
    void repeat_with_trace();

    const std::function<void(program&)>& make_;
    const exploration limits_;
    std::uint64_t random_;
    bool at_random_ = false;
    bool unbounded_ = false;
    bool tracing_ = false;
    std::vector<choice> trail_;
    findings found_;

    fiber home_;
    std::array<std::unique_ptr<fiber>, most_threads> fibers_;

    // of one run
    std::unique_ptr<program> program_;
    std::array<virtual_thread, most_threads> threads_;
    bool running_ = false; // the threads do, so that they may change
    bool at_home_ = true;
    std::size_t current_ = 0;
    std::size_t at_ = 0;
    std::size_t steps_ = 0;
    std::uint64_t changes_ = 1;
    int preemptions_ = 0;
    int stale_loads_ = 0;
    int early_returns_ = 0;
    std::map<const location*, std::size_t> names_;
    std::vector<std::string> lines_;
};

/// The exploration that runs, if any.
inline machine* active = nullptr;

} // namespace cenote::test::exploring
