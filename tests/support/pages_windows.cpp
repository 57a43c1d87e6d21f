// cenote: SPDX-License-Identifier: MIT
#include "support/pages.hpp"

#include <windows.h>

namespace cenote::test {

std::byte* forbidden_pages(std::size_t bytes) noexcept {
    return static_cast<std::byte*>(VirtualAlloc(nullptr, bytes, MEM_RESERVE, PAGE_NOACCESS));
}

void permit_pages(std::byte* data, std::size_t bytes) noexcept {
    (void)VirtualAlloc(data, bytes, MEM_COMMIT, PAGE_READWRITE);
}

void forbid_pages(std::byte* data, std::size_t bytes) noexcept {
    (void)VirtualFree(data, bytes, MEM_DECOMMIT);
}

void release_pages(std::byte* data, std::size_t /*bytes*/) noexcept {
    (void)VirtualFree(data, 0, MEM_RELEASE);
}

} // namespace cenote::test
