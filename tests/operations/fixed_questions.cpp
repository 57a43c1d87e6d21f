// cenote: SPDX-License-Identifier: MIT
//
// The interpreter's verbs that allocate and free nothing: questions, walks, memory back, misuse.
#include "operations/fixed_run.hpp"

namespace cenote::test {

void fixed_run::ask(operation how) {
    int foreign = 0;
    require(!pool_->owns(&foreign) && !pool_->is_live(&foreign), "a foreign pointer is owned");
    require(pool_->index_of(&foreign) == unlimited, "a foreign pointer has an index");
    require(!pool_->owns(nullptr) && !pool_->is_live(nullptr), "null is owned");
    require(pool_->at(unlimited) == nullptr, "there is a block with an impossible number");
    for (void* const gone : map_.freed) {
        if (!map_.live.holds(gone)) require(!pool_->is_live(gone), "a freed block is live");
    }
    if (map_.live.empty()) return;
    std::byte* const block = map_.live[how.amount % map_.live.size()].data;
    require(pool_->owns(block) && pool_->is_live(block), "a live block is not known");
    const std::size_t index = pool_->index_of(block);
    require(index < std::size_t{1} << 31, "an index is too large");
    require(pool_->at(index) == block, "at is not the inverse of index_of");
    require(index_.emplace(block, index).first->second == index, "the index of a live block has changed");
    if (pool_->stride() == 1) return;
    std::byte* const inside = block + 1 + how.which % (pool_->stride() - 1);
    require(!pool_->owns(inside) && !pool_->is_live(inside), "a pointer into a block is owned");
    require(pool_->index_of(inside) == unlimited, "a pointer into a block has an index");
}

void fixed_run::walk(operation how) {
    const std::size_t most = how.which % 2 == 0 ? unlimited : how.amount % 50u;
    std::set<void*> seen;
    pool_->for_each([&](void* block) {
        require(map_.live.holds(block), "a walk visits a block that is not live");
        require(seen.insert(block).second, "a walk visits a block twice");
        return seen.size() < most;
    });
    const std::size_t expected = std::min(std::max<std::size_t>(most, 1), map_.live.size());
    require(seen.size() == expected, "a walk misses live blocks, or does not stop");
}

// A walk whose visitor allocates, frees, walks and tries to trim.
void fixed_run::walk_on(operation how) {
    throughout_.clear();
    for (const auto& one : map_.live) throughout_.insert(one.data);
    std::multiset<void*> seen;
    std::size_t steps = 0;
    pool_->for_each([&](void* block) {
        require(map_.live.holds(block), "a walk visits a block that is not live");
        seen.insert(block);
        if (++steps > 500) return;
        if (steps % (how.which % 5u + 1) == 0) {
            const std::size_t number =
                how.amount % 2 == 0 ? map_.live.number_of(block) : how.amount * steps % map_.live.size();
            free(number);
        }
        if (steps % (how.which / 16u + 1) == 0) allocate({static_cast<std::uint8_t>(steps % 4), 0, 0});
        if (steps == 7) walk({0, 0, 0});
        if (steps == 9) require(pool_->trim() == 0, "a trim in the middle of a walk");
        require(pool_->is_instrumented(), "the fast path is open in the middle of a walk");
    });
    for (void* const block : throughout_)
        require(seen.count(block) == 1, "a walk visits a block not once that was live throughout");
}

void fixed_run::reset(operation how) {
    if (how.which % 4 != 0) return; // rarely
    const std::size_t reserved = pool_->stats().reserved_bytes;
    pool_->reset();
    for (const auto& one : map_.live) map_.note_freed(one.data);
    map_.live.clear();
    index_.clear();
    const pool_stats now = pool_->stats();
    require(now.reserved_bytes == reserved, "a reset changed what is reserved");
    require(now.cached == 0 && now.idle == now.blocks, "a reset left blocks that are not idle");
}

void fixed_run::trim_all(operation how) {
    if (how.which % 3 != 0) return;
    const std::size_t before = pool_->stats().reserved_bytes;
    const std::size_t returned = pool_->trim();
    const pool_stats now = pool_->stats();
    require(now.reserved_bytes <= before, "a trim took memory");
    require(returned >= before - now.reserved_bytes, "a trim returned more than it says");
    require(now.cached == 0, "a trim left cached blocks");
    require(!map_.live.empty() || now.reserved_bytes == 0, "a trim of an empty pool left memory");
    map_.forget_addresses();
}

void fixed_run::reserve(operation how) {
    const std::size_t blocks = how.amount % (most_live_ + 20);
    const bool given = tries(blocks, true, [&] {
        pool_->reserve(blocks, how.which % 2 == 0 ? fixed_pool::touch::no : fixed_pool::touch::yes);
        return true;
    });
    if (!given) return;
    require(blocks <= limit_, "more than the maximum was reserved");
    if (how.which % 8 > 1) return;
    ground_.source().relent();
    const std::size_t calls = ground_.source().calls().all();
    while (map_.live.size() < std::min(blocks, most_live_)) allocate({0, 0, 0});
    require(ground_.source().calls().all() == calls, "reserved blocks needed the source");
}

// Misuse.

void* fixed_run::never_allocated(std::size_t from) const {
    for (std::size_t index = from; index < from + 70; ++index) {
        void* const block = pool_->at(index);
        if (block != nullptr && map_.ever.count(block) == 0) return block;
    }
    return nullptr;
}

void* fixed_run::past_the_end(std::size_t from) const {
    for (std::size_t index = from; index < from + 2000; ++index) {
        auto* const block = static_cast<std::byte*>(pool_->at(index));
        if (block == nullptr) return nullptr;
        std::byte* const next = block + pool_->stride();
        if (!pool_->owns(next)) return next;
    }
    return nullptr;
}

void fixed_run::misuse_free(void* pointer, misuse kind, bool is_certain) {
    const pool_stats before = pool_->stats();
    require(recorder::count() == 0, "misuse was reported though there was none");
    if (kind == misuse::wrong_size) {
        pool_->deallocate(pointer, pool_->block_size() + 1);
    } else {
        pool_->deallocate(pointer);
    }
    require(recorder::count() == 1, "misuse was not reported, or more than once");
    recorder::count() = 0;
    const misuse_report& report = recorder::last();
    require(report.pointer == pointer && report.pool == options_.name,
            "misuse of something else was reported");
    require(report.block_size == pool_->block_size(), "the block size in a report is wrong");
    if (is_certain && report.kind != kind)
        throw disagreement(std::string("reported as ") + misuse_text(report.kind) + ", but it was " +
                           misuse_text(kind));
    const pool_stats after = pool_->stats();
    const bool is_still = after.idle == before.idle && after.cached == before.cached;
    require(after.live == before.live && (is_still || options_.trim == trim::automatic),
            "a misused call changed something");
}

void fixed_run::misuse_one(operation how) {
    if (!options_.checks) return;
    static int foreign;
    std::byte* const live = map_.live.empty() ? nullptr : map_.live[how.amount % map_.live.size()].data;
    const std::size_t index = live == nullptr ? 0 : pool_->index_of(live);
    switch (how.which % 6) {
    case 0:
        return misuse_free(&foreign, misuse::foreign_pointer, true);
    case 1: {
        if (map_.freed.empty()) return;
        void* const gone = map_.freed[how.amount % map_.freed.size()];
        if (map_.live.holds(gone)) return;
        for (const auto& one : map_.live) { // its slab may have gone, and another block lie over it
            if (!addresses_last() && one.data <= gone && gone < one.data + one.size) return;
        }
        return misuse_free(gone, misuse::double_free, addresses_last());
    }
    case 2:
        if (live == nullptr || pool_->stride() == 1) return;
        return misuse_free(live + 1 + how.which % (pool_->stride() - 1), misuse::interior_pointer, true);
    case 3:
        if (void* const block = never_allocated(index))
            misuse_free(block, misuse::never_allocated, addresses_last() && map_.is_whole);
        return;
    case 4:
        if (void* const end = past_the_end(index)) {
            misuse_free(end, misuse::past_the_end, ground_.is_sparse() && options_.blocks_per_slab == 0);
        }
        return;
    default:
        if (live != nullptr) misuse_free(live, misuse::wrong_size, true);
    }
}

} // namespace cenote::test
