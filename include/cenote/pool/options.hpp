// cenote: SPDX-License-Identifier: MIT
//
// What the options of all pools share: growth, trimming, exhaustion, the default alignment; and what all
// pools say of themselves: statistics.
#pragma once

#include <cenote/base/error.hpp>
#include <cenote/pool/retention.hpp>
#include <cenote/source/source.hpp>

#include <cstddef>
#include <cstdint>
#include <optional>

namespace cenote::inline v0_1 {

/// The alignment that fits the block size: its largest power-of-two divisor, at most 16.
inline constexpr std::size_t natural_alignment = static_cast<std::size_t>(-1);

/// How many blocks a pool adds when it has none left; of a pool of several sizes: how many slabs. Slabs are
/// added whole, and never past the maximum.
struct growth {
    enum class kind {
        none,      ///< what is initial, or else the maximum, at once, and no more
        constant,  ///< `blocks` each time
        geometric, ///< (`factor` - 1) × the blocks there are, at least a slab, at most `blocks`
    };
    kind how = kind::geometric;
    double factor = 1.25;
    std::size_t blocks = unlimited;

    [[nodiscard]] static constexpr growth none() noexcept { return {kind::none, 1, 0}; }
    [[nodiscard]] static constexpr growth constant(std::size_t blocks) noexcept {
        return {kind::constant, 1, blocks};
    }
    [[nodiscard]] static constexpr growth geometric(double factor, std::size_t at_most = unlimited) noexcept {
        return {kind::geometric, factor, at_most};
    }

    /// How many to add to `present`; 0 when there shall be no more.
    [[nodiscard]] constexpr std::size_t step(std::size_t present) const noexcept {
        if (how == kind::none) return 0;
        if (how == kind::constant) return blocks;
        const double more = static_cast<double>(present) * (factor - 1);
        if (more >= static_cast<double>(blocks)) return blocks;
        return more < 1 ? 1 : static_cast<std::size_t>(more);
    }

    /// Whether each step adds something: a factor above 1 and finite, a count above 0.
    [[nodiscard]] constexpr bool is_sound() const noexcept {
        if (how == kind::none) return true;
        return blocks != 0 && (how == kind::constant || (factor > 1 && factor <= 1e6));
    }
};

/// When idle memory goes back to the source.
enum class trim {
    automatic, ///< `deallocate` gives back what a whole window of traffic did not need; see docs/decisions
    manual,    ///< only `trim()` does: `deallocate` never calls the source
};

/// Which free block is handed out next.
enum class hand_out {
    most_recent,    ///< the one freed last, which the processor still has at hand
    oldest,         ///< the one that has been free longest: what is freed comes back as late as it can
    lowest_address, ///< of those in the pool's slabs: what is live gathers at the front
};

/// Called by `allocate` (never by `try_allocate`) when a pool is exhausted, before it throws: free something
/// and return true to have it try again. Runs on the calling thread with no lock held; may use the pool, and
/// is not called again for what it asks of it.
struct exhaustion_handler {
    bool (*call)(void* context, const shortage& what) = nullptr;
    void* context = nullptr;
    unsigned retries = 1; ///< at most this many calls for one request
};

namespace engine {
/// Whether to try once more: asks the handler, unless its retries are used up or the calling thread is inside
/// it on behalf of the same `pool`.
[[nodiscard]] bool may_retry(const exhaustion_handler& handler, unsigned attempt, const shortage& what,
                             const void* pool);

/// What `get()` finds. As long as that is nothing, the handler is asked; in the end `refuse()` is called, and
/// what `short_of()` says is thrown.
template<class Get, class ShortOf, class Refuse>
auto insist(const exhaustion_handler& handler, const void* pool, const Get& get, const ShortOf& short_of,
            const Refuse& refuse) {
    for (unsigned attempt = 0;; ++attempt) {
        if (auto found = get()) return found;
        const shortage what = short_of();
        if (may_retry(handler, attempt, what, pool)) continue;
        refuse();
        base::raise_out_of_memory(short_of());
    }
}
} // namespace engine

/// For `exhaustion_handler::call`: prints what is short and aborts.
CENOTE_API bool abort_on_exhaustion(void* context, const shortage& what);

/// Calls since the pool was made; counted only with the option `stats`. A reset is none of them: what is live
/// is counted apart.
struct call_counts {
    std::uint64_t allocations = 0;
    std::uint64_t deallocations = 0;
    std::uint64_t failures = 0; ///< requests refused
};

/// What a pool holds, exact at the time of the call. live + cached + idle + abandoned = blocks.
struct pool_stats {
    std::size_t live = 0;      ///< blocks handed out and not returned
    std::size_t cached = 0;    ///< free blocks in magazines
    std::size_t idle = 0;      ///< free blocks in slabs
    std::size_t abandoned = 0; ///< in the child of a fork: blocks cached by threads that it does not have
    std::size_t blocks = 0;    ///< all of them
    std::size_t peak_live = 0; ///< the most ever live, exact to two magazines (of each size class)
    std::size_t live_bytes = 0;
    std::size_t reserved_bytes = 0;    ///< taken from the source, metadata included
    std::optional<call_counts> calls;  ///< absent without the option `stats`
    std::optional<adaptation> adapted; ///< absent without the option `adaptive`
};

/// A block and how many bytes of it may be used.
struct allocation {
    void* pointer = nullptr;
    std::size_t size = 0;
};

} // namespace cenote::inline v0_1
