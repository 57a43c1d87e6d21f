// cenote: SPDX-License-Identifier: MIT
#include "c_common.hpp"

#include <initializer_list>

namespace cenote::inline v0_1::c {

cenote_status status_of(misuse kind) noexcept {
    switch (kind) {
    case misuse::foreign_pointer:
        return CENOTE_FOREIGN_POINTER;
    case misuse::interior_pointer:
        return CENOTE_INTERIOR_POINTER;
    case misuse::past_the_end:
        return CENOTE_PAST_THE_END;
    case misuse::never_allocated:
        return CENOTE_NEVER_ALLOCATED;
    case misuse::double_free:
        return CENOTE_DOUBLE_FREE;
    case misuse::wrong_size:
        return CENOTE_WRONG_SIZE;
    case misuse::not_quiet:
        return CENOTE_NOT_QUIET;
    case misuse::bad_mark:
        return CENOTE_BAD_MARK;
    case misuse::use_after_free:
        return CENOTE_USE_AFTER_FREE;
    }
    return CENOTE_BAD_ARGUMENT;
}

misuse misuse_of(cenote_status status) noexcept {
    for (const misuse kind :
         {misuse::interior_pointer, misuse::past_the_end, misuse::never_allocated, misuse::double_free,
          misuse::wrong_size, misuse::not_quiet, misuse::bad_mark, misuse::use_after_free}) {
        if (status_of(kind) == status) return kind;
    }
    return misuse::foreign_pointer;
}

const char* flaw_of(const cenote_memory& memory) noexcept {
    if (memory.buffer == nullptr && memory.buffer_bytes != 0) return "buffer_bytes without a buffer";
    if (memory.buffer != nullptr && memory.parent != nullptr)
        return "a buffer and a parent; give one of them";
    if (memory.parent != nullptr && lacks_functions(*memory.parent)) {
        return "the parent has no allocate or no deallocate";
    }
    return nullptr;
}

void* ground::find_place(const cenote_memory& memory, std::size_t bytes, std::size_t alignment) noexcept {
    if (memory.buffer != nullptr) {
        region all(memory.buffer, memory.buffer_bytes);
        return all.reserve({.bytes = bytes, .alignment = alignment});
    }
    if (memory.parent != nullptr) {
        return memory.parent->allocate(memory.parent->context, bytes, alignment, CENOTE_NONE);
    }
    return ::operator new(bytes, std::align_val_t{alignment}, std::nothrow);
}

void ground::give_back(const cenote_allocator& parent, void* place, std::size_t bytes,
                       std::size_t alignment) noexcept {
    if (parent.deallocate != nullptr) {
        (void)parent.deallocate(parent.context, place, bytes, alignment);
    } else {
        ::operator delete(place, std::align_val_t{alignment});
    }
}

bool asker::may_retry(unsigned tried, std::size_t requested) noexcept {
    if (how_.handler == nullptr) return false;
    const exhaustion_handler handler{[](void* self, const shortage& what) {
                                         const cenote_exhaustion& how = static_cast<asker*>(self)->how_;
                                         return how.handler(how.context, what.pool, what.requested) != 0;
                                     },
                                     this, how_.retries};
    return engine::may_retry(handler, tried, {.pool = name_, .requested = requested}, this);
}

void asker::die(std::size_t requested, const holdings& now) const noexcept {
    (void)abort_on_exhaustion(nullptr, {.pool = name_,
                                        .requested = requested,
                                        .live = now.live_bytes,
                                        .reserved = now.reserved_bytes,
                                        .limit = limit_});
    __builtin_unreachable();
}

// A retry that its handler has made pointless is no failure of the pool's.
void put_calls(cenote_stats& to, const std::optional<call_counts>& calls, std::uint64_t retried) noexcept {
    if (!calls) return;
    to.has_calls = 1;
    to.allocations = calls->allocations;
    to.deallocations = calls->deallocations;
    to.failures = calls->failures > retried ? calls->failures - retried : 0;
}

cenote_stats stats_of(const pool_stats& now, std::uint64_t retried) noexcept {
    cenote_stats result = CENOTE_STATS_INIT;
    result.live_bytes = now.live_bytes;
    result.reserved_bytes = now.reserved_bytes;
    result.live_blocks = now.live;
    result.free_blocks = now.cached + now.idle;
    result.blocks = now.blocks;
    result.peak_blocks = now.peak_live;
    put_calls(result, now.calls, retried);
    if (now.adapted) {
        result.has_adapted = 1;
        result.patience = now.adapted->patience;
        result.returns = now.adapted->returns;
        result.regrets = now.adapted->regrets;
    }
    return result;
}

} // namespace cenote::inline v0_1::c

extern "C" const char* cenote_status_text(cenote_status status) noexcept {
    switch (status) {
    case CENOTE_OK:
        return "it worked";
    case CENOTE_BAD_ARGUMENT:
        return "an argument is null or makes no sense";
    case CENOTE_BAD_OPTIONS:
        return "the options make no sense; ask for their flaw";
    case CENOTE_NO_MEMORY:
        return "out of memory, or a maximum is reached";
    case CENOTE_FOREIGN_POINTER:
        return "the pointer is not from this pool";
    case CENOTE_INTERIOR_POINTER:
        return "the pointer is inside a block, not its start";
    case CENOTE_PAST_THE_END:
        return "the pointer is right behind the last block";
    case CENOTE_NEVER_ALLOCATED:
        return "the block was never handed out";
    case CENOTE_DOUBLE_FREE:
        return "the block is free already";
    case CENOTE_WRONG_SIZE:
        return "the size is not that of the block";
    case CENOTE_NOT_QUIET:
        return "the pool is walked, or used by another thread";
    case CENOTE_BAD_MARK:
        return "the mark is of another arena, or behind where the arena stands";
    case CENOTE_USE_AFTER_FREE:
        return "a free block was written to";
    case CENOTE_STOPPED:
        return "the visitor ended the walk";
    case CENOTE_TIMED_OUT:
        return "nothing became free in time";
    case CENOTE_CLOSED:
        return "the pool is closed";
    }
    return "unknown status";
}
