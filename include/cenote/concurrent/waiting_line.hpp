// cenote: SPDX-License-Identifier: MIT
//
// A hard number of things, handed to threads, and the line of those who wait for one. While nobody waits,
// taking and giving are one exchange each. Who finds none waits on the stack of the calling thread, or leaves
// word and is called, by whoever brings what it wants and when no lock is held any more; from then
// on whatever comes back goes straight to the first in line, under a lock held for a few instructions: first
// come, first served, also for those who want several at once. A template over the atomics policy: the tests
// drive it through all short schedules.
#pragma once

#include <cenote/concurrent/crew.hpp>
#include <cenote/concurrent/waiter.hpp>

#include <type_traits>

namespace cenote::inline v0_1::engine {

enum class wait_result { got, none, closed }; // none: not before the deadline

/// How many things a line has, and how many wait, exact at the time of the call.
struct line_levels {
    std::uint32_t all = 0;
    std::uint32_t free = 0;
    std::uint32_t peak = 0; ///< how many were ever taken: the most that were out at once, or a few more
    std::uint32_t waiting = 0;
};

template<class Policy, int Spins = 200, std::uint32_t Lanes = 8, std::uint32_t Crowd = 2>
class basic_waiting_line {
    using stack = basic_number_stack<Policy, Lanes, Crowd>;
    template<class T>
    using data = typename Policy::template data<T>;
    using word = typename Policy::template atomic<std::uint32_t>;

public:
    static constexpr std::uint32_t none = stack::none;
    static constexpr std::uint32_t most = stack::most;
    static constexpr std::int64_t at_once = -1; ///< a deadline: do not wait

    /// One thing, by its number; the memory of these belongs to the pool, which keeps it until the end.
    using entry = typename stack::entry;

    using waiter = basic_waiter<Policy>;
    using calls = basic_calls<Policy>;

    constexpr basic_waiting_line() noexcept = default;
    basic_waiting_line(const basic_waiting_line&) = delete;
    basic_waiting_line& operator=(const basic_waiting_line&) = delete;
    ~basic_waiting_line() {
        if constexpr (is_real) leave_registry(crew_);
    }

    /// Makes the things there are `count`, named in `entries`, which may be more than there were: the numbers
    /// that were there keep their names. Who waits gets the new ones first.
    void adopt(entry* entries, std::uint32_t count) noexcept {
        calls now;
        adopt(entries, count, now);
    }
    /// The same; whoever is to be called is called when `later` goes.
    void adopt(entry* entries, std::uint32_t count, calls& later) noexcept {
        const section here(*this, later);
        const std::uint32_t known = count_;
        free_.move_to(entries, known);
        count_ = count;
        std::uint32_t next = known;
        while (next < count && !queue_.empty()) hand_over(next++);
        if (next < count) free_.append(next, count);
    }

    /// One, or `none` when there is none, somebody waits, or the line is closed: then ask `wait`.
    /// `lane`: a number of the thread's own, as `own_lane` gives it.
    [[nodiscard]] std::uint32_t take(std::uint32_t lane = 0) noexcept { return free_.take(lane); }
    /// Whether nothing can be had without waiting, as of now.
    [[nodiscard]] bool seems_empty() const noexcept { return free_.seems_empty(); }
    /// What a number names; for who has it.
    [[nodiscard]] void* at(std::uint32_t number) const noexcept { return free_.at(number); }

    void give(std::uint32_t number, std::uint32_t lane = 0) noexcept {
        if (!free_.give(number, lane)) [[unlikely]]
            give_slow(number);
    }

    /// `count` of them, all or none: waits for them until the deadline, in nanoseconds of the steady clock.
    /// `first` is one, and `next_of` names the others.
    [[nodiscard]] CENOTE_NOINLINE wait_result wait(std::uint32_t& first, std::uint32_t count,
                                                   std::int64_t deadline) noexcept {
        waiter self{count};
        const wait_result result = wait_as(self, deadline);
        first = self.given;
        return result;
    }
    /// The same for one, without a thread: on `none` it stands in line until it is called or cancelled.
    [[nodiscard]] CENOTE_NOINLINE wait_result stand(waiter& self) noexcept {
        const section here(*this);
        self.begin();
        if (is_closed_) return wait_result::closed;
        if (queue_.empty() && serve(self)) return wait_result::got;
        queue_.enter(self);
        return wait_result::none;
    }
    /// True: it has left the line and is not called. False: it does not stand there; it was called, or will
    /// be in a moment. After a fork the child's line has nobody in it.
    [[nodiscard]] bool cancel(waiter& self) noexcept {
        const section here(*this);
        if (!queue_.has(self)) return false;
        queue_.leave(self);
        return true;
    }
    /// For who has got several in one call, before one of them is given back.
    [[nodiscard]] std::uint32_t next_of(std::uint32_t number) const noexcept { return free_.below(number); }

    /// Wakes everybody, who get nothing, as all do from now on. What is out may still be given back.
    void close() noexcept {
        const section here(*this);
        is_closed_ = true;
        while (waiter* const gone = queue_.first()) {
            queue_.leave(*gone);
            give_back(*gone);
            tell(*gone, waiter::is_sent_away);
        }
    }

