// cenote: SPDX-License-Identifier: MIT
//
// The only home of atomics, locks and threads. What several threads share is a template over a policy that
// names its atomics, so that a schedule explorer can put its own in their place; `real` is what the library
// runs on. Order stands on the operations: no fences, which thread sanitizers misread. Include it in sources
// and leaf headers only: the standard headers behind it are heavy.
#pragma once

#include <cenote/base/config.hpp>

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <limits>

namespace cenote::inline v0_1::sync {

template<class T>
using atomic = std::atomic<T>;

using std::memory_order;
using std::memory_order_acq_rel;
using std::memory_order_acquire;
using std::memory_order_relaxed;
using std::memory_order_release;

/// The policy of the library itself.
struct real {
    template<class T>
    using atomic = sync::atomic<T>;

    /// Plain memory that a lock or an order protects; an explorer's finds accesses that nothing orders.
    template<class T>
    using data = T;

    /// A breath between two looks at a word that another thread will change soon.
    static void pause() noexcept {
#if defined(__x86_64__) || defined(__i386__)
        __builtin_ia32_pause();
#endif
    }
    /// Lets other threads run that wait for a processor.
    CENOTE_API static void yield() noexcept;
    /// Sleeps while `word` is `value`; may return early.
#if defined(_WIN32) // where the standard's, of libstdc++ 12, loses wake-ups
    CENOTE_API static void wait(const atomic<std::uint32_t>& word, std::uint32_t value) noexcept;
    CENOTE_API static void wake_one(atomic<std::uint32_t>& word) noexcept;
    CENOTE_API static void wake_all(atomic<std::uint32_t>& word) noexcept;
#else
    static void wait(const atomic<std::uint32_t>& word, std::uint32_t value) noexcept {
        word.wait(value, memory_order_relaxed);
    }
    static void wake_one(atomic<std::uint32_t>& word) noexcept { word.notify_one(); }
    static void wake_all(atomic<std::uint32_t>& word) noexcept { word.notify_all(); }
#endif

    /// As `wait`, but at most until `deadline`, in nanoseconds of the steady clock: false when that has come.
    /// Only `wake_waiter` wakes what sleeps here, which may be gone when it does: the word is not read.
    [[nodiscard]] CENOTE_API static bool wait_until(const atomic<std::uint32_t>& word, std::uint32_t value,
                                                    std::int64_t deadline) noexcept;
    CENOTE_API static void wake_waiter(const atomic<std::uint32_t>& word) noexcept;
};

/// The deadline of who waits for ever.
inline constexpr std::int64_t no_deadline = std::numeric_limits<std::int64_t>::max();
/// The steady clock in nanoseconds, as std::chrono::steady_clock tells them.
[[nodiscard]] CENOTE_API std::int64_t steady_now() noexcept;

/// A lock for short stretches: tries a few times before it sleeps. Constant-initialised, four bytes; not
/// recursive, not fair. May be released in the child of a fork by the thread that took it before.
/// Source: U. Drepper, "Futexes Are Tricky", 2011: the second mutex.
template<class Policy>
class basic_mutex {
public:
    constexpr basic_mutex() noexcept = default;
    basic_mutex(const basic_mutex&) = delete;
    basic_mutex& operator=(const basic_mutex&) = delete;

    [[nodiscard]] bool try_lock() noexcept {
        std::uint32_t seen = is_free;
        return state_.compare_exchange_strong(seen, is_taken, memory_order_acquire, memory_order_relaxed);
    }
    /// As of now.
    [[nodiscard]] bool is_locked() const noexcept { return state_.load(memory_order_relaxed) != is_free; }
    void lock() noexcept {
        if (!try_lock()) [[unlikely]]
            lock_slow();
    }
    void unlock() noexcept {
        if (state_.exchange(is_free, memory_order_release) == is_awaited) Policy::wake_one(state_);
    }

private:
    static constexpr std::uint32_t is_free = 0;
    static constexpr std::uint32_t is_taken = 1;
    static constexpr std::uint32_t is_awaited = 2; // taken, and somebody may sleep
    static constexpr int spins = 128;

    CENOTE_NOINLINE void lock_slow() noexcept {
        for (int i = 0; i < spins; ++i) {
            if (state_.load(memory_order_relaxed) == is_free && try_lock()) return;
            Policy::pause();
        }
        while (state_.exchange(is_awaited, memory_order_acquire) != is_free) Policy::wait(state_, is_awaited);
    }

    typename Policy::template atomic<std::uint32_t> state_{is_free};
};

using mutex = basic_mutex<real>;

/// Holds a lock for the length of a scope.
template<class Mutex>
class [[nodiscard]] holder {
public:
    explicit holder(Mutex& lock) noexcept : mutex_(lock) { mutex_.lock(); }
    holder(const holder&) = delete;
    holder& operator=(const holder&) = delete;
    ~holder() { mutex_.unlock(); }

private:
    Mutex& mutex_;
};

/// Has `call(context)` run when the calling thread ends, also by `pthread_exit`, after the destructors of its
/// C++ thread-locals. One hook a process and copy of the library: the first caller's `call` stays. False when
/// the system cannot do it. Not run for a thread that is alive when the process ends.
[[nodiscard]] bool at_thread_exit(void (*call)(void* context), void* context) noexcept;

/// Has these run around every `fork` of the process from now on. False when the system cannot do it.
[[nodiscard]] bool at_fork(void (*before)(), void (*in_parent)(), void (*in_child)()) noexcept;

} // namespace cenote::inline v0_1::sync
