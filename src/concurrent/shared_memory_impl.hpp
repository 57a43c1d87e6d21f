// cenote: SPDX-License-Identifier: MIT
//
// How `shared` buys memory for threads' caches, in chunks of several, and gives it back.
#pragma once

#include <cenote/base/arith.hpp>
#include <cenote/concurrent/shared.hpp>

#include <new>

namespace cenote::inline v0_1::engine {

template<class Core>
std::size_t shared<Core>::bytes_of_units(std::size_t unit_bytes, std::size_t units) noexcept {
    return base::rounded_up(sizeof(chunk), unit_alignment) + units * unit_bytes;
}

/// Unless so many are spare: what is missing, more where the source gives whole pages.
template<class Core>
void shared<Core>::buy(std::size_t least) noexcept {
    if (crew_.spare_count() >= least || refused_at_ == core_.region_bytes()) return;
    const std::size_t units = least - crew_.spare_count();
    const std::size_t unit_bytes = core_.unit_bytes();
    const std::size_t bytes = base::rounded_up(bytes_of_units(unit_bytes, units), core_.from().granularity());
    const source::request wanted{bytes, unit_alignment, source::any_node};
    void* const data = core_.from().reserve(wanted);
    if (data == nullptr || !core_.from().commit(data, bytes)) {
        if (data != nullptr) core_.from().release(data, wanted);
        refused_at_ = core_.region_bytes();
        return;
    }
    std::size_t head = bytes_of_units(unit_bytes, 0);
    chunks_ = ::new (data) chunk{chunks_, bytes, (bytes - head) / unit_bytes, 0};
    // Magazines of many pools at the same place of their pages would share a few lines of the processor's
    // cache: each pool's begin a line further, as far as there is room.
    const std::size_t lines = (bytes - head - chunks_->units * unit_bytes) / unit_alignment + 1;
    head += static_cast<std::size_t>(id()) % lines * unit_alignment;
    bought_ += bytes;
    core_.set_bought(bought_);
    for (std::size_t i = 0; i < chunks_->units; ++i) {
        auto* const unit = ::new (static_cast<std::byte*>(data) + head + i * unit_bytes) cache_unit;
        unit->home = chunks_;
        for (std::uint32_t c = 0; c < core_.size_classes(); ++c) ::new (unit->stocks() + c) stock;
        core_.clear(*unit);
        crew_.add_spare(*unit);
    }
}

/// Those of which no thread has a unit, or all.
template<class Core>
void shared<Core>::release_chunks(bool all) noexcept {
    cache_unit* spare = crew_.take_spares();
    for (chunk* one = chunks_; one != nullptr; one = one->next) one->spare = 0;
    for (cache_unit* unit = spare; unit != nullptr; unit = unit->next)
        ++static_cast<chunk*>(unit->home)->spare;
    while (spare != nullptr) {
        cache_unit* const next = spare->next;
        const auto* const home = static_cast<const chunk*>(spare->home);
        if (!all && home->spare != home->units) crew_.add_spare(*spare);
        spare = next;
    }
    for (chunk** link = &chunks_; *link != nullptr;) {
        chunk* const one = *link;
        if (!all && one->spare != one->units) {
            link = &one->next;
            continue;
        }
        *link = one->next;
        bought_ -= one->bytes;
        core_.from().release(one, {one->bytes, unit_alignment, source::any_node});
    }
    core_.set_bought(bought_);
    refused_at_ = unlimited;
}

/// Whether the thread has magazines of that size now, also at the cost of others.
template<class Core>
bool shared<Core>::equip(thread_cache& mine, std::uint32_t size_class) noexcept {
    stock& one = stock_of(mine, size_class);
    if (walks_ != 0 || one.can_hold()) return one.can_hold();
    do core_.equip(*mine.unit, one, size_class);
    while (!one.can_hold() && narrow_widest(mine, size_class));
    return one.can_hold();
}

/// Longer magazines for a size whose own were exchanged. When there is no room, now and then at the cost of
/// the widest: what was used once need not be used now.
template<class Core>
bool shared<Core>::widen(thread_cache& mine, std::uint32_t size_class) noexcept {
    constexpr std::uint32_t patience = 64;
    constexpr std::size_t usual_share = 4; // the rest is for sizes to come
    cache_unit& unit = *mine.unit;
    stock& one = stock_of(mine, size_class);
    if (core_.widen(unit, one, size_class, usual_share)) return true;
    if (one.capacity == one.most || ++unit.refusals % patience != 0) return false;
    if (core_.widest(unit, size_class) == size_class || !narrow_widest(mine, size_class)) return false;
    return core_.widen(unit, one, size_class, 1);
}

template<class Core>
bool shared<Core>::narrow_widest(thread_cache& mine, std::uint32_t size_class) noexcept {
    const std::uint32_t widest = core_.widest(*mine.unit, size_class);
    if (widest == no_slab) return false;
    stock& one = stock_of(mine, widest);
    flush(one, one.spare, widest);
    flush(one, one.loaded, widest);
    if (one.count() != 0) return false; // more is wrong in them than a list of reports holds
    core_.narrow(*mine.unit, one, widest);
    return true;
}

} // namespace cenote::inline v0_1::engine
