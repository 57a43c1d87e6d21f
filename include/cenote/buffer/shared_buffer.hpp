// cenote: SPDX-License-Identifier: MIT
//
// A buffer that several hold, and slices of it: the header and the payload of one received message. Copies
// and slices share one count; the buffer returns to its pool when the last of them goes, on whatever thread.
// Sharing needs no memory, and so never fails: the count stands beside the buffer, where its pool has kept
// room. A copy costs an atomic increment. Different threads may hold slices of one buffer; who writes through
// them orders that himself.
#pragma once

#include <cenote/base/sync_word.hpp>
#include <cenote/buffer/buffer_pool.hpp>

namespace cenote::inline v0_1 {

class CENOTE_API shared_buffer {
public:
    constexpr shared_buffer() noexcept = default;
    /// Shares all of `whole`, which is empty then. An empty handle makes an empty one.
    explicit shared_buffer(buffer&& whole) noexcept;
    shared_buffer(const shared_buffer& other) noexcept
        : whole_(other.whole_), data_(other.data_), size_(other.size_) {
        if (whole_.shares != nullptr) (void)sync::fetch_add(*whole_.shares, std::uint32_t{1});
    }
    shared_buffer(shared_buffer&& other) noexcept
        : whole_(std::exchange(other.whole_, {})), data_(std::exchange(other.data_, nullptr)),
          size_(std::exchange(other.size_, 0)) {}
    shared_buffer& operator=(shared_buffer other) noexcept {
        std::swap(whole_, other.whole_);
        std::swap(data_, other.data_);
        std::swap(size_, other.size_);
        return *this;
    }
    ~shared_buffer() { release(); }

    [[nodiscard]] std::byte* data() const noexcept { return data_; }
    [[nodiscard]] std::size_t size() const noexcept { return size_; }
    [[nodiscard]] bool empty() const noexcept { return size_ == 0; }
    [[nodiscard]] explicit operator bool() const noexcept { return whole_.shares != nullptr; }
    [[nodiscard]] std::byte* begin() const noexcept { return data_; }
    [[nodiscard]] std::byte* end() const noexcept { return data_ + size_; }
    [[nodiscard]] std::span<std::byte> bytes() const noexcept { return {data_, size_}; }

    /// `length` bytes from `offset` on, less where this one ends; of none of its bytes, an empty one that
    /// holds nothing.
    [[nodiscard]] shared_buffer slice(std::size_t offset, std::size_t length = unlimited) const noexcept;
    void release() noexcept;
    /// How many hold the buffer, as of now; 0 when there is none.
    [[nodiscard]] std::size_t uses() const noexcept {
        return whole_.shares != nullptr ? sync::load_acquire(*whole_.shares) : 0;
    }
    /// The buffer itself, if nobody else holds it; empty otherwise, and then this one still does.
    [[nodiscard]] buffer take() noexcept;

    /// As a buffer of Asio or Boost.Asio, or as an `iovec`.
    template<engine::is_untyped_view View>
    [[nodiscard]] operator View() const noexcept {
        return View(data_, size_);
    }
    template<engine::is_io_vector View>
    [[nodiscard]] operator View() const noexcept {
        return View{data_, size_};
    }

private:
    struct parts { // of the buffer, and its count
        std::uint32_t* shares = nullptr;
        buffer_pool* home = nullptr;
        std::byte* data = nullptr;
        std::size_t size = 0;
        engine::place where = 0;
    };

    [[nodiscard]] buffer rejoined() noexcept;

    parts whole_;
    std::byte* data_ = nullptr;
    std::size_t size_ = 0;
};

inline void shared_buffer::release() noexcept {
    if (whole_.shares == nullptr) return;
    if (sync::fetch_sub(*whole_.shares, std::uint32_t{1}) == 1) rejoined().release();
    whole_ = {};
    data_ = nullptr;
    size_ = 0;
}

} // namespace cenote::inline v0_1
