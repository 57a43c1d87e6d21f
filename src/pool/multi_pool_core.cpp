// cenote: SPDX-License-Identifier: MIT
//
// A multi pool as what many threads share: whole magazines come and go. A thread gets magazines of a size at
// its first use of it, short ones. They grow by half of what they may hold each time they are exchanged, and
// so the sizes that are used most have most of the `most_cached` bytes that a thread may cache of all sizes
// together. When nothing is left, a newcomer gets half of what the widest has.
#include <cenote/pool/multi_pool.hpp>

namespace cenote::inline v0_1 {
namespace {

constexpr std::size_t most_cached = std::size_t{256} << 10;
constexpr std::size_t most_in_magazine = 128;

// With these all classes up to 8 KiB find room beside each other; larger ones have what the others leave.
constexpr std::size_t first_bytes = 2048;
constexpr std::size_t first_blocks = 8;
constexpr std::size_t largest_entitled = std::size_t{8} << 10;

// In a caller's buffer four blocks a magazine are enough, and none when the caches of all threads would take
// more than this share of it.
constexpr std::size_t small_magazine = 4;
constexpr std::size_t share_of_buffer = 16;

std::size_t most_of(std::size_t size, bool small) noexcept {
    const std::size_t fitting = engine::magazine_capacity(size, engine::most_cached_of_a_class);
    const std::size_t most = small ? small_magazine : most_in_magazine;
    return fitting < most ? fitting : most;
}

std::size_t first_of(std::size_t size) noexcept {
    const std::size_t fitting = first_bytes / size;
    return fitting == 0 ? 1 : fitting < first_blocks ? fitting : first_blocks;
}

} // namespace

std::size_t multi_pool::entries_for(bool prepaid, std::size_t bytes, std::size_t largest,
                                    unsigned threads) noexcept {
    const std::size_t classes = engine::class_of(largest) + 1;
    std::size_t entries = 0;
    for (std::uint32_t c = 0; c < classes; ++c) {
        entries += 2 * engine::magazine::words_for(most_of(engine::class_size(c), prepaid));
    }
    if (!prepaid) return entries;
    const std::size_t all = engine::unit_bytes_for(classes, entries) * (threads + std::size_t{1});
    return all <= bytes / share_of_buffer ? entries : 0;
}

void multi_pool::clear(engine::cache_unit& unit) const noexcept {
    engine::clear_unit(unit, classes(), cache_entries_, most_cached);
}

void multi_pool::equip(engine::cache_unit& unit, engine::stock& one,
                       std::uint32_t size_class) const noexcept {
    const std::size_t size = engine::class_size(size_class);
    const std::size_t most = most_of(size, limit_.is_prepaid());
    const std::size_t first = first_of(size) < most ? first_of(size) : most;
    if (first == 0 || 2 * first * size > unit.left) return;
    engine::equip_stock(unit, one, first, most);
    unit.left -= 2 * first * size;
}

bool multi_pool::widen(engine::cache_unit& unit, engine::stock& one, std::uint32_t size_class,
                       std::size_t share) const noexcept {
    const std::size_t size = engine::class_size(size_class);
    const std::size_t room = one.most - one.capacity;
    const std::size_t more = one.capacity < room ? one.capacity : room;
    if (more == 0 || 2 * more * size > unit.left / share) return false;
    one.capacity += static_cast<std::uint32_t>(more);
    one.restore();
    unit.left -= 2 * more * size;
    return true;
}

std::uint32_t multi_pool::widest(engine::cache_unit& unit, std::uint32_t size_class) const noexcept {
    std::size_t most = 0;
    std::uint32_t found = is_large;
    if (engine::class_size(size_class) > largest_entitled) return found;
    for (std::uint32_t c = 0; c < classes(); ++c) {
        const engine::stock& one = unit.stocks()[c];
        const std::size_t bytes = one.capacity * engine::class_size(c);
        if (one.capacity < 2 || bytes <= most) continue;
        most = bytes;
        found = c;
    }
    return found;
}

void multi_pool::narrow(engine::cache_unit& unit, engine::stock& one,
                        std::uint32_t size_class) const noexcept {
    const std::uint32_t less = one.capacity / 2;
    one.capacity -= less;
    one.restore();
    unit.left += std::size_t{2} * less * engine::class_size(size_class);
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

} // namespace cenote::inline v0_1
