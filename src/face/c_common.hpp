// cenote: SPDX-License-Identifier: MIT
//
// What all handles of the C face share: where they stand, what they draw from, whom they ask when they are
// exhausted, and how a call that may throw or report misuse becomes a code.
#pragma once

#include <cenote/base/arith.hpp>
#include <cenote/base/misuse_trap.hpp>
#include <cenote/base/sync.hpp>
#include <cenote/face/c_allocator.h>
#include <cenote/face/c_arena.h>
#include <cenote/face/c_arena_pool.h>
#include <cenote/face/c_fixed.h>
#include <cenote/face/c_status.h>
#include <cenote/face/c_variable.h>
#include <cenote/face/memory_resource.hpp>
#include <cenote/pool/options.hpp>
#include <cenote/source/os_pages.hpp>
#include <cenote/source/region.hpp>

#include <cstring>
#include <new>

namespace cenote::inline v0_1::c {

/// The code for a kind of misuse.
[[nodiscard]] cenote_status status_of(misuse kind) noexcept;
/// The kind of misuse for the code of a free; that of a pointer nobody knows where there is no other.
[[nodiscard]] misuse misuse_of(cenote_status status) noexcept;

/// Calls `use()`, and says with a code what it reported of misuse.
template<class Use>
[[nodiscard]] cenote_status judged(const Use& use) noexcept {
    misuse_trap trap;
    use();
    return trap.count() == 0 ? CENOTE_OK : status_of(trap.first().kind);
}

/// What every allocator must have.
[[nodiscard]] inline bool lacks_functions(const cenote_allocator& one) noexcept {
    return one.allocate == nullptr || one.deallocate == nullptr;
}

/// What is wrong with the parts of options that all pools share, or null.
[[nodiscard]] const char* flaw_of(const cenote_memory& memory) noexcept;
/// The most bytes that a pool can take: its maximum, or its buffer.
[[nodiscard]] inline std::size_t limit_of(std::size_t maximum_bytes, const cenote_memory& memory) noexcept {
    if (maximum_bytes != 0) return maximum_bytes;
    return memory.buffer != nullptr ? memory.buffer_bytes : unlimited;
}
[[nodiscard]] inline const char* name_of(const char* name) noexcept {
    return name != nullptr ? name : "unnamed";
}

/// An allocator of the C face as a source.
class drawn_source final : public source {
public:
    explicit drawn_source(const cenote_allocator* parent) noexcept {
        if (parent != nullptr) parent_ = *parent;
    }
    [[nodiscard]] void* reserve(const request& wanted) noexcept override {
        return parent_.allocate(parent_.context, wanted.bytes, wanted.alignment, CENOTE_NONE);
    }
    void release(void* region, const request& given) noexcept override {
        (void)parent_.deallocate(parent_.context, region, given.bytes, given.alignment);
    }
    [[nodiscard]] const cenote_allocator& parent() const noexcept { return parent_; }

private:
    cenote_allocator parent_{};
};

/// Where a handle stands and what its pool draws from. `rest` is where the handle ends.
class ground {
public:
    ground(const cenote_memory& memory, std::byte* rest) noexcept
        : drawn_(memory.parent), buffer_(rest, bytes_behind(memory, rest)) {
        if (memory.buffer != nullptr) {
            from_ = &buffer_;
        } else if (memory.parent != nullptr) {
            from_ = &drawn_;
        }
    }
    [[nodiscard]] source* from() noexcept { return from_; }

    /// Room for a handle, or null.
    [[nodiscard]] static void* find_place(const cenote_memory& memory, std::size_t bytes,
                                          std::size_t alignment) noexcept;
    /// Destructs the handle and gives back its place.
    template<class Handle>
    static void end(Handle* handle) noexcept {
        const bool is_in_buffer = handle->home.from_ == &handle->home.buffer_;
        const cenote_allocator parent = handle->home.drawn_.parent();
        handle->~Handle();
        if (!is_in_buffer) give_back(parent, handle, sizeof(Handle), alignof(Handle));
    }
    static void give_back(const cenote_allocator& parent, void* place, std::size_t bytes,
                          std::size_t alignment) noexcept;

private:
    [[nodiscard]] static std::size_t bytes_behind(const cenote_memory& memory,
                                                  const std::byte* rest) noexcept {
        if (memory.buffer == nullptr) return 0;
        return memory.buffer_bytes - static_cast<std::size_t>(rest - static_cast<std::byte*>(memory.buffer));
    }

