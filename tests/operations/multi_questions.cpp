// cenote: SPDX-License-Identifier: MIT
//
// The interpreter's verbs that allocate and free nothing: questions, walks, memory back, misuse.
#include "operations/multi_run.hpp"

#include <algorithm>

namespace cenote::test {

void multi_run::ask(operation how) {
    sized_run::ask(how);
    require(pool_->at(unlimited) == nullptr, "there is a block with an impossible number");
    if (map_.live.empty()) return;
    void* const block = map_.live[how.amount % map_.live.size()].data;
    const std::size_t index = pool_->index_of(block);
    if (index == unlimited) return;
    require(pool_->at(index) == block, "at is not the inverse of index_of");
    require(index_.emplace(block, index).first->second == index, "the index of a live block has changed");
}

void multi_run::trim_all(operation how) {
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

void multi_run::reserve(operation how) {
    const std::size_t size = size_of(how);
    const std::size_t blocks = std::min<std::size_t>(how.amount % 1000u, (std::size_t{1} << 20) / (size + 1));
    const bool is_possible = size <= pool_->largest_block();
    const bool given = tries(is_possible, [&] {
        pool_->reserve(size, blocks, how.which % 2 == 0 ? multi_pool::touch::no : multi_pool::touch::yes);
        return true;
    });
    require(is_possible || !given, "blocks larger than the largest were reserved");
    if (!given || how.which % 8 > 1) return;
    ground_.source().relent();
    const std::size_t calls = ground_.source().calls().all();
    const std::size_t usable = multi_pool::rounded_size(size);
    std::size_t have = 0;
    for (const auto& one : map_.live) have += pool_->size_of(one.data) == usable ? 1 : 0;
    for (; have < blocks && map_.live.size() < 3000; ++have) {
        void* const block = pool_->try_allocate(size);
        require(block != nullptr, "a reserved block was refused");
        enter(block, size, multi_pool::default_alignment);
    }
    require(ground_.source().calls().all() == calls, "reserved blocks needed the source");
}

// Misuse.

void multi_run::misuse_free(void* pointer, misuse kind, bool is_certain, std::size_t size) {
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
    if (is_certain && report.kind != kind)
        throw disagreement(std::string("reported as ") + misuse_text(report.kind) + ", but it was " +
                           misuse_text(kind));
    const pool_stats after = pool_->stats();
    require(after.live == before.live && after.live_bytes == before.live_bytes,
            "a misused call changed something");
}

void multi_run::misuse_one(operation how) {
    if (!options_.checks) return;
    static int foreign;
    // What is free stays where it is, unless a class that is refused memory takes it.
    const bool is_kept = options_.trim == trim::manual && !is_bounded() && ground_.is_ample() &&
                         !ground_.is_exact_buffer() && !ground_.refused();
    const block_ledger::entry live =
        map_.live.empty() ? block_ledger::entry{} : map_.live[how.amount % map_.live.size()];
    switch (how.which % 4) {
    case 0:
        if (how.amount % 2 == 0) return misuse_free(&foreign, misuse::foreign_pointer, true);
        return misuse_free(&foreign, misuse::foreign_pointer, true, how.amount % 2000u);
    case 1: {
        if (map_.freed.empty()) return;
        void* const gone = map_.freed[how.amount % map_.freed.size()];
        for (const auto& one : map_.live) {
            if (one.data <= gone && gone < one.data + std::max<std::size_t>(one.size, 1)) return;
        }
        return misuse_free(gone, misuse::double_free, is_kept);
    }
    case 2:
        if (live.size < 2) return;
        return misuse_free(live.data + 1 + how.which % (live.size - 1), misuse::interior_pointer, true);
    default:
        if (live.data == nullptr) return;
        const std::size_t usable = pool_->size_of(live.data);
        if (usable + 1 > pool_->largest_block()) return;
        return misuse_free(live.data, misuse::wrong_size, true, usable + 1);
    }
}

} // namespace cenote::test
