// cenote: SPDX-License-Identifier: MIT
//
// Runs a small concurrent program in every order that matters: `explored` is a policy as `sync::real` is, its
// operations on atomics are where threads may change, and what lies between is one step. Depth first with a
// bound on preemptions, then at random. Finds broken `require`s, deadlocks, loops without end, and accesses
// to `explored::data` that no acquire of a release orders. A schedule that failed is printed and can be
// repeated. Sources: M. Musuvathi, S. Qadeer, "Iterative Context Bounding for Systematic Testing of
// Multithreaded Programs", PLDI 2007 (CHESS); C. Flanagan, S. Freund, "FastTrack: Efficient and Precise
// Dynamic Race Detection", PLDI 2009. Not explored: loads that return what is yet to be stored.
#pragma once

#include <cenote/base/sync.hpp>

#include <array>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <iosfwd>
#include <string>
#include <type_traits>
#include <vector>

namespace cenote::test {

struct exploration {
    int preemptions = 2;              ///< how often a thread that could go on is interrupted
    int stale_loads = 0;              ///< how often a load returns what was overwritten, where that is legal
    int early_returns = 0;            ///< how often `wait` returns although nothing happened
    std::size_t schedules = 100000;   ///< at most so many, depth first
    std::size_t random_schedules = 0; ///< then so many with any number of preemptions
    std::uint64_t seed = 1;           ///< of the random ones
    std::size_t steps = 20000;        ///< a schedule that takes more has no end
    std::string replay;               ///< a schedule that was printed: only this one
};

enum class failure { none, requirement, race, deadlock, no_end, not_repeatable };

struct findings {
    failure kind = failure::none;
    std::string what;          ///< the failure in words
    std::string schedule;      ///< to be repeated through `exploration::replay`
    std::string trace;         ///< the last operations of that schedule
    std::size_t schedules = 0; ///< how many were run
    bool complete = false;     ///< all schedules within the bound were
    std::uint64_t seed = 0;
};

std::ostream& operator<<(std::ostream& out, const findings& found);

/// The threads of one run and what is to hold after them. Threads are numbered from 1 in the order they are
/// named; making the program and the end are thread 0, before and behind all others.
struct program {
    std::vector<std::function<void()>> threads;
    std::function<void()> at_end;
};

/// Runs what `make` makes, afresh for every schedule, until one fails or all are done.
[[nodiscard]] findings explore(const std::function<void(program&)>& make, const exploration& limits = {});

/// Within threads and at the end: the schedule has failed unless `holds`.
void require(bool holds, const char* what);

/// The number of the virtual thread that runs.
[[nodiscard]] std::size_t this_thread() noexcept;

namespace exploring {

inline constexpr std::size_t most_threads = 8;

/// A vector clock.
struct clock {
    std::array<std::uint32_t, most_threads> ticks{};
    constexpr void join(const clock& other) noexcept {
        for (std::size_t i = 0; i < most_threads; ++i)
            if (ticks[i] < other.ticks[i]) ticks[i] = other.ticks[i];
    }
};

/// What orders the accesses to an atomic. It remembers the last stores, so that loads can be stale.
class location {
public:
    static constexpr std::uint32_t depth = 4;
    enum class access { load, store, exchange, compare_exchange, add, sub, bit_and, bit_or };

    /// A place where threads may change, in front of an access.
    void arrive(access what) const;
    /// The slot to load from.
    [[nodiscard]] std::uint32_t load(sync::memory_order order) const;
    /// Reads the newest slot, as read-modify-write operations do.
    [[nodiscard]] constexpr std::uint32_t newest() const noexcept { return newest_ % depth; }
    void acquire_newest(sync::memory_order order) const;
    /// The slot to store into, which becomes the newest.
    [[nodiscard]] std::uint32_t store(sync::memory_order order, bool modifies, bool changes);
    /// Says in the trace what the access gave.
    void tell(access what, sync::memory_order order, std::uint64_t value) const;

private:
    void read(std::uint32_t slot, sync::memory_order order) const;
    struct event {
        clock released; ///< what those who acquire it get
        std::uint32_t thread = 0;
        std::uint32_t tick = 0;
        clock read_by;
    };
    mutable std::array<event, depth> events_{};
    std::uint32_t newest_ = 0;
};

/// Accesses to plain memory.
class track {
public:
    void read() const;
    void write();

private:
    std::uint32_t writer_ = 0;
    std::uint32_t written_ = 0;
    mutable clock read_;
};

void pause();
void yield();
void arrive_to_sleep(const location& word);
/// False: woken early.
[[nodiscard]] bool sleep(const location& word);
/// The same with a deadline, which may come whenever threads may change. False: it has.
[[nodiscard]] bool sleep_until(const location& word);
void wake(const location& word, bool all);

template<class T>
[[nodiscard]] std::uint64_t as_number(const T& value) noexcept {
    if constexpr (std::is_pointer_v<T>)
        return reinterpret_cast<std::uintptr_t>(value);
    else if constexpr (std::is_integral_v<T> || std::is_enum_v<T>)
        return static_cast<std::uint64_t>(value);
    else
        return 0;
}

} // namespace exploring

struct explored {
    template<class T>
    class atomic {
    public:
        using order = sync::memory_order;

