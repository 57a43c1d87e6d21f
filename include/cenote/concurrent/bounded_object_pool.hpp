// cenote: SPDX-License-Identifier: MIT
//
// A hard number of objects for any number of threads: a bounded_pool whose blocks hold a T. It is constructed
// when it is acquired and destructed by the thread whose handle ends. A constructor that throws gives its
// block to the next in line. Costs, waits and `close` are those of bounded_pool.
#pragma once

#include <cenote/concurrent/bounded_pool.hpp>

#include <new>
#include <type_traits>

namespace cenote::inline v0_1 {

struct bounded_object_pool_options {
    std::size_t objects = 0; ///< how many; must be set
    /// What is added when none is free, instead of waiting.
    cenote::growth growth = growth::none();
    cenote::source* source = nullptr; ///< null: `default_source()`
    bool erase = false;               ///< their bytes are zeroed when they return
    bool sanitizers = true;           ///< under ASan or memcheck: tell them of every object
    const char* name = "unnamed";     ///< for messages; not copied
};

template<class T>
class bounded_object_pool {
    static_assert(std::is_object_v<T> && !std::is_array_v<T> && !std::is_const_v<T>,
                  "cenote::bounded_object_pool<T>: T must be an object type, neither const nor an array");
    static_assert(
        std::is_nothrow_destructible_v<T>,
        "cenote::bounded_object_pool<T>: the destructor of T must be noexcept, because handles end so");

public:
    using options = bounded_object_pool_options;
    class handle;

    /// Throws `bad_options` and `out_of_memory`.
    explicit bounded_object_pool(const bounded_object_pool_options& wanted) : pool_(to_blocks(wanted)) {}

    /// An object made of `args`; waits for its block. Throws `pool_closed`, and what the constructor throws.
    template<class... Args>
    [[nodiscard]] handle acquire(Args&&... args) {
        return construct(pool_.acquire(), std::forward<Args>(args)...);
    }
    /// The same, or an empty handle when none is free or others wait.
    template<class... Args>
    [[nodiscard]] handle try_acquire(Args&&... args) {
        return construct(pool_.try_acquire(), std::forward<Args>(args)...);
    }
    /// The same, or an empty handle when no block came until then.
    template<class... Args>
    [[nodiscard]] handle acquire_until(std::chrono::steady_clock::time_point deadline, Args&&... args) {
        return construct(pool_.acquire_until(deadline), std::forward<Args>(args)...);
    }
    template<class Rep, class Period, class... Args>
    [[nodiscard]] handle acquire_for(std::chrono::duration<Rep, Period> length, Args&&... args) {
        return construct(pool_.acquire_for(length), std::forward<Args>(args)...);
    }

    /// As of bounded_pool.
    void grow(std::size_t objects) { pool_.grow(objects); }
    void grow(const cenote::growth& by) { pool_.grow(by); }
    void close() noexcept { pool_.close(); }
    [[nodiscard]] bool is_closed() noexcept { return pool_.is_closed(); }
    [[nodiscard]] const char* name() const noexcept { return pool_.name(); }
    [[nodiscard]] pool_stats stats() noexcept { return pool_.stats(); }
    [[nodiscard]] std::size_t waiting() noexcept { return pool_.waiting(); }
    [[nodiscard]] static std::size_t required_bytes(const bounded_object_pool_options& wanted) {
        return bounded_pool::required_bytes(to_blocks(wanted));
    }

private:
    [[nodiscard]] static bounded_pool_options to_blocks(const bounded_object_pool_options& wanted) noexcept {
        return {.block_size = sizeof(T),
                .blocks = wanted.objects,
                .alignment = alignof(T),
                .growth = wanted.growth,
                .source = wanted.source,
                .erase = wanted.erase,
                .sanitizers = wanted.sanitizers,
                .name = wanted.name};
    }

    template<class... Args>
    [[nodiscard]] static handle construct(bounded_pool::block place, Args&&... args) {
        static_assert(std::is_constructible_v<T, Args...>,
                      "cenote::bounded_object_pool<T>::acquire: T has no constructor for these arguments");
        if (!place) return {};
        T* const object = ::new (static_cast<void*>(place.data())) T(std::forward<Args>(args)...);
        return handle(std::move(place), object);
    }

    bounded_pool pool_;
};

/// An object on loan: destructs and returns it when it goes. Movable; empty when there was none.
template<class T>
class bounded_object_pool<T>::handle {
public:
    constexpr handle() noexcept = default;
    handle(handle&& other) noexcept
        : place_(std::move(other.place_)), object_(std::exchange(other.object_, nullptr)) {}
    handle& operator=(handle&& other) noexcept {
        handle(std::move(other)).swap(*this);
        return *this;
    }
    ~handle() { release(); }

    [[nodiscard]] T* get() const noexcept { return object_; }
    [[nodiscard]] T& operator*() const noexcept { return *object_; }
    [[nodiscard]] T* operator->() const noexcept { return object_; }
    [[nodiscard]] explicit operator bool() const noexcept { return object_ != nullptr; }

    void release() noexcept {
        if (object_ == nullptr) return;
        std::exchange(object_, nullptr)->~T();
        place_.release();
    }
    void swap(handle& other) noexcept {
        place_.swap(other.place_);
        std::swap(object_, other.object_);
    }

private:
    friend class bounded_object_pool;
    handle(bounded_pool::block place, T* object) noexcept : place_(std::move(place)), object_(object) {}

    bounded_pool::block place_;
    T* object_ = nullptr;
};

} // namespace cenote::inline v0_1
