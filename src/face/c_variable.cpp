// cenote: SPDX-License-Identifier: MIT
#include <cenote/concurrent/locked.hpp>
#include <cenote/pool/variable_pool.hpp>

#include "c_common.hpp"

#include <algorithm>
#include <memory>

namespace {

using namespace cenote;

variable_pool_options options_of(const cenote_variable_options& from, source* drawn) noexcept {
    static constexpr fit fits[] = {fit::good, fit::best, fit::first};
    variable_pool_options result;
    result.initial_bytes = from.initial_bytes;
    if (from.maximum_bytes != 0) result.maximum_bytes = from.maximum_bytes;
    result.grow_size = from.grow_size;
    result.fit = fits[from.fit];
    result.tolerance_percent = from.tolerance_percent;
    result.source = drawn;
    result.checks = from.checks != 0;
    result.stats = from.stats != 0;
    result.zero_on_allocate = from.zero_on_allocate != 0;
    result.erase_on_free = from.erase_on_free != 0;
    result.trim = from.manual_trim != 0 ? trim::manual : trim::automatic;
    result.name = c::name_of(from.name);
    return result;
}

// The address tells threads apart.
constinit thread_local char this_thread = 0;

} // namespace

struct cenote_variable {
    c::ground home;
    c::asker ask;
    bool is_shared;
    bool counts;
    std::size_t peak_bytes = 0;                // where it counts
    sync::atomic<const void*> walker{nullptr}; // the thread that is in `walk`
    variable_pool* walked = nullptr;           // its pool
    unsigned walks = 0;                        // one in another
    union {
        variable_pool alone;
        locked<variable_pool> shared;
    };

    cenote_variable(const cenote_variable_options& from, std::byte* rest) noexcept
        : home(from.memory, rest),
          ask(from.exhaustion, from.name, c::limit_of(from.maximum_bytes, from.memory)),
          is_shared(from.thread_safe != 0), counts(from.stats != 0) {
        const variable_pool_options wanted = options_of(from, home.from());
        if (is_shared) {
            ::new (&shared) locked<variable_pool>(wanted, unopened{});
        } else {
            ::new (&alone) variable_pool(wanted, unopened{});
        }
    }
    ~cenote_variable() { is_shared ? std::destroy_at(&shared) : std::destroy_at(&alone); }

    /// Calls `use` with the pool, locked where it is shared. A visitor's thread has locked it already.
    template<class Use>
    decltype(auto) with(const Use& use) {
        if (!is_shared) return use(alone);
        return is_walked_here() ? use(*walked) : shared.with(use);
    }
    template<class Use>
    decltype(auto) with(const Use& use) const {
        if (!is_shared) return use(alone);
        return is_walked_here() ? use(*walked) : shared.with(use);
    }
    // What another thread stores there is never this thread's.
    [[nodiscard]] bool is_walked_here() const noexcept {
        return walker.load(sync::memory_order_relaxed) == &this_thread;
    }
    /// Under the lock: `visit` may use the handle, on this thread.
    template<class Visit>
    void walk(variable_pool& pool, const Visit& visit) {
        const void* const before = walker.load(sync::memory_order_relaxed);
        walked = &pool;
        ++walks;
        walker.store(&this_thread, sync::memory_order_relaxed);
        pool.for_each(visit);
        walker.store(before, sync::memory_order_relaxed);
        --walks;
    }
    /// A block that `get` finds, if it finds one.
    template<class Get>
    [[nodiscard]] void* take(const Get& get) noexcept {
        return with([&](variable_pool& pool) -> void* {
            void* const block = get(pool);
            if (counts && block != nullptr) peak_bytes = std::max(peak_bytes, pool.stats().live_bytes);
            return block;
        });
    }
    [[nodiscard]] c::asker::holdings holdings() const noexcept {
        return with([](const auto& pool) { return c::asker::of(pool); });
    }
    [[nodiscard]] bool try_open() noexcept {
        return with([](variable_pool& pool) { return pool.try_open(); });
    }
};