        constexpr atomic() noexcept = default;
        constexpr atomic(T value) noexcept { values_[0] = value; } // NOLINT: as std::atomic
        atomic(const atomic&) = delete;
        atomic& operator=(const atomic&) = delete;

        [[nodiscard]] T load(order how) const {
            at_.arrive(kind::load);
            const T value = values_[at_.load(how)];
            at_.tell(kind::load, how, exploring::as_number(value));
            return value;
        }
        void store(T value, order how) {
            at_.arrive(kind::store);
            const bool changes = values_[at_.newest()] != value;
            values_[at_.store(how, false, changes)] = value;
            at_.tell(kind::store, how, exploring::as_number(value));
        }
        T exchange(T value, order how) {
            return modify(kind::exchange, how, [&](T) { return value; });
        }
        bool compare_exchange_strong(T& expected, T wanted, order success, order failure) {
            at_.arrive(kind::compare_exchange);
            const T seen = values_[at_.newest()];
            at_.tell(kind::compare_exchange, success, exploring::as_number(seen));
            if (seen != expected) {
                at_.acquire_newest(failure);
                expected = seen;
                return false;
            }
            at_.acquire_newest(success);
            values_[at_.store(success, true, seen != wanted)] = wanted;
            return true;
        }
        bool compare_exchange_weak(T& expected, T wanted, order success, order failure) {
            return compare_exchange_strong(expected, wanted, success, failure);
        }
        T fetch_add(T by, order how) {
            return modify(kind::add, how, [&](T value) { return static_cast<T>(value + by); });
        }
        T fetch_sub(T by, order how) {
            return modify(kind::sub, how, [&](T value) { return static_cast<T>(value - by); });
        }
        T fetch_and(T bits, order how) {
            return modify(kind::bit_and, how, [&](T value) { return static_cast<T>(value & bits); });
        }
        T fetch_or(T bits, order how) {
            return modify(kind::bit_or, how, [&](T value) { return static_cast<T>(value | bits); });
        }

    private:
        friend explored;
        using kind = exploring::location::access;

        template<class F>
        T modify(kind what, order how, F&& next) {
            at_.arrive(what);
            const T seen = values_[at_.newest()];
            const T wanted = next(seen);
            at_.acquire_newest(how);
            values_[at_.store(how, true, seen != wanted)] = wanted;
            at_.tell(what, how, exploring::as_number(seen));
            return seen;
        }

        std::array<T, exploring::location::depth> values_{};
        exploring::location at_;
    };

    /// Plain memory whose accesses must be ordered.
    template<class T>
    class data {
    public:
        constexpr data() noexcept = default;
        constexpr data(T value) noexcept : value_(value) {} // NOLINT: as a T
        data(const data& other) : value_(static_cast<T>(other)) {}
        data& operator=(const data& other) { return *this = static_cast<T>(other); }
        data& operator=(T value) {
            track_.write();
            value_ = value;
            return *this;
        }
        operator T() const { // NOLINT: as a T
            track_.read();
            return value_;
        }
        T operator->() const
            requires std::is_pointer_v<T>
        {
            return static_cast<T>(*this);
        }
        data& operator++() { return *this = static_cast<T>(static_cast<T>(*this) + 1); }
        data& operator--() { return *this = static_cast<T>(static_cast<T>(*this) - 1); }
        data& operator+=(T by) { return *this = static_cast<T>(static_cast<T>(*this) + by); }
        data& operator-=(T by) { return *this = static_cast<T>(static_cast<T>(*this) - by); }
        data& operator|=(T bits) { return *this = static_cast<T>(static_cast<T>(*this) | bits); }
        data& operator&=(T bits) { return *this = static_cast<T>(static_cast<T>(*this) & bits); }
        T operator++(int) {
            const T before = static_cast<T>(*this);
            ++*this;
            return before;
        }
        T operator--(int) {
            const T before = static_cast<T>(*this);
            --*this;
            return before;
        }

    private:
        T value_{};
        exploring::track track_;
    };

    static void pause() { exploring::pause(); }
    static void yield() { exploring::yield(); }
    static void wait(const atomic<std::uint32_t>& word, std::uint32_t value) {
        exploring::arrive_to_sleep(word.at_);
        while (word.values_[word.at_.newest()] == value && exploring::sleep(word.at_)) {
        }
    }
    static bool wait_until(const atomic<std::uint32_t>& word, std::uint32_t value, std::int64_t deadline) {
        exploring::arrive_to_sleep(word.at_);
        if (word.values_[word.at_.newest()] != value) return true;
        if (deadline != sync::no_deadline) return exploring::sleep_until(word.at_);
        (void)exploring::sleep(word.at_);
        return true;
    }
    static void wake_waiter(const atomic<std::uint32_t>& word) { exploring::wake(word.at_, true); }
    static void wake_one(atomic<std::uint32_t>& word) { exploring::wake(word.at_, false); }
    static void wake_all(atomic<std::uint32_t>& word) { exploring::wake(word.at_, true); }
};

} // namespace cenote::test
