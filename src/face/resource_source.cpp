// cenote: SPDX-License-Identifier: MIT
#include <cenote/face/resource_source.hpp>

namespace cenote::inline v0_1 {

void* base::try_allocate_from(std::pmr::memory_resource& from, std::size_t size,
                              std::size_t alignment) noexcept {
    if (&from == std::pmr::null_memory_resource()) return nullptr;
#if defined(__cpp_exceptions)
    try {
        return from.allocate(size, alignment);
    } catch (...) {
        return nullptr;
    }
#else
    return from.allocate(size, alignment);
#endif
}

void* resource_source::reserve(const request& wanted) noexcept {
    if (ours_ != nullptr) return ours_->try_allocate(wanted.bytes, wanted.alignment);
    return base::try_allocate_from(*upstream_, wanted.bytes, wanted.alignment);
}

void resource_source::release(void* region, const request& given) noexcept {
    upstream_->deallocate(region, given.bytes, given.alignment);
}

} // namespace cenote::inline v0_1
