// cenote: SPDX-License-Identifier: MIT
#include <cenote/concurrent/concurrent_pool.hpp>
#include <cenote/pool/fixed_pool.hpp>

#include "c_common.hpp"

#include <memory>

namespace {

using namespace cenote;

growth growth_of(const cenote_fixed_options& from) noexcept {
    switch (from.growth) {
    case CENOTE_GROWTH_NONE:
        return growth::none();
    case CENOTE_GROWTH_CONSTANT:
        return growth::constant(from.growth_blocks);
    case CENOTE_GROWTH_GEOMETRIC:
        break;
    }
    return growth::geometric(from.growth_factor, from.growth_blocks != 0 ? from.growth_blocks : unlimited);
}

hand_out order_of(cenote_hand_out from) noexcept {
    switch (from) {
    case CENOTE_OLDEST:
        return hand_out::oldest;
    case CENOTE_LOWEST_ADDRESS:
        return hand_out::lowest_address;
    case CENOTE_MOST_RECENT:
        break;
    }
    return hand_out::most_recent;
}

concurrent_pool_options options_of(const cenote_fixed_options& from, source* drawn) noexcept {
    concurrent_pool_options result;
    result.block_size = from.block_size;
    if (from.alignment != 0) result.alignment = from.alignment;
    result.initial_blocks = from.initial_blocks;
    if (from.maximum_blocks != 0) result.maximum_blocks = from.maximum_blocks;
    result.blocks_per_slab = from.blocks_per_slab;
    result.magazine_blocks = from.magazine_blocks;
    result.growth = growth_of(from);
    result.source = drawn;
    result.checks = from.unchecked == 0;
    result.stats = from.stats != 0;
    result.zero_on_allocate = from.zero_on_allocate != 0;
    result.erase_on_free = from.erase_on_free != 0;
    result.adaptive = from.adaptive != 0;
    result.order = order_of(from.order);
    result.trim = from.manual_trim != 0 ? trim::manual : trim::automatic;
    result.name = c::name_of(from.name);
    result.threads = from.threads;
    return result;
}

// As the pool says it: of blocks.
std::size_t limit_of(const cenote_fixed_options& from) noexcept {
    std::size_t bytes = 0;
    const bool fits = base::multiply(from.maximum_blocks, from.block_size, bytes);
    return c::limit_of(fits ? bytes : unlimited, from.memory);
}

} // namespace

struct cenote_fixed {
    c::ground home;
    c::asker ask;
    bool is_shared;
    bool is_unchecked;
    sync::atomic<std::uint64_t> unfit{0}; // requests that no block holds: the pool has not seen them
    union {
        fixed_pool alone;
        concurrent_pool shared;
    };

    cenote_fixed(const cenote_fixed_options& from, std::byte* rest) noexcept
        : home(from.memory, rest), ask(from.exhaustion, from.name, limit_of(from)),
          is_shared(from.thread_safe != 0), is_unchecked(from.unchecked != 0) {
        const concurrent_pool_options wanted = options_of(from, home.from());
        if (is_shared) {
            ::new (&shared) concurrent_pool(wanted, unopened{});
        } else {
            ::new (&alone) fixed_pool(wanted.to_fixed(), unopened{});
        }
    }
    ~cenote_fixed() { is_shared ? std::destroy_at(&shared) : std::destroy_at(&alone); }

    /// Calls `use` with the pool that it is.
    template<class Use>
    decltype(auto) with(const Use& use) {
        return is_shared ? use(shared) : use(alone);
    }
    template<class Use>
    decltype(auto) with(const Use& use) const {
        return is_shared ? use(shared) : use(alone);
    }
    [[nodiscard]] bool try_open() noexcept {
        return with([](auto& pool) { return pool.try_open(); });
    }
    [[nodiscard]] void* try_allocate() noexcept {
        if (!is_shared) return alone.try_allocate();
        return is_unchecked ? shared.try_allocate() : try_allocate_trapped();
    }
    CENOTE_NOINLINE void* try_allocate_trapped() noexcept {
        const misuse_trap during_a_walk; // there is no code to tell it by
        return shared.try_allocate();
    }
    CENOTE_NOINLINE void* allocate_slow(unsigned options) noexcept {
        return ask.insist([this] { return try_allocate(); },
                          with([](auto& pool) { return pool.block_size(); }), options,
                          [this] { return holdings(); });
    }
    void refuse_unfit(std::size_t size, unsigned options) noexcept {
        unfit.fetch_add(1, sync::memory_order_relaxed);
        if ((options & CENOTE_NO_FAIL) != 0) ask.die(size, holdings());
    }
    [[nodiscard]] c::asker::holdings holdings() const noexcept {
        return with([](const auto& pool) { return c::asker::of(pool); });
    }
    void deallocate(void* block) noexcept { is_shared ? shared.deallocate(block) : alone.deallocate(block); }
    cenote_status deallocate_exactly(void* block) noexcept {
        if (!is_shared && alone.try_deallocate(block)) [[likely]]
            return CENOTE_OK;
        return deallocate_judged(block);
    }
    CENOTE_NOINLINE cenote_status deallocate_judged(void* block) noexcept {
        if (block == nullptr) return CENOTE_OK;
        return c::judged([&] { deallocate(block); });
    }
};

