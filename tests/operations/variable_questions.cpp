// cenote: SPDX-License-Identifier: MIT
//
// The interpreter's verbs that allocate and free nothing: questions, walks, memory back, misuse.
#include "operations/variable_run.hpp"

#include <algorithm>

namespace cenote::test {

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
    const bool given = tries(true, [&] {
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
