// cenote: SPDX-License-Identifier: MIT
//
// Byte buffers for I/O, in tiers of powers of two. A buffer is held by a handle that returns it, on whatever
// thread. Each thread has magazines of the tiers that it uses, in front of shelves of whole buffers and a
// heap of buddies behind one lock: a larger free buffer is split for a smaller request, and pieces that meet
// merge. Nothing is ever found by an address: the handle knows its home. What is idle goes back in steps of
// time: when `tick` is called, or by itself while releases overflow the caches of their threads. Larger
// requests come straight from the source. Acquiring and releasing are some 40 instructions each, and
// O(log(largest / smallest)) behind the magazines. Any thread; forks, sources and handlers as for
// concurrent_pool.
#pragma once

#include <cenote/buffer/buffer_tiers.hpp>
#include <cenote/concurrent/concurrent_pool.hpp>
#include <cenote/concurrent/deadline.hpp>

#include <new>
#include <span>
#include <utility>

namespace cenote::inline v0_1 {

class buffer_pool;

namespace engine {
/// Adopted memory: what to call when its buffer goes.
struct alignas(64) foreign_memory {
    using end = void (*)(foreign_memory& self, std::span<std::byte> memory) noexcept;
    end release;
    std::size_t bytes;
    std::uint32_t shares = 0;
};

/// A view of bytes that Asio understands: its mutable_buffer, and Boost's.
template<class View>
concept is_untyped_view = requires(const View& view) {
    { view.data() } -> std::same_as<void*>;
    { view.size() } -> std::convertible_to<std::size_t>;
} && std::constructible_from<View, void*, std::size_t>;

template<class View>
concept is_io_vector = requires(View& view) {
    { view.iov_base } -> std::same_as<void*&>;
    view.iov_len;
};
} // namespace engine

/// Bytes on loan: returns them when it goes. Movable; empty when there is none. Its pool must outlive it.
class [[nodiscard]] buffer {
public:
    constexpr buffer() noexcept = default;
    buffer(buffer&& other) noexcept
        : home_(other.home_), data_(std::exchange(other.data_, nullptr)),
          size_(std::exchange(other.size_, 0)), where_(other.where_) {}
    buffer& operator=(buffer&& other) noexcept {
        buffer(std::move(other)).swap(*this);
        return *this;
    }
    ~buffer() { release(); }

    [[nodiscard]] std::byte* data() const noexcept { return data_; }
    [[nodiscard]] std::size_t size() const noexcept { return size_; }
    [[nodiscard]] std::size_t capacity() const noexcept;
    [[nodiscard]] bool empty() const noexcept { return size_ == 0; }
    /// Whether there is a buffer, if only of no bytes.
    [[nodiscard]] explicit operator bool() const noexcept { return data_ != nullptr; }
    [[nodiscard]] std::byte* begin() const noexcept { return data_; }
    [[nodiscard]] std::byte* end() const noexcept { return data_ + size_; }
    [[nodiscard]] std::span<std::byte> bytes() const noexcept { return {data_, size_}; }

    /// Keeps what fits of the contents; what is new is whatever was there. Beyond the capacity it grows where
    /// it is, if what lies behind it is free, or a buffer of a larger tier takes its place. Throws
    /// `out_of_memory`, and then nothing has changed. An empty handle, also one that was released or moved
    /// from, has no memory to grow, whichever pool it came from: more than 0 bytes are refused likewise.
    void resize(std::size_t size) {
        if (size > capacity()) [[unlikely]]
            move_to_larger(size);
        size_ = size;
    }
    /// Makes the capacity at least that, likewise.
    void reserve(std::size_t size) {
        if (size > capacity()) move_to_larger(size);
    }
    /// The same, or false.
    [[nodiscard]] CENOTE_API bool try_reserve(std::size_t size) noexcept;
    CENOTE_INLINE void release() noexcept;
    void swap(buffer& other) noexcept {
        std::swap(home_, other.home_);
        std::swap(data_, other.data_);
        std::swap(size_, other.size_);
        std::swap(where_, other.where_);
    }
    /// The pool that it came from; null when it is empty.
    [[nodiscard]] buffer_pool* pool() const noexcept { return data_ != nullptr ? home_ : nullptr; }

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
    friend class buffer_pool;
    friend class shared_buffer;
    // In the low bits of `where_`, which places leave free: the kind, or the logarithm of a tier's bytes.
    static constexpr engine::place kind_mask = 63;
    static constexpr engine::place is_oversize = 0; // the rest is its bytes
    static constexpr engine::place is_foreign = 1;  // the rest is the address of its foreign_memory

