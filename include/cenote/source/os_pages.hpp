// cenote: SPDX-License-Identifier: MIT
//
// Pages of the operating system. Fresh pages are zero and take no memory until they are touched. A
// reservation costs a system call or two (microseconds). Thread-safe; `os_pages` holds no state, so an object
// may stand anywhere, also in static storage used before `main` and after it. `kept_pages`, the default
// source, keeps up to 1 MiB of what was released, so that a pool that is made, used and destroyed over and
// over calls the system once.
// A build with CENOTE_POSIX_ONLY uses nothing that POSIX and MAP_ANONYMOUS do not give: there huge pages and
// nodes are ignored, and `purge` gives pages back at once through `posix_madvise`, if the system cares. On
// Windows regions are multiples of 64 KiB that are backed by `commit`, and huge pages are ignored: they need
// a privilege.
#pragma once

#include <cenote/source/source.hpp>

#include <cstdint>

namespace cenote::inline v0_1 {

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
    std::size_t decommit(void* data, std::size_t bytes) noexcept override;
    void populate(void* data, std::size_t bytes) noexcept override;
    [[nodiscard]] std::size_t granularity() const noexcept override;
    [[nodiscard]] std::size_t best_granularity() const noexcept override;

private:
    os_pages_options options_{};
};

/// OS pages of which the last few regions that were released are kept, with their contents, for the next
/// request of the same size: at most 8 regions of at most 128 KiB. `trim` gives them back. Under a sanitizer
/// none is kept. No lock, so that a fork may come at any time: an exchange of one word takes a region or
/// leaves it.
class CENOTE_API kept_pages final : public source {
public:
    static constexpr std::size_t most_kept = 8;
    static constexpr std::size_t largest_kept = std::size_t{128} << 10;

    /// Not given back by a destructor, because pools in static storage use theirs to the very end.
    constexpr kept_pages() noexcept = default;

    [[nodiscard]] void* reserve(const request& wanted) noexcept override;
    void release(void* region, const request& given) noexcept override;
    [[nodiscard]] bool commit(void* data, std::size_t bytes) noexcept override {
        return pages_.commit(data, bytes);
    }
    void purge(void* data, std::size_t bytes) noexcept override { pages_.purge(data, bytes); }
    std::size_t decommit(void* data, std::size_t bytes) noexcept override {
        return pages_.decommit(data, bytes);
    }
    void populate(void* data, std::size_t bytes) noexcept override { pages_.populate(data, bytes); }
    [[nodiscard]] std::size_t granularity() const noexcept override { return pages_.granularity(); }
    void trim() noexcept override;

private:
    os_pages pages_;
    std::uintptr_t kept_[most_kept] = {}; // an address, and in its low bits how many pages; 0: none
    std::uintptr_t turn_ = 0;             // which goes when all places are taken
};

namespace base {
extern CENOTE_API kept_pages default_pages;
}

/// The source of every pool that names none.
[[nodiscard]] constexpr source& default_source() noexcept {
    return base::default_pages;
}

} // namespace cenote::inline v0_1
