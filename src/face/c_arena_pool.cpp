// cenote: SPDX-License-Identifier: MIT
#include <cenote/concurrent/arena_pool.hpp>

#include "c_arena.hpp"

#include <chrono>
#include <memory>

namespace {

using namespace cenote;

arena_pool_options options_of(const cenote_arena_pool_options& from, source* drawn) noexcept {
    arena_pool_options result;
    result.arenas = from.arenas;
    result.arena_size = from.arena_size;
    if (from.grows == 0 || from.memory.buffer != nullptr) result.growth = growth::none();
    if (from.maximum_bytes != 0) result.maximum_bytes = from.maximum_bytes;
    result.source = drawn;
    result.checks = from.unchecked == 0;
    result.zero_on_allocate = from.zero_on_allocate != 0;
    result.erase_on_free = from.erase_on_free != 0;
    result.stats = from.stats != 0;
    result.name = c::name_of(from.name);
    return result;
}

} // namespace

struct cenote_arena_pool {
    /// The handle of an arena on loan. Each arena has its own, as both count what was refused.
    struct lent_arena final : cenote_arena {
        lent_arena() noexcept : cenote_arena{nullptr, nullptr, true, 0} {}
        arena_pool::lease lease;
    };

    c::ground home;
    c::asker ask;
    budget limit; // of arenas and handles together
    arena_pool pool;

    cenote_arena_pool(const cenote_arena_pool_options& from, std::byte* rest) noexcept
        : home(from.memory, rest),
          ask(from.exhaustion, from.name, c::limit_of(from.maximum_bytes, from.memory)),
          limit(*home.from(), from.maximum_bytes != 0 ? from.maximum_bytes : unlimited),
          pool(options_of(from, &limit), unopened{}), counts_(from.stats != 0), count_(from.arenas) {}
    [[nodiscard]] bool try_open() noexcept {
        if (!pool.try_open()) return false;
        request_.bytes = base::rounded_up(count_ * sizeof(lent_arena), limit.granularity());
        request_.alignment = alignof(lent_arena);
        void* const place = limit.reserve(request_);
        if (place == nullptr || !limit.commit(place, request_.bytes)) {
            if (place != nullptr) limit.release(place, request_);
            return false;
        }
        handles_ = static_cast<lent_arena*>(place);
        for (std::size_t i = 0; i < count_; ++i) ::new (handles_ + i) lent_arena;
        return true;
    }
    ~cenote_arena_pool() {
        if (handles_ == nullptr) return;
        // The handles give their arenas back now, so that the pool would see no leak.
        const arena_pool_stats now = pool.stats();
        const std::size_t lent = now.arenas - now.free;
        if (lent != 0) base::report_leak({pool.name(), lent, lent * pool.arena_size()}, true);
        std::destroy_n(handles_, count_);
        limit.release(handles_, request_);
    }

    [[nodiscard]] cenote_arena* lend(arena_pool::lease&& lease) noexcept {
        const sync::holder here(lock_);
        lent_arena* const one = handles_ + lease.number();
        one->arena = &*lease;
        one->ask = &ask;
        one->lease = std::move(lease);
        ++calls_.allocations;
        return one;
    }
    [[nodiscard]] cenote_status take_back(cenote_arena* handle) noexcept {
        const std::size_t offset =
            reinterpret_cast<std::uintptr_t>(handle) - reinterpret_cast<std::uintptr_t>(handles_);
        if (offset >= count_ * sizeof(lent_arena) || offset % sizeof(lent_arena) != 0) {
            return CENOTE_FOREIGN_POINTER;
        }
        arena_pool::lease ended; // when the lock is free again: somebody may wait for it
        const sync::holder here(lock_);
        auto* const one = static_cast<lent_arena*>(handle);
        if (!one->lease) return CENOTE_DOUBLE_FREE;
        ended = std::move(one->lease);
        one->arena = nullptr; // somebody else's soon
        ++calls_.deallocations;
        return CENOTE_OK;
    }
    [[nodiscard]] cenote_status refuse(cenote_status why) noexcept {
        const sync::holder here(lock_);
        ++calls_.failures;
        return why;
    }
    [[nodiscard]] cenote_stats stats() noexcept {
        const arena_pool_stats now = pool.stats();
        cenote_stats result = CENOTE_STATS_INIT;
        result.live_blocks = now.arenas - now.free;
        result.free_blocks = now.free;
        result.blocks = now.arenas;
        result.peak_blocks = now.peak_out;
        result.live_bytes = result.live_blocks * pool.arena_size();
        result.peak_bytes = result.peak_blocks * pool.arena_size();
        result.reserved_bytes = limit.used();
        const sync::holder here(lock_);
        if (counts_) c::put_calls(result, calls_, 0);
        return result;
    }

private:
    bool counts_;
    source::request request_;
    std::size_t count_;
    lent_arena* handles_ = nullptr;
    sync::mutex lock_;
    call_counts calls_; // of arenas
};

