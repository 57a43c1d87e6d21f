// cenote: SPDX-License-Identifier: MIT
//
// The system calls of the recorder, made directly: the C library's wrappers are cancellation points and may
// be interposed themselves, and a recorded program must see neither. `saved_errno` puts errno back when it
// leaves its scope.
#pragma once

#include <cerrno>
#include <cstddef>
#include <cstdint>

namespace cenote::recorder {

class saved_errno {
public:
    saved_errno() : value_(errno) {}
    ~saved_errno() { errno = value_; }
    saved_errno(const saved_errno&) = delete;
    saved_errno& operator=(const saved_errno&) = delete;

private:
    int value_;
};

enum class open_for { reading, writing, creating };
[[nodiscard]] int open_file(const char* path, open_for purpose) noexcept; // a descriptor, or -1
void close_file(int fd) noexcept;
// Reads up to `size` bytes, how many it was or -1.
[[nodiscard]] long read_file(int fd, char* out, std::size_t size) noexcept;

// Gives [offset, offset + size) of the file real disk space and maps it; null when there is none to be had.
// Real space, because a sparse file on a full disk would answer the first write with SIGBUS.
[[nodiscard]] void* map_extent(int fd, std::uint64_t offset, std::size_t size) noexcept;
void unmap(void* where, std::size_t size) noexcept;

[[nodiscard]] std::uint64_t process_id() noexcept;
[[nodiscard]] std::uint64_t parent_process_id() noexcept;
[[nodiscard]] std::uint64_t monotonic_ns() noexcept;
void say(const char* text) noexcept; // to standard error

} // namespace cenote::recorder