    drawn_source drawn_;
    region buffer_;
    source* from_ = &default_source();
};

/// Makes a `Handle(options, rest)` where `options.memory` says, and opens it; null is stored when that fails.
/// Nothing throws: built without exceptions, the codes are the same.
template<class Handle, class Options>
[[nodiscard]] cenote_status create(const Options& options, Handle** made) noexcept {
    void* const place = ground::find_place(options.memory, sizeof(Handle), alignof(Handle));
    if (place == nullptr) return CENOTE_NO_MEMORY;
    auto* const rest = static_cast<std::byte*>(place) + sizeof(Handle);
    auto* const handle = ::new (place) Handle(options, rest);
    if (handle->try_open()) {
        *made = handle;
        return CENOTE_OK;
    }
    ground::end(handle);
    return CENOTE_NO_MEMORY;
}

/// Whom a pool asks when it is exhausted. `limit`: the pool's maximum in bytes.
class asker {
public:
    struct holdings {
        std::size_t live_bytes;
        std::size_t reserved_bytes;
    };
    /// What a pool of any kind holds.
    template<class Pool>
    [[nodiscard]] static holdings of(const Pool& pool) noexcept {
        const auto now = pool.stats();
        return {now.live_bytes, now.reserved_bytes};
    }

    asker(const cenote_exhaustion& how, const char* name, std::size_t limit) noexcept
        : how_(how), name_(name_of(name)), limit_(limit) {}

    /// What `get()` finds in the end, or its null; a message says what `tell()` does: the pool's holdings.
    template<class Get, class Tell>
    [[nodiscard]] auto insist(const Get& get, std::size_t requested, unsigned options,
                              const Tell& tell) noexcept {
        for (unsigned tried = 0;; ++tried) {
            if (!may_retry(tried, requested)) break;
            retried_.fetch_add(1, sync::memory_order_relaxed);
            if (auto found = get()) return found;
        }
        if (how_.abort != 0 || (options & CENOTE_NO_FAIL) != 0) die(requested, tell());
        return decltype(get()){};
    }
    /// Requests that were refused at first and saved, or refused again: a pool has counted each.
    [[nodiscard]] std::uint64_t retried() const noexcept { return retried_.load(sync::memory_order_relaxed); }
    [[noreturn]] void die(std::size_t requested, const holdings& now) const noexcept;

private:
    [[nodiscard]] bool may_retry(unsigned tried, std::size_t requested) noexcept;

    cenote_exhaustion how_;
    const char* name_;
    std::size_t limit_;
    sync::atomic<std::uint64_t> retried_{0};
};

/// Whether this is the structure that the library fills: its initialiser says so.
[[nodiscard]] inline bool is_ours(const cenote_stats* stats) noexcept {
    return stats != nullptr && stats->struct_size == sizeof(cenote_stats);
}
[[nodiscard]] cenote_stats stats_of(const pool_stats& now, std::uint64_t retried) noexcept;
void put_calls(cenote_stats& to, const std::optional<call_counts>& calls, std::uint64_t retried) noexcept;

/// Whether an alignment is one, and at most so large.
[[nodiscard]] inline bool is_alignment(std::size_t alignment, std::size_t most = base::size_max) noexcept {
    return base::is_power_of_two(alignment) && alignment <= most;
}
inline void zero_tail(void* block, std::size_t old_size, std::size_t new_size, unsigned options) noexcept {
    if ((options & CENOTE_ZERO) == 0 || new_size <= old_size) return;
    std::memset(static_cast<std::byte*>(block) + old_size, 0, new_size - old_size);
}

} // namespace cenote::inline v0_1::c
