// cenote: SPDX-License-Identifier: MIT
//
// Pages of the operating system: the default source. Fresh pages are zero and take no memory until they are
// touched. A reservation costs a system call or two (microseconds). Thread-safe; holds no state, so an
// object may stand anywhere, also in static storage used before `main` and after it.
// A build with CENOTE_POSIX_ONLY uses nothing that POSIX and MAP_ANONYMOUS do not give: there huge pages and
// nodes are ignored, and `purge` gives pages back at once through `posix_madvise`, if the system cares.
#pragma once

#include <cenote/source/source.hpp>

namespace cenote {

/// Whether to ask for huge pages: more memory at a time, fewer translation misses.
enum class huge_pages {
    no,
    transparent, ///< asks the kernel to use them where it can (MADV_HUGEPAGE); regions start on 2 MiB
};

struct os_pages_options {
    cenote::huge_pages huge_pages = huge_pages::no;
};

class CENOTE_API os_pages final : public source {
public:
    constexpr os_pages() noexcept = default;
    constexpr explicit os_pages(const os_pages_options& options) noexcept : options_(options) {}

    [[nodiscard]] void* reserve(const request& wanted) noexcept override;
    void release(void* region, const request& given) noexcept override;
    [[nodiscard]] bool commit(void* data, std::size_t bytes) noexcept override;
    void purge(void* data, std::size_t bytes) noexcept override;
    void decommit(void* data, std::size_t bytes) noexcept override;
    void populate(void* data, std::size_t bytes) noexcept override;
    [[nodiscard]] std::size_t granularity() const noexcept override;

private:
    os_pages_options options_{};
};

namespace base {
extern CENOTE_API os_pages plain_os_pages;
}

/// The source of every pool that names none: plain OS pages.
[[nodiscard]] constexpr source& default_source() noexcept {
    return base::plain_os_pages;
}

} // namespace cenote
