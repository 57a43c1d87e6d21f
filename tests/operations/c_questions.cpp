// cenote: SPDX-License-Identifier: MIT
//
// What the C face answers beside the blocks of the map: calls of a pool's own, questions, refusals.
#include <cenote/base/misuse_trap.hpp>
#include <cenote/face/default_resource.hpp>
#include <cenote/face/memory_resource.hpp>

#include "operations/c_run.hpp"

#include <algorithm>
#include <array>
#include <cstring>

namespace cenote::test {
namespace {

bool are_zero(const void* block, std::size_t bytes) {
    const auto* const begin = static_cast<const std::byte*>(block);
    return std::all_of(begin, begin + bytes, [](std::byte b) { return b == std::byte{}; });
}

// A parent that a handle must not be made with.
cenote_allocator without_functions() {
    return {};
}

// A value that C lets through.
template<class Enumeration>
void put_unknown(Enumeration& to) {
    static_assert(sizeof to == sizeof(int));
    constexpr int unknown = 3;
    std::memcpy(&to, &unknown, sizeof to);
}

template<class Options, class Handle, class Flaw, class Create>
void refuse(const Options& bad, Handle* none, Flaw flaw, Create create) {
    require(flaw(&bad) != nullptr, "bad options have no flaw");
    require(create(&bad, &none) == CENOTE_BAD_OPTIONS && none == nullptr, "bad options are taken");
}

} // namespace

// Straight from the handle, in and out again at once.
void c_run::call_directly(operation how) {
    if (kind_ == kind::arena) return mark_and_rewind(how);
    if (!is_fixed()) {
        void* block = cenote_variable_allocate(variable_, size_of(how));
        if (block == nullptr) return;
        require(cenote_variable_size_of(variable_, block) >= size_of(how), "a block is smaller than asked");
        if (void* const moved = cenote_variable_reallocate(variable_, block, how.which * 7u)) block = moved;
        require(cenote_variable_free_sized(variable_, block, cenote_variable_size_of(variable_, block)) ==
                    CENOTE_OK,
                "a sized free is refused");
        gone_.clear(); // starts of blocks that are inside others now
        return;
    }
    if (void* const zeroed = cenote_fixed_allocate_zeroed(fixed_)) {
        require(are_zero(zeroed, block_size_), "a zeroed block is not");
        require(cenote_fixed_owns(fixed_, zeroed) == 1, "a live block is not owned");
        require(cenote_fixed_free(fixed_, zeroed) == CENOTE_OK, "a live block cannot be freed");
        gone_.push_back(zeroed);
    }
    std::array<void*, 40> some{};
    const std::size_t count = how.amount % (some.size() + 1);
    if (cenote_fixed_allocate_many(fixed_, some.data(), count) != CENOTE_OK) return;
    for (std::size_t i = 0; i < count; ++i) std::memset(some[i], 0x3c, block_size_);
    if (count != 0 && how.which % 2 == 0) some[count / 2] = &some; // the others are freed nevertheless
    const cenote_status status = cenote_fixed_free_many(fixed_, some.data(), count);
    const bool has_foreign = count != 0 && how.which % 2 == 0;
    require((status == CENOTE_OK) == !has_foreign, "a batch is not answered as it is");
    if (has_foreign) { // the one that was left out
        const walk_for_strangers found = strangers();
        require(found.count == 1, "a batch with a bad pointer lost others");
        require(cenote_fixed_free(fixed_, found.last) == CENOTE_OK, "a live block cannot be freed");
    }
}

c_run::walk_for_strangers c_run::strangers() {
    struct state {
        const block_ledger* live;
        walk_for_strangers found;
    } now{&live_, {}};
    const auto visit = [](void* context, void* block) {
        auto& at = *static_cast<state*>(context);
        if (at.live->holds(block)) return 1;
        ++at.found.count;
        at.found.last = block;
        return 1;
    };
    require(cenote_fixed_for_each(fixed_, visit, &now) == CENOTE_OK, "a walk is refused");
    return now.found;
}

void c_run::mark_and_rewind(operation how) {
    cenote_mark here;
    if (cenote_arena_mark(arena_, &here) != CENOTE_OK) return;
    cenote_stats before = CENOTE_STATS_INIT; // the mark itself counts
    require(cenote_arena_stats(arena_, &before) == CENOTE_OK, "no statistics");
    for (int i = 0; i < how.which % 5; ++i) {
        void* const block = cenote_arena_allocate(arena_, how.amount % 3000u + 1, 16);
        if (block == nullptr) break;
        std::memset(block, 0x3c, how.amount % 3000u + 1);
        require(cenote_arena_owns(arena_, block) == 1, "what an arena handed out it does not own");
    }
    require(cenote_arena_rewind(arena_, &here) == CENOTE_OK, "a rewind to the last mark is refused");
    cenote_stats after = CENOTE_STATS_INIT;
    require(cenote_arena_stats(arena_, &after) == CENOTE_OK, "no statistics");
    require(after.live_bytes == before.live_bytes, "a rewind does not lead back to where the mark was");
    if (how.which % 4 == 0) {
        cenote_mark foreign;
        std::memset(&foreign, 0x41, sizeof foreign);
        require(cenote_arena_rewind(arena_, &foreign) == CENOTE_BAD_MARK, "a foreign mark is taken");
    }
}

// Answers that nothing depends on, and that must be given nevertheless.
void c_run::question(operation how) {
    for (int status = CENOTE_OK; status <= CENOTE_CLOSED; ++status) {
        const char* const text = cenote_status_text(static_cast<cenote_status>(status));
        require(text != nullptr && *text != '\0', "a status has no text");
    }
    const block_ledger::entry* const one = live_.empty() ? nullptr : &live_[how.amount % live_.size()];
    if (kind_ == kind::arena) {
        if (one != nullptr) require(cenote_arena_owns(arena_, one->data) == 1, "a live block is not owned");
        require(cenote_arena_owns(arena_, &how) == 0, "foreign memory is owned");
        return;
    }
    if (is_fixed()) {
        require(cenote_fixed_owns(fixed_, &how) == 0, "foreign memory is owned");
        require(cenote_fixed_block_size(fixed_) >= block_size_, "blocks are smaller than asked");
        return;
    }
    if (one != nullptr)
        require(cenote_variable_size_of(variable_, one->data) >= one->size, "a live block is too small");
    require(cenote_variable_size_of(variable_, &how) == 0, "foreign memory has a size");
    const double fragmentation = cenote_variable_fragmentation(variable_);
    require(fragmentation >= 0 && fragmentation <= 1, "fragmentation is no share");
    require(cenote_variable_largest_free(variable_) <= strict_.reserved(), "more is free than there is");
}

void c_run::ask_with_nothing() {
    cenote_fixed* fixed = nullptr;
    cenote_fixed_options equal = CENOTE_FIXED_OPTIONS_INIT;
    equal.block_size = 64;
    require(cenote_fixed_create(nullptr, &fixed) != CENOTE_OK, "no options are taken");
    require(cenote_fixed_create(&equal, nullptr) == CENOTE_BAD_ARGUMENT, "no handle is taken");
    require(cenote_fixed_allocate(nullptr) == nullptr && cenote_fixed_allocate_zeroed(nullptr) == nullptr,
            "no pool has a block");
    require(cenote_fixed_free(nullptr, &equal) == CENOTE_BAD_ARGUMENT, "no pool takes a block");
    require(cenote_fixed_allocate_many(nullptr, nullptr, 0) == CENOTE_BAD_ARGUMENT, "no pool has blocks");
    require(cenote_variable_allocate(nullptr, 1) == nullptr, "no pool has a block");
    require(cenote_variable_free(nullptr, &equal) == CENOTE_BAD_ARGUMENT, "no pool takes a block");
    require(cenote_arena_allocate(nullptr, 1, 1) == nullptr, "no arena has a block");
    require(cenote_arena_free(nullptr, &equal, 1) == CENOTE_BAD_ARGUMENT, "no arena takes a block");
    const cenote_allocator none = without_functions();
    for (int which = 0; which < 4; ++which) {
        cenote_fixed_options bad = equal;
        if (which == 0) bad.struct_size = 3;
        if (which == 1) put_unknown(bad.growth);
        if (which == 2) put_unknown(bad.order);
        if (which == 3) bad.memory.parent = &none;
        refuse(bad, fixed, cenote_fixed_flaw, cenote_fixed_create);
    }
    cenote_variable_options any = CENOTE_VARIABLE_OPTIONS_INIT;
    cenote_variable* variable = nullptr;
    any.struct_size = 3;
    refuse(any, variable, cenote_variable_flaw, cenote_variable_create);
    cenote_arena_options scratch = CENOTE_ARENA_OPTIONS_INIT;
    cenote_arena* arena = nullptr;
    scratch.struct_size = 3;
    refuse(scratch, arena, cenote_arena_flaw, cenote_arena_create);
}

// A handle in a buffer of the caller's, beside the one that the program works with.
void c_run::work_in_a_buffer(operation how) {
    std::vector<std::max_align_t> memory(4096);
    const std::size_t most = memory.size() * sizeof memory[0];
    cenote_fixed_options equal = CENOTE_FIXED_OPTIONS_INIT;
    equal.block_size = 1 + how.which;
    equal.maximum_blocks = 1 + how.amount % 50;
    equal.thread_safe = how.which % 2;
    equal.growth = how.which % 4 < 2 ? CENOTE_GROWTH_NONE : CENOTE_GROWTH_CONSTANT;
    equal.growth_blocks = 5;
    if (how.which % 2 == 0) equal.order = static_cast<cenote_hand_out>(how.amount % 3);
    const std::size_t needed = cenote_fixed_required_bytes(&equal);
    if (needed != 0 && needed <= most) {
        equal.memory.buffer = memory.data();
        equal.memory.buffer_bytes = needed;
        cenote_fixed* pool = nullptr;
        require(cenote_fixed_create(&equal, &pool) == CENOTE_OK, "the required bytes do not do");
        std::vector<void*> blocks;
        while (void* const block = cenote_fixed_allocate(pool)) {
            std::memset(block, 0x3c, equal.block_size);
            blocks.push_back(block);
        }
        require(blocks.size() <= equal.maximum_blocks, "more blocks than the maximum");
        for (void* const block : blocks) require(cenote_fixed_free(pool, block) == CENOTE_OK, "a free fails");
        cenote_fixed_destroy(pool);
    }
    cenote_variable_options any = CENOTE_VARIABLE_OPTIONS_INIT;
    any.initial_bytes = how.amount % 8000u;
    any.grow_size = 0;
    const std::size_t wanted = cenote_variable_required_bytes(&any);
    if (wanted != 0 && wanted <= most) {
        any.memory.buffer = memory.data();
        any.memory.buffer_bytes = wanted;
        cenote_variable* pool = nullptr;
        require(cenote_variable_create(&any, &pool) == CENOTE_OK, "the required bytes do not do");
        void* const block = cenote_variable_allocate(pool, any.initial_bytes / 4);
        if (block != nullptr) require(cenote_variable_free(pool, block) == CENOTE_OK, "a free fails");
        cenote_variable_destroy(pool);
    }
    cenote_arena_options scratch = CENOTE_ARENA_OPTIONS_INIT;
    scratch.memory.buffer = memory.data();
    scratch.memory.buffer_bytes = how.amount % (most + 1);
    cenote_arena* arena = nullptr;
    if (cenote_arena_create(&scratch, &arena) == CENOTE_OK) {
        for (int i = 0; i < 300; ++i) {
            void* const block = cenote_arena_allocate(arena, 1 + how.which, 8);
            if (block == nullptr) break;
            std::memset(block, 0x3c, 1 + how.which);
        }
        require(cenote_arena_destroy(arena) == CENOTE_OK, "an arena cannot be destroyed");
    }
}

// The allocators that need no handle, and this program's own face as default.
void c_run::use_the_defaults(operation how) {
    for (const cenote_allocator& one : {cenote_heap_allocator(), cenote_pages_allocator()}) {
        const std::size_t size = how.amount % 5000u;
        void* block = cenote_allocate(&one, size, 16, CENOTE_ZERO);
        require(block != nullptr && are_zero(block, size), "a zeroed block is not");
        void* const moved = cenote_reallocate(&one, block, size, size + how.which, 16, CENOTE_NONE);
        require(moved != nullptr, "the heap has no memory");
        require(cenote_deallocate(&one, moved, size + how.which, 16) == CENOTE_OK, "a free fails");
        require(cenote_deallocate(&one, nullptr, 1, 1) == CENOTE_OK, "null cannot be freed");
        cenote_stats now = CENOTE_STATS_INIT;
        require(cenote_allocator_stats(&one, &now) == CENOTE_OK,
                "the heap and pages do not tell what they count");
        require(now.live_bytes <= now.peak_bytes || now.peak_bytes == 0, "more is live than ever was");
    }
    if (is_fixed()) return;
    cenote_set_thread_allocator(&face_);
    cenote_set_process_allocator(how.which % 2 == 0 ? &face_ : nullptr);
    const cenote_allocator now = cenote_default_allocator();
    for (const unsigned wish : {unsigned{CENOTE_NONE}, unsigned{CENOTE_ZERO}}) {
        if (void* const block = cenote_allocate(&now, 100, 8, wish)) {
            if (wish == CENOTE_ZERO) require(are_zero(block, 100), "a zeroed block is not");
            require(cenote_deallocate(&now, block, 100, 8) == CENOTE_OK, "a free fails");
        }
    }
    memory_resource& from_cpp = default_resource();
    if (void* const block = from_cpp.try_allocate(64, 8)) {
        from_cpp.deallocate(block, 64, 8);
        const misuse_trap told; // what C answers with a code, C++ is told
        from_cpp.deallocate(how.which % 4 < 2 ? block : &from_cpp, 64, 8);
        require(told.count() == 1, "misuse of a default of C is not told, or not once");
    }
    (void)from_cpp.stats();
    cenote_set_thread_allocator(nullptr);
    cenote_set_process_allocator(nullptr);
    gone_.clear();
}

// Arenas on loan: each has one holder, and none is lost.
void c_run::lend_arenas(operation how) {
    cenote_arena_pool_options wanted = CENOTE_ARENA_POOL_OPTIONS_INIT;
    wanted.arenas = 1 + how.which % 3;
    wanted.arena_size = 64 + how.amount % 2000;
    wanted.grows = how.amount % 2;
    wanted.stats = 1;
    require(cenote_arena_pool_flaw(&wanted) == nullptr, "good options have a flaw");
    std::vector<std::byte> buffer;
    if (how.amount % 3 == 0) {
        buffer.resize(cenote_arena_pool_required_bytes(&wanted));
        wanted.memory.buffer = buffer.data();
        wanted.memory.buffer_bytes = buffer.size();
    }
    cenote_arena_pool* pool = nullptr;
    require(cenote_arena_pool_create(&wanted, &pool) == CENOTE_OK, "a pool of arenas cannot be made");
    std::array<cenote_arena*, 3> lent{};
    for (std::size_t i = 0; i < wanted.arenas; ++i) {
        const cenote_status got = i == 0   ? cenote_arena_pool_acquire(pool, &lent[i])
                                  : i == 1 ? cenote_arena_pool_try_acquire(pool, &lent[i])
                                           : cenote_arena_pool_acquire_within(pool, 1000, &lent[i]);
        require(got == CENOTE_OK && std::find(lent.begin(), &lent[i], lent[i]) == &lent[i],
                "two hold an arena");
        const cenote_allocator face = cenote_arena_allocator(lent[i]);
        if (void* const block = cenote_allocate(&face, how.amount % 900, 16, CENOTE_ZERO)) {
            require(are_zero(block, how.amount % 900), "a zeroed block is not");
            require(cenote_deallocate(&face, block, how.amount % 900, 16) == CENOTE_OK, "a free fails");
        }
    }
    cenote_arena* none = lent[0];
    require(cenote_arena_pool_acquire_within(pool, 1, &none) == CENOTE_TIMED_OUT && none == nullptr,
            "there is one arena more than there are");
    require(cenote_arena_pool_release(pool, lent[0]) == CENOTE_OK, "an arena is not taken back");
    require(cenote_arena_pool_release(pool, lent[0]) == CENOTE_DOUBLE_FREE, "an arena is taken back twice");
    require(cenote_arena_pool_free_arenas(pool) == 1, "an arena that is back is not free");
    (void)cenote_arena_pool_trim(pool);
    cenote_stats now = CENOTE_STATS_INIT;
    require(cenote_arena_pool_stats(pool, &now) == CENOTE_OK && now.live_bytes <= now.peak_bytes,
            "more is on loan than ever was");
    require(cenote_arena_pool_close(pool) == CENOTE_OK, "a pool cannot be closed");
    require(cenote_arena_pool_acquire(pool, &none) == CENOTE_CLOSED, "a closed pool lends");
    for (std::size_t i = 1; i < wanted.arenas; ++i)
        require(cenote_arena_pool_release(pool, lent[i]) == CENOTE_OK, "a closed pool takes nothing back");
    cenote_arena_pool_destroy(pool);
}

// A pool that asks before it refuses.
void c_run::exhaust(operation how) {
    struct help {
        int asked = 0;
        int most;
    } with{0, how.which / 2 % 4}; // it is called with even ones
    cenote_fixed_options equal = CENOTE_FIXED_OPTIONS_INIT;
    equal.block_size = 16;
    equal.maximum_blocks = 1;
    equal.adaptive = how.which / 8 % 2;
    equal.exhaustion.context = &with;
    equal.exhaustion.retries = 2;
    equal.exhaustion.handler = [](void* context, const char*, std::size_t) {
        auto& at = *static_cast<help*>(context);
        return ++at.asked <= at.most ? 1 : 0;
    };
    cenote_fixed* pool = nullptr;
    if (cenote_fixed_create(&equal, &pool) != CENOTE_OK) return;
    void* const only = cenote_fixed_allocate(pool);
    require(only != nullptr, "a pool of one block has none");
    require(cenote_fixed_allocate(pool) == nullptr, "a pool of one block has two");
    require(with.asked >= 1 && with.asked <= 3, "the handler is not asked as often as it was told");
    cenote_stats now = CENOTE_STATS_INIT;
    require(cenote_fixed_stats(pool, &now) == CENOTE_OK, "no statistics");
    require(now.has_adapted == equal.adaptive, "statistics of learning where nothing is learnt");
    require(cenote_fixed_free(pool, only) == CENOTE_OK, "a live block cannot be freed");
    require(cenote_fixed_free(pool, only) == CENOTE_DOUBLE_FREE, "a block is freed twice");
    cenote_fixed_destroy(pool);
}

} // namespace cenote::test
