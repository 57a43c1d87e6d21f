// cenote: SPDX-License-Identifier: MIT
#include "support/process_memory.hpp"

#include <cinttypes>
#include <cstdint>
#include <cstdio>
#include <cstring>
#include <sys/mman.h>
#include <unistd.h>
#include <vector>

namespace cenote::test {
namespace {

// The number behind `key` in a file of lines such as "RssAnon:   120 kB", in bytes.
std::size_t kibibytes_of(const char* path, const char* key) {
    std::FILE* const file = std::fopen(path, "r");
    if (file == nullptr) return 0;
    char line[512];
    std::size_t value = 0;
    while (std::fgets(line, sizeof line, file) != nullptr) {
        if (std::strncmp(line, key, std::strlen(key)) == 0)
            std::sscanf(line + std::strlen(key), "%zu", &value);
    }
    std::fclose(file);
    return value * 1024;
}

} // namespace

std::size_t page_size() {
    return static_cast<std::size_t>(sysconf(_SC_PAGESIZE));
}

std::size_t resident_pages(const void* data, std::size_t bytes) {
    const std::uintptr_t page = page_size();
    const auto begin = reinterpret_cast<std::uintptr_t>(data) / page * page;
    const auto end = reinterpret_cast<std::uintptr_t>(data) + bytes;
    std::vector<unsigned char> pages((end - begin + page - 1) / page);
    if (mincore(reinterpret_cast<void*>(begin), end - begin, pages.data()) != 0) return 0;
    std::size_t count = 0;
    for (const unsigned char is_resident : pages) count += is_resident & 1u;
    return count;
}

std::size_t resident_bytes() {
    return kibibytes_of("/proc/self/status", "RssAnon:");
}

std::size_t mapped_bytes() {
    return kibibytes_of("/proc/self/status", "VmSize:");
}

bool has_vm_flag(const void* address, const char* flag) {
    std::FILE* const file = std::fopen("/proc/self/smaps", "r");
    if (file == nullptr) return false;
    const auto wanted = reinterpret_cast<std::uintptr_t>(address);
    char line[1024];
    bool is_here = false;
    bool found = false;
    while (std::fgets(line, sizeof line, file) != nullptr) {
        std::uintptr_t begin = 0;
        std::uintptr_t end = 0;
        if (std::sscanf(line, "%" SCNxPTR "-%" SCNxPTR " ", &begin, &end) == 2)
            is_here = begin <= wanted && wanted < end;
        if (!is_here || std::strncmp(line, "VmFlags:", 8) != 0) continue;
        for (const char* word = std::strtok(line + 8, " \n"); word != nullptr;
             word = std::strtok(nullptr, " \n")) {
            if (std::strcmp(word, flag) == 0) found = true;
        }
    }
    std::fclose(file);
    return found;
}

} // namespace cenote::test
