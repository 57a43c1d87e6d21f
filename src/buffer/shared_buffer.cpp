// cenote: SPDX-License-Identifier: MIT
#include <cenote/buffer/shared_buffer.hpp>

#include <algorithm>

namespace cenote::inline v0_1 {

shared_buffer::shared_buffer(buffer&& whole) noexcept {
    if (!whole) return;
    data_ = whole.data_;
    size_ = whole.size_;
    whole_ = {&whole.home_->shares(data_, whole.where_), whole.home_, data_, size_, whole.where_};
    sync::store_relaxed(*whole_.shares, std::uint32_t{1});
    whole.data_ = nullptr;
    whole.size_ = 0;
}

shared_buffer shared_buffer::slice(std::size_t offset, std::size_t length) const noexcept {
    shared_buffer part;
    if (offset >= size_ || length == 0) return part;
    part = *this;
    part.data_ = data_ + offset;
    part.size_ = std::min(length, size_ - offset);
    return part;
}

/// The buffer as it was before it was shared, of which nobody else has a part.
buffer shared_buffer::rejoined() noexcept {
    return {*whole_.home, whole_.data, whole_.size, whole_.where};
}

buffer shared_buffer::take() noexcept {
    if (uses() != 1) return {};
    buffer whole = rejoined();
    whole_ = {};
    data_ = nullptr;
    size_ = 0;
    return whole;
}

} // namespace cenote::inline v0_1