namespace {

using pool_type = variable_pool;

void* variable_allocate(void* context, std::size_t size, std::size_t alignment, unsigned options) noexcept {
    return cenote_variable_allocate_with(static_cast<cenote_variable*>(context), size, alignment, options);
}

// Not live is answered with null, and nobody else is told.
void* reallocate(cenote_variable& pool, void* block, std::size_t size, std::size_t alignment,
                 unsigned options) noexcept {
    const auto get = [&] {
        const misuse_trap not_live;
        return pool.take([&](pool_type& of) {
            return of.is_live(block) ? of.try_reallocate(block, size, alignment) : nullptr;
        });
    };
    if (void* const moved = get()) return moved;
    if (!cenote_variable_is_live(&pool, block) || !c::is_alignment(alignment)) return nullptr;
    return pool.ask.insist(get, size, options, [&] { return pool.holdings(); });
}

void* variable_reallocate(void* context, void* block, std::size_t old_size, std::size_t new_size,
                          std::size_t alignment, unsigned options) noexcept {
    auto& pool = *static_cast<cenote_variable*>(context);
    if (block == nullptr) return variable_allocate(context, new_size, alignment, options);
    void* const moved = reallocate(pool, block, new_size, alignment, options);
    if (moved != nullptr) c::zero_tail(moved, old_size, new_size, options);
    return moved;
}

// A block that could not be made smaller, for lack of memory, is larger than its size.
cenote_status variable_deallocate(void* context, void* block, std::size_t size,
                                  std::size_t /*alignment*/) noexcept {
    auto& pool = *static_cast<cenote_variable*>(context);
    return c::judged([&] {
        pool.with([&](pool_type& of) {
            const std::size_t has = of.size_of(block); // 0 for what is not live
            has != 0 && size > has ? of.deallocate(block, size) : of.deallocate(block);
        });
    });
}

cenote_status variable_stats(void* context, cenote_stats* stats) noexcept {
    return cenote_variable_stats(static_cast<cenote_variable*>(context), stats);
}

} // namespace

