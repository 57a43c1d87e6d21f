// cenote: SPDX-License-Identifier: MIT
#include <cenote/base/sync.hpp>
#include <cenote/base/sync_background.hpp>

#include <algorithm>
#include <cerrno>
#include <fcntl.h>
#include <limits>
#include <linux/futex.h>
#include <pthread.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

namespace cenote::inline v0_1::sync {
namespace {

constexpr std::int64_t second = 1'000'000'000;

// On processors of 32 bits the kernel has a second call for times of 64 bits, which a program may be built
// with.
#if defined(SYS_futex_time64)
constexpr long futex = sizeof(time_t) > sizeof(long) ? SYS_futex_time64 : SYS_futex;
#else
constexpr long futex = SYS_futex;
#endif

timespec time_of(std::int64_t deadline) noexcept {
    const std::int64_t seconds = std::max<std::int64_t>(deadline, 0) / second;
    constexpr std::int64_t most = std::numeric_limits<time_t>::max();
    if (seconds > most) return {static_cast<time_t>(most), 0};
    return {static_cast<time_t>(seconds), static_cast<long>(std::max<std::int64_t>(deadline, 0) % second)};
}

} // namespace

// Not through the standard's `wait`: that has no deadline, and keeps counts that only its own `notify` knows.
bool real::wait_until(const atomic<std::uint32_t>& word, std::uint32_t value,
                      std::int64_t deadline) noexcept {
    const int saved = errno;
    const timespec until = time_of(deadline);
    const long result =
        ::syscall(futex, &word, FUTEX_WAIT_BITSET_PRIVATE, value, deadline == no_deadline ? nullptr : &until,
                  nullptr, FUTEX_BITSET_MATCH_ANY);
    const bool is_late = result == -1 && errno == ETIMEDOUT;
    errno = saved;
    return !is_late;
}

void real::wake_waiter(const atomic<std::uint32_t>& word) noexcept {
    const int saved = errno;
    (void)::syscall(futex, &word, FUTEX_WAKE_PRIVATE, 1, nullptr, nullptr, 0);
    errno = saved;
}

bool at_fork(void (*before)(), void (*in_parent)(), void (*in_child)()) noexcept {
    return pthread_atfork(before, in_parent, in_child) == 0;
}

int open_memory_pressure(const char* file) noexcept {
    const int saved = errno;
    int descriptor = ::open(file, O_RDWR | O_NONBLOCK | O_CLOEXEC);
    // Microseconds, in each so many: unprivileged processes may ask for windows of two seconds.
    static constexpr char wish[] = "some 100000 2000000";
    if (descriptor >= 0 && ::write(descriptor, wish, sizeof wish) < 0) {
        ::close(descriptor);
        descriptor = -1;
    }
    errno = saved;
    return descriptor;
}

} // namespace cenote::inline v0_1::sync
