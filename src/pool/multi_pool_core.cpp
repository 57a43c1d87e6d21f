// cenote: SPDX-License-Identifier: MIT
//
// A multi pool as what many threads share: whole magazines come and go. A thread gets magazines of a size at
// its first use of it, and for all sizes together at most `most_cached` bytes of blocks.
#include <cenote/pool/multi_pool.hpp>

namespace cenote {
namespace {

constexpr std::size_t most_cached = std::size_t{256} << 10;
constexpr std::size_t most_cached_of_a_class = std::size_t{32} << 10;
constexpr std::size_t most_entries = 4096;

// In a caller's buffer four blocks a magazine are enough, and none when the caches of all threads would take
// more than this share of it.
constexpr std::size_t small_magazine = 4;
constexpr std::size_t share_of_buffer = 16;

} // namespace

std::size_t multi_pool::entries_for(bool prepaid, std::size_t bytes, std::size_t largest,
                                    unsigned threads) noexcept {
    if (!prepaid) return most_entries;
    const std::size_t classes = engine::class_of(largest) + 1;
    const std::size_t entries = 2 * small_magazine * classes;
    const std::size_t all = engine::unit_bytes_for(classes, entries) * (threads + std::size_t{1});
    return all <= bytes / share_of_buffer ? entries : 0;
}

void multi_pool::clear(engine::cache_unit& unit) const noexcept {
    engine::clear_unit(unit, classes(), cache_entries_, most_cached);
}

// Each size that comes to be used takes at most a quarter of what is left: none takes all.
void multi_pool::equip(engine::cache_unit& unit, engine::stock& one,
                       std::uint32_t size_class) const noexcept {
    const std::size_t size = engine::class_size(size_class);
    const auto entries = static_cast<std::size_t>(unit.room_end - unit.room);
    const std::size_t share = unit.left / 4 < most_cached_of_a_class ? unit.left / 4 : most_cached_of_a_class;
    std::size_t capacity = engine::magazine_capacity(size, share);
    if (capacity > entries / 4) capacity = entries / 4;
    if (limit_.is_prepaid() && capacity > small_magazine) capacity = small_magazine;
    if (capacity == 0) return;
    engine::equip_stock(unit, one, capacity);
    unit.left -= 2 * capacity * size;
}

std::size_t multi_pool::fetch(std::uint32_t size_class, void** begin, std::size_t want) noexcept {
    engine::depot& depot = stores_[size_class].depot();
    note_live(size_class);
    std::size_t count = depot.fetch(begin, want);
    const std::size_t slabs = regions_.slabs();
    if (count != 0 || slabs != regions_.used())
        return count; // the source would not back a place that is left
    if (grow()) count = depot.fetch(begin, want);
    if (count == 0) shrink_to(slabs);
    return count;
}

void* const* multi_pool::put(std::uint32_t size_class, void* const* begin, void* const* end) noexcept {
    engine::block_store& store = stores_[size_class];
    note_live(size_class);
    void* const* const stopped = store.depot().put(begin, end);
    store.note_flushed(static_cast<std::size_t>(stopped - begin));
    return stopped;
}

} // namespace cenote
