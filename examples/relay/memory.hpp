// cenote: SPDX-License-Identifier: MIT
//
// Where the relay's memory comes from: cenote's pools, or malloc. A block holds a frame as it stands on the
// wire, from the first byte received to the last one sent; a payload that does not fit has bytes of its own.
#pragma once

#include <cenote/buffer/buffer_pool.hpp>

#include "async_acquire.hpp"

#include <asio/buffer.hpp>
#include <atomic>
#include <chrono>
#include <cstdlib>
#include <new>

namespace relay {

struct limits {
    std::size_t blocks = 1024; // messages in the relay at once; malloc knows no such number
    std::size_t block_size = 2048;
    std::size_t share = 16; // messages to one connection at once: who never reads holds no more blocks, and
                            // blocks / share of these hold all
    std::chrono::milliseconds idle{400}; // after this, unused payloads have gone back to the system
};

class pooled_memory {
public:
    using block = cenote::bounded_pool::block;
    using payload = cenote::buffer;
    static constexpr bool waits = true;

    explicit pooled_memory(const limits& wanted)
        : blocks_({.block_size = wanted.block_size, .blocks = wanted.blocks, .name = "relay"}),
          buffers_({.lazy_after = wanted.idle / 4,
                    .return_after = wanted.idle,
                    .trim = cenote::trim::manual,
                    .name = "relay"}) {}

    // Empty when there is none: then `async_block` waits, and the connection that asked is not read
    // meanwhile.
    [[nodiscard]] block try_block() noexcept { return blocks_.try_acquire(); }
    template<class Io, class Token>
    auto async_block(const Io& io, Token&& token) {
        ++waits_;
        return async_acquire(blocks_, io, std::forward<Token>(token));
    }
    [[nodiscard]] payload acquire(std::size_t size) { return buffers_.acquire(size); }

    // From each thread, now and then: what it has cached is for others when it does nothing.
    void rest(bool is_idle) noexcept {
        if (is_idle) buffers_.release_thread_caches();
        buffers_.tick();
    }
    void close() noexcept { blocks_.close(); }

    [[nodiscard]] cenote::bounded_pool& blocks() noexcept { return blocks_; }
    [[nodiscard]] cenote::buffer_pool& buffers() noexcept { return buffers_; }
    [[nodiscard]] std::size_t waited() const noexcept { return waits_; }

private:
    cenote::bounded_pool blocks_;
    cenote::buffer_pool buffers_;
    std::atomic<std::size_t> waits_{0};
};

class malloc_memory {
public:
    class block {
    public:
        block() noexcept = default;
        explicit block(std::size_t size) : data_(static_cast<std::byte*>(std::malloc(size))), size_(size) {
            if (data_ == nullptr) throw std::bad_alloc();
        }
        block(block&& other) noexcept
            : data_(std::exchange(other.data_, nullptr)), size_(std::exchange(other.size_, 0)) {}
        block& operator=(block&& other) noexcept {
            std::swap(data_, other.data_);
            std::swap(size_, other.size_);
            return *this;
        }
        ~block() { std::free(data_); }
        [[nodiscard]] std::byte* data() const noexcept { return data_; }
        [[nodiscard]] std::size_t size() const noexcept { return size_; }
        [[nodiscard]] explicit operator bool() const noexcept { return data_ != nullptr; }
        operator asio::mutable_buffer() const noexcept { return {data_, size_}; }

    private:
        std::byte* data_ = nullptr;
        std::size_t size_ = 0;
    };
    using payload = block;
    static constexpr bool waits = false;

    explicit malloc_memory(const limits& wanted) : block_size_(wanted.block_size) {}

    [[nodiscard]] block try_block() const { return block(block_size_); }
    [[nodiscard]] payload acquire(std::size_t size) const { return payload(size); }
    void rest(bool /*is_idle*/) const noexcept {}
    void close() const noexcept {}

private:
    std::size_t block_size_;
};

} // namespace relay
