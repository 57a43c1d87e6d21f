// cenote: SPDX-License-Identifier: MIT
#include <cenote/base/arith.hpp>
#include <cenote/base/sanitizer.hpp>
#include <cenote/buffer/buffer_tiers.hpp>

#include <algorithm>

namespace cenote::inline v0_1::engine {
namespace {

constexpr unsigned least_region_bits = 16;
constexpr std::size_t usual_page = 4096;
constexpr std::size_t most_cut_bytes = std::size_t{64} << 10; // ahead of need
constexpr std::size_t most_in_a_magazine = 32;
constexpr std::size_t share_of_a_thread = 2;                 // of what is retained, in a magazine
constexpr std::size_t share_of_caches = 4;                   // of a maximum, in those of all expected threads
constexpr std::size_t bytes_a_merge = std::size_t{16} << 10; // first touched while caches merge
constexpr std::size_t share_bytes = 64;                      // behind a buffer that is a region of its own

unsigned log2_of(std::size_t power) noexcept {
    return static_cast<unsigned>(std::countr_zero(power));
}

} // namespace

// A page is what the source counts in, where that is larger than the usual one: less of it never goes back.
buddy_shape buffer_tiers::shape_for(const buffer_pool_options& options, std::size_t granularity) noexcept {
    return {log2_of(options.smallest), std::max(log2_of(options.largest) + 1, least_region_bits),
            log2_of(std::max(granularity, usual_page))};
}

std::size_t buffer_tiers::entries_for(const buffer_pool_options& options, unsigned of,
                                      std::size_t cached) noexcept {
    const std::size_t kept = options.retained(of);
    const std::size_t wanted = std::clamp<std::size_t>(kept / share_of_a_thread, 1, most_in_a_magazine);
    return kept == 0 ? 0 : std::min(wanted, cached / (options.smallest << of));
}

/// Bytes of one tier in a thread's cache, when a pool has `most` in all: the caches of all expected threads
/// keep no more than a quarter of it from others, who cannot get at them.
std::size_t buffer_tiers::cached_of_a_tier(const buffer_pool_options& options, std::size_t most) noexcept {
    const std::size_t share = most == unlimited ? unlimited : most / share_of_caches / options.threads;
    for (std::size_t cached = std::min(options.cached_bytes, share);; cached /= 2) {
        std::uint64_t all = 0;
        for (unsigned t = 0; t < options.tiers(); ++t)
            all += std::uint64_t{entries_for(options, t, cached)} * (options.smallest << t);
        if (all <= share) return cached;
    }
}

std::size_t buffer_tiers::words_of_units(const buffer_pool_options& options, std::size_t cached) noexcept {
    std::size_t words = 0;
    for (unsigned t = 0; t < options.tiers(); ++t)
        words += magazine::words_for(entries_for(options, t, cached));
    return words;
}

std::size_t buffer_tiers::words_of_shelves(const buffer_pool_options& options) noexcept {
    std::size_t words = 0;
    for (unsigned t = 0; t < options.tiers(); ++t) words += magazine::words_for(options.retained(t));
    return words;
}

std::size_t buffer_tiers::required_bytes(const buffer_pool_options& options) {
    const buddy_shape shape = shape_for(options, 1);
    const std::size_t regions =
        options.initial_bytes / shape.region_bytes() + (options.initial_bytes % shape.region_bytes() != 0);
    const std::size_t region = buddy_heap::bytes_for(shape, 1, 1) + buddy_heap::alignment;
    std::size_t bytes = 0;
    if (!base::multiply(regions, region, bytes)) return base::size_max;
    const std::size_t shelves = (words_of_shelves(options) + 1) * sizeof(void*);
    const std::size_t cached = cached_of_a_tier(options, options.initial_bytes);
    const std::size_t unit = unit_bytes_for(options.tiers(), words_of_units(options, cached)) + 64;
    return bytes + buddy_heap::bytes_for(shape, regions, 1) - regions * (shape.region_bytes()) + shelves +
           (options.threads + std::size_t{2}) * unit;
}

buffer_tiers::buffer_tiers(const buffer_pool_options& wanted, unsigned /*threads*/)
    : options_(wanted),
      limit_(wanted.source != nullptr ? *wanted.source : default_source(), wanted.maximum_bytes) {
    watched_ = options_.sanitizers && base::watched();
    heap_.configure(shape_for(options_, limit_.granularity()), limit_, watched_);
    const bool is_counted = limit_.is_prepaid() && wanted.initial_bytes != 0; // as `required_bytes` counts
    for (unsigned t = 0; t < options_.tiers(); ++t) {
        tiers_[t].bytes_ = options_.smallest << t;
        tiers_[t].retained_ = options_.retained(t);
    }
    if (!is_exact()) measure_caches(is_counted ? wanted.initial_bytes : limit_.available());
}

void buffer_tiers::measure_caches(std::size_t most) noexcept {
    measured_ = most;
    const std::size_t cached = cached_of_a_tier(options_, most);
    for (unsigned t = 0; t < options_.tiers(); ++t) tiers_[t].entries_ = entries_for(options_, t, cached);
    unit_entries_ = words_of_units(options_, cached);
}

// Where there was too little for any when the pool was made, because others had used up a budget. Once there
// are caches they keep their sizes.
void buffer_tiers::look_for_caches() noexcept {
    const std::size_t left = limit_.available();
    if (left == unlimited || limit_.is_prepaid()) return;
    const std::size_t most = left + limit_.used();
    if (most / 2 >= std::max<std::size_t>(measured_, 1)) measure_caches(most); // seldom: it takes a while
}

buffer_tiers::~buffer_tiers() {
    heap_.release_all();
    if (shelves_ != nullptr) limit_.release(shelves_, {shelf_bytes_, alignof(void*), source::any_node});
}

bool buffer_tiers::open_shared() noexcept {
    if (is_open_) return true;
    const std::size_t words = words_of_shelves(options_);
    if (words != 0 && shelves_ == nullptr) {
        const std::size_t bytes = base::rounded_up(words * sizeof(void*), limit_.granularity());
        const source::request wanted{bytes, alignof(void*), source::any_node};
        void* const data = limit_.reserve(wanted);
        if (data == nullptr) return false;
        if (!limit_.commit(data, bytes)) {
            limit_.release(data, wanted);
            return false;
        }
        shelf_bytes_ = bytes;
        shelves_ = static_cast<void**>(data);
        void** next = shelves_;
        for (unsigned t = 0; t < options_.tiers(); ++t) {
            tiers_[t].shelf_ = magazine::in(next, tiers_[t].retained_);
            next += magazine::words_for(tiers_[t].retained_);
        }
    }
    while (heap_.regions() * heap_.shape().region_bytes() < options_.initial_bytes) {
        if (!heap_.grow()) return false;
    }
    heap_.keep(heap_.regions());
    is_open_ = true;
    return true;
}

// Taking.

// What the shelves keep merges before more is asked of the source.
place buffer_tiers::cut(unsigned of, bool may_grow) noexcept {
    bool was_clean = false;
    place found = heap_.take(of, was_clean);
    if (found == no_place && may_grow && heap_.free_bytes() + shelved_bytes_ >= tiers_[of].bytes_) {
        clear_shelves();
        found = heap_.take(of, was_clean);
    }
    if (found == no_place && may_grow && heap_.grow()) {
        merges_ = 0;
        found = heap_.take(of, was_clean);
    }
    if (found != no_place && was_clean) ++tiers_[of].fresh_;
    return found;
}

// Else each tier keeps the most that was ever out of it, though never all are at once. A merge takes about a
// microsecond, as first touches of a few pages do: when merges have cost as much as a region, another region
// is the better choice.
bool buffer_tiers::wants_caches_back(std::uint32_t of) noexcept {
    if (!tiers_[of].shelf_.is_empty() || heap_.can_take(of)) return false;
    if (merges_ >= heap_.shape().region_bytes() / bytes_a_merge) return false;
    ++merges_;
    return true;
}

std::size_t buffer_tiers::fetch(std::uint32_t of, void** begin, std::size_t want) noexcept {
    tier& one = tiers_[of];
    std::size_t count = std::min(one.shelf_.count(), want);
    if (count != 0) {
        one.shelf_.pop_many(begin, count);
        one.least_ = std::min(one.least_, one.shelf_.count());
        shelved_bytes_ -= count * one.bytes_;
    } else {
        const std::size_t most = std::min(want, std::max<std::size_t>(most_cut_bytes / one.bytes_, 1));
        while (count < most) {
            const place found = cut(of, count == 0);
            if (found == no_place) break;
            begin[count++] = reinterpret_cast<void*>(static_cast<std::uintptr_t>(found));
        }
    }
    one.out_ += count;
    recent_.note(count * one.bytes_, heap_.used_bytes());
    return count;
}

void* buffer_tiers::take_one(std::uint32_t of) noexcept {
    if (!has_caches() && !is_exact()) look_for_caches();
    void* entry = nullptr;
    if (fetch(of, &entry, 1) != 0) ++tiers_[of].acquired_;
    return entry;
}

bool buffer_tiers::extend(void* entry, unsigned of, unsigned wanted) noexcept {
    if (!heap_.extend(place_of(entry), of, wanted)) return false;
    --tiers_[of].out_;
    ++tiers_[wanted].out_;
    recent_.note(0, heap_.used_bytes());
    return true;
}

// Giving.

void* const* buffer_tiers::put(std::uint32_t of, void* const* begin, void* const* end) noexcept {
    tier& one = tiers_[of];
    one.out_ -= static_cast<std::size_t>(end - begin);
    for (void* const* entry = begin; entry != end; ++entry) {
        if (!one.shelf_.is_full() && options_.retained_bytes - shelved_bytes_ >= one.bytes_) {
            one.shelf_.push(*entry);
            shelved_bytes_ += one.bytes_;
        } else {
            heap_.give(place_of(*entry), of);
            ++one.dropped_;
        }
    }
    return end;
}

void buffer_tiers::give_one(std::uint32_t of, void* entry) noexcept {
    (void)put(of, &entry, &entry + 1);
    after_put(of);
}

// Beyond the tiers.

bool buffer_tiers::oversize_for(std::size_t size, std::size_t& bytes) const noexcept {
    const std::size_t unit = std::max<std::size_t>(limit_.granularity(), share_bytes);
    if (size > base::size_max / 2 || !base::round_up(size + share_bytes, unit, bytes)) return false;
    bytes -= share_bytes;
    return true;
}

source::request buffer_tiers::oversize_region(std::size_t bytes) noexcept {
    return {bytes + share_bytes, buddy_heap::alignment, source::any_node};
}

void* buffer_tiers::take_oversize(std::size_t bytes) noexcept {
    const source::request wanted = oversize_region(bytes);
    void* data = limit_.reserve(wanted);
    if (data == nullptr && !limit_.is_prepaid() && trim() != 0) data = limit_.reserve(wanted);
    if (data == nullptr) return nullptr;
    if (!limit_.commit(data, wanted.bytes)) {
        limit_.release(data, wanted);
        return nullptr;
    }
    ++oversize_;
    ++oversize_count_;
    oversize_bytes_ += wanted.bytes;
    return data;
}

void buffer_tiers::give_oversize(void* data, std::size_t bytes) noexcept {
    const source::request gone = oversize_region(bytes);
    --oversize_;
    oversize_bytes_ -= gone.bytes;
    limit_.release(data, gone);
}

// Questions.

buffer_stats buffer_tiers::stats() const noexcept {
    buffer_stats all;
    all.tiers = options_.tiers();
    std::uint64_t acquired = oversize_count_;
    for (unsigned t = 0; t < all.tiers; ++t) {
        const tier& one = tiers_[t];
        buffer_tier& row = all.tier[t];
        row = {one.bytes_, one.live(), one.elsewhere_, one.shelf_.count(), one.retained_, {}};
        row.counts.fresh = one.fresh_;
        row.counts.dropped = one.dropped_;
        row.counts.split = heap_.counts().split[t];
        row.counts.merged = heap_.counts().merged[t];
        if (options_.stats) {
            row.counts.acquired = one.acquired_;
            row.counts.reused = one.acquired_ - one.fresh_;
        }
        acquired += one.acquired_;
        all.live += row.live;
        all.live_bytes += row.live * row.bytes;
        all.counts.fresh += one.fresh_;
        all.counts.dropped += one.dropped_;
    }
    for (unsigned order = 0; order < most_orders; ++order) {
        all.counts.split += heap_.counts().split[order];
        all.counts.merged += heap_.counts().merged[order];
    }
    all.counts.oversize = oversize_count_;
    if (options_.stats) {
        all.counts.acquired = acquired;
        all.counts.reused = acquired - oversize_count_ - all.counts.fresh;
    }
    all.live += oversize_;
    all.live_bytes += oversize_bytes_ - oversize_ * share_bytes;
    all.retained_bytes = shelved_bytes_;
    all.idle_bytes = heap_.free_bytes();
    all.reserved_bytes = limit_.used();
    all.purges = purges_;
    return all;
}

shortage buffer_tiers::shortage_of(std::size_t bytes) const noexcept {
    shortage what;
    what.pool = options_.name;
    what.requested = bytes;
    what.live = stats().live_bytes;
    what.reserved = limit_.used();
    what.limit = options_.maximum_bytes;
    what.available = limit_.available();
    return what;
}

bool buffer_tiers::is_valid() const noexcept {
    std::size_t out = 0;
    std::size_t shelved = 0;
    for (unsigned t = 0; t < options_.tiers(); ++t) {
        const tier& one = tiers_[t];
        const std::size_t count = one.shelf_.count();
        if (count > one.retained_ || one.least_ > count || one.elsewhere_ + one.written_off_ > one.out_) {
            return false;
        }
        out += one.out_ * one.bytes_;
        shelved += count * one.bytes_;
    }
    return shelved == shelved_bytes_ && shelved <= options_.retained_bytes && heap_.is_valid() &&
           out + shelved + heap_.free_bytes() == heap_.regions() * heap_.shape().region_bytes() &&
           heap_.reserved_bytes() + shelf_bytes_ + bought_ + oversize_bytes_ == limit_.used();
}

} // namespace cenote::inline v0_1::engine
