// cenote: SPDX-License-Identifier: MIT
#include <cenote/base/arith.hpp>
#include <cenote/slab/table_memory.hpp>

namespace cenote::engine {
namespace {

constexpr source::request request_for(std::size_t bytes) noexcept {
    return {bytes, 64, source::any_node};
}

} // namespace

bool table_memory::ensure(slab_table& table, std::size_t slabs, source& from) noexcept {
    if (slabs <= table.capacity()) return true;
    const std::size_t room = slabs > 2 * table.capacity() ? slabs : 2 * table.capacity();
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