    [[nodiscard]] bool is_closed() noexcept {
        const section here(*this);
        return is_closed_;
    }
    /// How many wait.
    [[nodiscard]] std::uint32_t waiting() noexcept {
        const section here(*this);
        return queue_.count();
    }
    /// O(things).
    [[nodiscard]] line_levels levels() noexcept {
        const section here(*this);
        const typename stack::levels now = free_.count();
        line_levels result{.all = count_, .free = now.free, .peak = count_ - now.never_taken};
        result.waiting = queue_.count();
        return result;
    }

private:
    static constexpr bool is_real = std::is_same_v<Policy, sync::real>;

    // Holds the lock, and the stack. Whose wait ends by this is woken or called when it is free again. When
    // nobody waits any more, the stack stays blocked for one more section: who has just handed over what it
    // had mostly comes to wait for it at once, and marking all heads twice each time costs more than a lock.
    class section {
    public:
        explicit section(basic_waiting_line& line) noexcept : section(line, now_) {}
        section(basic_waiting_line& line, calls& later) noexcept : line_(line) {
            if constexpr (is_real) {
                if (!line_.crew_.is_listed()) [[unlikely]]
                    enter_registry(line_.crew_);
            }
            line_.crew_.lock();
            if (line_.crew_.is_fresh_child()) line_.queue_.forget(); // threads it does not have
            line_.free_.block();
            line_.calls_ = &later;
        }
        section(const section&) = delete;
        section& operator=(const section&) = delete;
        ~section() {
            const bool was_awaited = line_.is_awaited_;
            line_.is_awaited_ = !line_.queue_.empty();
            if (!line_.is_awaited_ && !was_awaited && !line_.is_closed_) line_.free_.unblock();
            word* const told = line_.to_wake_;
            line_.to_wake_ = nullptr;
            line_.crew_.unlock();
            if (told != nullptr) Policy::wake_waiter(*told);
        }

    private:
        basic_waiting_line& line_;
        calls now_; // goes last
    };

    [[nodiscard]] wait_result wait_as(waiter& self, std::int64_t deadline) noexcept {
        {
            const section here(*this);
            if (is_closed_) return wait_result::closed;
            if (deadline == at_once && (!queue_.empty() || !free_.has(self.wanted))) return wait_result::none;
            if (queue_.empty() && serve(self)) return wait_result::got;
            queue_.enter(self);
        }
        if (sleep(self, deadline)) return result_of(self);
        const section here(*this);
        if (self.state.load(sync::memory_order_acquire) != waiter::is_waiting)
            return result_of(self); // just in time
        queue_.leave(self);
        give_back(self);
        return wait_result::none;
    }

    CENOTE_NOINLINE void give_slow(std::uint32_t number) noexcept {
        const section here(*this);
        give_blocked(number);
    }

    // All that follows is in a section.

    void give_blocked(std::uint32_t number) noexcept {
        if (!queue_.empty() && !is_closed_) return hand_over(number);
        free_.give_alone(number);
    }

    // To the first in line, who goes when that was the last it wants.
    void hand_over(std::uint32_t number) noexcept {
        waiter& lucky = *queue_.first();
        lucky.take(free_, number);
        if (lucky.got < lucky.wanted) return;
        queue_.leave(lucky);
        tell(lucky, waiter::is_served);
    }

    // From here on it may be gone; its word is only an address.
    void tell(waiter& one, std::uint32_t what) noexcept {
        if (one.call != nullptr) return calls_->add(one);
        word& told = one.state;
        told.store(what, sync::memory_order_release);
        if (to_wake_ != nullptr) Policy::wake_waiter(*to_wake_);
        to_wake_ = &told;
    }

    [[nodiscard]] bool serve(waiter& self) noexcept {
        while (self.got < self.wanted) {
            const std::uint32_t number = free_.take_alone();
            if (number == none) return false;
            self.take(free_, number);
        }
        return true;
    }
    void give_back(waiter& self) noexcept {
        for (; self.got != 0; --self.got) {
            const std::uint32_t number = self.given;
            self.given = free_.below(number);
            give_blocked(number);
        }
    }

    /// False when the deadline has come first.
    [[nodiscard]] static bool sleep(waiter& self, std::int64_t deadline) noexcept {
        for (int i = 0; i < Spins; ++i) {
            if (self.state.load(sync::memory_order_acquire) != waiter::is_waiting) return true;
            Policy::pause();
        }
        while (self.state.load(sync::memory_order_acquire) == waiter::is_waiting)
            if (!Policy::wait_until(self.state, waiter::is_waiting, deadline)) return false;
        return true;
    }
    [[nodiscard]] static wait_result result_of(const waiter& self) noexcept {
        const bool is_got = self.state.load(sync::memory_order_relaxed) == waiter::is_served;
        return is_got ? wait_result::got : wait_result::closed;
    }

    stack free_;
    basic_crew<Policy> crew_; // nobody joins it; forks take its lock
    data<std::uint32_t> count_{0};
    basic_waiter_queue<Policy> queue_;
    data<bool> is_closed_{false};
    data<bool> is_awaited_{false}; // when the last section ended
    data<word*> to_wake_{nullptr};
    data<calls*> calls_{nullptr}; // of who holds the lock
};

using waiting_line = basic_waiting_line<sync::real>;

/// The calling thread's lane. Tables of threads lie some pages apart, mostly of an odd number.
[[nodiscard]] CENOTE_INLINE std::uint32_t own_lane() noexcept {
    return static_cast<std::uint32_t>(reinterpret_cast<std::uintptr_t>(&own_slots()) >> 12);
}

} // namespace cenote::inline v0_1::engine
