// cenote: SPDX-License-Identifier: MIT
#include <cenote/base/sync.hpp>
#include <cenote/base/sync_background.hpp>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <fcntl.h>
#include <limits>
#include <linux/futex.h>
#include <pthread.h>
#include <string_view>
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

namespace {

constexpr std::size_t most_path = 4096;

int open_pressure_file(const char* file) noexcept {
    const int descriptor = ::open(file, O_RDWR | O_NONBLOCK | O_CLOEXEC);
    // Microseconds, in each so many: unprivileged processes may ask for windows of two seconds.
    static constexpr char wish[] = "some 100000 2000000";
    if (descriptor < 0 || ::write(descriptor, wish, sizeof wish) >= 0) return descriptor;
    ::close(descriptor);
    return -1;
}

/// The process's group among those of the second version, as "/its/path"; empty when it has none.
std::string_view own_group(const char* root, char (&text)[most_path]) noexcept {
    char path[most_path];
    if (std::snprintf(path, sizeof path, "%s/proc/self/cgroup", root) >= static_cast<int>(sizeof path))
        return {};
    const int list = ::open(path, O_RDONLY | O_CLOEXEC);
    if (list < 0) return {};
    const ssize_t count = ::read(list, text, sizeof text);
    ::close(list);
    for (std::string_view rest(text, static_cast<std::size_t>(std::max<ssize_t>(count, 0))); !rest.empty();) {
        const std::string_view line = rest.substr(0, rest.find('\n'));
        if (line.starts_with("0::")) return line.substr(3);
        rest.remove_prefix(std::min(line.size() + 1, rest.size()));
    }
    return {};
}

/// Where the machine has groups of the second version alone, and beside those of the first.
constexpr const char* group_folders[] = {"/sys/fs/cgroup", "/sys/fs/cgroup/unified"};

int open_own_pressure(const char* root) noexcept {
    char text[most_path];
    const std::string_view group = own_group(root, text);
    for (const char* const folder : group_folders) {
        char path[2 * most_path];
        const int length = std::snprintf(path, sizeof path, "%s%s%.*s/memory.pressure", root, folder,
                                         static_cast<int>(group.size()), group.data());
        if (group.empty() || length >= static_cast<int>(sizeof path)) continue;
        if (const int descriptor = open_pressure_file(path); descriptor >= 0) return descriptor;
    }
    char path[most_path];
    if (std::snprintf(path, sizeof path, "%s/proc/pressure/memory", root) >= static_cast<int>(sizeof path))
        return -1;
    return open_pressure_file(path);
}

} // namespace

int open_memory_pressure(const char* file, const char* root) noexcept {
    const int saved = errno;
    const int descriptor = file != nullptr ? open_pressure_file(file) : open_own_pressure(root);
    errno = saved;
    return descriptor;
}

} // namespace cenote::inline v0_1::sync
