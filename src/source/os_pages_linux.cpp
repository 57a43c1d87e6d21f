// cenote: SPDX-License-Identifier: MIT
#include <cenote/source/os_pages.hpp>

#include "os_pages_mapping.hpp"

#include <cerrno>
#include <climits>
#include <sys/syscall.h>

namespace cenote::inline v0_1 {
namespace {

constexpr std::size_t huge_page = std::size_t{2} << 20;
constexpr int populate_write = 23; // MADV_POPULATE_WRITE, younger than the headers of some distributions
constexpr int prefer_node = 1;     // MPOL_PREFERRED of <linux/mempolicy.h>

// A hint: on failure the kernel places the pages as it likes.
void place_on_node(void* data, std::size_t bytes, int node) noexcept {
    constexpr int bits = sizeof(unsigned long) * CHAR_BIT;
    if (node < 0 || node >= bits) return;
    const unsigned long nodes = 1UL << node;
    (void)::syscall(SYS_mbind, data, bytes, prefer_node, &nodes, bits + 1, 0);
}

} // namespace

// The caller's errno is kept: pools are used inside code that inspects it.
void* os_pages::reserve(const request& wanted) noexcept {
    const int saved = errno;
    const bool huge = options_.huge_pages == huge_pages::transparent && wanted.bytes >= huge_page;
    const std::size_t alignment = huge && wanted.alignment < huge_page ? huge_page : wanted.alignment;
    void* const region = posix::map_aligned(wanted.bytes, alignment);
    if (region != nullptr) {
        if (huge) (void)::madvise(region, wanted.bytes, MADV_HUGEPAGE);
        place_on_node(region, wanted.bytes, wanted.node);
    }
    errno = saved;
    return region;
}

void os_pages::release(void* region, const request& given) noexcept {
    const int saved = errno;
    ::munmap(region, given.bytes);
    errno = saved;
}

bool os_pages::commit(void* /*data*/, std::size_t /*bytes*/) noexcept {
    return true;
}

void os_pages::purge(void* data, std::size_t bytes) noexcept {
    const int saved = errno;
    const posix::whole_pages pages(data, bytes);
    if (pages.length != 0) (void)::madvise(pages.begin, pages.length, MADV_FREE);
    errno = saved;
}

std::size_t os_pages::decommit(void* data, std::size_t bytes) noexcept {
    const int saved = errno;
    const posix::whole_pages pages(data, bytes);
    const bool gone = pages.length != 0 && ::madvise(pages.begin, pages.length, MADV_DONTNEED) == 0;
    errno = saved;
    return gone ? pages.length : 0;
}

// One call for all pages, which is safe beside other threads; kernels before 5.14 do not know it.
void os_pages::populate(void* data, std::size_t bytes) noexcept {
    const int saved = errno;
    const std::size_t before = posix::page_size() - base::padding_to(data, posix::page_size());
    const std::size_t skipped = before == posix::page_size() ? 0 : before;
    if (::madvise(static_cast<std::byte*>(data) - skipped, bytes + skipped, populate_write) != 0) {
        source::populate(data, bytes);
    }
    errno = saved;
}

std::size_t os_pages::granularity() const noexcept {
    return posix::page_size();
}

std::size_t os_pages::best_granularity() const noexcept {
    return options_.huge_pages == huge_pages::transparent ? huge_page : posix::page_size();
}

} // namespace cenote::inline v0_1
