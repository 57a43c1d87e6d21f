// cenote: SPDX-License-Identifier: MIT
#include <cenote/source/heap.hpp>

#include <new>

namespace cenote {

void* heap::reserve(const request& wanted) noexcept {
    if (wanted.bytes == 0) return nullptr;
    return ::operator new(wanted.bytes, std::align_val_t{wanted.alignment}, std::nothrow);
}

void heap::release(void* region, const request& given) noexcept {
    ::operator delete(region, std::align_val_t{given.alignment});
}

} // namespace cenote
