// cenote: SPDX-License-Identifier: MIT
//
// Any pool of one thread behind a lock, for threads that share it seldom: no caches, no thread-local table,
// every count exact at once. A call costs the pool's and a lock's, some 10 ns when nobody waits. `with` runs
// several calls as one, and what has no verb here, under the lock. The exhaustion handler runs without it, so
// that others may come in between; the misuse handler, which may not use the pool anyway, and the source run
// under it. A child of `fork` can use the pool.
#pragma once

#include <cenote/concurrent/crew.hpp>
#include <cenote/pool/options.hpp>

#include <cstddef>
#include <type_traits>
#include <utility>

namespace cenote::inline v0_1 {

template<class Pool>
class locked {
public:
    using options = typename Pool::options;

    /// Constructs the pool. Throws as that does.
    constexpr explicit locked(const options& wanted = {})
        : on_exhaustion_(wanted.on_exhaustion), pool_(with_handler(wanted)) {
        is_made_ = true;
    }
    constexpr explicit locked(defaults) : locked(options{}) {}
    /// As the pool, which then waits for its `try_open()`.
    constexpr locked(const options& wanted, unopened)
        : on_exhaustion_(wanted.on_exhaustion), pool_(with_handler(wanted), unopened{}) {
        is_made_ = true;
    }
    ~locked() { engine::leave_registry(lock_); }
    locked(const locked&) = delete;
    locked& operator=(const locked&) = delete;

    /// Calls `use(Pool&)` with the lock held, and returns what that returns.
    template<class Use> // no concept: it would try a generic lambda on a const pool too
    decltype(auto) with(Use&& use) {
        const hold here(*this);
        return std::forward<Use>(use)(pool_);
    }
    template<class Use>
    decltype(auto) with(Use&& use) const {
        const hold here(*this);
        return std::forward<Use>(use)(pool_);
    }

    // The pool's verbs, those that it has.

    template<class... Args>
    [[nodiscard]] auto allocate(Args&&... args) -> decltype(std::declval<Pool&>().allocate(args...)) {
        const hold here(*this);
        return pool_.allocate(as_size(args)...);
    }
    template<class... Args>
    [[nodiscard]] auto try_allocate(Args&&... args) noexcept
        -> decltype(std::declval<Pool&>().try_allocate(args...)) {
        const hold here(*this);
        return pool_.try_allocate(as_size(args)...);
    }
    template<class... Args>
    auto deallocate(Args&&... args) noexcept -> decltype(std::declval<Pool&>().deallocate(args...)) {
        const hold here(*this);
        return pool_.deallocate(as_size(args)...);
    }
    template<class... Args>
    auto allocate_n(Args&&... args) -> decltype(std::declval<Pool&>().allocate_n(args...)) {
        const hold here(*this);
        return pool_.allocate_n(as_size(args)...);
    }
    template<class... Args>
    [[nodiscard]] auto try_allocate_n(Args&&... args) noexcept
        -> decltype(std::declval<Pool&>().try_allocate_n(args...)) {
        const hold here(*this);
        return pool_.try_allocate_n(as_size(args)...);
    }
    template<class... Args>
    auto deallocate_n(Args&&... args) noexcept -> decltype(std::declval<Pool&>().deallocate_n(args...)) {
        const hold here(*this);
        return pool_.deallocate_n(as_size(args)...);
    }
    [[nodiscard]] bool owns(const void* pointer) const noexcept
        requires requires(const Pool& pool) { pool.owns(pointer); }
    {
        const hold here(*this);
        return pool_.owns(pointer);
    }
    [[nodiscard]] bool is_live(const void* pointer) const noexcept
        requires requires(const Pool& pool) { pool.is_live(pointer); }
    {
        const hold here(*this);
        return pool_.is_live(pointer);
    }
    void reset() noexcept
        requires requires(Pool& pool) { pool.reset(); }
    {
        const hold here(*this);
        pool_.reset();
    }
    auto trim() noexcept -> decltype(std::declval<Pool&>().trim()) {
        const hold here(*this);
        return pool_.trim();
    }
    [[nodiscard]] pool_stats stats() const noexcept {
        const hold here(*this);
        return pool_.stats();
    }
    [[nodiscard]] bool is_valid() const noexcept {
        const hold here(*this);
        return pool_.is_valid();
    }

    // These never change.

    [[nodiscard]] const char* name() const noexcept { return pool_.name(); }
    [[nodiscard]] std::size_t block_size() const noexcept
        requires requires(const Pool& pool) { pool.block_size(); }
    {
        return pool_.block_size();
    }
    [[nodiscard]] std::size_t alignment() const noexcept
        requires requires(const Pool& pool) { pool.alignment(); }
    {
        return pool_.alignment();
    }
    /// As of the pool.
    [[nodiscard]] static std::size_t required_bytes(const options& wanted)
        requires requires { Pool::required_bytes(wanted); }
    {
        return Pool::required_bytes(wanted);
    }

private:
    // A caller's numbers are sizes, whatever their type.
    template<class T>
    [[nodiscard]] static constexpr auto as_size(T value) noexcept {
        if constexpr (std::is_integral_v<T>) {
            return static_cast<std::size_t>(value);
        } else {
            return value;
        }
    }
    // A pool's handler may use it, so at that point the pool is ready for any thread.
    static bool handle(void* self, const shortage& what) {
        auto& here = *static_cast<locked*>(self);
        struct opened {         // also when the handler throws
            engine::crew* lock; // null in the constructor, which holds none
            explicit opened(engine::crew* held) : lock(held) {
                if (lock != nullptr) lock->unlock();
            }
            ~opened() {
                if (lock != nullptr) lock->lock();
            }
        } const opening(here.is_made_ ? &here.lock_ : nullptr);
        return here.on_exhaustion_.call(here.on_exhaustion_.context, what);
    }
    [[nodiscard]] constexpr options with_handler(options wanted) noexcept {
        if (wanted.on_exhaustion.call != nullptr) {
            wanted.on_exhaustion.call = &locked::handle;
            wanted.on_exhaustion.context = this;
        }
        return wanted;
    }

    // A fork takes it too, so that the child can go on.
    class [[nodiscard]] hold {
    public:
        explicit hold(const locked& of) noexcept : lock_(of.lock_) {
            if (!lock_.is_listed()) [[unlikely]]
                engine::enter_registry(lock_);
            lock_.lock();
        }
        hold(const hold&) = delete;
        hold& operator=(const hold&) = delete;
        ~hold() { lock_.unlock(); }

    private:
        engine::crew& lock_;
    };

    mutable engine::crew lock_; // nobody joins it
    bool is_made_ = false;
    exhaustion_handler on_exhaustion_;
    Pool pool_;
};

} // namespace cenote::inline v0_1
