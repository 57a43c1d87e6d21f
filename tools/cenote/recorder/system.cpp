// cenote: SPDX-License-Identifier: MIT
#include "recorder/system.hpp"

#include <cstring>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

namespace cenote::recorder {
namespace {

// Growing a file beyond the limit would send the program SIGXFSZ, so the limit is asked first.
bool within_file_limit(std::uint64_t end) {
    rlimit limit{};
    return syscall(SYS_prlimit64, 0, RLIMIT_FSIZE, nullptr, &limit) != 0 || limit.rlim_cur == RLIM_INFINITY ||
           end <= limit.rlim_cur;
}

// For file systems without fallocate: zeros, written the slow way.
bool write_zeros(int fd, std::uint64_t offset, std::size_t size) {
    static const char zeros[4096] = {};
    for (std::size_t done = 0; done < size;) {
        const std::size_t want = size - done < sizeof zeros ? size - done : sizeof zeros;
        const long n = syscall(SYS_pwrite64, fd, zeros, want, static_cast<long>(offset + done));
        if (n < 0 && errno == EINTR) continue;
        if (n <= 0) return false;
        done += static_cast<std::size_t>(n);
    }
    return true;
}

bool take_space(int fd, std::uint64_t offset, std::size_t size) {
    if (!within_file_limit(offset + size)) return false;
    for (int attempt = 0; attempt < 100; ++attempt) {
        if (syscall(SYS_fallocate, fd, 0, static_cast<long>(offset), static_cast<long>(size)) == 0)
            return true;
        if (errno == EOPNOTSUPP || errno == ENOSYS) return write_zeros(fd, offset, size);
        if (errno != EINTR) return false;
    }
    return false;
}

} // namespace

int open_file(const char* path, open_for purpose) noexcept {
    const int access = purpose == open_for::reading ? O_RDONLY : O_RDWR;
    const int making = purpose == open_for::creating ? O_CREAT | O_EXCL : 0;
    return static_cast<int>(
        syscall(SYS_openat, AT_FDCWD, path, access | making | O_CLOEXEC | O_NOCTTY, 0600));
}

void close_file(int fd) noexcept {
    syscall(SYS_close, fd);
}

long read_file(int fd, char* out, std::size_t size) noexcept {
    return syscall(SYS_read, fd, out, size);
}

void* map_extent(int fd, std::uint64_t offset, std::size_t size) noexcept {
    if (!take_space(fd, offset, size)) return nullptr;
    void* where = mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_POPULATE, fd,
                       static_cast<off_t>(offset));
    return where == MAP_FAILED ? nullptr : where;
}

void unmap(void* where, std::size_t size) noexcept {
    munmap(where, size);
}

std::uint64_t process_id() noexcept {
    return static_cast<std::uint64_t>(syscall(SYS_getpid));
}

std::uint64_t parent_process_id() noexcept {
    return static_cast<std::uint64_t>(syscall(SYS_getppid));
}

std::uint64_t monotonic_ns() noexcept {
    timespec now{};
    clock_gettime(CLOCK_MONOTONIC, &now);
    return static_cast<std::uint64_t>(now.tv_sec) * 1'000'000'000U + static_cast<std::uint64_t>(now.tv_nsec);
}

void say(const char* text) noexcept {
    const saved_errno keep;
    syscall(SYS_write, STDERR_FILENO, text, strlen(text));
}

} // namespace cenote::recorder
