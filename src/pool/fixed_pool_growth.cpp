// cenote: SPDX-License-Identifier: MIT
//
// How a fixed pool grows: what it asks its source for, and when.
#include <cenote/base/sanitizer.hpp>
#include <cenote/pool/fixed_pool.hpp>
#include <cenote/source/region.hpp>

namespace cenote::inline v0_1 {
namespace {

struct plan {
    engine::region_plan regions;
    std::size_t magazine = 0; // blocks
};

// What one thread frees for another passes as magazines, also in a pool too small for its share of them. But
// where memory or blocks are limited, all of it is for blocks.
constexpr std::size_t handed_over = 8;

// A queue of all blocks: magazines hold so many, or all that there will be.
constexpr std::size_t most_in_queued = 64;

std::size_t most_blocks(const fixed_pool_options& options) noexcept {
    const bool only_once = options.growth.how == growth::kind::none && options.initial_blocks != 0;
    return only_once ? options.initial_blocks : options.maximum_blocks;
}

// `most`: blocks the pool will ever have, as far as anybody knows. A small pool gets small slabs and
// magazines: an eighth of its blocks each, so that their pointers take a 32nd of 64-byte blocks. Between
// `threads` the two of each thread keep a quarter of all from the others.
plan plan_for(source& from, engine::block_layout& layout, std::size_t most, bool exact,
              const fixed_pool_options& wanted, unsigned threads) noexcept {
    if (most < layout.blocks_per_slab) layout.blocks_per_slab = most;
    plan result;
    if (!exact) {
        const std::size_t cached = threads == 0 ? engine::most_cached_alone : engine::most_cached_by_a_thread;
        const std::size_t fitting = engine::magazine_capacity(layout.stride, cached);
        const bool is_told =
            wanted.magazine_blocks != 0 && (threads == 0 || wanted.magazine_blocks < fitting);
        const std::size_t usual = is_told ? wanted.magazine_blocks : fitting;
        const std::size_t share = threads == 0 ? most / 8 + 1 : most / 8 / threads;
        result.magazine = usual < share ? usual : share;
    }
    engine::region_plan& regions = result.regions;
    regions.from = &from;
    regions.alignment = layout.alignment;
    regions.slab_bytes = layout.slab_bytes();
    regions.record_bytes = engine::slab::bytes_for(layout.blocks_per_slab);
    if (wanted.order == hand_out::oldest) {
        result.magazine = most < most_in_queued ? most : most_in_queued;
        regions.bytes_per_magazine = result.magazine * layout.stride;
    } else if (threads == 0) {
        regions.home_bytes = 2 * engine::magazine::words_for(result.magazine) * sizeof(void*);
    }
    regions.most_slabs = engine::most_slabs_for(layout);
    if (threads != 0 && most == unlimited && from.available() == unlimited)
        regions.first_magazines = handed_over;
    if (result.magazine != 0) regions.magazine_bytes = engine::depot::magazine_bytes(result.magazine);
    return result;
}

} // namespace

std::size_t fixed_pool::required_bytes(const fixed_pool_options& wanted) {
    std::size_t bytes = 0;
    if (const char* const flaw = try_required_bytes(wanted, bytes)) {
        base::raise_bad_options(wanted.name, flaw);
    }
    return bytes;
}

const char* fixed_pool::try_required_bytes(const fixed_pool_options& wanted, std::size_t& bytes) noexcept {
    std::size_t none = 0;
    return try_required_bytes(wanted, 0, bytes, none);
}

const char* fixed_pool::try_required_bytes(const fixed_pool_options& wanted, unsigned threads,
                                           std::size_t& bytes, std::size_t& unit_bytes) noexcept {
    engine::block_layout layout;
    if (const char* const flaw = wanted.flaw(layout)) return flaw;
    const std::size_t most = most_blocks(wanted);
    const std::size_t blocks = most != unlimited ? most : wanted.initial_blocks;
    if (blocks == 0) return "required_bytes needs maximum_blocks or initial_blocks";
    region somewhere(nullptr, 0);
    engine::region_list regions;
    const plan chosen = plan_for(somewhere, layout, blocks, wanted.is_exact(), wanted, threads);
    regions.configure(chosen.regions);
    unit_bytes = chosen.magazine != 0 && wanted.order != hand_out::oldest
                     ? engine::unit_bytes_for(1, 2 * engine::magazine::words_for(chosen.magazine))
                     : 0;
    std::size_t all = 0;
    if (!base::multiply(blocks, layout.stride, all) || !regions.bytes_for(all, true, bytes) ||
        !base::add(bytes, regions.alignment_for(all) - 1, bytes)) {
        return "so many blocks are more than memory can hold";
    }
    return nullptr;
}

bool fixed_pool::open() noexcept {
    watched_ = options_.sanitizers && base::watched();
    is_exact_ = options_.is_exact() || watched_;
    is_quick_ = is_exact_ && !watched_ && !options_.zero_on_allocate && !options_.erase_on_free;
    std::size_t most = most_blocks(options_);
    if (most == unlimited && from().is_prepaid()) {
        most = options_.initial_blocks != 0 ? options_.initial_blocks : from().available() / layout_.stride;
        if (most == 0) return false;
    }
    const plan chosen = plan_for(from(), layout_, most, is_exact(), options_, threads_);
    regions_.configure(chosen.regions);
    store_.heap().configure(layout_, regions_,
                            {.most_kept = unlimited,
                             .watched = watched_,
                             .lowest_first = options_.order == hand_out::lowest_address});
    using order = engine::depot::order;
    store_.depot().configure(chosen.magazine, options_.name,
                             options_.order == hand_out::oldest ? order::queue
                             : threads_ == 0                    ? order::newest_first
                                                                : order::oldest_first);
    is_open_ = true;
    return true;
}

bool fixed_pool::add_region(std::size_t blocks) noexcept {
    const bool is_first = regions_.first() == nullptr;
    std::size_t bytes = 0;
    if (blocks == 0 || !base::multiply(blocks, layout_.stride, bytes) || !regions_.grow(bytes)) return false;
    if (is_first && threads_ == 0) {
        store_.equip(reinterpret_cast<void**>(regions_.home()), in_magazine());
        if (walks_ != 0) store_.suspend();
    }
    store_.depot().adopt(*regions_.last());
    if (blocks_reserved() > most_reserved_) most_reserved_ = blocks_reserved();
    return true;
}

// As many as can be had, when not all can: a source near its limit still serves.
bool fixed_pool::grow_by(std::size_t blocks) noexcept {
    if (from().is_prepaid()) {
        const std::size_t available = from().available();
        const std::size_t fits = regions_.fitting(blocks, layout_.stride, available);
        if (add_region(fits)) return true;
        const std::size_t padding = regions_.alignment_for(fits * layout_.stride) - 1;
        return available > padding && add_region(regions_.fitting(fits, layout_.stride, available - padding));
    }
    const std::size_t usual = store_.depot().capacity();
    for (; blocks != 0; blocks /= 2) {
        if (add_region(blocks)) return true;
        if (regions_.first() == nullptr) use_magazines_of(store_.depot().capacity() / 2);
    }
    if (regions_.first() == nullptr) use_magazines_of(usual);
    return false;
}

// Of a pool without memory: the first region brings them.
void fixed_pool::use_magazines_of(std::size_t blocks) noexcept {
    if (threads_ != 0 || is_exact()) return;
    engine::region_plan smaller = regions_.plan();
    smaller.home_bytes = 2 * engine::magazine::words_for(blocks) * sizeof(void*);
    smaller.magazine_bytes = blocks != 0 ? engine::depot::magazine_bytes(blocks) : 0;
    regions_.configure(smaller);
    store_.depot().configure(blocks, options_.name);
}

// The first region is what was asked for; the later ones follow the policy, in whole slabs.
bool fixed_pool::grow() noexcept {
    const std::size_t present = blocks_reserved();
    const std::size_t room = options_.maximum_blocks - present;
    const bool only_once = options_.growth.how == growth::kind::none;
    if (room == 0 || (only_once && present != 0)) return false;
    if (present == 0) {
        const bool at_once = !only_once && from().is_prepaid() && options_.maximum_blocks != unlimited;
        std::size_t asked = at_once ? options_.maximum_blocks : options_.initial_blocks;
        if (asked == 0 && options_.growth.how == growth::kind::constant) asked = options_.growth.blocks;
        if (only_once) return add_region(asked != 0 ? asked : options_.maximum_blocks);
        if (asked != 0) return grow_by(asked < room ? asked : room);
        const std::size_t usual = regions_.filling(layout_.blocks_per_slab, layout_.stride);
        return grow_by(usual < room ? usual : room);
    }
    std::size_t wanted = options_.growth.step(present);
    // What went back comes again, and no more: rounds of equal work reserve the same, and what was live at
    // most is known by then, so that no step goes beyond it.
    const std::size_t needed = enough_for(store_.peak());
    const std::size_t known = needed < most_reserved_ ? needed : most_reserved_;
    if (present < known && wanted > known - present) wanted = known - present;
    if (wanted > room) wanted = room;
    wanted = whole_slabs(wanted);
    if (options_.growth.how == growth::kind::geometric) wanted = regions_.filling(wanted, layout_.stride);
    return grow_by(wanted < room ? wanted : room);
}

// So many blocks and what is missing to a whole slab, up to the maximum.
std::size_t fixed_pool::whole_slabs(std::size_t blocks) const noexcept {
    const std::size_t room = options_.maximum_blocks - blocks_reserved();
    const std::size_t rest = blocks % layout_.blocks_per_slab;
    const std::size_t more = rest == 0 ? 0 : layout_.blocks_per_slab - rest;
    return more < room - blocks ? blocks + more : room;
}

// After a call that failed half way: what it reserved goes back.
void fixed_pool::shrink_to(std::size_t slabs) noexcept {
    if (regions_.slabs() <= slabs) return;
    store_.suspend();
    store_.depot().drain(unlimited);
    store_.heap().give_idle_slabs(unlimited);
    quick_until_ = 0;
    while (regions_.slabs() > slabs) {
        engine::region_header* const idle = regions_.youngest_idle();
        if (idle == nullptr) break;
        if (idle == regions_.first()) {
            store_.strip();
            regions_.release_all();
            return;
        }
        store_.depot().abandon(*idle);
        regions_.release(idle);
    }
    if (walks_ == 0) store_.resume();
}

bool fixed_pool::try_reserve(std::size_t blocks) noexcept {
    if (blocks > options_.maximum_blocks || (!is_open_ && !open())) return false;
    const std::size_t slabs = regions_.slabs();
    if (!has_room_for(blocks)) return false;
    store_.heap().set_up(unlimited);
    if (store_.heap().blocks() >= blocks) return true;
    shrink_to(slabs); // the source would not back it
    return false;
}

bool fixed_pool::has_room_for(std::size_t blocks) noexcept {
    const std::size_t present = blocks_reserved();
    if (present == 0 && blocks < options_.initial_blocks) blocks = options_.initial_blocks;
    if (present >= blocks) return true;
    if (options_.growth.how == growth::kind::none) {
        const std::size_t once =
            options_.initial_blocks != 0 ? options_.initial_blocks : options_.maximum_blocks;
        return present == 0 && blocks <= once && add_region(once);
    }
    const bool at_once = present == 0 && from().is_prepaid() && options_.maximum_blocks != unlimited;
    if (at_once) return grow_by(options_.maximum_blocks);
    // Whole slabs where they can be had: many short ones would crowd the slab table.
    const std::size_t wanted = blocks - present;
    return (present != 0 && add_region(whole_slabs(wanted))) || add_region(wanted);
}

void fixed_pool::reserve(std::size_t blocks, touch pages) {
    (void)insist(blocks, [&] { return try_reserve(blocks); }, false);
    if (pages == touch::yes && !watched_) regions_.populate(); // what a sanitizer forbids is not touched
}

} // namespace cenote::inline v0_1
