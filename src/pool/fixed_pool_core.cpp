// cenote: SPDX-License-Identifier: MIT
//
// A fixed pool as what many threads share: whole magazines come and go.
#include <cenote/pool/fixed_pool.hpp>

namespace cenote::inline v0_1 {

std::size_t fixed_pool::unit_bytes() const noexcept {
    return engine::unit_bytes_for(1, 2 * engine::magazine::words_for(in_magazine()));
}

void fixed_pool::clear(engine::cache_unit& unit) const noexcept {
    engine::clear_unit(unit, 1, 2 * engine::magazine::words_for(in_magazine()),
                       engine::most_cached_by_a_thread);
}

void fixed_pool::equip(engine::cache_unit& unit, engine::stock& one, std::uint32_t) const noexcept {
    engine::equip_stock(unit, one, in_magazine(), in_magazine());
}

std::size_t fixed_pool::fetch(std::uint32_t, void** begin, std::size_t want) noexcept {
    store_.note_peak();
    if (const std::size_t count = store_.depot().fetch(begin, want); count != 0) return count;
    return grow_and([&] { return store_.depot().fetch(begin, want); });
}

void* const* fixed_pool::put(std::uint32_t, void* const* begin, void* const* end) noexcept {
    store_.note_peak();
    void* const* const stopped = store_.depot().put(begin, end);
    store_.note_flushed(static_cast<std::size_t>(stopped - begin));
    return stopped;
}

} // namespace cenote::inline v0_1
