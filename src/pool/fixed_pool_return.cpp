// cenote: SPDX-License-Identifier: MIT
//
// How a fixed pool gives memory back: what is idle after a window of traffic, and all that can go when asked.
#include <cenote/pool/fixed_pool.hpp>

namespace cenote::inline v0_1 {
namespace {

/// A surplus goes back when it was one for a whole window of traffic: until this many blocks were flushed for
/// each block there is. One for every 64 bytes of a block, because giving memory back and getting it again
/// costs by the byte; but at least 2, so that a window sees a whole round of what the program does, and at
/// most 16.
constexpr std::size_t window_for(std::size_t stride) noexcept {
    const std::size_t by_bytes = stride / 64;
    return by_bytes < 2 ? 2 : by_bytes > 16 ? 16 : by_bytes;
}

} // namespace

// Whatever of it the windows of traffic allow.
void fixed_pool::give_back_what_is_idle() noexcept {
    if (walks_ != 0) return;
    if (options_.trim == trim::automatic) {
        if (store_.flushed() >= window()) {
            give_back_surplus();
        } else if (settling_ != 0) {
            settle();
        }
    }
    if (is_quick_) look_ahead();
}

std::size_t fixed_pool::window() const noexcept {
    return window_for(layout_.stride) * retention_.patience() * store_.heap().blocks();
}

// Up to the free that ends the window, whatever the size of blocks. Of fewer blocks it ends sooner: who
// gives slabs back looks again; of more too soon, and then is looked again.
void fixed_pool::look_ahead() noexcept {
    const bool is_quiet = options_.trim != trim::automatic;
    const std::size_t end = is_quiet ? unlimited : window();
    quick_until_ = settling_ == 0 && end != 0 ? end - 1 : 0;
}

void fixed_pool::reset() noexcept {
    if (walks_ != 0 && options_.checks) return store_.depot().report(misuse::not_quiet, nullptr);
    if (!is_open_) return;
    if (options_.erase_on_free) wipe_live();
    store_.reset();
}

void fixed_pool::release_idle_regions() noexcept {
    while (engine::region_header* const idle = regions_.youngest_idle()) {
        if (idle == regions_.first()) return; // it holds the magazines
        store_.depot().abandon(*idle);
        regions_.release(idle);
    }
}

// So many live ones, what caches hold beside them, and a slab that is in part in use.
std::size_t fixed_pool::enough_for(std::size_t live) const noexcept {
    return live + 2 * store_.depot().capacity() * caches_ + layout_.blocks_per_slab;
}

// Kept is what was live at most in the window. When most of the pool is surplus, it settles first.
void fixed_pool::give_back_surplus() noexcept {
    const std::size_t blocks = store_.heap().blocks();
    const std::size_t magazine = store_.depot().capacity();
    const std::size_t needed = enough_for(store_.recent_peak());
    settling_ = 0;
    if (options_.adaptive) retention_.note_window(blocks, store_.flushed(), window_for(layout_.stride));
    store_.forget_recent_peak();
    store_.forget_flushed();
    if (blocks <= needed) return;
    if (blocks - needed > blocks / 2) {
        settling_ = needed;
        settle();
    } else if (magazine != 0) {
        store_.depot().drain((blocks - needed) / magazine);
    }
    give_slabs_beyond(needed);
}

// A crowd that leaves in random order leaves a few blocks of every slab in the magazines, and these would go
// round for ever and pin their slabs. So all blocks go to their slabs, also those that come back while as
// many as are needed are freed: what is in use then gathers in few slabs.
void fixed_pool::settle() noexcept {
    store_.drain_magazines();
    store_.depot().drain(unlimited);
    if (store_.flushed() < settling_) return;
    give_slabs_beyond(settling_);
    settling_ = 0;
}

void fixed_pool::give_slabs_beyond(std::size_t needed) noexcept {
    const std::size_t blocks = store_.heap().blocks();
    if (blocks > needed) store_.heap().give_idle_slabs((blocks - needed) / layout_.blocks_per_slab);
    if (options_.adaptive) retention_.note_return(blocks, store_.heap().blocks());
    release_idle_regions();
    regions_.decommit_idle(unlimited);
}

std::size_t fixed_pool::trim() noexcept {
    if (!is_open_ || walks_ != 0) return 0;
    const std::size_t before = regions_.reserved_bytes();
    store_.suspend();
    store_.depot().drain(unlimited);
    store_.heap().give_idle_slabs(unlimited);
    release_idle_regions();
    quick_until_ = 0;
    std::size_t decommitted = 0;
    if (regions_.used() == 0) {
        store_.strip();
        regions_.release_all();
    } else {
        store_.resume();
        decommitted = regions_.decommit_idle(unlimited);
    }
    from().trim();
    return before - regions_.reserved_bytes() + decommitted;
}

} // namespace cenote::inline v0_1
