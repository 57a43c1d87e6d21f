// cenote: SPDX-License-Identifier: MIT
//
// A process and its pools for the explorer: what the concurrent pools do with a crew and the registry, with
// three blocks and magazines of one.
#pragma once

#include <cenote/concurrent/crew.hpp>
#include <cenote/concurrent/registry.hpp>

#include "support/explorer.hpp"

#include <array>
#include <gtest/gtest.h>
#include <new>
#include <optional>
#include <utility>

namespace cenote::test::toy {

using registry_t = engine::basic_registry<explored>;
using crew_t = engine::basic_crew<explored>;
using cache_t = engine::basic_thread_cache<explored>;
using slots_t = engine::basic_thread_slots<explored>;
using engine::cache_unit;
using engine::stock;

inline constexpr std::size_t blocks = 3;
inline constexpr std::size_t units = 4;
inline constexpr unsigned all_blocks = (1u << blocks) - 1;

/// A process: the registry, its records, and the tables of its threads.
struct process {
    cache_t none;
    cache_t gone;
    registry_t registry{gone};
    std::array<cache_t, 6> records;
    std::array<slots_t, 4> tables;

    process() {
        registry.add_records(records.data(), records.size());
        for (slots_t& table : tables)
            for (cache_t*& head : table.heads) head = &none;
    }
    slots_t& here() { return tables[this_thread()]; }
};

/// What the concurrent pools do with a crew, for blocks that are bits.
class toy_pool {
public:
    explicit toy_pool(process& in) : in_(in) {
        crew_.lock();
        in_.registry.enter(crew_);
        crew_.unlock();
    }
    toy_pool(const toy_pool&) = delete;
    toy_pool& operator=(const toy_pool&) = delete;

    /// The pool ends; its blocks are all there, but for those that are live.
    void end() {
        in_.registry.leave(crew_);
        require(free_now() == (all_blocks & ~live_), "a block was lost, or is there twice");
        require(crew_.count() == 0 && crew_.caches() == nullptr, "a cache of an ended pool");
        crew_.lock(); // for ever: who touches it now waits for ever
    }

    [[nodiscard]] char* allocate() {
        cache_t* mine = cache_here();
        if (mine == nullptr) mine = join(true);
        require(mine != nullptr, "no cache");
        stock& one = *mine->stocks;
        if (one.loaded.is_empty()) std::swap(one.loaded, one.spare);
        if (one.loaded.is_empty()) refill(one);
        if (one.loaded.is_empty()) return nullptr;
        char* const block = static_cast<char*>(one.loaded.pop());
        require((live_ & bit(block)) == 0, "a block is handed out twice");
        live_ |= bit(block);
        return block;
    }
    void deallocate(char* block) {
        if (block == nullptr) return;
        live_ &= ~bit(block);
        cache_t* mine = cache_here();
        if (mine == nullptr) mine = join(false);
        if (mine == nullptr) {
            const section hold(*this);
            take_back(block);
            return;
        }
        stock& one = *mine->stocks;
        if (one.loaded.is_full()) {
            std::swap(one.loaded, one.spare);
            if (one.loaded.is_full()) {
                const section hold(*this);
                take_back(one.loaded.pop());
            }
        }
        one.loaded.push(block);
    }

