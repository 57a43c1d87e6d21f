// cenote: SPDX-License-Identifier: MIT
#include <cenote/face/default_resource.hpp>
#include <cenote/face/direct_resource.hpp>

#include "c_common.hpp"

namespace {

using namespace cenote;

memory_options options_of(unsigned options) noexcept {
    memory_options result = memory_options::none;
    if ((options & CENOTE_ZERO) != 0) result = result | memory_options::zero;
    if ((options & CENOTE_NO_FAIL) != 0) result = result | memory_options::no_fail;
    return result;
}

// A resource of C++ for C.

void* resource_allocate(void* context, std::size_t size, std::size_t alignment, unsigned options) noexcept {
    return static_cast<memory_resource*>(context)->try_allocate(size, alignment, options_of(options));
}
void* resource_reallocate(void* context, void* block, std::size_t old_size, std::size_t new_size,
                          std::size_t alignment, unsigned options) noexcept {
    auto& face = *static_cast<memory_resource*>(context);
    void* found = nullptr;
    misuse_report first{};
    unsigned reports = 0;
    {
        const misuse_trap told;
        found = face.try_reallocate(block, old_size, new_size, alignment, options_of(options));
        reports = told.count();
        if (reports != 0) first = told.first();
    }
    // That of this block is answered with null. A pool that judges when it flushes tells of what was freed
    // before: there is no code for that.
    if (reports != 0 && (found != nullptr || first.pointer != block)) base::report_misuse(first);
    return found;
}
cenote_status resource_deallocate(void* context, void* block, std::size_t size,
                                  std::size_t alignment) noexcept {
    if (block == nullptr) return CENOTE_OK; // std::pmr takes none
    return c::judged([&] { static_cast<memory_resource*>(context)->deallocate(block, size, alignment); });
}

cenote_status resource_stats(void* context, cenote_stats* stats) noexcept {
    if (!c::is_ours(stats)) return CENOTE_BAD_ARGUMENT;
    const memory_stats now = static_cast<memory_resource*>(context)->stats();
    *stats = CENOTE_STATS_INIT;
    stats->live_bytes = now.live_bytes;
    stats->peak_bytes = now.peak_bytes.value_or(0);
    stats->reserved_bytes = now.reserved_bytes;
    c::put_calls(*stats, now.calls, 0);
    return CENOTE_OK;
}

cenote_allocator allocator_of(memory_resource& of) noexcept {
    return {&of, resource_allocate, resource_reallocate, resource_deallocate, resource_stats};
}

// An allocator of C for C++.
class foreign_resource final : public memory_resource {
public:
    explicit foreign_resource(const cenote_allocator& of) noexcept
        : memory_resource({.name = "C allocator"}), of_(of) {}
    [[nodiscard]] const cenote_allocator& original() const noexcept { return of_; }

private:
    [[nodiscard]] void* take(std::size_t size, std::size_t alignment) noexcept override {
        return of_.allocate(of_.context, size, alignment, CENOTE_NONE);
    }
    [[nodiscard]] void* take_zeroed(std::size_t size, std::size_t alignment) noexcept override {
        return of_.allocate(of_.context, size, alignment, CENOTE_ZERO);
    }
    void give(void* block, std::size_t size, std::size_t alignment) noexcept override {
        const cenote_status status = of_.deallocate(of_.context, block, size, alignment);
        if (status != CENOTE_OK) base::report_misuse({c::misuse_of(status), name(), block, 0});
    }
    [[nodiscard]] levels look() const noexcept override {
        cenote_stats now = CENOTE_STATS_INIT;
        const bool says = cenote_allocator_stats(&of_, &now) == CENOTE_OK;
        return says ? levels{now.live_bytes, now.reserved_bytes} : levels{};
    }

