// cenote: SPDX-License-Identifier: MIT
//
// The interpreter's verbs that allocate and free nothing: questions, walks, memory back, misuse.
#include "operations/variable_run.hpp"

#include <algorithm>

namespace cenote::test {

void variable_run::ask(operation how) {
    int foreign = 0;
    require(!pool_->owns(&foreign) && !pool_->is_live(&foreign), "a foreign pointer is owned");
    require(!pool_->owns(nullptr) && !pool_->is_live(nullptr), "null is owned");
    require(pool_->size_of(&foreign) == 0 && pool_->size_of(nullptr) == 0, "a foreign pointer has a size");
    require(pool_->try_allocate(8, 24) == nullptr, "an alignment that is no power of two was accepted");
    ++map_.calls.failures;
    try {
        (void)pool_->allocate(8, 0);
        throw disagreement("an alignment of zero was accepted");
    } catch (const bad_options&) {
    }
    for (void* const gone : map_.freed) {
        if (!map_.live.holds(gone)) require(!pool_->is_live(gone), "a freed block is live");
    }
    if (map_.live.empty()) return;
    const block_ledger::entry one = map_.live[how.amount % map_.live.size()];
    require(pool_->owns(one.data) && pool_->is_live(one.data), "a live block is not known");
    if (one.size < 2) return;
    std::byte* const inside = one.data + 1 + how.which % (one.size - 1);
    require(!pool_->owns(inside) && !pool_->is_live(inside), "a pointer into a block is owned");
    require(pool_->size_of(inside) == 0, "a pointer into a block has a size");
}

void variable_run::walk(operation how) {
    const std::size_t most = how.which % 2 == 0 ? unlimited : how.amount % 50u;
    std::set<void*> seen;
    pool_->for_each([&](void* block, std::size_t size) {
        require(map_.live.holds(block), "a walk visits a block that is not live");
        require(size == pool_->size_of(block), "a walk tells a wrong size");
        require(seen.insert(block).second, "a walk visits a block twice");
        return seen.size() < most;
    });
    const std::size_t expected = std::min(std::max<std::size_t>(most, 1), map_.live.size());
    require(seen.size() == expected, "a walk misses live blocks, or does not stop");
}

// A walk whose visitor allocates, frees, walks and tries to trim.
void variable_run::walk_on(operation how) {
    throughout_.clear();
    for (const auto& one : map_.live) throughout_.insert(one.data);
    std::multiset<void*> seen;
    std::size_t steps = 0;
    pool_->for_each([&](void* block, std::size_t) {
        require(map_.live.holds(block), "a walk visits a block that is not live");
        seen.insert(block);
        if (++steps > 400) return;
        if (steps % (how.which % 5u + 1) == 0) {
            const std::size_t number =
                how.amount % 2 == 0 ? map_.live.number_of(block) : how.amount * steps % map_.live.size();
            free(number);
        }
        if (steps % (how.which / 16u + 1) == 0) {
            allocate({static_cast<std::uint8_t>(steps), how.which,
                      static_cast<std::uint16_t>(how.amount + steps)});
        }
        if (steps == 7) walk({0, 0, 0});
        if (steps == 9) require(pool_->trim() == 0, "a trim in the middle of a walk");
    });
    for (void* const block : throughout_)
        require(seen.count(block) == 1, "a walk visits a block not once that was live throughout");
}

void variable_run::reset(operation how) {
    if (how.which % 4 != 0) return; // rarely
    pool_->reset();
    for (const auto& one : map_.live) map_.note_freed(one.data);
    map_.live.clear();
    const pool_stats now = pool_->stats();
    require(now.live_bytes == 0, "a reset left live bytes");
    require(now.idle == now.blocks, "a reset left blocks that are not idle");
}

void variable_run::trim_all(operation how) {
    if (how.which % 3 != 0) return;
    const std::size_t before = pool_->stats().reserved_bytes;
    const std::size_t returned = pool_->trim();
    const pool_stats now = pool_->stats();
    require(returned == before - now.reserved_bytes, "a trim does not say what it returned");
    require(!map_.live.empty() || now.reserved_bytes == 0, "a trim of an empty pool left memory");
    map_.forget_addresses();
}

void variable_run::reserve(operation how) {
    const std::size_t size = size_of(how);
    const std::size_t blocks = std::min<std::size_t>(how.amount % 1000u, (std::size_t{1} << 20) / (size + 1));
    const bool is_possible = size <= pool_->largest_block();
    if (!is_possible) return;
    const bool given = tries([&] {
        pool_->reserve(size, blocks,
                       how.which % 2 == 0 ? variable_pool::touch::no : variable_pool::touch::yes);
        return true;
    });
    if (!given || how.which % 8 > 1) return;
    ground_.source().relent();
    const std::size_t calls = ground_.source().calls().all();
    for (std::size_t i = 0; i < blocks && map_.live.size() < 3000; ++i) {
        void* const block = pool_->try_allocate(size);
        require(block != nullptr, "a reserved block was refused");
        enter(block, size, variable_pool::default_alignment);
    }
    require(ground_.source().calls().all() == calls, "reserved blocks needed the source");
}

void variable_run::refuse(operation how) {
    if (how.which % 3 == 0) return ground_.source().relent();
    ground_.source().refuse(how.amount % 6u + 1, how.which % 3 == 1 ? refusal::once : refusal::from_then_on);
}

// Misuse is always reported, with every option and without.

void variable_run::misuse_free(void* pointer, misuse kind, misuse or_kind, std::size_t size) {
    const pool_stats before = pool_->stats();
    require(recorder::count() == 0, "misuse was reported though there was none");
    if (size == unlimited) {
        pool_->deallocate(pointer);
    } else {
        pool_->deallocate(pointer, size);
    }
    require(recorder::count() == 1, "misuse was not reported, or more than once");
    recorder::count() = 0;
    const misuse_report& report = recorder::last();
    require(report.pointer == pointer && report.pool == options_.name,
            "misuse of something else was reported");
    if (report.kind != kind && report.kind != or_kind)
        throw disagreement(std::string("reported as ") + misuse_text(report.kind) + ", but it was " +
                           misuse_text(kind));
    pool_stats after = pool_->stats();
    require(after.live == before.live && after.live_bytes == before.live_bytes && after.idle == before.idle,
            "a misused call changed something");
}

void variable_run::misuse_one(operation how) {
    static int foreign;
    const block_ledger::entry live =
        map_.live.empty() ? block_ledger::entry{} : map_.live[how.amount % map_.live.size()];
    switch (how.which % 4) {
    case 0:
        if (how.amount % 2 == 0)
            return misuse_free(&foreign, misuse::foreign_pointer, misuse::foreign_pointer);
        return misuse_free(&foreign, misuse::foreign_pointer, misuse::foreign_pointer, how.amount % 2000u);
    case 1: { // of a block whose region is still there, and whose memory nobody has got since
        if (map_.freed.empty()) return;
        auto* const gone = static_cast<std::byte*>(map_.freed[how.amount % map_.freed.size()]);
        for (const auto& one : map_.live) {
            if (one.data <= gone && gone < one.data + std::max(pool_->size_of(one.data), one.size)) return;
        }
        if (!pool_->owns(gone)) return;
        return misuse_free(gone, misuse::double_free, misuse::never_allocated); // in a region that is new
    }
    case 2:
        if (live.size < 2) return;
        return misuse_free(live.data + 1 + how.which % (live.size - 1), misuse::interior_pointer,
                           misuse::interior_pointer);
    default:
        if (live.data == nullptr) return;
        return misuse_free(live.data, misuse::wrong_size, misuse::wrong_size, pool_->size_of(live.data) + 1);
    }
}

} // namespace cenote::test
