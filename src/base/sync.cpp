// cenote: SPDX-License-Identifier: MIT
#include <cenote/base/sync.hpp>

#include <algorithm>
#include <cerrno>
#include <pthread.h>
#include <sched.h>
#include <time.h>

#if defined(__linux__) && !defined(CENOTE_POSIX_ONLY)
#include <linux/futex.h>
#include <sys/syscall.h>
#include <unistd.h>
#define CENOTE_FUTEX 1
#endif

namespace cenote::sync {
namespace {

// A key and not a thread_local with a destructor: those run before, so that they may still use a pool.
pthread_key_t key;
atomic<bool> has_key{false};
pthread_once_t key_once = PTHREAD_ONCE_INIT;
void (*exit_call)(void*) = nullptr;

// When the library is unloaded, no thread may come back to its code. Not a destructor of a static, which runs
// among those of the program while threads still end: after all of them.
__attribute__((destructor(101))) void forget_key() noexcept {
    if (has_key.exchange(false, memory_order_acq_rel)) pthread_key_delete(key);
}

} // namespace

void real::yield() noexcept {
    (void)sched_yield();
}

namespace {

constexpr std::int64_t second = 1'000'000'000;

[[maybe_unused]] timespec as_timespec(std::int64_t nanoseconds) noexcept {
    return {static_cast<time_t>(nanoseconds / second), static_cast<long>(nanoseconds % second)};
}

} // namespace

std::int64_t steady_now() noexcept {
    timespec now{};
    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return std::int64_t{now.tv_sec} * second + now.tv_nsec;
}

#if defined(CENOTE_FUTEX)

// Not through the standard's `wait`: that has no deadline, and keeps counts that only its own `notify` knows.
bool real::wait_until(const atomic<std::uint32_t>& word, std::uint32_t value,
                      std::int64_t deadline) noexcept {
    const int saved = errno;
    const timespec until = as_timespec(std::max<std::int64_t>(deadline, 0));
    const long result =
        ::syscall(SYS_futex, &word, FUTEX_WAIT_BITSET_PRIVATE, value,
                  deadline == no_deadline ? nullptr : &until, nullptr, FUTEX_BITSET_MATCH_ANY);
    const bool is_late = result == -1 && errno == ETIMEDOUT;
    errno = saved;
    return !is_late;
}

void real::wake_waiter(const atomic<std::uint32_t>& word) noexcept {
    const int saved = errno;
    (void)::syscall(SYS_futex, &word, FUTEX_WAKE_PRIVATE, 1, nullptr, nullptr, 0);
    errno = saved;
}

#else

// A look every fifth of a millisecond: plain POSIX has nothing that sleeps on a word, and a condition
// variable a word would have locks that the child of a fork finds taken.
bool real::wait_until(const atomic<std::uint32_t>& word, std::uint32_t value,
                      std::int64_t deadline) noexcept {
    const int saved = errno;
    const std::int64_t now = steady_now();
    const std::int64_t left = deadline == no_deadline ? second : deadline > now ? deadline - now : 0;
    const timespec nap = as_timespec(std::min<std::int64_t>(left, 200'000));
    if (word.load(memory_order_relaxed) == value && left > 0) (void)::nanosleep(&nap, nullptr);
    errno = saved;
    return left > 0;
}

void real::wake_waiter(const atomic<std::uint32_t>& /*word*/) noexcept {}

#endif

bool at_thread_exit(void (*call)(void*), void* context) noexcept {
    static atomic<void (*)(void*)> wanted{nullptr};
    wanted.store(call, memory_order_release);
    pthread_once(&key_once, [] {
        exit_call = wanted.load(memory_order_acquire);
        has_key.store(pthread_key_create(&key, exit_call) == 0, memory_order_release);
    });
    return has_key.load(memory_order_acquire) && pthread_setspecific(key, context) == 0;
}

bool at_fork(void (*before)(), void (*in_parent)(), void (*in_child)()) noexcept {
    return pthread_atfork(before, in_parent, in_child) == 0;
}

} // namespace cenote::sync