    cenote_allocator of_;
};

bool operator==(const cenote_allocator& a, const cenote_allocator& b) noexcept {
    return a.context == b.context && a.allocate == b.allocate && a.reallocate == b.reallocate &&
           a.deallocate == b.deallocate && a.stats == b.stats;
}

// The defaults that C has ever set. None ends or becomes another: pools, containers and scopes may go on
// drawing from it when others are set, its thread has ended, or the process ends.
struct kept_default {
    kept_default(const cenote_allocator& of, kept_default* before) noexcept : as(of), next(before) {}
    foreign_resource as;
    kept_default* next;
};
constinit sync::atomic<kept_default*> newest{nullptr};

template<class Test>
kept_default* find(const Test& is_it) noexcept {
    kept_default* at = newest.load(sync::memory_order_acquire);
    while (at != nullptr && !is_it(at->as)) at = at->next;
    return at;
}

// Null when there is no memory for it. Two threads may both be the first to keep one: that harms nothing.
memory_resource* keep(const cenote_allocator& allocator) noexcept {
    kept_default* one = find([&](const foreign_resource& at) { return at.original() == allocator; });
    if (one != nullptr) return &one->as;
    one = new (std::nothrow) kept_default(allocator, newest.load(sync::memory_order_acquire));
    if (one == nullptr) return nullptr;
    while (!newest.compare_exchange_weak(one->next, one, sync::memory_order_acq_rel)) {
    }
    return &one->as;
}

cenote_status set(const cenote_allocator* allocator,
                  memory_resource* (*put)(memory_resource* resource) noexcept) noexcept {
    if (allocator != nullptr && c::lacks_functions(*allocator)) return CENOTE_BAD_ARGUMENT;
    memory_resource* const resource = allocator != nullptr ? keep(*allocator) : nullptr;
    if (allocator != nullptr && resource == nullptr) return CENOTE_NO_MEMORY;
    (void)put(resource);
    return CENOTE_OK;
}

} // namespace

extern "C" {

cenote_allocator cenote_heap_allocator(void) noexcept {
    return allocator_of(heap_resource());
}

cenote_allocator cenote_pages_allocator(void) noexcept {
    return allocator_of(pages_resource());
}

// What C has set comes back as it was, whoever set it in between.
cenote_allocator cenote_default_allocator(void) noexcept {
    memory_resource& now = default_resource();
    const kept_default* const set_by_c = find([&](const foreign_resource& at) { return &at == &now; });
    return set_by_c != nullptr ? set_by_c->as.original() : allocator_of(now);
}

cenote_status cenote_set_process_allocator(const cenote_allocator* allocator) noexcept {
    return set(allocator, set_process_resource);
}

cenote_status cenote_set_thread_allocator(const cenote_allocator* allocator) noexcept {
    return set(allocator, set_thread_resource);
}

void* cenote_allocate(const cenote_allocator* from, std::size_t size, std::size_t alignment,
                      unsigned options) noexcept {
    if (from == nullptr || from->allocate == nullptr || !c::is_alignment(alignment)) return nullptr;
    return from->allocate(from->context, size, alignment, options);
}

void* cenote_reallocate(const cenote_allocator* from, void* block, std::size_t old_size, std::size_t new_size,
                        std::size_t alignment, unsigned options) noexcept {
    if (from == nullptr || from->reallocate == nullptr || !c::is_alignment(alignment)) return nullptr;
    return from->reallocate(from->context, block, old_size, new_size, alignment, options);
}

cenote_status cenote_deallocate(const cenote_allocator* from, void* block, std::size_t size,
                                std::size_t alignment) noexcept {
    if (from == nullptr || from->deallocate == nullptr || !c::is_alignment(alignment)) {
        return CENOTE_BAD_ARGUMENT;
    }
    return from->deallocate(from->context, block, size, alignment);
}

cenote_status cenote_allocator_stats(const cenote_allocator* of, cenote_stats* stats) noexcept {
    if (of == nullptr || of->stats == nullptr || !c::is_ours(stats)) return CENOTE_BAD_ARGUMENT;
    return of->stats(of->context, stats);
}

} // extern "C"
