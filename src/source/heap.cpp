// cenote: SPDX-License-Identifier: MIT
#include <cenote/base/arith.hpp>
#include <cenote/source/heap.hpp>

#include <new>

namespace cenote::inline v0_1 {

void* heap::reserve(const request& wanted) noexcept {
    // No object is larger than half the range; libstdc++ rounds sizes at the top of it to zero.
    if (wanted.bytes == 0 || wanted.bytes > base::size_max / 2) return nullptr;
    return ::operator new(wanted.bytes, std::align_val_t{wanted.alignment}, std::nothrow);
}

void heap::release(void* region, const request& given) noexcept {
    ::operator delete(region, std::align_val_t{given.alignment});
}

} // namespace cenote::inline v0_1
