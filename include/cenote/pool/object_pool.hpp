// cenote: SPDX-License-Identifier: MIT
//
// Objects of one type from a fixed_pool: `make` constructs, `destroy` destructs and takes back, `make_unique`
// gives an owning handle of one pointer. Costs what fixed_pool costs, and the constructor. Over-aligned types
// are aligned. One thread at a time. Objects alive when the pool goes are not destructed: `destroy_all` does
// that. A handle finds its pool through one word that stands behind the object in its block; `handles =
// false` saves the word, for types whose size matters, such as those of one cache line.
#pragma once

#include <cenote/pool/fixed_pool.hpp>

#include <new>
#include <type_traits>
#include <utility>

namespace cenote::inline v0_1 {

struct object_pool_options {
    std::size_t initial_blocks = 0;         ///< objects for which the constructor reserves memory
    std::size_t maximum_blocks = unlimited; ///< never more objects than this
    std::size_t blocks_per_slab = 0;        ///< 0: about 64 KiB of them
    std::size_t magazine_blocks = 0;        ///< 0: as many as suit the size
    cenote::growth growth{};
    cenote::source* source = nullptr; ///< null: `default_source()`
    bool handles = true;              ///< room for `make_unique`: a pointer an object
    bool checks = false;              ///< as in fixed_pool_options, also the next six
    bool stats = false;
    bool zero_on_allocate = false;
    bool erase_on_free = false;
    bool sanitizers = true;
    hand_out order = hand_out::most_recent;
    cenote::trim trim = cenote::trim::automatic;
    bool adaptive = false;
    const char* name = "unnamed";
    exhaustion_handler on_exhaustion{};
};

namespace engine {

/// The options of object pools over pools of this kind.
template<class Pool>
struct object_options {
    using type = object_pool_options;
};

/// An object pool over a pool of blocks: object_pool is one over fixed_pool.
template<class T, class Pool>
class basic_object_pool;

} // namespace engine

/// Owns an object of an object pool, in one pointer: destroys it when the handle goes.
template<class T, class Pool = fixed_pool>
class unique_handle {
public:
    constexpr unique_handle() noexcept = default;
    unique_handle(unique_handle&& other) noexcept : object_(std::exchange(other.object_, nullptr)) {}
    unique_handle& operator=(unique_handle&& other) noexcept {
        unique_handle(std::move(other)).swap(*this);
        return *this;
    }
    ~unique_handle() { reset(); }

    [[nodiscard]] T* get() const noexcept { return object_; }
    [[nodiscard]] T& operator*() const noexcept { return *object_; }
    [[nodiscard]] T* operator->() const noexcept { return object_; }
    [[nodiscard]] explicit operator bool() const noexcept { return object_ != nullptr; }

    void reset() noexcept;
    /// The object, for the caller to `destroy`.
    [[nodiscard]] T* release() noexcept { return std::exchange(object_, nullptr); }
    void swap(unique_handle& other) noexcept { std::swap(object_, other.object_); }

private:
    friend class engine::basic_object_pool<T, Pool>;
    explicit unique_handle(T* object) noexcept : object_(object) {}

    T* object_ = nullptr;
};

namespace engine {

template<class T, class Pool>
class basic_object_pool {
    static_assert(std::is_object_v<T> && !std::is_array_v<T> && !std::is_const_v<T>,
                  "cenote::object_pool<T>: T must be an object type, neither const nor an array");
    static_assert(std::is_nothrow_destructible_v<T>,
                  "cenote::object_pool<T>: the destructor of T must be noexcept, because destroy is");

public:
    using options = typename object_options<Pool>::type;
    using handle = unique_handle<T, Pool>;

    /// Throws as the pool of blocks does.
    constexpr explicit basic_object_pool(const options& wanted = {})
        : has_handles_(wanted.handles), pool_(to_blocks(wanted)) {}
    constexpr explicit basic_object_pool(defaults) : basic_object_pool(options{}) {}

    /// Constructs an object. Throws `out_of_memory`, and what the constructor throws: its block is free again
    /// then.
    template<class... Args>
    [[nodiscard]] T* make(Args&&... args) {
        static_assert(std::is_constructible_v<T, Args...>,
                      "cenote::object_pool<T>::make: T has no constructor for these arguments");
        return construct(pool_.allocate(), std::forward<Args>(args)...);
    }

    /// The same, or null when no block is left. Throws only what the constructor throws.
    template<class... Args>
    [[nodiscard]] T* try_make(Args&&... args) {
        static_assert(std::is_constructible_v<T, Args...>,
                      "cenote::object_pool<T>::try_make: T has no constructor for these arguments");
        void* const block = pool_.try_allocate();
        return block == nullptr ? nullptr : construct(block, std::forward<Args>(args)...);
    }

    /// An object with an owner. The pool must outlive it. Throws as `make`; `bad_options` with `handles =
    /// false`.
    template<class... Args>
    [[nodiscard]] handle make_unique(Args&&... args) {
        if (!has_handles_) base::raise_bad_options(name(), "make_unique needs the option handles");
        T* const object = make(std::forward<Args>(args)...);
        ::new (home_of(object)) basic_object_pool*(this);
        return handle(object);
    }

    /// Destructs a live object of this pool and frees its block. With `checks`, a bad pointer is reported
    /// first.
    void destroy(T* object) noexcept {
        if constexpr (!std::is_trivially_destructible_v<T>) {
            if (pool_.is_instrumented()) [[unlikely]]
                return destroy_exactly(object);
            object->~T();
        }
        pool_.deallocate(object);
    }

