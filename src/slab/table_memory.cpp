// cenote: SPDX-License-Identifier: MIT
#include <cenote/base/arith.hpp>
#include <cenote/slab/table_memory.hpp>

#include <new>

namespace cenote::inline v0_1::engine {
namespace {

constexpr source::request request_for(std::size_t bytes) noexcept {
    return {bytes, 64, source::any_node};
}

std::size_t room_for(const slab_table& table, std::size_t slabs) noexcept {
    return slabs > 2 * table.capacity() ? slabs : 2 * table.capacity();
}

} // namespace

bool table_memory::bytes_of(const slab_table& table, std::size_t slabs, const source& from,
                            std::size_t& bytes) noexcept {
    return base::round_up(head(table) + table.bytes_for(room_for(table, slabs)), from.granularity(), bytes);
}

bool table_memory::bytes_for(const slab_table& table, std::size_t slabs, const source& from,
                             std::size_t& bytes) noexcept {
    bytes = 0;
    if (table.has_room_for(slabs)) return true;
    return bytes_of(table, slabs, from, bytes) && base::add(bytes, request_for(0).alignment - 1, bytes);
}

bool table_memory::ensure(slab_table& table, std::size_t slabs, source& from) noexcept {
    if (table.has_room_for(slabs)) return true;
    std::size_t bytes = 0;
    if (!bytes_of(table, slabs, from, bytes)) return false;
    void* const data = from.reserve(request_for(bytes));
    if (data == nullptr) return false;
    if (!from.commit(data, bytes)) {
        from.release(data, request_for(bytes));
        return false;
    }
    table.move_to(static_cast<std::byte*>(data) + head(table), room_for(table, slabs));
    keeps_ = table.is_shared();
    if (keeps_) {
        ::new (data) outgrown{data_, bytes_};
    } else {
        if (data_ != nullptr) from.decommit(data_, bytes_); // a source that keeps it shall keep no memory
        release(from);
    }
    data_ = data;
    bytes_ = bytes;
    all_bytes_ += bytes;
    return true;
}

void table_memory::release(source& from) noexcept {
    while (data_ != nullptr) {
        const outgrown before = keeps_ ? *static_cast<outgrown*>(data_) : outgrown{nullptr, 0};
        from.release(data_, request_for(bytes_));
        data_ = before.data;
        bytes_ = before.bytes;
    }
    bytes_ = 0;
    all_bytes_ = 0;
}

} // namespace cenote::inline v0_1::engine
