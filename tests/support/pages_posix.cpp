// cenote: SPDX-License-Identifier: MIT
#include "support/pages.hpp"

#include <sys/mman.h>

namespace cenote::test {

std::byte* forbidden_pages(std::size_t bytes) noexcept {
    void* const data = ::mmap(nullptr, bytes, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    return data == MAP_FAILED ? nullptr : static_cast<std::byte*>(data);
}

void permit_pages(std::byte* data, std::size_t bytes) noexcept {
    ::mprotect(data, bytes, PROT_READ | PROT_WRITE);
}

void forbid_pages(std::byte* data, std::size_t bytes) noexcept {
    ::madvise(data, bytes, MADV_DONTNEED);
    ::mprotect(data, bytes, PROT_NONE);
}

void release_pages(std::byte* data, std::size_t bytes) noexcept {
    ::munmap(data, bytes);
}

} // namespace cenote::test
