// cenote: SPDX-License-Identifier: MIT
#include <cenote/source/os_pages.hpp>

#include "os_pages_mapping.hpp"

#include <cerrno>

namespace cenote::inline v0_1 {

// The caller's errno is kept: pools are used inside code that inspects it.
void* os_pages::reserve(const request& wanted) noexcept {
    const int saved = errno;
    void* const region = posix::map_aligned(wanted.bytes, wanted.alignment);
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

// posix_madvise returns its error and leaves errno alone.
void os_pages::purge(void* data, std::size_t bytes) noexcept {
    const posix::whole_pages pages(data, bytes);
    if (pages.length != 0) (void)::posix_madvise(pages.begin, pages.length, POSIX_MADV_DONTNEED);
}

// Mapping fresh pages over the old ones is the one way POSIX has to give them back and keep the addresses.
std::size_t os_pages::decommit(void* data, std::size_t bytes) noexcept {
    const int saved = errno;
    const posix::whole_pages pages(data, bytes);
    const bool gone =
        pages.length != 0 && ::mmap(pages.begin, pages.length, PROT_READ | PROT_WRITE,
                                    MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0) != MAP_FAILED;
    errno = saved;
    return gone ? pages.length : 0;
}

void os_pages::populate(void* data, std::size_t bytes) noexcept {
    source::populate(data, bytes);
}

std::size_t os_pages::granularity() const noexcept {
    return posix::page_size();
}

std::size_t os_pages::best_granularity() const noexcept {
    return granularity();
}

} // namespace cenote::inline v0_1
