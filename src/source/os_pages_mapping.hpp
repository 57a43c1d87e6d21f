// cenote: SPDX-License-Identifier: MIT
//
// What the POSIX systems share: mapping an aligned stretch of anonymous memory by cutting it out of a
// larger one.
#pragma once

#include <cenote/base/arith.hpp>

#include <cstddef>
#include <sys/mman.h>
#include <unistd.h>

namespace cenote::inline v0_1::posix {

[[nodiscard]] inline std::size_t page_size() noexcept {
    static const auto bytes = static_cast<std::size_t>(::sysconf(_SC_PAGESIZE));
    return bytes;
}

inline void* map_plain(std::size_t bytes) noexcept {
    void* data = ::mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    return data == MAP_FAILED ? nullptr : data;
}

/// `bytes` (a multiple of the page size) of zeroed memory at a multiple of `alignment`, or null.
inline void* map_aligned(std::size_t bytes, std::size_t alignment) noexcept {
    if (bytes == 0) return nullptr;
    if (alignment <= page_size()) return map_plain(bytes);
    std::size_t with_slack = 0;
    if (!base::add(bytes, alignment - page_size(), with_slack)) return nullptr;
    auto* const mapped = static_cast<std::byte*>(map_plain(with_slack));
    if (mapped == nullptr) return nullptr;
    const std::size_t before = base::padding_to(mapped, alignment);
    const std::size_t after = with_slack - before - bytes;
    if (before != 0) ::munmap(mapped, before);
    if (after != 0) ::munmap(mapped + before + bytes, after);
    return mapped + before;
}

/// The whole pages inside a stretch: only they can be given back.
struct whole_pages {
    whole_pages(void* data, std::size_t bytes) noexcept {
        const std::size_t skip = base::padding_to(data, page_size());
        if (skip >= bytes) return;
        begin = static_cast<std::byte*>(data) + skip;
        length = (bytes - skip) / page_size() * page_size();
    }

    std::byte* begin = nullptr;
    std::size_t length = 0;
};

} // namespace cenote::inline v0_1::posix