    /// Calls `visit(T&)` for every live object; a visit that returns false ends the walk. `visit` may make
    /// and destroy objects of this pool.
    template<std::invocable<T&> Visit>
    void for_each(Visit&& visit) {
        pool_.for_each([&](void* block) -> decltype(auto) { return visit(*static_cast<T*>(block)); });
    }

    /// Destructs and frees every live object, once, also when a destructor destroys others; memory is kept.
    void destroy_all() noexcept {
        if constexpr (!std::is_trivially_destructible_v<T>) {
            is_destroying_all_ = true;
            for_each([this](T& object) { destroy(&object); });
            is_destroying_all_ = false;
        }
        pool_.reset();
    }

    /// All blocks are free, memory is kept; for types without destructors. See `destroy_all`.
    void reset() noexcept {
        static_assert(std::is_trivially_destructible_v<T>,
                      "cenote::object_pool<T>::reset runs no destructors: use destroy_all");
        pool_.reset();
    }

    [[nodiscard]] bool owns(const T* object) const noexcept { return pool_.owns(object); }
    [[nodiscard]] bool is_live(const T* object) const noexcept { return pool_.is_live(object); }
    [[nodiscard]] std::size_t index_of(const T* object) const noexcept { return pool_.index_of(object); }
    [[nodiscard]] T* at(std::size_t index) const noexcept { return static_cast<T*>(pool_.at(index)); }

    auto trim() noexcept { return pool_.trim(); }
    using touch = typename Pool::touch;
    void reserve(std::size_t objects, touch pages = touch::no) { pool_.reserve(objects, pages); }
    [[nodiscard]] std::size_t stride() const noexcept { return pool_.stride(); }
    [[nodiscard]] const char* name() const noexcept { return pool_.name(); }
    [[nodiscard]] pool_stats stats() const noexcept { return pool_.stats(); }
    /// As of the pool of blocks, where it has them: those between threads.
    template<class Quiet>
        requires requires(const Pool& pool, Quiet how) { pool.stats(how); }
    [[nodiscard]] pool_stats stats(Quiet how) const noexcept {
        return pool_.stats(how);
    }
    void release_thread_caches() noexcept
        requires requires(Pool& pool) { pool.release_thread_caches(); }
    {
        pool_.release_thread_caches();
    }
    [[nodiscard]] bool is_valid() const noexcept { return pool_.is_valid(); }

    /// As of fixed_pool.
    [[nodiscard]] static std::size_t required_bytes(const options& wanted) {
        return Pool::required_bytes(to_blocks(wanted));
    }

private:
    friend class unique_handle<T, Pool>;

    static constexpr std::size_t home_offset = base::rounded_up(sizeof(T), alignof(void*));

    [[nodiscard]] static constexpr typename Pool::options to_blocks(const options& wanted) noexcept {
        typename Pool::options blocks{};
        blocks.block_size = wanted.handles ? home_offset + sizeof(void*) : sizeof(T);
        blocks.alignment = wanted.handles && alignof(T) < alignof(void*) ? alignof(void*) : alignof(T);
        blocks.initial_blocks = wanted.initial_blocks;
        blocks.maximum_blocks = wanted.maximum_blocks;
        blocks.blocks_per_slab = wanted.blocks_per_slab;
        blocks.magazine_blocks = wanted.magazine_blocks;
        blocks.growth = wanted.growth;
        blocks.source = wanted.source;
        blocks.checks = wanted.checks;
        blocks.stats = wanted.stats;
        blocks.zero_on_allocate = wanted.zero_on_allocate;
        blocks.erase_on_free = wanted.erase_on_free;
        blocks.sanitizers = wanted.sanitizers;
        blocks.order = wanted.order;
        blocks.trim = wanted.trim;
        blocks.adaptive = wanted.adaptive;
        blocks.name = wanted.name;
        blocks.on_exhaustion = wanted.on_exhaustion;
        if constexpr (requires { wanted.threads; }) blocks.threads = wanted.threads;
        return blocks;
    }

    void destroy_exactly(T* object) noexcept {
        if (is_destroying_all_ && pool_.owns(object)) {
            // Not freed yet: a handle elsewhere may still own it, and will find the pool through its block.
            if (pool_.retire(object)) object->~T();
            return;
        }
        if (pool_.is_live(object)) object->~T();
        pool_.deallocate(object);
    }

    [[nodiscard]] static void* home_of(T* object) noexcept {
        return reinterpret_cast<std::byte*>(object) + home_offset;
    }

    template<class... Args>
    T* construct(void* block, Args&&... args) {
        struct giving_back { // also without exceptions, where it does nothing
            Pool& pool;
            void* block;
            ~giving_back() {
                if (block != nullptr) pool.deallocate(block);
            }
        } guard{pool_, block};
        T* const object = ::new (block) T(std::forward<Args>(args)...);
        guard.block = nullptr;
        return object;
    }

    bool has_handles_;
    bool is_destroying_all_ = false;
    Pool pool_;
};

} // namespace engine

template<class T>
using object_pool = engine::basic_object_pool<T, fixed_pool>;

template<class T, class Pool>
void unique_handle<T, Pool>::reset() noexcept {
    using home = engine::basic_object_pool<T, Pool>;
    T* const object = release();
    if (object == nullptr) return;
    (*std::launder(static_cast<home**>(home::home_of(object))))->destroy(object);
}

} // namespace cenote::inline v0_1