    buffer(buffer_pool& home, std::byte* data, std::size_t size, engine::place where) noexcept
        : home_(&home), data_(data), size_(size), where_(where) {}
    [[nodiscard]] engine::foreign_memory& foreign() const noexcept {
        return *reinterpret_cast<engine::foreign_memory*>(where_ & ~kind_mask);
    }
    CENOTE_API void move_to_larger(std::size_t size);
    void move_to(buffer larger) noexcept;

    buffer_pool* home_ = nullptr;
    std::byte* data_ = nullptr;
    std::size_t size_ = 0;
    engine::place where_ = 0;
};

class CENOTE_API buffer_pool {
public:
    using options = buffer_pool_options;
    using clock = std::chrono::steady_clock;

    /// Throws `bad_options`, and `out_of_memory` when `initial_bytes` cannot be had.
    explicit buffer_pool(const buffer_pool_options& wanted = {});
    explicit buffer_pool(defaults) : buffer_pool(buffer_pool_options{}) {}
    buffer_pool(const buffer_pool&) = delete;
    buffer_pool& operator=(const buffer_pool&) = delete;
    /// Buffers that are still out are told to the leak handler, whose default prints; those of tiers lose
    /// their memory. No thread may be in a call.
    ~buffer_pool();

    /// A buffer of `size` bytes. Throws `out_of_memory`.
    [[nodiscard]] buffer acquire(std::size_t size);
    /// The same, or an empty handle.
    [[nodiscard]] buffer try_acquire(std::size_t size) noexcept;
    /// A buffer of the smallest tier that holds no bytes yet.
    [[nodiscard]] buffer acquire() { return acquire(0); }
    /// One of at least `size` bytes, which are all that it has.
    [[nodiscard]] buffer acquire_at_least(std::size_t size);

    /// Makes a buffer of memory from elsewhere: `release(memory)` is called when it goes, and may not throw.
    /// What is to be called stands in a record that `new` makes, the only thing here that is not the
    /// source's. Throws `bad_options` for null, and `out_of_memory`; then the memory is still the caller's.
    template<class Release>
    [[nodiscard]] buffer adopt(std::span<std::byte> memory, Release release);

    /// Gives back what has been idle for long, as of `now`, and returns when it wants to be called next: much
    /// goes in parts, a millisecond apart, with the lock free in between.
    clock::time_point tick(clock::time_point now = clock::now()) noexcept;
    /// Gives back all idle memory at once, and asks other threads to flush at their next exchange.
    trim_result trim() noexcept;
    /// Flushes what the calling thread has cached of this pool, so that others can have it.
    void release_thread_caches() noexcept { shared_.release_cache(); }

    [[nodiscard]] std::size_t smallest() const noexcept { return std::size_t{1} << smallest_bits_; }
    [[nodiscard]] std::size_t largest() const noexcept { return largest_; }
    [[nodiscard]] const char* name() const noexcept { return shared_.core().options().name; }
    /// Levels, exact for the calling thread and as of their last exchange for the others.
    [[nodiscard]] buffer_stats stats() const noexcept;
    /// Exact. Needs quiet.
    [[nodiscard]] buffer_stats stats(quiet_t) const noexcept;
    /// The pool's own invariants. Needs quiet. O(regions); for tests.
    [[nodiscard]] bool is_valid() const noexcept;

    /// How large a caller's buffer must be for `initial_bytes`, wherever it starts, with the caches of
    /// `threads` threads. Throws `bad_options`, also when they are not given.
    [[nodiscard]] static std::size_t required_bytes(const buffer_pool_options& wanted);

private:
    friend class buffer;
    friend class shared_buffer;
    using sharing = engine::shared<engine::buffer_tiers>;
    using section = sharing::section;

