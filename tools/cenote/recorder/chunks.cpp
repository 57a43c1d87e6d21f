// cenote: SPDX-License-Identifier: MIT
#include "recorder/chunks.hpp"

#include "recorder/system.hpp"

#include <algorithm>
#include <atomic>
#include <cstring>
#include <sched.h>
#include <unistd.h>

namespace cenote::recorder {
namespace {

constexpr std::size_t path_bytes = 4096;
constexpr std::size_t largest_chunk = std::size_t{1} << 20;
constexpr std::size_t shelf_places = 64;
constexpr std::size_t name_length = sizeof spool::environment_name - 1;
constexpr std::size_t name_room = 64; // for the name of a stream's file behind the spool's path

char spool_path[path_bytes];
char stream_path[path_bytes];
std::atomic<std::uint64_t> file_end{0};

std::atomic_flag shelf_lock = ATOMIC_FLAG_INIT;
chunk shelf[shelf_places];
std::size_t shelved = 0;

// Held for a few instructions, and cleared by forget_chunks in a child that was forked within them.
class shelf_guard {
public:
    shelf_guard() {
        while (shelf_lock.test_and_set(std::memory_order_acquire)) sched_yield();
    }
    ~shelf_guard() { shelf_lock.clear(std::memory_order_release); }
    shelf_guard(const shelf_guard&) = delete;
    shelf_guard& operator=(const shelf_guard&) = delete;
};

bool keep_spool_path(const char* value) {
    const std::size_t length = strnlen(value, path_bytes);
    if (length == 0 || length + name_room > path_bytes) return false;
    memcpy(spool_path, value, length + 1);
    return true;
}

// Takes an environment block byte by byte and keeps the value of our variable.
class environment_scan {
public:
    // True when the variable has been found and kept.
    bool take(char c) {
        if (c == '\0') {
            const bool found = matching_ && at_ > name_length + 1 && length_ + name_room <= path_bytes;
            if (found) spool_path[length_] = '\0';
            *this = environment_scan{};
            return found;
        }
        if (at_ < name_length) matching_ = matching_ && c == spool::environment_name[at_];
        if (at_ == name_length) matching_ = matching_ && c == '=';
        if (at_ > name_length && matching_ && length_ + name_room <= path_bytes) spool_path[length_++] = c;
        ++at_;
        return false;
    }

private:
    std::size_t at_ = 0;
    std::size_t length_ = 0;
    bool matching_ = true;
};

// The dynamic linker allocates before the C library knows its environment; the kernel knows it from the
// start.
bool read_kernel_environment() {
    const int fd = open_file("/proc/self/environ", open_for::reading);
    if (fd < 0) return false;
    environment_scan scan;
    char buffer[512];
    bool found = false;
    for (long n = read_file(fd, buffer, sizeof buffer); n > 0 && !found;
         n = read_file(fd, buffer, sizeof buffer))
        for (long i = 0; i < n && !found; ++i) found = scan.take(buffer[i]);
    close_file(fd);
    return found;
}

char* append(char* out, const char* text) {
    const std::size_t length = strlen(text);
    memcpy(out, text, length + 1);
    return out + length;
}

char* append_number(char* out, std::uint64_t value) {
    char digits[20];
    std::size_t n = 0;
    do digits[n++] = static_cast<char>('0' + value % 10);
    while ((value /= 10) != 0);
    while (n > 0) *out++ = digits[--n];
    *out = '\0';
    return out;
}

} // namespace

bool find_spool() noexcept {
    if (environ == nullptr) return read_kernel_environment();
    for (char** entry = environ; *entry != nullptr; ++entry)
        if (strncmp(*entry, spool::environment_name, name_length) == 0 && (*entry)[name_length] == '=')
            return keep_spool_path(*entry + name_length + 1);
    return false;
}

int create_stream_file(std::uint64_t pid, std::uint64_t started) noexcept {
    char* end = append_number(append(append(stream_path, spool_path), "/"), pid);
    append(append_number(append(end, "-"), started), spool::stream_suffix);
    return open_file(stream_path, open_for::creating);
}

chunk take_chunk(std::size_t claimed_before) noexcept {
    {
        const shelf_guard guard;
        if (shelved > 0) return shelf[--shelved];
    }
    const std::size_t size =
        std::min(spool::unit_bytes << std::min<std::size_t>(claimed_before, 4), largest_chunk);
    const int fd = open_file(stream_path, open_for::writing);
    if (fd < 0) return {};
    void* where = map_extent(fd, file_end.fetch_add(size), size);
    close_file(fd);
    return {where, size, static_cast<spool::event*>(where)};
}

void give_back(const chunk& half_full) noexcept {
    const auto* end = static_cast<const char*>(half_full.where) + half_full.size;
    if (reinterpret_cast<const char*>(half_full.next) != end) {
        const shelf_guard guard;
        if (shelved < shelf_places) {
            shelf[shelved++] = half_full;
            return;
        }
    }
    unmap(half_full.where, half_full.size);
}

void forget_chunks() noexcept {
    shelf_lock.clear();
    shelved = 0;
    file_end.store(spool::unit_bytes);
}

} // namespace cenote::recorder
