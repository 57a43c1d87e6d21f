// cenote: SPDX-License-Identifier: MIT
//
// The memory of a slab table that has outgrown its object: reserved from the pool's source, doubled when it
// is full, so that the cost of moving the table is constant a slab.
#pragma once

#include <cenote/slab/slab_table.hpp>
#include <cenote/source/source.hpp>

namespace cenote::engine {

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

    [[nodiscard]] std::size_t bytes() const noexcept { return bytes_; }

private:
    void* data_ = nullptr;
    std::size_t bytes_ = 0;
};

} // namespace cenote::engine
