// cenote: SPDX-License-Identifier: MIT
//
// Bytes that grow: appended to at the end, consumed from the front, kept in one buffer of a pool, which moves
// up the tiers as they need it. Starts empty, and then holds no buffer at all. Growing doubles the capacity
// at least, as long as the pool has that much, so that appending is amortised O(1) a byte; it happens in
// place where the pool has the memory behind free. One thread at a time. For streams over it see
// buffer_stream.hpp.
#pragma once

#include <cenote/buffer/buffer_pool.hpp>

#include <cstring>
#include <string_view>

namespace cenote::inline v0_1 {

class CENOTE_API byte_buffer {
public:
    explicit byte_buffer(buffer_pool& from) noexcept : pool_(&from) {}
    /// Begins with what a buffer holds.
    explicit byte_buffer(buffer&& first) noexcept;
    byte_buffer(byte_buffer&& other) noexcept
        : pool_(other.pool_), whole_(std::move(other.whole_)), first_(std::exchange(other.first_, 0)) {}
    byte_buffer& operator=(byte_buffer&& other) noexcept {
        pool_ = other.pool_;
        whole_ = std::move(other.whole_);
        first_ = std::exchange(other.first_, 0);
        return *this;
    }
    ~byte_buffer() = default;

    [[nodiscard]] std::byte* data() const noexcept { return whole_.data() + first_; }
    [[nodiscard]] std::size_t size() const noexcept { return whole_.size() - first_; }
    [[nodiscard]] bool empty() const noexcept { return size() == 0; }
    /// How many bytes there may be without growing.
    [[nodiscard]] std::size_t capacity() const noexcept { return whole_.capacity() - first_; }
    [[nodiscard]] std::byte* begin() const noexcept { return data(); }
    [[nodiscard]] std::byte* end() const noexcept { return data() + size(); }
    [[nodiscard]] std::span<std::byte> bytes() const noexcept { return {data(), size()}; }
    [[nodiscard]] std::string_view text() const noexcept {
        return {reinterpret_cast<const char*>(data()), size()};
    }

    /// All of these throw `out_of_memory`, and then nothing has changed. What is appended may be part of it.
    void append(const void* bytes, std::size_t count);
    void append(std::span<const std::byte> bytes) { append(bytes.data(), bytes.size()); }
    void append(std::string_view bytes) { append(bytes.data(), bytes.size()); }
    void push_back(std::byte one) { append(&one, 1); }
    /// New bytes are whatever was there.
    void resize(std::size_t size);
    void reserve(std::size_t size);

    /// Room for `count` bytes behind the end, to be written and then committed: what a socket reads into.
    [[nodiscard]] std::span<std::byte> prepare(std::size_t count);
    /// The first `count` bytes of what was prepared, or as many as there are, belong to it now.
    void commit(std::size_t count) noexcept;
    /// The first `count` bytes, or all, are gone.
    void consume(std::size_t count) noexcept;
    /// No bytes; the buffer is kept.
    void clear() noexcept {
        first_ = 0;
        if (whole_) whole_.resize(0);
    }
    /// Gives the buffer away, with its bytes at the front, and is as new.
    [[nodiscard]] buffer release() noexcept;

private:
    void ensure_room(std::size_t count);
    void move_to_front() noexcept;

    buffer_pool* pool_;
    buffer whole_; // its size ends where ours does
    std::size_t first_ = 0;
};

inline void byte_buffer::append(const void* bytes, std::size_t count) {
    if (count == 0) return;
    const auto* from = static_cast<const std::byte*>(bytes);
    const std::size_t old = size();
    if (count > capacity() - old) [[unlikely]] {
        const bool is_own = from >= begin() && from < end() && old != 0;
        const std::size_t offset = is_own ? static_cast<std::size_t>(from - begin()) : 0;
        ensure_room(count);
        if (is_own) from = data() + offset;
    }
    std::memmove(end(), from, count);
    whole_.resize(whole_.size() + count);
}

} // namespace cenote::inline v0_1
