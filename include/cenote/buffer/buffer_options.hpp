// cenote: SPDX-License-Identifier: MIT
//
// What a buffer_pool can be told, and what it tells of itself.
#pragma once

#include <cenote/base/arith.hpp>
#include <cenote/buffer/buddy_region.hpp>
#include <cenote/pool/options.hpp>

#include <array>
#include <chrono>
#include <optional>

namespace cenote::inline v0_1 {

struct buffer_pool_options {
    std::size_t smallest = std::size_t{4} << 10; ///< bytes of the smallest tier: a power of two from 64
    std::size_t largest = std::size_t{4} << 20;  ///< of the largest, up to 1 GiB
    std::size_t initial_bytes = 0;               ///< reserved by the constructor, and kept
    std::size_t maximum_bytes = unlimited;       ///< never more than this from the source
    std::size_t most_retained = 256;             ///< free buffers of the smallest tier that stay whole
    std::size_t least_retained = 8;              ///< the next tiers keep half as many, but no fewer
    std::size_t retained_bytes = std::size_t{64} << 20; ///< all these together
    /// Of one tier, in one thread's cache. With a limit on memory less: all expected threads cache no more
    /// than a quarter of it.
    std::size_t cached_bytes = std::size_t{16} << 20;
    std::chrono::nanoseconds lazy_after = std::chrono::seconds(1);    ///< idle memory: the system may take it
    std::chrono::nanoseconds return_after = std::chrono::seconds(10); ///< gone: 4 to 200 times `lazy_after`
    cenote::source* source = nullptr;                                 ///< null: `default_source()`
    bool erase =
        false; ///< buffers are zeroed when they return, but not adopted ones; every call takes the lock
    bool stats = false;     ///< counts calls; every call takes the lock
    bool sanitizers = true; ///< under ASan or memcheck: tell them of every buffer, under the lock
    /// `automatic`: of the releases that overflow a thread's cache, or have none, every 64th looks at the
    /// clock and gives idle memory back; traffic that fits the caches never does. `manual`: only `tick` and
    /// `trim` do.
    cenote::trim trim = cenote::trim::automatic;
    const char* name = "unnamed"; ///< for messages; not copied
    exhaustion_handler on_exhaustion{};
    unsigned threads = 4; ///< expected: they share what may be cached of a limit; more may come

    [[nodiscard]] constexpr unsigned tiers() const noexcept {
        return static_cast<unsigned>(std::bit_width(largest) - std::bit_width(smallest)) + 1;
    }
    /// How many free buffers of a tier stay as they are.
    [[nodiscard]] constexpr std::size_t retained(unsigned tier) const noexcept {
        const std::size_t most = tier < 64 ? most_retained >> tier : 0;
        return most > least_retained ? most : least_retained;
    }
    /// What is wrong with these options, or null. The one place where they are judged.
    [[nodiscard]] constexpr const char* flaw() const noexcept;
};

/// What became of the buffers of one tier, or of all.
struct buffer_counts {
    std::optional<std::uint64_t> acquired; ///< absent without the option `stats`
    std::optional<std::uint64_t> reused;   ///< acquired, and neither fresh nor oversize
    std::uint64_t fresh = 0;    ///< cut from memory that was never used, or had gone back to the system
    std::uint64_t split = 0;    ///< free ones of this size that were cut in two
    std::uint64_t merged = 0;   ///< free ones of this size that two halves became
    std::uint64_t dropped = 0;  ///< released beyond what is retained: free to merge and to go back
    std::uint64_t oversize = 0; ///< above the largest tier, straight from the source
};

/// One tier, exact at the time of the call but for what other threads cache, which is as of their last
/// exchange.
struct buffer_tier {
    std::size_t bytes = 0;    ///< of a buffer
    std::size_t live = 0;     ///< handed out and not returned
    std::size_t cached = 0;   ///< free, in threads' caches
    std::size_t retained = 0; ///< free, kept whole for the next
    std::size_t limit = 0;    ///< how many are retained at most
    buffer_counts counts;
};

struct buffer_stats {
    static constexpr unsigned most_tiers = engine::most_orders - 1;

    unsigned tiers = 0;
    std::array<buffer_tier, most_tiers> tier{}; ///< the first `tiers` of them
    buffer_counts counts;                       ///< of all, whole regions included
    std::size_t live = 0;
    std::size_t live_bytes = 0;     ///< capacities of what is live
    std::size_t retained_bytes = 0; ///< free, kept whole on the shelves; not what threads cache
    std::size_t idle_bytes = 0;     ///< free, merged
    std::size_t reserved_bytes = 0; ///< from the source, live oversize buffers and metadata included
    std::uint64_t purges = 0;       ///< calls that offered memory to the system, or gave it back
};

constexpr const char* buffer_pool_options::flaw() const noexcept {
    if (!base::is_power_of_two(smallest) || smallest < 64) return "smallest is not a power of two from 64 up";
    if (!base::is_power_of_two(largest) || largest > std::size_t{1} << 30) {
        return "largest is not a power of two up to 1 GiB";
    }
    if (largest < smallest) return "largest is below smallest";
    if (maximum_bytes == 0) return "maximum_bytes is 0; leave it out for no maximum";
    if (initial_bytes > maximum_bytes) return "initial_bytes is above maximum_bytes";
    if (initial_bytes > base::size_max / 4) return "initial_bytes is more than memory can hold";
    if (most_retained > std::size_t{1} << 20 || least_retained > std::size_t{1} << 20) {
        return "most_retained or least_retained is above 1048576 buffers";
    }
    if (lazy_after.count() <= 0) return "lazy_after is not above zero";
    if (lazy_after > return_after / 4 || return_after / 200 > lazy_after) {
        return "return_after is not from 4 to 200 times lazy_after";
    }
    if (threads == 0) return "threads is 0; leave it out or say how many threads are expected";
    return nullptr;
}

} // namespace cenote::inline v0_1
