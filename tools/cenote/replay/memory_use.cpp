// cenote: SPDX-License-Identifier: MIT
#include "replay/memory_use.hpp"

#include "replay/job.hpp"

#include <array>
#include <cstdlib>
#include <cstring>
#include <fcntl.h>
#include <unistd.h>

namespace cenote::tool {
namespace {

// The number of KiB behind `label` in a file of /proc.
std::uint64_t labelled_bytes(const char* path, const char* label) {
    const int fd = ::open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0) return unknown_value;
    std::array<char, 8192> text{};
    std::size_t held = 0;
    while (held + 1 < text.size()) {
        const ssize_t n = ::read(fd, text.data() + held, text.size() - 1 - held);
        if (n <= 0) break;
        held += static_cast<std::size_t>(n);
    }
    ::close(fd);
    const char* found = std::strstr(text.data(), label);
    if (found == nullptr) return unknown_value;
    return std::strtoull(found + std::strlen(label), nullptr, 10) * 1024;
}

} // namespace

std::uint64_t resident_bytes() {
    return labelled_bytes("/proc/self/smaps_rollup", "\nAnonymous:");
}
std::uint64_t mapped_bytes() {
    return labelled_bytes("/proc/self/status", "\nVmData:");
}
std::uint64_t available_bytes() {
    return labelled_bytes("/proc/meminfo", "\nMemAvailable:");
}

} // namespace cenote::tool
