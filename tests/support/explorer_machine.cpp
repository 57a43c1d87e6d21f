// cenote: SPDX-License-Identifier: MIT
#include "explorer_machine.hpp"

#include <algorithm>
#include <cstdlib>
#include <sstream>
#include <stdexcept>
#include <utility>

namespace cenote::test::exploring {
namespace {

constexpr std::size_t idle_rounds = 300; // of a loop that pauses while nothing changes: more is for ever
constexpr std::size_t most_lines = 150;  // of a trace

} // namespace

findings machine::explore_all() {
    if (!limits_.replay.empty()) {
        read_schedule(limits_.replay);
        tracing_ = true;
        run_once();
        found_.schedules = 1;
        for (const std::string& line : lines_) found_.trace += line + "\n";
        return found_;
    }
    while (found_.kind == failure::none && found_.schedules < limits_.schedules) {
        run_once();
        ++found_.schedules;
        if (found_.kind == failure::none && !next_schedule()) {
            found_.complete = true;
            break;
        }
    }
    at_random_ = unbounded_ = found_.kind == failure::none;
    for (std::size_t i = 0; i < limits_.random_schedules && found_.kind == failure::none; ++i) {
        trail_.clear();
        found_.seed = limits_.seed;
        run_once();
        ++found_.schedules;
    }
    if (found_.kind != failure::none) repeat_with_trace();
    return found_;
}

void machine::repeat_with_trace() {
    const findings first = found_;
    found_.kind = failure::none;
    trail_.resize(std::min(at_, trail_.size()));
    tracing_ = true;
    run_once();
    const bool is_same = found_.kind == first.kind && found_.what == first.what;
    found_ = first;
    if (!is_same)
        found_.what += " (and the schedule did not do the same again: it hangs on more than its order)";
    for (const std::string& line : lines_) found_.trace += line + "\n";
}

void machine::run_once() {
    threads_ = {};
    at_ = steps_ = current_ = 0;
    changes_ = 1;
    preemptions_ = stale_loads_ = early_returns_ = 0;
    names_.clear();
    lines_.clear();
    threads_[0].now.ticks[0] = 1;
    active = this;
    program_ = std::make_unique<program>();
    try {
        make_(*program_);
        if (program_->threads.size() >= most_threads) throw std::logic_error("explore: too many threads");
        run_threads();
    } catch (const stopped&) {
    }
    running_ = false;
    clear_away();
    active = nullptr;
}

void machine::run_threads() {
    const std::size_t count = program_->threads.size();
    for (std::size_t i = 0; i <= count; ++i) {
        if (!fibers_[i]) fibers_[i] = std::make_unique<fiber>([this, i] { body(i); });
        if (i == 0) continue;
        threads_[i].is = state::ready;
        threads_[i].now = threads_[0].now;
        threads_[i].now.ticks[i] = 1;
    }
    ++threads_[0].now.ticks[0];
    running_ = true;
    if (count != 0) run_from(1 + choose(count));
    running_ = false;
    if (found_.kind != failure::none) return;
    for (std::size_t i = 1; i <= count; ++i) threads_[0].now.join(threads_[i].now);
    run_from(0);
}

void machine::run_from(std::size_t thread) {
    current_ = thread;
    at_home_ = false;
    home_.switch_to(*fibers_[thread]);
    at_home_ = true;
    current_ = 0;
}

// What failed half way is kept as it is: its threads stand in the middle of it.
void machine::clear_away() {
    if (found_.kind == failure::none) {
        program_.reset();
        return;
    }
    static auto& kept = *new std::vector<std::unique_ptr<program>>;
    kept.push_back(std::move(program_));
    for (std::unique_ptr<fiber>& one : fibers_)
        if (one) fiber::abandon(std::move(one));
}

void machine::body(std::size_t thread) {
    if (thread != 0)
        program_->threads[thread - 1]();
    else if (program_->at_end)
        program_->at_end();
    threads_[thread].is = state::over;
    ++changes_; // a thread's end may be what another waits for
    if (thread == 0)
        fibers_[0]->switch_to(home_);
    else
        switch_to_another();
}

// Depth first: the last choice that has an option left takes it, and all behind it are made anew.
bool machine::next_schedule() {
    while (!trail_.empty() && trail_.back().taken + 1 == trail_.back().options) trail_.pop_back();
    if (trail_.empty()) return false;
    ++trail_.back().taken;
    return true;
}

std::size_t machine::choose(std::size_t options, bool is_free) {
    if (options < 2) return 0;
    if (at_ < trail_.size()) {
        if (trail_[at_].options == 0) trail_[at_].options = options; // read from a text
        if (trail_[at_].options != options || trail_[at_].taken >= options)
            fail(failure::not_repeatable, "the program does not do the same when the schedule is the same");
        return trail_[at_++].taken;
    }
    std::size_t taken = 0;
    if (at_random_ && !tracing_) {
        random_ ^= random_ << 13;
        random_ ^= random_ >> 7;
        random_ ^= random_ << 17;
        const std::uint64_t drawn = random_ >> 16;
        if (is_free || drawn % 4 == 0) taken = static_cast<std::size_t>(drawn / 4 % options);
    }
    trail_.push_back({taken, options});
    ++at_;
    return taken;
}

bool machine::can_run(std::size_t thread) const {
    const virtual_thread& one = threads_[thread];
    if (one.is == state::asleep) return one.has_deadline;
    return one.is == state::ready && !((one.yields || one.stuck) && one.mark == changes_);
}

void machine::switch_to(std::size_t thread) {
    virtual_thread& next = threads_[thread];
    next.yields = next.waits = next.stuck = false;
    if (next.is == state::asleep) {
        next.is = state::ready;
        next.is_late = true;
    }
    if (thread == current_) return;
    fiber& from = *fibers_[current_];
    current_ = thread;
    from.switch_to(*fibers_[thread]);
}

void machine::arrive(bool only_loads) {
    if (!running_) return;
    if (++steps_ > limits_.steps) fail(failure::no_end, "the schedule has no end");
    // A thread's first operation belongs to its beginning: what stands before it is of no concern to others.
    if (!std::exchange(threads_[current_].has_begun, true)) return;
    if (only_loads && threads_[current_].mark == changes_) return; // nothing has changed since it looked last
    std::array<std::size_t, most_threads> able{current_};
    std::size_t count = 1;
    if (unbounded_ || preemptions_ < limits_.preemptions) {
        for (std::size_t i = 1; i < most_threads; ++i)
            if (i != current_ && can_run(i)) able[count++] = i;
    }
    const std::size_t taken = choose(count, false);
    if (taken != 0) ++preemptions_;
    switch_to(able[taken]);
}

void machine::switch_to_another() {
    std::array<std::size_t, most_threads> able{};
    std::size_t count = 0;
    bool all_over = true;
    bool is_stuck = false;
    for (std::size_t i = 1; i < most_threads; ++i) {
        if (can_run(i)) able[count++] = i;
        all_over = all_over && (threads_[i].is == state::over || threads_[i].is == state::unborn);
        is_stuck = is_stuck || (threads_[i].is == state::ready && threads_[i].stuck);
    }
    for (std::size_t i = 1; i < most_threads && count == 0; ++i) // none: so those that yielded go on
        if (threads_[i].is == state::ready && !threads_[i].stuck) able[count++] = i;
    if (count != 0) return switch_to(able[choose(count)]);
    if (all_over) return fibers_[current_]->switch_to(home_);
    if (is_stuck) fail(failure::no_end, "a thread waits in a loop for what nobody will do");
    fail(failure::deadlock, "every thread sleeps, and nobody is left to wake one");
}

void machine::pause() {
    if (!running_) return;
    if (++steps_ > limits_.steps) fail(failure::no_end, "the schedule has no end");
    virtual_thread& self = threads_[current_];
    if (self.mark == changes_) {
        if (++self.idle < idle_rounds) return;
        self.stuck = true;
        return yield();
    }
    self.mark = changes_;
    self.idle = 0;
    std::array<std::size_t, most_threads> able{current_};
    std::size_t count = 1;
    for (std::size_t i = 1; i < most_threads; ++i)
        if (i != current_ && can_run(i)) able[count++] = i;
    const std::size_t taken = choose(count);
    self.yields = self.waits = taken != 0;
    switch_to(able[taken]);
}

// Another thread runs, and of two that yield in turn neither keeps a third from it.
void machine::yield() {
    if (!running_) return;
    if (++steps_ > limits_.steps) fail(failure::no_end, "the schedule has no end");
    threads_[current_].waits = true;
    std::array<std::size_t, most_threads> able{};
    std::size_t count = 0;
    for (const bool all : {false, true})
        for (std::size_t i = 1; i < most_threads && (!all || count == 0); ++i)
            if (i != current_ && can_run(i) && (all || !threads_[i].waits)) able[count++] = i;
    if (count != 0) return switch_to(able[choose(count)]);
    if (threads_[current_].stuck) return switch_to_another();
    threads_[current_].waits = false;
}

bool machine::sleep(const location& word) {
    if (!running_) throw std::logic_error("explore: nobody can wake what sleeps here");
    if (early_returns_ < limits_.early_returns && choose(2) == 1) {
        ++early_returns_;
        return false;
    }
    tell(word, "sleeps");
    threads_[current_].is = state::asleep;
    threads_[current_].word = &word;
    switch_to_another();
    return true;
}

bool machine::sleep_until(const location& word) {
    if (!running_) throw std::logic_error("explore: nobody can wake what sleeps here");
    virtual_thread& self = threads_[current_];
    tell(word, "sleeps until its deadline");
    self.is = state::asleep;
    self.word = &word;
    self.has_deadline = true;
    self.is_late = false;
    switch_to_another();
    self.has_deadline = false;
    if (self.is_late) tell(word, "is late");
    return !self.is_late;
}

void machine::wake(const location& word, bool all) {
    if (!running_) return;
    std::array<std::size_t, most_threads> asleep{};
    std::size_t count = 0;
    for (std::size_t i = 1; i < most_threads; ++i)
        if (threads_[i].is == state::asleep && threads_[i].word == &word) asleep[count++] = i;
    tell(word, count == 0 ? "wakes nobody" : all ? "wakes all" : "wakes one");
    if (count == 0) return;
    if (!all) asleep = {asleep[choose(count)]};
    for (std::size_t i = 0; i < (all ? count : 1); ++i) threads_[asleep[i]].is = state::ready;
}

std::size_t machine::choose_age(std::size_t ages) {
    if (!running_ || stale_loads_ >= limits_.stale_loads) return 0;
    const std::size_t age = choose(ages, false);
    if (age != 0) ++stale_loads_;
    return age;
}

void machine::fail(failure kind, std::string_view what, std::size_t culprit, std::string_view behind) {
    found_.kind = kind;
    found_.what = "thread " + std::to_string(current_) + ": ";
    found_.what += what;
    if (culprit != most_threads) found_.what += std::to_string(culprit);
    found_.what += behind;
    found_.schedule = name_schedule();
    if (tracing_) lines_.push_back("    " + found_.what);
    if (at_home_) throw stopped{};
    fibers_[current_]->switch_to(home_);
    std::abort(); // an abandoned thread does not go on
}

void machine::tell(const location& where, const std::string& text) {
    if (!tracing_) return;
    const std::size_t name = names_.try_emplace(&where, names_.size() + 1).first->second;
    if (lines_.size() == most_lines) lines_.erase(lines_.begin());
    lines_.push_back("    thread " + std::to_string(current_) + "  atomic " + std::to_string(name) + "  " +
                     text);
}

std::string machine::name_schedule() const {
    std::string text = unbounded_ ? "any" : std::to_string(limits_.preemptions);
    char separator = ':';
    for (std::size_t i = 0; i < at_; ++i) {
        text += separator + std::to_string(trail_[i].taken);
        separator = '.';
    }
    return text;
}

void machine::read_schedule(const std::string& text) {
    unbounded_ = text.starts_with("any");
    std::istringstream in(text);
    std::string part;
    std::getline(in, part, ':');
    while (std::getline(in, part, '.')) trail_.push_back({std::stoul(part), 0});
}

} // namespace cenote::test::exploring