namespace {

/// Lends what `get()` finds, which is false only when the pool is closed.
template<class Get>
cenote_status acquire(cenote_arena_pool* pool, cenote_arena** arena, const Get& get) noexcept {
    if (arena == nullptr) return CENOTE_BAD_ARGUMENT;
    *arena = nullptr;
    if (pool == nullptr) return CENOTE_BAD_ARGUMENT;
    arena_pool::lease lease;
    if (pool->pool.is_closed() || !get(pool->pool, lease)) return pool->refuse(CENOTE_CLOSED);
    if (!lease) return pool->refuse(CENOTE_TIMED_OUT);
    *arena = pool->lend(std::move(lease));
    return CENOTE_OK;
}

} // namespace

extern "C" {

const char* cenote_arena_pool_flaw(const cenote_arena_pool_options* options) noexcept {
    if (options == nullptr) return "there are no options";
    if (options->struct_size != sizeof(cenote_arena_pool_options)) {
        return "struct_size is wrong; start from CENOTE_ARENA_POOL_OPTIONS_INIT";
    }
    if (const char* const flaw = c::flaw_of(options->memory)) return flaw;
    return options_of(*options, nullptr).flaw();
}

std::size_t cenote_arena_pool_required_bytes(const cenote_arena_pool_options* options) noexcept {
    if (cenote_arena_pool_flaw(options) != nullptr) return 0;
    std::size_t bytes = 0;
    const char* const flaw = arena_pool::try_required_bytes(options_of(*options, nullptr), bytes);
    std::size_t handles = 0;
    using lent_arena = cenote_arena_pool::lent_arena;
    const bool fits =
        base::multiply(options->arenas, sizeof(lent_arena), handles) && base::add(bytes, handles, bytes) &&
        base::add(bytes, sizeof(cenote_arena_pool) + alignof(cenote_arena_pool) + alignof(lent_arena), bytes);
    return flaw == nullptr && fits ? bytes : 0;
}

cenote_status cenote_arena_pool_create(const cenote_arena_pool_options* options,
                                       cenote_arena_pool** pool) noexcept {
    if (pool == nullptr) return CENOTE_BAD_ARGUMENT;
    *pool = nullptr;
    if (cenote_arena_pool_flaw(options) != nullptr) return CENOTE_BAD_OPTIONS;
    return c::create(*options, pool);
}

void cenote_arena_pool_destroy(cenote_arena_pool* pool) noexcept {
    if (pool != nullptr) c::ground::end(pool);
}

cenote_status cenote_arena_pool_acquire(cenote_arena_pool* pool, cenote_arena** arena) noexcept {
    return acquire(pool, arena, [](arena_pool& of, arena_pool::lease& into) {
        return of.acquire_until(std::chrono::steady_clock::time_point::max(), into);
    });
}

cenote_status cenote_arena_pool_try_acquire(cenote_arena_pool* pool, cenote_arena** arena) noexcept {
    return acquire(pool, arena, [](arena_pool& of, arena_pool::lease& into) {
        into = of.try_acquire();
        return true;
    });
}

cenote_status cenote_arena_pool_acquire_within(cenote_arena_pool* pool, unsigned long long nanoseconds,
                                               cenote_arena** arena) noexcept {
    constexpr unsigned long long most = 1ull << 62; // centuries: as good as for ever
    const std::chrono::nanoseconds length(nanoseconds < most ? nanoseconds : most);
    return acquire(pool, arena,
                   [&](arena_pool& of, arena_pool::lease& into) { return of.acquire_for(length, into); });
}

cenote_status cenote_arena_pool_release(cenote_arena_pool* pool, cenote_arena* arena) noexcept {
    return pool != nullptr && arena != nullptr ? pool->take_back(arena) : CENOTE_BAD_ARGUMENT;
}

cenote_status cenote_arena_pool_close(cenote_arena_pool* pool) noexcept {
    if (pool == nullptr) return CENOTE_BAD_ARGUMENT;
    pool->pool.close();
    return CENOTE_OK;
}

std::size_t cenote_arena_pool_trim(cenote_arena_pool* pool) noexcept {
    return pool != nullptr ? pool->pool.trim() : 0;
}

std::size_t cenote_arena_pool_free_arenas(cenote_arena_pool* pool) noexcept {
    return pool != nullptr ? pool->pool.stats().free : 0;
}

cenote_status cenote_arena_pool_stats(cenote_arena_pool* pool, cenote_stats* stats) noexcept {
    if (pool == nullptr || !c::is_ours(stats)) return CENOTE_BAD_ARGUMENT;
    *stats = pool->stats();
    return CENOTE_OK;
}

} // extern "C"