    /// Of the smallest tier that holds so many bytes, which must be one.
    [[nodiscard]] CENOTE_INLINE unsigned tier_for(std::size_t size) const noexcept {
        const std::size_t last = (size - (size != 0)) >> smallest_bits_; // of its bytes, in smallest buffers
        return static_cast<unsigned>(std::bit_width(last));
    }
    [[nodiscard]] CENOTE_INLINE buffer make(void* entry, unsigned tier, std::size_t size) noexcept {
        return {*this, shared_.core().at(entry), size,
                reinterpret_cast<std::uintptr_t>(entry) | (smallest_bits_ + tier)};
    }
    [[nodiscard]] CENOTE_INLINE void* take_cached(std::size_t size) const noexcept;
    CENOTE_INLINE void take_back(std::byte* data, engine::place where) noexcept;
    CENOTE_NOINLINE void take_back_slow(std::byte* data, engine::place where) noexcept;
    [[nodiscard]] CENOTE_NOINLINE buffer acquire_slow(std::size_t size);
    [[nodiscard]] CENOTE_NOINLINE buffer try_acquire_slow(std::size_t size) noexcept;
    [[nodiscard]] std::uint32_t& shares(std::byte* data, engine::place where) const noexcept;
    [[nodiscard]] bool extend(buffer& one, std::size_t size) noexcept;
    [[nodiscard]] buffer take(std::size_t size) noexcept;
    [[nodiscard]] void* take_entry(unsigned tier) noexcept;
    [[nodiscard]] buffer take_oversize(std::size_t size) noexcept;
    [[nodiscard]] shortage shortage_of(std::size_t size) noexcept;
    [[noreturn]] void refuse(std::size_t size);
    void refuse_null(const void* memory) const;
    [[nodiscard]] buffer adopt_as(std::span<std::byte> memory, engine::foreign_memory* record);

    unsigned smallest_bits_;
    unsigned tiers_;
    std::size_t largest_;
    mutable sharing shared_;
};

inline std::size_t buffer::capacity() const noexcept {
    if (data_ == nullptr) return 0;
    const engine::place kind = where_ & kind_mask;
    if (kind > is_foreign) [[likely]]
        return std::size_t{1} << kind;
    return kind == is_oversize ? where_ : foreign().bytes;
}

CENOTE_INLINE void buffer::release() noexcept {
    if (data_ == nullptr) return;
    size_ = 0;
    home_->take_back(std::exchange(data_, nullptr), where_);
}

// The hot path: the tier, the thread's magazine of it, and what an entry means.

CENOTE_INLINE void* buffer_pool::take_cached(std::size_t size) const noexcept {
    const std::uint64_t id = shared_.id();
    const engine::thread_cache& mine = engine::first_cache(id);
    if (size > largest_ || !mine.is_of(id)) [[unlikely]]
        return nullptr;
    return mine.stocks[tier_for(size)].loaded.take();
}

CENOTE_INLINE void buffer_pool::take_back(std::byte* data, engine::place where) noexcept {
    const std::uint64_t id = shared_.id();
    const engine::thread_cache& mine = engine::first_cache(id);
    const unsigned tier = static_cast<unsigned>(where & buffer::kind_mask) - smallest_bits_;
    if (tier >= tiers_ || !mine.is_of(id)) [[unlikely]]
        return take_back_slow(data, where);
    engine::magazine& loaded = mine.stocks[tier].loaded;
    if (loaded.is_full()) [[unlikely]]
        return take_back_slow(data, where);
    loaded.push_in_order(reinterpret_cast<void*>(where & ~buffer::kind_mask));
}

inline buffer buffer_pool::acquire(std::size_t size) {
    if (void* const entry = take_cached(size)) [[likely]]
        return make(entry, tier_for(size), size);
    return acquire_slow(size);
}

inline buffer buffer_pool::try_acquire(std::size_t size) noexcept {
    if (void* const entry = take_cached(size)) [[likely]]
        return make(entry, tier_for(size), size);
    return try_acquire_slow(size);
}

inline buffer buffer_pool::acquire_at_least(std::size_t size) {
    buffer whole = acquire(size);
    whole.size_ = whole.capacity();
    return whole;
}

template<class Release>
buffer buffer_pool::adopt(std::span<std::byte> memory, Release release) {
    struct record final : engine::foreign_memory {
        Release call;
        record(std::size_t size, Release&& wanted) : foreign_memory{&end, size}, call(std::move(wanted)) {}
        static void end(foreign_memory& self, std::span<std::byte> bytes) noexcept {
            auto& all = static_cast<record&>(self);
            all.call(bytes);
            delete &all;
        }
    };
    refuse_null(memory.data());
    return adopt_as(memory, ::new (std::nothrow) record(memory.size(), std::move(release)));
}

} // namespace cenote::inline v0_1
