// cenote: SPDX-License-Identifier: MIT
//
// Where memory comes from. A source gives and takes back whole regions; pools call it only when their slabs
// run out or are given back, so a virtual call here costs nothing that can be measured. Write your own to
// register memory with a device, count it or place it; wrap another source to limit it (see budget.hpp).
// A source outlives the pools that draw from it. One used by pools of several threads must be thread-safe;
// each of cenote's own says whether it is. No function may throw.
#pragma once

#include <cenote/base/config.hpp>
#include <cenote/base/error.hpp>

#include <cstddef>

namespace cenote::inline v0_1 {

class CENOTE_API source {
public:
    /// No wish as to the NUMA node.
    static constexpr int any_node = -1;

    struct request {
        std::size_t bytes = 0;     ///< a multiple of `granularity()`
        std::size_t alignment = 1; ///< a power of two
        int node = any_node;       ///< a hint: the NUMA node that should hold the pages
    };

    /// A region of exactly `bytes`, or null. Its contents are undefined and its pages may not be backed yet:
    /// call `commit` before touching them.
    [[nodiscard]] virtual void* reserve(const request& wanted) noexcept = 0;

    /// Gives back a whole region as `reserve` gave it.
    virtual void release(void* region, const request& given) noexcept = 0;

    /// Makes a part of a region usable; false when the system refuses. Committing twice is harmless.
    [[nodiscard]] virtual bool commit(void* /*data*/, std::size_t /*bytes*/) noexcept { return true; }

    /// The contents of this part do not matter any more: the system may take its pages when it needs them.
    /// The part stays usable.
    virtual void purge(void* /*data*/, std::size_t /*bytes*/) noexcept {}

    /// Gives the pages of this part back now, and returns how many bytes went. `commit` it before the next
    /// use.
    virtual std::size_t decommit(void* /*data*/, std::size_t /*bytes*/) noexcept { return 0; }

    /// Backs this part with memory now, so that the first use does not fault. Keeps the contents.
    virtual void populate(void* data, std::size_t bytes) noexcept;

    /// Gives back what the source itself has kept of regions that were released. Pools pass their `trim` on.
    virtual void trim() noexcept {}

    /// Sizes of regions are rounded up to a multiple of this many bytes (a power of two).
    [[nodiscard]] virtual std::size_t granularity() const noexcept { return 1; }

    /// Regions of a multiple of this many bytes (a power of two) suit the source best, as whole huge pages
    /// do. Pools of equal blocks and of size classes fill such regions where the growth is theirs to choose.
    [[nodiscard]] virtual std::size_t best_granularity() const noexcept { return granularity(); }

    /// At most this many bytes can be had by one `reserve` now; `unlimited` when nobody knows.
    [[nodiscard]] virtual std::size_t available() const noexcept { return unlimited; }

    /// Whether the bytes are paid for, used or not, as those of a caller's buffer: pools then fit their slabs
    /// to what there is, and take their maximum at once.
    [[nodiscard]] virtual bool is_prepaid() const noexcept { return false; }

protected:
    constexpr source() noexcept = default;
    source(const source&) = default;
    source& operator=(const source&) = default;
    ~source() = default;
};

} // namespace cenote::inline v0_1