extern "C" {

const char* cenote_variable_flaw(const cenote_variable_options* options) noexcept {
    if (options == nullptr) return "there are no options";
    if (options->struct_size != sizeof(cenote_variable_options)) {
        return "struct_size is wrong; start from CENOTE_VARIABLE_OPTIONS_INIT";
    }
    if (options->fit < CENOTE_FIT_GOOD || options->fit > CENOTE_FIT_FIRST) return "fit is none of the three";
    if (const char* const flaw = c::flaw_of(options->memory)) return flaw;
    return options_of(*options, nullptr).flaw();
}

std::size_t cenote_variable_required_bytes(const cenote_variable_options* options) noexcept {
    if (cenote_variable_flaw(options) != nullptr) return 0;
    std::size_t bytes = 0;
    const char* const flaw = variable_pool::try_required_bytes(options_of(*options, nullptr), bytes);
    const bool fits = base::add(bytes, sizeof(cenote_variable) + alignof(cenote_variable), bytes);
    return flaw == nullptr && fits ? bytes : 0;
}

cenote_status cenote_variable_create(const cenote_variable_options* options,
                                     cenote_variable** pool) noexcept {
    if (pool == nullptr) return CENOTE_BAD_ARGUMENT;
    *pool = nullptr;
    if (cenote_variable_flaw(options) != nullptr) return CENOTE_BAD_OPTIONS;
    return c::create(*options, pool);
}

void cenote_variable_destroy(cenote_variable* pool) noexcept {
    if (pool != nullptr) c::ground::end(pool);
}

void* cenote_variable_allocate(cenote_variable* pool, std::size_t size) noexcept {
    return cenote_variable_allocate_with(pool, size, variable_pool::default_alignment, CENOTE_NONE);
}

void* cenote_variable_allocate_with(cenote_variable* pool, std::size_t size, std::size_t alignment,
                                    unsigned options) noexcept {
    if (pool == nullptr || !c::is_alignment(alignment)) return nullptr;
    const auto get = [&] {
        return pool->take([&](pool_type& of) { return of.try_allocate(size, alignment); });
    };
    void* block = get();
    if (block == nullptr) block = pool->ask.insist(get, size, options, [&] { return pool->holdings(); });
    if (block != nullptr) c::zero_tail(block, 0, size, options);
    return block;
}

void* cenote_variable_reallocate(cenote_variable* pool, void* block, std::size_t size) noexcept {
    if (pool == nullptr) return nullptr;
    if (block == nullptr) return cenote_variable_allocate(pool, size);
    return reallocate(*pool, block, size, 1, CENOTE_NONE);
}

cenote_status cenote_variable_free(cenote_variable* pool, void* block) noexcept {
    if (pool == nullptr) return CENOTE_BAD_ARGUMENT;
    return c::judged([&] { pool->with([&](pool_type& of) { of.deallocate(block); }); });
}

cenote_status cenote_variable_free_sized(cenote_variable* pool, void* block, std::size_t size) noexcept {
    if (pool == nullptr) return CENOTE_BAD_ARGUMENT;
    return c::judged([&] { pool->with([&](pool_type& of) { of.deallocate(block, size); }); });
}

std::size_t cenote_variable_size_of(const cenote_variable* pool, const void* block) noexcept {
    return pool != nullptr ? pool->with([&](const pool_type& of) { return of.size_of(block); }) : 0;
}

int cenote_variable_is_live(const cenote_variable* pool, const void* pointer) noexcept {
    return pool != nullptr && pool->with([&](const pool_type& of) { return of.is_live(pointer); });
}

cenote_status cenote_variable_for_each(cenote_variable* pool,
                                       int (*visit)(void* context, void* block, std::size_t size),
                                       void* context) noexcept {
    if (pool == nullptr || visit == nullptr) return CENOTE_BAD_ARGUMENT;
    cenote_status result = CENOTE_OK;
    pool->with([&](pool_type& of) {
        pool->walk(of, [&](void* block, std::size_t size) {
            if (visit(context, block, size) == 0) result = CENOTE_STOPPED;
            return result == CENOTE_OK;
        });
    });
    return result;
}

cenote_status cenote_variable_reset(cenote_variable* pool) noexcept {
    if (pool == nullptr) return CENOTE_BAD_ARGUMENT;
    return pool->with([&](pool_type& of) {
        if (pool->walks != 0) return CENOTE_NOT_QUIET;
        of.reset();
        return CENOTE_OK;
    });
}

std::size_t cenote_variable_trim(cenote_variable* pool) noexcept {
    return pool != nullptr ? pool->with([](pool_type& of) { return of.trim(); }) : 0;
}

std::size_t cenote_variable_largest_free(const cenote_variable* pool) noexcept {
    return pool != nullptr ? pool->with([](const pool_type& of) { return of.largest_free(); }) : 0;
}

double cenote_variable_fragmentation(const cenote_variable* pool) noexcept {
    return pool != nullptr ? pool->with([](const pool_type& of) { return of.fragmentation(); }) : 0;
}

cenote_status cenote_variable_stats(const cenote_variable* pool, cenote_stats* stats) noexcept {
    if (pool == nullptr || !c::is_ours(stats)) return CENOTE_BAD_ARGUMENT;
    pool->with([&](const pool_type& of) {
        *stats = c::stats_of(of.stats(), pool->ask.retried());
        stats->peak_bytes = pool->peak_bytes;
    });
    return CENOTE_OK;
}

cenote_allocator cenote_variable_allocator(cenote_variable* pool) noexcept {
    if (pool == nullptr) return {};
    return {pool, variable_allocate, variable_reallocate, variable_deallocate, variable_stats};
}

} // extern "C"
