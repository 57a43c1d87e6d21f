// cenote: SPDX-License-Identifier: MIT
#include <cenote/buffer/byte_buffer.hpp>

#include <algorithm>

namespace cenote::inline v0_1 {

byte_buffer::byte_buffer(buffer&& first) noexcept : pool_(first.pool()), whole_(std::move(first)) {}

void byte_buffer::move_to_front() noexcept {
    if (first_ == 0) return;
    const std::size_t left = size();
    if (left != 0) std::memmove(whole_.data(), data(), left);
    first_ = 0;
    whole_.resize(left);
}

// What was consumed makes room first, if that is half of it: else a queue of bytes would move at every step.
void byte_buffer::ensure_room(std::size_t count) {
    const std::size_t held = size();
    if (count <= capacity() - held) return;
    std::size_t needed = 0;
    if (!base::add(held, count, needed)) needed = unlimited;
    if (needed <= whole_.capacity() && first_ >= whole_.capacity() / 2) return move_to_front();
    if (!whole_) {
        if (pool_ == nullptr) base::raise_out_of_memory({.pool = "an empty buffer", .requested = needed});
        whole_ = pool_->acquire(needed);
        return whole_.resize(0);
    }
    std::size_t least = 0;
    if (!base::add(first_, needed, least)) least = unlimited;
    const std::size_t doubled = 2 * whole_.capacity(); // when there is no room for that, what it must be
    if (doubled > least && whole_.try_reserve(doubled)) return;
    whole_.reserve(least);
}

void byte_buffer::resize(std::size_t size) {
    if (size > this->size()) ensure_room(size - this->size());
    if (whole_) whole_.resize(first_ + size);
}

void byte_buffer::reserve(std::size_t size) {
    if (size > this->size()) ensure_room(size - this->size());
}

std::span<std::byte> byte_buffer::prepare(std::size_t count) {
    ensure_room(count);
    return {end(), count};
}

void byte_buffer::commit(std::size_t count) noexcept {
    if (whole_) whole_.resize(whole_.size() + std::min(count, capacity() - size()));
}

void byte_buffer::consume(std::size_t count) noexcept {
    if (count >= size()) return clear();
    first_ += count;
}

buffer byte_buffer::release() noexcept {
    move_to_front();
    return std::move(whole_);
}

} // namespace cenote::inline v0_1
