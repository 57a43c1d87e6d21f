// cenote: SPDX-License-Identifier: MIT
//
// The memory of a slab table that has outgrown its object: reserved from the pool's source, doubled when it
// is full, so that the cost of moving the table is constant a slab. That of a shared table is kept when a
// larger one takes its place, for readers without a lock; all of it together is less than the last.
#pragma once

#include <cenote/slab/slab_table.hpp>
#include <cenote/source/source.hpp>

namespace cenote::inline v0_1::engine {

class table_memory {
public:
    constexpr table_memory() noexcept = default;
    table_memory(const table_memory&) = delete;
    table_memory& operator=(const table_memory&) = delete;

    /// What `ensure` would reserve, with its alignment; false when that does not fit in a size.
    [[nodiscard]] static bool bytes_for(const slab_table& table, std::size_t slabs, const source& from,
                                        std::size_t& bytes) noexcept;
    /// Makes sure that `table` has room for `slabs`; false, with nothing changed, when `from` refuses.
    [[nodiscard]] bool ensure(slab_table& table, std::size_t slabs, source& from) noexcept;
    /// Gives the memory back; the table must be cleared first.
    void release(source& from) noexcept;

    [[nodiscard]] std::size_t bytes() const noexcept { return all_bytes_; }

private:
    struct outgrown { // at the start of the memory of a shared table: what was before it
        void* data;
        std::size_t bytes;
    };
    [[nodiscard]] static std::size_t head(const slab_table& table) noexcept {
        return table.is_shared() ? sizeof(outgrown) : 0;
    }
    [[nodiscard]] static bool bytes_of(const slab_table& table, std::size_t slabs, const source& from,
                                       std::size_t& bytes) noexcept;

    void* data_ = nullptr;
    std::size_t bytes_ = 0; // of the one in use
    std::size_t all_bytes_ = 0;
    bool keeps_ = false;
};

} // namespace cenote::inline v0_1::engine
