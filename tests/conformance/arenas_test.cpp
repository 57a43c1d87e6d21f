// cenote: SPDX-License-Identifier: MIT
//
// Arenas under what of the suite fits them: they free as a whole, so they neither walk nor judge single
// blocks. Every kind hands out what overlaps nothing, over a source that complains of the least mistake and
// refuses each of its calls in turn, and gives all of it back.
#include <cenote/concurrent/arena_pool.hpp>
#include <cenote/face/allocator.hpp>
#include <cenote/face/resource.hpp>
#include <cenote/pool/arena.hpp>

#include "conformance/block_ledger.hpp"
#include "conformance/c_arenas.hpp"
#include "conformance/failing_source.hpp"
#include "conformance/strict_source.hpp"
#include "conformance/subject.hpp"

#include <gtest/gtest.h>
#include <map>
#include <memory_resource>
#include <random>
#include <vector>

namespace cenote::test {
namespace {

struct arena_kind {
    const char* name;
    bool arena_options::* option; // that is set, or null
    std::size_t buffer_bytes;     // the caller's, which comes first
    bool is_of_c = false;
    int cenote_arena_options::* option_of_c = nullptr;
    int cenote_arena_pool_options::* option_of_c_pool = nullptr;
};

constexpr arena_kind kinds[] = {
    {"plain", nullptr, 0},
    {"watched", &arena_options::sanitizers, 0},
    {"checks", &arena_options::checks, 0},
    {"stats", &arena_options::stats, 0},
    {"zeroing", &arena_options::zero_on_allocate, 0},
    {"erasing", &arena_options::erase_on_free, 0},
    {"buffer_first", nullptr, 5000},
    {"checked_buffer_first", &arena_options::checks, 5000},
    {"c", nullptr, 0, true, &cenote_arena_options::stats, &cenote_arena_pool_options::stats},
    {"c_unchecked", nullptr, 0, true, &cenote_arena_options::unchecked,
     &cenote_arena_pool_options::unchecked},
    {"c_zeroing", nullptr, 0, true, &cenote_arena_options::zero_on_allocate,
     &cenote_arena_pool_options::zero_on_allocate},
    {"c_erasing", nullptr, 0, true, &cenote_arena_options::erase_on_free,
     &cenote_arena_pool_options::erase_on_free},
};

constexpr shape shapes[] = {{0, 1},     {1, 1},     {8, 8},      {17, 16},     {100, 4},
                            {128, 128}, {1000, 16}, {4096, 256}, {5000, 4096}, {20'000, 16}};

class conformance_arenas : public testing::TestWithParam<arena_kind> {
protected:
    [[nodiscard]] arena_options options() {
        arena_options result{.chunk_size = 4096, .source = &source};
        result.sanitizers = false;
        if (GetParam().option != nullptr) result.*GetParam().option = true;
        if (GetParam().buffer_bytes != 0) {
            buffer.resize(GetParam().buffer_bytes);
            result.buffer = buffer.data();
            result.buffer_bytes = buffer.size();
        }
        return result;
    }
    /// Calls `use` with an arena of the kind, in C++ or in C.
    template<class Use>
    void on_an_arena(const Use& use) {
        if (!GetParam().is_of_c) {
            arena from(options());
            use(from);
        } else {
            cenote_arena_options wanted = CENOTE_ARENA_OPTIONS_INIT;
            wanted.chunk_size = 4096;
            wanted.*GetParam().option_of_c = 1;
            c_arena from(wanted, source);
            use(from);
        }
    }
    // Returns false when the arena had no memory left.
    template<class Arena>
    bool fill(Arena& from, block_ledger& taken, std::size_t count) {
        for (std::size_t i = 0; i < count; ++i) {
            const shape form = shapes[random() % std::size(shapes)];
            void* const block = from.try_allocate(form.size, form.alignment);
            if (block == nullptr) return false;
            EXPECT_EQ(taken.add(block, form.size, form.alignment), "");
        }
        return true;
    }
    static void empty(block_ledger& taken) {
        while (taken.size() != 0) EXPECT_EQ(taken.remove(taken.size() - 1), "");
    }
    void TearDown() override {
        EXPECT_EQ(strict.complaint(), "");
        EXPECT_EQ(strict.reserved(), 0u) << "the arena kept memory";
    }

    std::mt19937 random{5};
    std::vector<std::byte> buffer;
    strict_source strict;
    failing_source source{strict};
};

INSTANTIATE_TEST_SUITE_P(kinds, conformance_arenas, testing::ValuesIn(kinds),
                         [](const auto& of) { return of.param.name; });

TEST_P(conformance_arenas, hand_out_what_overlaps_nothing_until_it_is_freed_as_a_whole) {
    on_an_arena([&](auto& from) {
        for (int round = 0; round < 4; ++round) {
            block_ledger before;
            block_ledger after;
            ASSERT_TRUE(fill(from, before, 60));
            const auto here = from.mark();
            ASSERT_TRUE(fill(from, after, 60));
            EXPECT_TRUE(from.is_valid());
            empty(after);
            from.rewind(here);
            ASSERT_TRUE(fill(from, after, 30));
            empty(after);
            empty(before); // what came before the mark is as it was
            EXPECT_EQ(from.stats().reserved_bytes, strict.reserved());
            from.reset();
            EXPECT_EQ(from.stats().live_bytes, 0u);
            EXPECT_TRUE(from.is_valid());
        }
    });
}

TEST_P(conformance_arenas, survive_a_source_that_refuses_each_call_in_turn) {
    for (const refusal how : {refusal::once, refusal::from_then_on}) {
        bool was_refused = true;
        for (std::size_t call = 1; was_refused; ++call) {
            source.relent();
            on_an_arena([&](auto& from) {
                block_ledger taken;
                ASSERT_TRUE(from.try_allocate(1) != nullptr);
                const std::size_t refused = source.refused();
                source.refuse(call, how);
                (void)fill(from, taken, 40);
                EXPECT_TRUE(from.is_valid());
                was_refused = source.refused() != refused;
                source.relent();
                ASSERT_TRUE(fill(from, taken, 20)) << "it works on";
                empty(taken);
                EXPECT_EQ(from.stats().reserved_bytes, strict.reserved());
            });
            if (HasFatalFailure()) return;
        }
        ASSERT_EQ(strict.reserved(), 0u);
    }
}

TEST_P(conformance_arenas, carry_containers) {
    if (GetParam().is_of_c) return; // containers are C++
    arena from(options());
    for (int round = 0; round < 2; ++round) {
        {
            resource<arena> face(from);
            std::pmr::map<int, std::pmr::string> names(&face);
            std::vector<int, allocator<int, arena>> numbers{allocator<int, arena>(from)};
            for (int i = 0; i < 500; ++i) {
                names[i * 7919 % 500] = std::pmr::string(static_cast<std::size_t>(i % 60), 'x');
                numbers.push_back(i);
            }
            for (int i = 0; i < 500; ++i) {
                ASSERT_EQ(numbers[static_cast<std::size_t>(i)], i);
                ASSERT_EQ(names.at(i * 7919 % 500).size(), static_cast<std::size_t>(i % 60));
            }
            EXPECT_TRUE(from.is_valid());
        }
        from.reset();
    }
}

TEST_P(conformance_arenas, are_lent_and_come_back_empty) {
    const auto lend = [&](auto& arenas, const auto& count_free) {
        for (int round = 0; round < 5; ++round) {
            auto one = arenas.acquire();
            auto other = arenas.acquire();
            block_ledger taken;
            ASSERT_TRUE(fill(*one, taken, 20));
            ASSERT_TRUE(fill(*other, taken, 20));
            empty(taken);
            EXPECT_TRUE(one->is_valid());
            EXPECT_EQ(count_free(), 1u);
            one.release();
            other.release();
            EXPECT_EQ(count_free(), 3u);
        }
        EXPECT_EQ(arenas.acquire()->stats().live_bytes, 0u);
    };
    if (GetParam().is_of_c) {
        cenote_arena_pool_options wanted = CENOTE_ARENA_POOL_OPTIONS_INIT;
        wanted.arenas = 3;
        wanted.arena_size = 2000;
        wanted.*GetParam().option_of_c_pool = 1;
        c_arena_lender arenas(wanted, source);
        return lend(arenas, [&] { return arenas.free(); });
    }
    arena_pool_options wanted{.arenas = 3, .arena_size = 2000, .source = &source};
    wanted.sanitizers = false;
    if (GetParam().option == &arena_options::checks) wanted.checks = true;
    if (GetParam().option == &arena_options::zero_on_allocate) wanted.zero_on_allocate = true;
    if (GetParam().option == &arena_options::erase_on_free) wanted.erase_on_free = true;
    arena_pool arenas(wanted);
    lend(arenas, [&] { return arenas.stats().free; });
}

} // namespace
} // namespace cenote::test
