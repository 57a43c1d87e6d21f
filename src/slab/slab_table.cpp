// cenote: SPDX-License-Identifier: MIT
#include <cenote/slab/slab_table.hpp>

namespace cenote::engine {
namespace {

// A free number's `home` holds the next free one.
region_header* as_link(std::uint32_t id) noexcept {
    return reinterpret_cast<region_header*>(std::uintptr_t{id});
}
std::uint32_t from_link(const region_header* link) noexcept {
    return static_cast<std::uint32_t>(reinterpret_cast<std::uintptr_t>(link));
}

} // namespace

// At most three quarters full.
std::size_t slab_table::cells_for(std::size_t slabs) const noexcept {
    const std::size_t used = slabs * granules_per_slab_;
    const std::size_t cells = std::bit_ceil(used + used / 3 + 1);
    return cells < small_cells ? small_cells : cells;
}

std::size_t slab_table::bytes_for(std::size_t slabs) const noexcept {
    return slabs * sizeof(entry) + cells_for(slabs) * sizeof(cell);
}

void slab_table::move_to(void* memory, std::size_t slabs) noexcept {
    const entry* const old_directory = directory_();
    auto* const directory = static_cast<entry*>(memory);
    auto* const cells = reinterpret_cast<cell*>(directory + slabs);
    const std::size_t count = cells_for(slabs);
    const cell* const old_cells = cells_();
    const std::size_t old_count = mask_ + 1;
    for (std::size_t i = 0; i < count; ++i) cells[i] = cell{};
    for (std::uint32_t id = 0; id < end_id_; ++id) directory[id] = old_directory[id];
    outer_directory_ = directory;
    outer_cells_ = cells;
    mask_ = count - 1;
    hash_shift_ = 64 - static_cast<int>(std::bit_width(mask_));
    capacity_ = slabs;
    for (std::size_t i = 0; i < old_count; ++i) {
        const cell& old = old_cells[i];
        if (old.id != no_slab) enter_cell(old.key, old.id, old.owner);
    }
}

void slab_table::clear() noexcept {
    const std::size_t slab_bytes = slab_bytes_;
    const bool aligned = granules_per_slab_ == 1;
    *this = slab_table{};
    configure(slab_bytes, aligned);
}

std::uint32_t slab_table::insert(const entry& what, std::size_t bytes, std::uint32_t owner) noexcept {
    std::uint32_t id = free_id_;
    if (id != no_slab) {
        free_id_ = from_link(at(id).home);
    } else {
        id = end_id_++;
    }
    directory_()[id] = what;
    enter_cells(id, bytes, owner);
    return id;
}

void slab_table::enter_cells(std::uint32_t id, std::size_t bytes, std::uint32_t owner) noexcept {
    const std::uintptr_t last = key_of(at(id).begin + bytes - 1);
    for (std::uintptr_t key = key_of(at(id).begin); key <= last; ++key) enter_cell(key, id, owner);
}

void slab_table::enter_cell(std::uintptr_t key, std::uint32_t id, std::uint32_t owner) noexcept {
    std::size_t i = slot_of(key);
    while (cells_()[i].id != no_slab) i = (i + 1) & mask_;
    cells_()[i] = {key, id, owner};
}

void slab_table::remove(std::uint32_t id) noexcept {
    // A short last slab has fewer granules than a whole one: those it does not have are not found.
    const std::uintptr_t first = key_of(at(id).begin);
    for (std::uintptr_t key = first; key < first + granules_per_slab_; ++key) remove_cell(key, id);
    directory_()[id] = {nullptr, nullptr, as_link(free_id_)};
    free_id_ = id;
}

// Linear probing without tombstones: cells behind the gap move up when their own slot allows it.
void slab_table::remove_cell(std::uintptr_t key, std::uint32_t id) noexcept {
    cell* const cells = cells_();
    std::size_t gap = slot_of(key);
    while (cells[gap].id != no_slab && !(cells[gap].key == key && cells[gap].id == id))
        gap = (gap + 1) & mask_;
    if (cells[gap].id == no_slab) return;
    for (std::size_t i = (gap + 1) & mask_; cells[i].id != no_slab; i = (i + 1) & mask_) {
        const std::size_t distance = (i - slot_of(cells[i].key)) & mask_;
        if (distance >= ((i - gap) & mask_)) {
            cells[gap] = cells[i];
            gap = i;
        }
    }
    cells[gap] = cell{};
}

bool slab_table::is_valid() const noexcept {
    for (std::size_t i = 0; i <= mask_; ++i) {
        const cell& here = cells_()[i];
        if (here.id == no_slab) continue;
        if (here.id >= end_id_ || at(here.id).begin == nullptr) return false;
        if (at(here.id).record->owner != here.owner) return false;
    }
    for (std::uint32_t id = 0; id < end_id_; ++id) {
        if (at(id).begin != nullptr && find(at(id).begin) != id) return false;
    }
    return true;
}

} // namespace cenote::engine
