// cenote: SPDX-License-Identifier: MIT
#include <cenote/slab/slab_table.hpp>

#include <initializer_list>
#include <new>

namespace cenote::inline v0_1::engine {
namespace {

// A free number's `home` holds the next free one.
region_header* as_link(std::uint32_t id) noexcept {
    return reinterpret_cast<region_header*>(std::uintptr_t{id});
}
std::uint32_t from_link(const region_header* link) noexcept {
    return static_cast<std::uint32_t>(reinterpret_cast<std::uintptr_t>(link));
}

} // namespace

// At most three quarters full when every slab touches as many granules as it can; a third is usual.
std::size_t slab_table::cells_for(std::size_t slabs) const noexcept {
    const std::size_t used = slabs * granules_per_slab_;
    const std::size_t cells = std::bit_ceil(used + used / 3 + 1);
    return cells < small_cells ? small_cells : cells;
}

std::size_t slab_table::bytes_for(std::size_t slabs) const noexcept {
    const std::size_t cells = cells_for(slabs);
    const std::size_t readable =
        tells_owners_ ? sizeof(view) + (cells - small_cells) * sizeof(std::uint64_t) : 0;
    return slabs * sizeof(entry) + cells * sizeof(cell) + readable;
}

void slab_table::move_to(void* memory, std::size_t slabs) noexcept {
    const entry* const old_directory = directory_;
    auto* const directory = static_cast<entry*>(memory);
    auto* const cells = reinterpret_cast<cell*>(directory + slabs);
    const std::size_t count = cells_for(slabs);
    for (std::size_t i = 0; i < count; ++i) cells[i] = cell{};
    for (std::uint32_t id = 0; id < end_id_; ++id) directory[id] = old_directory[id];
    directory_ = directory;
    cells_ = cells;
    mask_ = count - 1;
    hash_shift_ = 64 - static_cast<int>(std::bit_width(mask_));
    capacity_ = slabs;
    left_ = 0;
    const view* now = nullptr;
    if (tells_owners_) {
        auto* const readable = ::new (cells + count) view{mask_, hash_shift_};
        words_ = readable->words;
        for (std::size_t i = 0; i < count; ++i) words_[i] = empty_word;
        now = readable;
    }
    for (std::uint32_t id = 0; id < end_id_; ++id) {
        if (directory[id].begin != nullptr) enter(id);
    }
    if (tells_owners_) sync::store_release(view_, now);
}

void slab_table::clear() noexcept {
    for (cell& one : small_) one = cell{};
    only_ = {};
    cells_ = small_;
    directory_ = &only_;
    mask_ = small_cells - 1;
    hash_shift_ = 62;
    capacity_ = 1;
    end_id_ = 0;
    free_id_ = no_slab;
    shifts_ = 0;
    left_ = 0;
    small_view_ = {small_cells - 1, 62};
    view_ = &small_view_;
    words_ = small_view_.words;
}

std::uint32_t slab_table::insert(const entry& what) noexcept {
    std::uint32_t id = free_id_;
    if (id != no_slab) {
        free_id_ = from_link(at(id).home);
    } else {
        id = end_id_++;
    }
    directory_[id] = what;
    enter(id);
    return id;
}

void slab_table::enter(std::uint32_t id) noexcept {
    const std::uintptr_t last = last_key(id);
    for (std::uintptr_t key = first_key(id); key <= last; ++key) enter_cell(key, id);
    if (is_of_any_size_) shifts_ |= std::uint64_t{1} << shift_of(id);
}

// A slab that begins behind its granule's start takes the high part, another the low one. More than one high
// part, of short slabs close to each other, makes further cells of the same key. In a shared table a cell
// that was left serves again: readers who pass by it go on, whatever key they see.
void slab_table::enter_cell(std::uintptr_t key, std::uint32_t id) noexcept {
    const auto begin = reinterpret_cast<std::uintptr_t>(at(id).begin);
    const bool is_low = begin <= key << shift_of(id); // which leaves no bit of a tag
    std::size_t i = slot_of(key);
    cell* left = nullptr;
    for (; cells_[i].key != 0; i = (i + 1) & mask_) {
        cell& here = cells_[i];
        if (here.key == key && (is_low ? here.low : here.high) == no_slab) break;
        if (left == nullptr && is_left(here)) left = &here;
    }
    cell& here = cells_[i].key == 0 && left != nullptr ? *left : cells_[i];
    if (is_left(here)) --left_;
    if (is_low) {
        here.low = id;
    } else {
        here.high = id;
        here.split = begin;
    }
    here.key = key;
    publish(static_cast<std::size_t>(&here - cells_));
}

void slab_table::remove(std::uint32_t id) noexcept {
    const std::uintptr_t last = last_key(id);
    for (std::uintptr_t key = first_key(id); key <= last; ++key) remove_cell(key, id);
    directory_[id] = {nullptr, 0, nullptr, as_link(free_id_)};
    free_id_ = id;
}

void slab_table::remove_cell(std::uintptr_t key, std::uint32_t id) noexcept {
    std::size_t i = slot_of(key);
    while (!(cells_[i].key == key && (cells_[i].low == id || cells_[i].high == id))) i = (i + 1) & mask_;
    cell& here = cells_[i];
    if (here.low == id) {
        here.low = no_slab;
    } else {
        here.high = no_slab;
        here.split = no_split;
    }
    publish(i);
    if (!is_left(here)) return;
    if (is_shared_) {
        ++left_;
        empty_left(i);
    } else {
        close_gap(i);
    }
}

// Of a shared table, left cells with nothing behind them: no reader who looks for a slab has to pass by them.
// Without this a table that sees ever new addresses would grow for ever.
void slab_table::empty_left(std::size_t last) noexcept {
    for (; is_left(cells_[last]) && cells_[(last + 1) & mask_].key == 0; last = (last - 1) & mask_) {
        cells_[last].key = 0;
        publish(last);
        --left_;
    }
}

// Linear probing without tombstones: cells behind the gap move up when their own slot allows it.
void slab_table::close_gap(std::size_t gap) noexcept {
    cell* const cells = cells_;
    for (std::size_t i = (gap + 1) & mask_; cells[i].key != 0; i = (i + 1) & mask_) {
        const std::size_t distance = (i - slot_of(cells[i].key)) & mask_;
        if (distance >= ((i - gap) & mask_)) {
            cells[gap] = cells[i];
            publish(gap);
            gap = i;
        }
    }
    cells[gap] = cell{};
    publish(gap);
}

std::uint32_t slab_table::finder::find_behind(std::uintptr_t number) const noexcept {
    const std::uintptr_t key = number >> granule_shift_;
    std::size_t i = hash(key, hash_shift_);
    for (std::size_t steps = 0; steps <= mask_; ++steps, i = (i + 1) & mask_) {
        const cell& here = cells_[i];
        if (here.key == 0) break;
        if (here.key != key) continue;
        if (const std::uint32_t id = find_in(here, number); id != no_slab) return id;
    }
    return no_slab;
}

std::uint32_t slab_table::find_of_any_size(const void* address) const noexcept {
    const finder in_cells = look();
    for (std::uint64_t left = shifts_; left != 0; left &= left - 1) {
        const std::uintptr_t key = key_of(static_cast<const std::byte*>(address), std::countr_zero(left));
        for (std::size_t i = slot_of(key); cells_[i].key != 0; i = (i + 1) & mask_) {
            if (cells_[i].key != key) continue;
            const std::uint32_t id = in_cells.find_in(cells_[i], reinterpret_cast<std::uintptr_t>(address));
            if (id != no_slab) return id;
        }
    }
    return no_slab;
}

std::uint32_t slab_table::owner_of(const void* address) const noexcept {
    const view& now = *sync::load_acquire(view_);
    const std::uintptr_t key = reinterpret_cast<std::uintptr_t>(address) >> granule_shift_;
    const std::uint64_t* const words = now.words;
    std::size_t i = hash(key, now.hash_shift);
    for (std::size_t steps = 0; steps <= now.mask; ++steps, i = (i + 1) & now.mask) {
        const std::uint64_t word = sync::load_relaxed(words[i]);
        if (word == empty_word) break;
        if (word >> owner_bits != key) continue;
        const auto owner = static_cast<std::uint32_t>(word & no_owner);
        return owner != no_owner ? owner : no_slab;
    }
    return no_slab;
}

std::uint32_t slab_table::find_apart(const void* address) const noexcept {
    return find(address);
}

bool slab_table::is_valid() const noexcept {
    for (std::size_t i = 0; i <= mask_; ++i) {
        const cell& here = cells_[i];
        if (tells_owners_ && words_[i] != word_of(here)) return false;
        if (here.key == 0 || (is_shared_ && is_left(here))) continue;
        if (is_left(here)) return false;
        for (const std::uint32_t id : {here.low, here.high}) {
            if (id != no_slab && (id >= end_id_ || at(id).begin == nullptr)) return false;
        }
    }
    for (std::uint32_t id = 0; id < end_id_; ++id) {
        const entry& slab_of_id = at(id);
        if (slab_of_id.begin == nullptr) continue;
        for (const std::byte* const one : {slab_of_id.begin, slab_of_id.begin + slab_of_id.bytes - 1}) {
            if ((is_of_any_size_ ? find_of_any_size(one) : find(one)) != id) return false;
        }
    }
    return true;
}

} // namespace cenote::inline v0_1::engine
