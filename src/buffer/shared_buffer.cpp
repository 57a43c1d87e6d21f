// cenote: SPDX-License-Identifier: MIT
#include <cenote/buffer/shared_buffer.hpp>

#include <algorithm>

namespace cenote::inline v0_1 {

shared_buffer::shared_buffer(buffer&& whole) {
    if (!whole) return;
    void* const block = whole.pool()->records_.allocate();
    data_ = whole.data();
    size_ = whole.size();
    shared_ = ::new (block) record{1, std::move(whole)};
}

shared_buffer shared_buffer::slice(std::size_t offset, std::size_t length) const noexcept {
    shared_buffer part;
    if (offset >= size_ || length == 0) return part;
    part = *this;
    part.data_ = data_ + offset;
    part.size_ = std::min(length, size_ - offset);
    return part;
}

void shared_buffer::end_record() noexcept {
    buffer_pool& home = *shared_->whole.pool();
    shared_->~record();
    home.records_.deallocate(shared_);
}

buffer shared_buffer::take() noexcept {
    buffer whole;
    if (uses() != 1) return whole;
    whole = std::move(shared_->whole);
    whole.pool()->records_.deallocate(shared_);
    shared_ = nullptr;
    data_ = nullptr;
    size_ = 0;
    return whole;
}

} // namespace cenote::inline v0_1