    /// Quiet: all free blocks, wherever they are.
    [[nodiscard]] unsigned free_now() {
        const section hold(*this);
        unsigned found = free_;
        const auto add = [&](engine::magazine& from) {
            for (void** at = from.begin; at != from.top; ++at) {
                require((found & bit(*at)) == 0, "a block is in two places");
                found |= bit(*at);
            }
        };
        for (cache_t* at = crew_.caches(); at != nullptr; at = at->next) {
            add(at->stocks->loaded);
            add(at->stocks->spare);
        }
        return found;
    }
    void require_all_there() {
        require(free_now() == (all_blocks & ~live_), "a block was lost, or is there twice");
    }
    [[nodiscard]] unsigned live() const { return live_; }
    [[nodiscard]] std::size_t caches() { return crew_.count(); }
    [[nodiscard]] bool has_cache_here() { return cache_here() != nullptr; }

private:
    struct section {
        explicit section(toy_pool& pool) : pool_(pool) {
            pool_.crew_.lock();
            for (cache_unit* unit = pool_.crew_.take_returned(); unit != nullptr;) {
                cache_unit* const next = unit->next;
                pool_.take_back_all(unit->stocks()->loaded);
                pool_.take_back_all(unit->stocks()->spare);
                pool_.crew_.add_spare(*unit);
                unit = next;
            }
        }
        section(const section&) = delete;
        section& operator=(const section&) = delete;
        ~section() { pool_.crew_.unlock(); }
        toy_pool& pool_;
    };

    [[nodiscard]] unsigned bit(const void* block) const {
        return 1u << (static_cast<const char*>(block) - bytes_);
    }
    [[nodiscard]] cache_t* cache_here() { return registry_t::find(in_.here(), crew_.id()); }

    [[nodiscard]] cache_t* join(bool may_buy) {
        const section hold(*this);
        if (!in_.registry.is_alive(in_.here())) return nullptr;
        if (may_buy && !crew_.has_spare()) {
            require(bought_ < units, "more memory for caches than threads");
            crew_.add_spare(*::new (&memory_[bought_]) cache_unit);
            bought_ = bought_ + 1;
        }
        if (!crew_.has_spare()) return nullptr;
        cache_t* const mine = in_.registry.take_record(in_.here(), crew_.id());
        require(mine != nullptr, "no record");
        cache_unit& unit = crew_.join(*mine);
        ::new (unit.stocks()) stock;
        engine::clear_unit(unit, 1, 2 * engine::magazine::words_for(1), 0);
        engine::equip_stock(unit, mine->own = {}, 1, 1);
        mine->stocks = &mine->own;
        in_.registry.connect(*mine, crew_);
        return mine;
    }
    void refill(stock& one) {
        const section hold(*this);
        for (std::size_t i = 0; i < blocks; ++i) {
            if ((free_ & (1u << i)) == 0) continue;
            free_ &= ~(1u << i);
            one.loaded.push(bytes_ + i);
            return;
        }
    }
    void take_back(void* block) {
        require((free_ & bit(block)) == 0, "a block comes back twice");
        free_ |= bit(block);
    }
    void take_back_all(engine::magazine& from) {
        while (!from.is_empty()) take_back(from.pop());
    }

    process& in_;
    crew_t crew_;
    explored::data<unsigned> free_{all_blocks};
    explored::data<std::size_t> bought_{std::size_t{0}};
    unsigned live_ = 0; // the test's own count
    char bytes_[blocks] = {};
    struct alignas(cache_unit) unit_memory {
        std::byte
            bytes[sizeof(cache_unit) + sizeof(stock) + 2 * engine::magazine::words_for(1) * sizeof(void*)];
    };
    unit_memory memory_[units];
};

struct world {
    process in;
    std::optional<toy_pool> first{std::in_place, in};
    std::optional<toy_pool> second{std::in_place, in};
    explored::atomic<int> done{0};

    void end_thread() { in.registry.end_thread(in.here()); }
    void say_done() { done.fetch_add(1, sync::memory_order_release); }
    void await_done(int threads) {
        while (done.load(sync::memory_order_acquire) != threads) explored::pause();
    }
};

inline void expect_nothing(const findings& found) {
    EXPECT_EQ(found.kind, failure::none) << found;
    EXPECT_TRUE(found.complete) << found;
    EXPECT_GT(found.schedules, 50u);
}

inline exploration bound(int preemptions) {
    exploration wanted;
    wanted.preemptions = preemptions;
    return wanted;
}

} // namespace cenote::test::toy
