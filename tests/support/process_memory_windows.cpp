// cenote: SPDX-License-Identifier: MIT
#include "support/process_memory.hpp"

#include <cstdint>
#include <vector>

// clang-format off
#include <windows.h> // what the next needs
#include <psapi.h>
// clang-format on
namespace cenote::test {
namespace {

PROCESS_MEMORY_COUNTERS counters() {
    PROCESS_MEMORY_COUNTERS found{};
    found.cb = sizeof found;
    GetProcessMemoryInfo(GetCurrentProcess(), &found, sizeof found);
    return found;
}

} // namespace

std::size_t page_size() {
    SYSTEM_INFO info{};
    GetSystemInfo(&info);
    return info.dwPageSize;
}

std::size_t resident_pages(const void* data, std::size_t bytes) {
    const std::uintptr_t page = page_size();
    const auto begin = reinterpret_cast<std::uintptr_t>(data) / page * page;
    const auto end = reinterpret_cast<std::uintptr_t>(data) + bytes;
    std::vector<PSAPI_WORKING_SET_EX_INFORMATION> pages;
    for (std::uintptr_t at = begin; at < end; at += page) {
        pages.emplace_back();
        pages.back().VirtualAddress = reinterpret_cast<void*>(at);
    }
    const auto size = static_cast<DWORD>(pages.size() * sizeof pages[0]);
    if (!QueryWorkingSetEx(GetCurrentProcess(), pages.data(), size)) return 0;
    std::size_t count = 0;
    for (const PSAPI_WORKING_SET_EX_INFORMATION& one : pages) count += one.VirtualAttributes.Valid;
    return count;
}

std::size_t resident_bytes() {
    return counters().WorkingSetSize;
}

std::size_t mapped_bytes() {
    return counters().PagefileUsage;
}

bool has_vm_flag(const void* /*address*/, const char* /*flag*/) {
    return false;
}

} // namespace cenote::test