namespace {

void* fixed_allocate(void* context, std::size_t size, std::size_t alignment, unsigned options) noexcept {
    cenote_fixed& pool = *static_cast<cenote_fixed*>(context);
    const bool fits = pool.with(
        [&](auto& of) { return size <= of.block_size() && c::is_alignment(alignment, of.alignment()); });
    void* block = nullptr;
    if (fits) {
        block = pool.try_allocate();
        if (block == nullptr) block = pool.allocate_slow(options);
    } else if (c::is_alignment(alignment)) {
        pool.refuse_unfit(size, options);
    }
    if (block != nullptr) c::zero_tail(block, 0, size, options);
    return block;
}

void* fixed_reallocate(void* context, void* block, std::size_t old_size, std::size_t new_size,
                       std::size_t alignment, unsigned options) noexcept {
    if (block == nullptr) return fixed_allocate(context, new_size, alignment, options);
    cenote_fixed& pool = *static_cast<cenote_fixed*>(context);
    if (!c::is_alignment(alignment) || old_size > cenote_fixed_block_size(&pool)) return nullptr;
    if (!pool.is_unchecked && cenote_fixed_is_live(&pool, block) == 0) return nullptr;
    const bool fits =
        pool.with([&](auto& of) { return new_size <= of.block_size() && alignment <= of.alignment(); });
    if (fits) {
        c::zero_tail(block, old_size, new_size, options);
    } else {
        pool.refuse_unfit(new_size, options);
    }
    return fits ? block : nullptr;
}

cenote_status fixed_deallocate(void* context, void* block, std::size_t size,
                               std::size_t /*alignment*/) noexcept {
    auto* const pool = static_cast<cenote_fixed*>(context);
    if (block != nullptr && size > cenote_fixed_block_size(pool)) return CENOTE_WRONG_SIZE;
    return cenote_fixed_free(pool, block);
}

cenote_status fixed_stats(void* context, cenote_stats* stats) noexcept {
    return cenote_fixed_stats(static_cast<cenote_fixed*>(context), stats);
}

} // namespace

