// cenote: SPDX-License-Identifier: MIT
#include "c_arena.hpp"

#include <type_traits>

namespace {

using namespace cenote;

static_assert(sizeof(cenote_mark) >= sizeof(arena_mark) && std::is_trivially_copyable_v<arena_mark>);

arena_options options_of(const cenote_arena_options& from, source* drawn) noexcept {
    arena_options result;
    result.chunk_size = from.chunk_size;
    if (from.maximum_bytes != 0) result.maximum_bytes = from.maximum_bytes;
    result.source = drawn;
    result.checks = from.unchecked == 0;
    result.stats = from.stats != 0;
    result.zero_on_allocate = from.zero_on_allocate != 0;
    result.erase_on_free = from.erase_on_free != 0;
    result.name = c::name_of(from.name);
    return result;
}

// An arena and its handle. Of a caller's buffer the arena takes all that is behind the handle, and no more.
struct owned_arena final : cenote_arena {
    c::ground home;
    c::asker caller;
    cenote::arena own;

    owned_arena(const cenote_arena_options& from, std::byte* rest) noexcept
        : cenote_arena{&own, &caller, false, 0}, home(from.memory, rest),
          caller(from.exhaustion, from.name, c::limit_of(from.maximum_bytes, from.memory)),
          own(placed(from, home, rest)) {}

    [[nodiscard]] static bool try_open() noexcept { return true; } // memory comes with the first call

    static arena_options placed(const cenote_arena_options& from, c::ground& home, std::byte* rest) noexcept {
        arena_options result = options_of(from, home.from());
        if (from.memory.buffer == nullptr) return result;
        result.buffer = rest;
        result.buffer_bytes = home.from()->available();
        result.maximum_bytes = 0;
        return result;
    }
};

void* arena_allocate(void* context, std::size_t size, std::size_t alignment, unsigned options) noexcept {
    return cenote_arena_allocate_with(static_cast<cenote_arena*>(context), size, alignment, options);
}

void* arena_reallocate(void* context, void* block, std::size_t old_size, std::size_t new_size,
                       std::size_t alignment, unsigned options) noexcept {
    if (block == nullptr) return arena_allocate(context, new_size, alignment, options);
    auto& handle = *static_cast<cenote_arena*>(context);
    if (!cenote_arena::is_usable(&handle) || !c::is_alignment(alignment) || !handle.arena->owns(block))
        return nullptr;
    bool is_wrong = false; // what is not as it is said to be is answered with null, and nobody else is told
    const auto get = [&]() -> void* {
        const misuse_trap trap;
        void* const found = handle.arena->try_reallocate(block, old_size, new_size, alignment);
        is_wrong = trap.count() != 0;
        return is_wrong ? nullptr : found;
    };
    void* moved = get();
    if (is_wrong) return nullptr;
    if (moved == nullptr) moved = handle.insist(get, new_size, options);
    if (moved != nullptr) c::zero_tail(moved, old_size, new_size, options);
    return moved;
}

cenote_status arena_deallocate(void* context, void* block, std::size_t size,
                               std::size_t /*alignment*/) noexcept {
    return cenote_arena_free(static_cast<cenote_arena*>(context), block, size);
}

cenote_status stats_of_arena(void* context, cenote_stats* stats) noexcept {
    return cenote_arena_stats(static_cast<cenote_arena*>(context), stats);
}

} // namespace

