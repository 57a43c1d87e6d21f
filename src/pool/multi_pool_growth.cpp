// cenote: SPDX-License-Identifier: MIT
//
// How a pool of several sizes takes memory from its source and gives it back.
#include <cenote/base/sanitizer.hpp>
#include <cenote/pool/multi_pool.hpp>
#include <cenote/source/region.hpp>

namespace cenote::inline v0_1 {
namespace {

// A region costs a few system calls: several slabs at a time, untouched until they are used.
constexpr std::size_t least_step = 4;

// In a caller's buffer four blocks are enough: its bytes are better spent on blocks.
std::size_t magazine_of(std::uint32_t size_class, bool small) noexcept {
    const std::size_t usual =
        engine::magazine_capacity(engine::class_size(size_class), engine::most_cached_of_a_class);
    const std::size_t least = usual == 0 ? 1 : usual;
    return small && least > 4 ? 4 : least;
}

std::size_t magazine_bytes(std::size_t largest, bool small) noexcept {
    std::size_t words = 0;
    for (std::uint32_t c = 0; c <= engine::class_of(largest); ++c) {
        words += 2 * engine::magazine::words_for(magazine_of(c, small));
    }
    return words * sizeof(void*);
}

} // namespace

engine::region_plan multi_pool::plan_for(source& from, const multi_pool_options& options, bool exact,
                                         unsigned threads) noexcept {
    engine::region_plan plan;
    plan.from = &from;
    plan.alignment = options.slab_bytes;
    plan.slab_bytes = options.slab_bytes;
    plan.record_bytes = engine::slab::bytes_for(options.slab_bytes / engine::smallest_class);
    plan.home_bytes = !exact && threads == 0 ? magazine_bytes(options.slab_bytes / 8, from.is_prepaid()) : 0;
    plan.shared = threads != 0;
    return plan;
}

std::size_t multi_pool::required_bytes(const multi_pool_options& options) {
    return required_bytes(options, 0);
}

std::size_t multi_pool::required_bytes(const multi_pool_options& wanted, unsigned threads) {
    if (const char* const flaw = wanted.flaw()) base::raise_bad_options(wanted.name, flaw);
    std::size_t bytes = wanted.initial_bytes;
    if (bytes == 0) base::raise_bad_options(wanted.name, "required_bytes needs initial_bytes");
    region somewhere(nullptr, 0);
    const bool exact = wanted.checks || wanted.stats || wanted.zero_on_allocate || wanted.erase_on_free;
    engine::region_list regions;
    regions.configure(plan_for(somewhere, wanted, exact, threads));
    std::size_t padded = 0;
    if (!base::round_up(bytes, wanted.slab_bytes, bytes) || !regions.bytes_to_grow(bytes, padded) ||
        !base::add(padded, regions.alignment_for(bytes) - 1, padded)) {
        base::raise_bad_options(wanted.name, "so many bytes are more than memory can hold");
    }
    return padded;
}

bool multi_pool::open() noexcept {
    watched_ = options_.sanitizers && base::watched();
    regions_.configure(plan_for(limit_, options_, is_exact(), threads_));
    has_short_magazines_ = limit_.is_prepaid();
    if (threads_ != 0 && !is_exact()) {
        const std::size_t bytes = options_.initial_bytes != 0 ? options_.initial_bytes : limit_.available();
        cache_entries_ = entries_for(limit_.is_prepaid(), bytes, largest_, threads_);
    }
    large_.configure(limit_, options_.trim == trim::manual, watched_);
    // One idle slab a class is kept against thrashing; the others serve all classes. With checks all are
    // kept, so that a double free is known as one.
    const std::size_t most_kept = options_.checks ? unlimited : 1;
    for (std::uint32_t c = 0; c < classes(); ++c) {
        const std::size_t size = engine::class_size(c);
        engine::block_layout layout;
        (void)engine::make_layout(size, default_alignment, options_.slab_bytes / size, layout);
        stores_[c].heap().configure(layout, regions_, {c, most_kept, watched_, true});
        stores_[c].depot().configure(0, options_.name);
    }
    is_open_ = true;
    return true;
}

void multi_pool::equip() noexcept {
    if (is_exact() || threads_ != 0) return;
    auto** memory = reinterpret_cast<void**>(regions_.home());
    for (std::uint32_t c = 0; c < classes(); ++c) {
        const std::size_t capacity = magazine_of(c, has_short_magazines_);
        stores_[c].equip(memory, capacity);
        if (walks_ != 0) stores_[c].suspend();
        memory += 2 * engine::magazine::words_for(capacity);
    }
}

bool multi_pool::add_region(std::size_t slabs) noexcept {
    const bool is_first = regions_.first() == nullptr;
    std::size_t bytes = 0;
    if (!base::multiply(slabs, options_.slab_bytes, bytes)) return false;
    if (!regions_.grow(bytes) && !(is_first && grow_with_short_magazines(bytes))) return false;
    if (is_first) equip();
    return true;
}

// The first region brings the magazines: near a limit blocks matter more.
bool multi_pool::grow_with_short_magazines(std::size_t bytes) noexcept {
    if (is_exact() || threads_ != 0 || has_short_magazines_) return false;
    const engine::region_plan usual = regions_.plan();
    engine::region_plan smaller = usual;
    smaller.home_bytes = magazine_bytes(largest_, true);
    regions_.configure(smaller);
    has_short_magazines_ = regions_.grow(bytes);
    if (!has_short_magazines_) regions_.configure(usual);
    return has_short_magazines_;
}

// As many as can be had, when not all can: a source near its limit still serves. A caller's buffer is taken
// whole, because a second region would lose a slab to alignment.
bool multi_pool::grow() noexcept {
    const std::size_t present = regions_.slabs();
    const std::size_t initial = slabs_for(options_.initial_bytes);
    std::size_t slabs = present == 0 && initial != 0 ? initial : options_.growth.step(present);
    if (options_.growth.how == growth::kind::geometric) {
        if (slabs < least_step) slabs = least_step;
        if (present != 0 || initial == 0) slabs = regions_.filling(slabs, options_.slab_bytes);
    }
    const bool takes_all = limit_.is_prepaid() && initial == 0;
    if (takes_all) slabs = limit_.available() / options_.slab_bytes;
    while (slabs != 0) {
        if (add_region(slabs)) return true;
        slabs = takes_all ? slabs - 1 : slabs / 2;
    }
    return reclaim();
}

// After a call that failed half way: what it reserved goes back.
void multi_pool::shrink_to(std::size_t slabs) noexcept {
    if (regions_.slabs() <= slabs) return;
    for (std::uint32_t c = 0; c < classes(); ++c) {
        stores_[c].suspend();
        stores_[c].heap().give_idle_slabs(unlimited);
    }
    while (regions_.slabs() > slabs) {
        engine::region_header* const idle = regions_.youngest_idle();
        if (idle == nullptr) break;
        if (idle == regions_.first()) return release_everything();
        regions_.release(idle);
    }
    for (std::uint32_t c = 0; walks_ == 0 && c < classes(); ++c) stores_[c].resume();
}

// What is idle or cached in one class serves another before a request is refused.
bool multi_pool::reclaim() noexcept {
    const std::size_t used = regions_.used();
    for (std::uint32_t c = 0; c < classes(); ++c) {
        stores_[c].drain_magazines();
        stores_[c].heap().give_idle_slabs(unlimited);
    }
    return regions_.used() < used;
}

std::size_t multi_pool::slabs_for(std::size_t bytes) const noexcept {
    return bytes / options_.slab_bytes + (bytes % options_.slab_bytes != 0 ? 1 : 0);
}

bool multi_pool::try_reserve_bytes(std::size_t bytes) noexcept {
    const std::size_t slabs = slabs_for(bytes);
    if (!is_open_ && !open()) return false;
    return regions_.slabs() >= slabs || add_region(slabs - regions_.slabs());
}

void multi_pool::reserve_bytes(std::size_t bytes) {
    (void)insist(bytes, [&] { return try_reserve_bytes(bytes); }, false);
}

bool multi_pool::try_reserve(std::size_t size, std::size_t blocks) noexcept {
    std::size_t bytes = 0;
    if (size > largest_ || !base::multiply(size, blocks, bytes) || bytes > base::size_max / 4) return false;
    if (!is_open_ && !open()) return false;
    engine::block_store& store = stores_[engine::class_of(size)];
    const std::size_t present = store.heap().idle() + store.cached() + store.live();
    if (present >= blocks) return true;
    const std::size_t in_slab = store.heap().layout().blocks_per_slab;
    const std::size_t slabs = (blocks - present - 1) / in_slab + 1;
    const std::size_t unused = regions_.slabs() - regions_.used();
    const std::size_t before = regions_.slabs();
    if (unused < slabs && !try_reserve_bytes((before + slabs - unused) * options_.slab_bytes)) return false;
    store.heap().set_up(slabs);
    if (store.heap().idle() + store.cached() + store.live() >= blocks) return true;
    shrink_to(before); // the source would not back it
    return false;
}

void multi_pool::reserve(std::size_t size, std::size_t blocks, touch pages) {
    std::size_t bytes = unlimited;
    (void)base::multiply(size, blocks, bytes);
    (void)insist(bytes, [&] { return try_reserve(size, blocks); }, false);
    if (pages == touch::yes) populate();
}

void multi_pool::populate() noexcept {
    if (!watched_) regions_.populate(); // what a sanitizer forbids is not touched
}

// Memory back.

void multi_pool::reset() noexcept {
    if (!is_open_) return;
    if (walks_ != 0 && options_.checks) return stores_[0].depot().report(misuse::not_quiet, nullptr);
    if (options_.erase_on_free) wipe_live();
    for (std::uint32_t c = 0; c < classes(); ++c) {
        stores_[c].reset();
        note_live(c);
    }
    live_ -= large_.live();
    large_.reset();
}

std::size_t multi_pool::release_idle_regions(std::size_t keep_slabs) noexcept {
    const std::size_t before = regions_.reserved_bytes();
    while (engine::region_header* const idle = regions_.youngest_idle()) {
        if (idle == regions_.first() || regions_.slabs() - idle->slabs < keep_slabs) break;
        regions_.release(idle);
    }
    const std::size_t surplus =
        regions_.slabs() - (keep_slabs > regions_.used() ? keep_slabs : regions_.used());
    return before - regions_.reserved_bytes() + regions_.decommit_idle(surplus);
}

bool multi_pool::trim_for_large() noexcept {
    if (large_.release_kept() != 0) return true;
    const std::size_t before = limit_.used();
    (void)reclaim();
    (void)release_idle_regions(0);
    // What threads share stays in a caller's buffer behind its slabs: to give those back would leave a hole.
    const bool keeps = threads_ != 0 && limit_.is_prepaid();
    if (regions_.used() == 0 && walks_ == 0 && !keeps) release_everything();
    return limit_.used() < before;
}

// When no slab is in use: back to the state before the first.
void multi_pool::release_everything() noexcept {
    for (std::uint32_t c = 0; c < classes(); ++c) stores_[c].strip();
    regions_.release_all();
    if (!has_short_magazines_ || limit_.is_prepaid()) return;
    regions_.configure(plan_for(limit_, options_, is_exact(), threads_)); // there may be more room now
    has_short_magazines_ = false;
}

void multi_pool::give_back_surplus() noexcept {
    for (std::uint32_t c = 0; c < classes(); ++c) {
        engine::slab_heap& heap = stores_[c].heap();
        heap.give_idle_slabs(heap.fewest_kept());
        heap.forget_fewest();
    }
    (void)release_idle_regions(regions_.peak_used());
    regions_.forget_peak();
    flushed_bytes_ = 0;
}

std::size_t multi_pool::trim() noexcept {
    if (!is_open_ || walks_ != 0) return 0;
    const std::size_t large = large_.release_kept();
    const std::size_t before = regions_.reserved_bytes();
    for (std::uint32_t c = 0; c < classes(); ++c) {
        stores_[c].suspend();
        stores_[c].heap().give_idle_slabs(unlimited);
    }
    std::size_t returned = release_idle_regions(0);
    if (regions_.used() != 0) {
        for (std::uint32_t c = 0; c < classes(); ++c) stores_[c].resume();
    } else {
        release_everything();
        returned = before - regions_.reserved_bytes(); // a table that threads read stays
    }
    limit_.trim();
    return large + returned;
}

} // namespace cenote::inline v0_1