extern "C" {

const char* cenote_fixed_flaw(const cenote_fixed_options* options) noexcept {
    if (options == nullptr) return "there are no options";
    if (options->struct_size != sizeof(cenote_fixed_options)) {
        return "struct_size is wrong; start from CENOTE_FIXED_OPTIONS_INIT";
    }
    if (options->growth < CENOTE_GROWTH_GEOMETRIC || options->growth > CENOTE_GROWTH_NONE) {
        return "growth is none of the three";
    }
    if (options->order < CENOTE_MOST_RECENT || options->order > CENOTE_LOWEST_ADDRESS) {
        return "order is none of the three";
    }
    if (const char* const flaw = c::flaw_of(options->memory)) return flaw;
    const concurrent_pool_options wanted = options_of(*options, nullptr);
    return options->thread_safe != 0 ? wanted.flaw() : wanted.to_fixed().flaw();
}

std::size_t cenote_fixed_required_bytes(const cenote_fixed_options* options) noexcept {
    if (cenote_fixed_flaw(options) != nullptr) return 0;
    std::size_t bytes = 0;
    const concurrent_pool_options wanted = options_of(*options, nullptr);
    const char* const flaw = options->thread_safe != 0
                                 ? concurrent_pool::try_required_bytes(wanted, bytes)
                                 : fixed_pool::try_required_bytes(wanted.to_fixed(), bytes);
    const bool fits = base::add(bytes, sizeof(cenote_fixed) + alignof(cenote_fixed), bytes);
    return flaw == nullptr && fits ? bytes : 0;
}

cenote_status cenote_fixed_create(const cenote_fixed_options* options, cenote_fixed** pool) noexcept {
    if (pool == nullptr) return CENOTE_BAD_ARGUMENT;
    *pool = nullptr;
    if (cenote_fixed_flaw(options) != nullptr) return CENOTE_BAD_OPTIONS;
    return c::create(*options, pool);
}

void cenote_fixed_destroy(cenote_fixed* pool) noexcept {
    if (pool != nullptr) c::ground::end(pool);
}

void* cenote_fixed_allocate(cenote_fixed* pool) noexcept {
    if (pool == nullptr) return nullptr;
    if (void* const block = pool->try_allocate()) [[likely]]
        return block;
    return pool->allocate_slow(CENOTE_NONE);
}

void* cenote_fixed_allocate_zeroed(cenote_fixed* pool) noexcept {
    void* const block = cenote_fixed_allocate(pool);
    return block != nullptr ? std::memset(block, 0, cenote_fixed_block_size(pool)) : nullptr;
}

cenote_status cenote_fixed_free(cenote_fixed* pool, void* block) noexcept {
    if (pool == nullptr) return CENOTE_BAD_ARGUMENT;
    if (!pool->is_unchecked || block == nullptr) return pool->deallocate_exactly(block);
    pool->deallocate(block);
    return CENOTE_OK;
}

cenote_status cenote_fixed_allocate_many(cenote_fixed* pool, void** blocks, std::size_t count) noexcept {
    if (pool == nullptr || (blocks == nullptr && count != 0)) return CENOTE_BAD_ARGUMENT;
    const auto get = [&] {
        const misuse_trap during_a_walk; // there is no code to tell it by
        return pool->with([&](auto& of) { return of.try_allocate_n(blocks, count); });
    };
    std::size_t bytes = unlimited;
    (void)base::multiply(count, cenote_fixed_block_size(pool), bytes);
    return get() || pool->ask.insist(get, bytes, CENOTE_NONE, [&] { return pool->holdings(); })
               ? CENOTE_OK
               : CENOTE_NO_MEMORY;
}

cenote_status cenote_fixed_free_many(cenote_fixed* pool, void* const* blocks, std::size_t count) noexcept {
    if (pool == nullptr || (blocks == nullptr && count != 0)) return CENOTE_BAD_ARGUMENT;
    cenote_status first = CENOTE_OK;
    for (std::size_t i = 0; i < count; ++i) {
        const cenote_status one = cenote_fixed_free(pool, blocks[i]);
        if (first == CENOTE_OK) first = one;
    }
    return first;
}

int cenote_fixed_owns(const cenote_fixed* pool, const void* pointer) noexcept {
    return pool != nullptr && pool->with([&](auto& of) { return of.owns(pointer); });
}

int cenote_fixed_is_live(const cenote_fixed* pool, const void* pointer) noexcept {
    return pool != nullptr && pool->with([&](auto& of) { return of.is_live(pointer); });
}

cenote_status cenote_fixed_for_each(cenote_fixed* pool, int (*visit)(void* context, void* block),
                                    void* context) noexcept {
    if (pool == nullptr || visit == nullptr) return CENOTE_BAD_ARGUMENT;
    cenote_status result = CENOTE_OK;
    pool->with([&](auto& of) {
        of.for_each([&](void* block) {
            if (visit(context, block) == 0) result = CENOTE_STOPPED;
            return result == CENOTE_OK;
        });
    });
    return result;
}

cenote_status cenote_fixed_reset(cenote_fixed* pool) noexcept {
    if (pool == nullptr) return CENOTE_BAD_ARGUMENT;
    return c::judged([&] { pool->with([](auto& of) { of.reset(); }); });
}

std::size_t cenote_fixed_trim(cenote_fixed* pool) noexcept {
    if (pool == nullptr) return 0;
    return pool->is_shared ? pool->shared.trim().returned_bytes : pool->alone.trim();
}

std::size_t cenote_fixed_block_size(const cenote_fixed* pool) noexcept {
    return pool != nullptr ? pool->with([](auto& of) { return of.block_size(); }) : 0;
}

cenote_status cenote_fixed_stats(const cenote_fixed* pool, cenote_stats* stats) noexcept {
    if (pool == nullptr || !c::is_ours(stats)) return CENOTE_BAD_ARGUMENT;
    *stats = c::stats_of(pool->with([](auto& of) { return of.stats(); }), pool->ask.retried());
    stats->peak_bytes = stats->peak_blocks * cenote_fixed_block_size(pool);
    if (stats->has_calls != 0) stats->failures += pool->unfit.load(sync::memory_order_relaxed);
    return CENOTE_OK;
}

cenote_allocator cenote_fixed_allocator(cenote_fixed* pool) noexcept {
    if (pool == nullptr) return {};
    return {pool, fixed_allocate, fixed_reallocate, fixed_deallocate, fixed_stats};
}

} // extern "C"
