// cenote: SPDX-License-Identifier: MIT
#include <cenote/base/sync.hpp>
#include <cenote/base/sync_background.hpp>

#include <algorithm>
#include <cerrno>
#include <pthread.h>
#include <time.h>

namespace cenote::inline v0_1::sync {
namespace {

constexpr std::int64_t second = 1'000'000'000;

} // namespace

// A look every fifth of a millisecond: plain POSIX has nothing that sleeps on a word, and a condition
// variable a word would have locks that the child of a fork finds taken.
bool real::wait_until(const atomic<std::uint32_t>& word, std::uint32_t value,
                      std::int64_t deadline) noexcept {
    const int saved = errno;
    const std::int64_t now = steady_now();
    const std::int64_t left = deadline == no_deadline ? second : deadline > now ? deadline - now : 0;
    const timespec nap{0, static_cast<long>(std::min<std::int64_t>(left, 200'000))};
    if (word.load(memory_order_relaxed) == value && left > 0) (void)::nanosleep(&nap, nullptr);
    errno = saved;
    return left > 0;
}

void real::wake_waiter(const atomic<std::uint32_t>& /*word*/) noexcept {}

bool at_fork(void (*before)(), void (*in_parent)(), void (*in_child)()) noexcept {
    return pthread_atfork(before, in_parent, in_child) == 0;
}

int open_memory_pressure(const char* /*file*/, const char* /*root*/) noexcept {
    return -1;
}

} // namespace cenote::inline v0_1::sync
