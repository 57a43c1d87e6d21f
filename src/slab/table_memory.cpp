// cenote: SPDX-License-Identifier: MIT
#include <cenote/base/arith.hpp>
#include <cenote/slab/table_memory.hpp>

namespace cenote::engine {
namespace {

constexpr source::request request_for(std::size_t bytes) noexcept {
    return {bytes, 64, source::any_node};
}

std::size_t room_for(const slab_table& table, std::size_t slabs) noexcept {
    return slabs > 2 * table.capacity() ? slabs : 2 * table.capacity();
}

} // namespace

bool table_memory::bytes_for(const slab_table& table, std::size_t slabs, const source& from,
                             std::size_t& bytes) noexcept {
    bytes = 0;
    if (slabs <= table.capacity()) return true;
    return base::round_up(table.bytes_for(room_for(table, slabs)), from.granularity(), bytes) &&
           base::add(bytes, request_for(0).alignment - 1, bytes);
}

bool table_memory::ensure(slab_table& table, std::size_t slabs, source& from) noexcept {
    if (slabs <= table.capacity()) return true;
    const std::size_t room = room_for(table, slabs);
    std::size_t bytes = 0;
    if (!base::round_up(table.bytes_for(room), from.granularity(), bytes)) return false;
    void* const data = from.reserve(request_for(bytes));
    if (data == nullptr) return false;
    if (!from.commit(data, bytes)) {
        from.release(data, request_for(bytes));
        return false;
    }
    table.move_to(data, room);
    release(from);
    data_ = data;
    bytes_ = bytes;
    return true;
}

void table_memory::release(source& from) noexcept {
    if (data_ == nullptr) return;
    from.release(data_, request_for(bytes_));
    data_ = nullptr;
    bytes_ = 0;
}

} // namespace cenote::engine