extern "C" {

const char* cenote_arena_flaw(const cenote_arena_options* options) noexcept {
    if (options == nullptr) return "there are no options";
    if (options->struct_size != sizeof(cenote_arena_options)) {
        return "struct_size is wrong; start from CENOTE_ARENA_OPTIONS_INIT";
    }
    if (const char* const flaw = c::flaw_of(options->memory)) return flaw;
    return options_of(*options, nullptr).flaw();
}

cenote_status cenote_arena_create(const cenote_arena_options* options, cenote_arena** arena) noexcept {
    if (arena == nullptr) return CENOTE_BAD_ARGUMENT;
    *arena = nullptr;
    if (cenote_arena_flaw(options) != nullptr) return CENOTE_BAD_OPTIONS;
    if (options->memory.buffer != nullptr &&
        options->memory.buffer_bytes < sizeof(owned_arena) + alignof(owned_arena)) {
        return CENOTE_NO_MEMORY;
    }
    owned_arena* made = nullptr;
    const cenote_status status = c::create(*options, &made);
    if (status == CENOTE_OK) *arena = made;
    return status;
}

cenote_status cenote_arena_destroy(cenote_arena* arena) noexcept {
    if (arena == nullptr) return CENOTE_OK;
    if (arena->is_lent) return CENOTE_BAD_ARGUMENT;
    c::ground::end(static_cast<owned_arena*>(arena));
    return CENOTE_OK;
}

void* cenote_arena_allocate(cenote_arena* arena, std::size_t size, std::size_t alignment) noexcept {
    return cenote_arena_allocate_with(arena, size, alignment, CENOTE_NONE);
}

void* cenote_arena_allocate_with(cenote_arena* arena, std::size_t size, std::size_t alignment,
                                 unsigned options) noexcept {
    if (!cenote_arena::is_usable(arena) || !c::is_alignment(alignment)) return nullptr;
    const auto get = [&] { return arena->arena->try_allocate(size, alignment); };
    void* block = get();
    if (block == nullptr) [[unlikely]]
        block = arena->insist(get, size, options);
    if (block != nullptr) c::zero_tail(block, 0, size, options);
    return block;
}

cenote_status cenote_arena_free(cenote_arena* arena, void* block, std::size_t size) noexcept {
    if (!cenote_arena::is_usable(arena)) return CENOTE_BAD_ARGUMENT;
    return c::judged([&] { arena->arena->deallocate(block, size); });
}

cenote_status cenote_arena_mark(cenote_arena* arena, cenote_mark* mark) noexcept {
    if (!cenote_arena::is_usable(arena) || mark == nullptr) return CENOTE_BAD_ARGUMENT;
    arena_mark here;
    if (!arena->arena->try_mark(here)) return CENOTE_NO_MEMORY;
    std::memcpy(mark, &here, sizeof here);
    return CENOTE_OK;
}

cenote_status cenote_arena_rewind(cenote_arena* arena, const cenote_mark* mark) noexcept {
    if (!cenote_arena::is_usable(arena) || mark == nullptr) return CENOTE_BAD_ARGUMENT;
    arena_mark there;
    std::memcpy(static_cast<void*>(&there), mark, sizeof there);
    return c::judged([&] { arena->arena->rewind(there); });
}

cenote_status cenote_arena_reset(cenote_arena* arena) noexcept {
    if (!cenote_arena::is_usable(arena)) return CENOTE_BAD_ARGUMENT;
    return c::judged([&] { arena->arena->reset(); });
}

std::size_t cenote_arena_trim(cenote_arena* arena) noexcept {
    return cenote_arena::is_usable(arena) ? arena->arena->trim() : 0;
}

int cenote_arena_owns(const cenote_arena* arena, const void* pointer) noexcept {
    return cenote_arena::is_usable(arena) && arena->arena->owns(pointer);
}

cenote_status cenote_arena_stats(const cenote_arena* arena, cenote_stats* stats) noexcept {
    if (!cenote_arena::is_usable(arena) || !c::is_ours(stats)) return CENOTE_BAD_ARGUMENT;
    const arena_stats now = arena->arena->stats();
    *stats = CENOTE_STATS_INIT;
    stats->live_bytes = now.live_bytes;
    stats->peak_bytes = now.peak_bytes;
    stats->held_bytes = now.held_bytes;
    stats->reserved_bytes = now.reserved_bytes;
    c::put_calls(*stats, now.calls, arena->retried);
    return CENOTE_OK;
}

cenote_allocator cenote_arena_allocator(cenote_arena* arena) noexcept {
    if (!cenote_arena::is_usable(arena)) return {};
    return {arena, arena_allocate, arena_reallocate, arena_deallocate, stats_of_arena};
}

} // extern "C"
