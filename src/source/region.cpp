// cenote: SPDX-License-Identifier: MIT
#include <cenote/base/arith.hpp>
#include <cenote/source/region.hpp>

namespace cenote::inline v0_1 {

void* region::reserve(const request& wanted) noexcept {
    const std::size_t padding = base::padding_to(data_ + used_, wanted.alignment);
    const std::size_t left = bytes_ - used_;
    if (wanted.bytes == 0 || padding > left || wanted.bytes > left - padding) return nullptr;
    std::byte* const part = data_ + used_ + padding;
    used_ += padding + wanted.bytes;
    ++parts_;
    return part;
}

// Padding in front of the last part stays used until everything is back: it is less than one alignment.
void region::release(void* part, const request& given) noexcept {
    auto* const begin = static_cast<std::byte*>(part);
    if (begin + given.bytes == data_ + used_) used_ = static_cast<std::size_t>(begin - data_);
    if (--parts_ == 0) used_ = 0;
}

} // namespace cenote::inline v0_1
