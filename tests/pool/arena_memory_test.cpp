// cenote: SPDX-License-Identifier: MIT
//
// What an arena takes from its buffer and its source, what it keeps, and what it gives back.
#include <cenote/pool/arena.hpp>
#include <cenote/source/budget.hpp>
#include <cenote/source/region.hpp>

#include "conformance/failing_source.hpp"
#include "conformance/strict_source.hpp"
#include "support/test_sources.hpp"

#include <array>
#include <cstdint>
#include <cstring>
#include <gtest/gtest.h>
#include <memory>
#include <string>
#include <vector>

namespace {

using namespace cenote;
using test::counting_source;
using test::failing_source;
using test::refusal;
using test::strict_source;

std::string refusal_of(const arena_options& options) {
    try {
        const arena never(options);
    } catch (const bad_options& refused) {
        return refused.what();
    }
    return "";
}

TEST(arena_options, are_judged_before_anything_is_touched) {
    counting_source from;
    std::byte bytes[8];
    EXPECT_NE(refusal_of({.chunk_size = 0, .source = &from}).find("chunk_size is 0"), std::string::npos);
    EXPECT_NE(refusal_of({.chunk_size = static_cast<std::size_t>(-1)}).find("chunk_size"), std::string::npos);
    EXPECT_NE(refusal_of({.growth = growth::geometric(1)}).find("growth"), std::string::npos);
    EXPECT_NE(refusal_of({.growth = growth::constant(0)}).find("growth"), std::string::npos);
    EXPECT_NE(refusal_of({.maximum_bytes = 0}).find("maximum_bytes"), std::string::npos);
    EXPECT_NE(refusal_of({.buffer_bytes = 8}).find("buffer"), std::string::npos);
    EXPECT_EQ(refusal_of({.maximum_bytes = 0, .buffer = bytes, .buffer_bytes = 8}), "");
    EXPECT_EQ(from.calls, 0u);
}

TEST(arena_memory, comes_when_the_first_byte_is_asked_for) {
    counting_source from;
    arena scratch({.chunk_size = 5000, .source = &from});
    scratch.reset();
    (void)scratch.trim();
    EXPECT_EQ(from.calls, 0u);
    (void)scratch.allocate(1);
    EXPECT_EQ(from.reserves, 1u);
    EXPECT_EQ(from.reserved, 5000u);
    EXPECT_EQ(scratch.stats().reserved_bytes, 5000u);
}

TEST(arena_memory, chunks_grow_up_to_a_cap) {
    counting_source from;
    arena scratch({.chunk_size = 1000, .growth = growth::geometric(2, 4000), .source = &from});
    std::vector<std::size_t> sizes;
    for (std::size_t reserved = 0; sizes.size() < 6;) {
        (void)scratch.allocate(500);
        if (from.reserved == reserved) continue;
        sizes.push_back(from.reserved - reserved);
        reserved = from.reserved;
    }
    EXPECT_EQ(sizes, (std::vector<std::size_t>{1000, 1000, 2000, 4000, 4000, 4000}));
}

TEST(arena_memory, constant_growth_is_constant_and_growth_none_is_one_chunk) {
    counting_source from;
    arena constant({.chunk_size = 1000, .growth = growth::constant(600), .source = &from});
    (void)constant.allocate(800);
    (void)constant.allocate(400);
    EXPECT_EQ(from.reserved, 1600u);
    counting_source other;
    arena once({.chunk_size = 1000, .growth = growth::none(), .source = &other});
    (void)once.allocate(800);
    EXPECT_EQ(once.try_allocate(400), nullptr);
    EXPECT_EQ(other.reserves, 1u);
    EXPECT_NE(once.try_allocate(50), nullptr);
}

TEST(arena_memory, a_request_larger_than_a_chunk_gets_one_of_its_own_size) {
    counting_source from;
    arena scratch({.chunk_size = 1000, .source = &from});
    std::memset(scratch.allocate(100'000), 1, 100'000);
    EXPECT_LE(from.reserved, 100'200u);
}

TEST(arena_memory, a_maximum_is_never_passed) {
    for (const std::size_t maximum : {100u, 1000u, 1001u, 5000u, 12'345u}) {
        counting_source from;
        arena scratch({.chunk_size = 1000, .maximum_bytes = maximum, .source = &from, .name = "bounded"});
        std::size_t got = 0;
        while (scratch.try_allocate(50, 1) != nullptr) got += 50;
        EXPECT_LE(from.peak, maximum);
        EXPECT_GE(got + 900, maximum); // headers, and what is left at the ends
        EXPECT_TRUE(scratch.is_valid());
        try {
            (void)scratch.allocate(50, 1);
            FAIL() << "more than the maximum";
        } catch (const out_of_memory& refused) {
            EXPECT_STREQ(refused.details().pool, "bounded");
            EXPECT_EQ(refused.details().requested, 50u);
            EXPECT_EQ(refused.details().limit, maximum);
            EXPECT_EQ(refused.details().reserved, from.reserved);
            EXPECT_EQ(refused.details().live, got);
        }
    }
}

TEST(arena_memory, the_callers_buffer_comes_first_and_then_the_source) {
    counting_source from;
    std::array<std::byte, 1000> bytes{};
    arena buffered({.chunk_size = 4096,
                    .buffer = bytes.data(),
                    .buffer_bytes = bytes.size(),
                    .source = &from,
                    .sanitizers = false});
    for (int round = 0; round < 2; ++round) {
        for (int i = 0; i < 10; ++i) {
            const auto* const block = static_cast<std::byte*>(buffered.allocate(100, 1));
            EXPECT_EQ(block, bytes.data() + 100 * i); // all of it
        }
        EXPECT_EQ(from.regions(), static_cast<std::size_t>(round));
        EXPECT_TRUE(from.holds(buffered.allocate(100, 1), 100));
        EXPECT_GT(buffered.stats().held_bytes, 1000u + 4000u);
        buffered.reset();
    }
    EXPECT_EQ(buffered.trim(), 4096u);
    EXPECT_EQ(buffered.stats().held_bytes, 1000u);
    EXPECT_EQ(buffered.allocate(1, 1), bytes.data());
}

TEST(arena_memory, a_request_that_does_not_fit_the_buffer_leaves_it_for_others) {
    counting_source from;
    std::array<std::byte, 500> bytes{};
    arena scratch({.chunk_size = 1000, .buffer = bytes.data(), .buffer_bytes = 500, .source = &from});
    (void)scratch.allocate(800);
    EXPECT_TRUE(scratch.is_valid());
    const auto* const small = static_cast<std::byte*>(scratch.allocate(300, 1));
    EXPECT_EQ(small, bytes.data());
    EXPECT_TRUE(scratch.is_valid());
    scratch.reset();
    EXPECT_GT(scratch.trim(), 0u);
    EXPECT_EQ(from.reserved, 0u);
    EXPECT_TRUE(scratch.is_valid());
    EXPECT_EQ(scratch.allocate(300, 1), bytes.data());
}

TEST(arena_memory, a_buffer_alone_needs_no_source_and_no_heap) {
    std::array<std::byte, 300> bytes;
    for (std::size_t shift = 0; shift < 17; ++shift) {
        bytes.fill(std::byte{0x77});
        {
            arena scratch({.maximum_bytes = 0, .buffer = bytes.data() + shift, .buffer_bytes = 256});
            std::size_t got = 0;
            while (void* const block = scratch.try_allocate(16, 1)) {
                std::memset(block, 1, 16);
                ++got;
            }
            EXPECT_EQ(got, 16u);
            EXPECT_THROW((void)scratch.allocate(1), out_of_memory);
            EXPECT_EQ(scratch.stats().reserved_bytes, 0u);
        }
        for (std::size_t i = 0; i < shift; ++i) ASSERT_EQ(bytes[i], std::byte{0x77});
        for (std::size_t i = shift + 256; i < 300; ++i) ASSERT_EQ(bytes[i], std::byte{0x77});
    }
}

TEST(arena_memory, required_bytes_hold_the_first_chunk_wherever_they_start) {
    for (const std::size_t chunk : {1u, 100u, 1000u, 4096u}) {
        arena_options options{.chunk_size = chunk};
        const std::size_t needed = arena::required_bytes(options);
        std::vector<std::byte> bytes(needed + 64);
        for (std::size_t shift = 0; shift < 64; shift += 7) {
            region place(bytes.data() + shift, needed);
            options.source = &place;
            options.growth = growth::none();
            arena scratch(options);
            EXPECT_NE(scratch.try_allocate(1, 1), nullptr) << chunk << " at " << shift;
            EXPECT_GE(scratch.stats().reserved_bytes, chunk);
        }
    }
    EXPECT_THROW((void)arena::required_bytes({.chunk_size = 0}), bad_options);
}

TEST(arena_memory, a_region_is_used_up_to_its_end) {
    std::vector<std::byte> bytes(10'000);
    region place(bytes.data(), bytes.size());
    arena scratch({.chunk_size = 1000, .source = &place});
    std::size_t got = 0;
    while (scratch.try_allocate(100, 1) != nullptr) got += 100;
    EXPECT_GE(got, 8500u);
    EXPECT_TRUE(scratch.is_valid());
}

TEST(arena_memory, a_budget_is_never_passed) {
    strict_source strict;
    budget limit(strict, 20'000);
    arena scratch({.chunk_size = 4096, .source = &limit});
    while (scratch.try_allocate(700) != nullptr) {
    }
    EXPECT_LE(limit.used(), 20'000u);
    EXPECT_GE(limit.used(), 18'000u);
    EXPECT_EQ(strict.complaint(), "");
}

TEST(arena_memory, rounds_of_equal_work_reserve_no_more_than_the_first) {
    counting_source from;
    arena scratch({.chunk_size = 1000, .growth = growth::geometric(1.5, 3000), .source = &from});
    std::size_t first = 0;
    for (int round = 0; round < 1000; ++round) {
        for (std::size_t i = 0; i < 60; ++i) (void)scratch.allocate(i * 37 % 900, std::size_t{1} << i % 8);
        (void)scratch.allocate(5000);
        scratch.reset();
        if (round == 0) first = from.reserves;
    }
    EXPECT_EQ(from.reserves, first);
    EXPECT_EQ(from.releases, 0u);
}

TEST(arena_memory, rounds_of_different_work_settle) {
    counting_source from;
    arena scratch({.chunk_size = 1000, .source = &from});
    std::uint64_t seed = 1;
    std::size_t most = 0;
    for (int round = 0; round < 300; ++round) {
        std::size_t live = 0;
        while (live < 30'000) {
            seed = seed * 6364136223846793005u + 1442695040888963407u;
            const auto size = static_cast<std::size_t>((seed >> 33) % 3000);
            (void)scratch.allocate(size);
            live += size;
        }
        scratch.reset();
        if (round == 100) most = from.reserved;
    }
    EXPECT_LE(from.reserved, most + 32'000);
    EXPECT_LE(from.reserved, 200'000u);
}

TEST(arena_memory, trim_gives_back_what_is_not_in_use) {
    counting_source from;
    arena scratch({.chunk_size = 1000, .source = &from});
    void* const first = scratch.allocate(10);
    const arena_mark here = scratch.mark();
    for (int i = 0; i < 100; ++i) (void)scratch.allocate(100);
    const std::size_t before = from.reserved;
    EXPECT_EQ(scratch.trim(), 0u); // all in use
    scratch.rewind(here);
    const std::size_t returned = scratch.trim();
    EXPECT_EQ(from.reserved, before - returned);
    EXPECT_EQ(from.regions(), 1u);
    EXPECT_TRUE(scratch.owns(first));
    scratch.reset();
    EXPECT_EQ(scratch.trim(), 1000u);
    EXPECT_EQ(from.regions(), 0u);
    EXPECT_EQ(scratch.trim(), 0u);
    EXPECT_NE(scratch.allocate(10), nullptr);
    EXPECT_TRUE(scratch.is_valid());
}

TEST(arena_memory, trim_leaves_as_much_as_it_is_told) {
    counting_source from;
    arena scratch({.chunk_size = 1000, .source = &from});
    for (int i = 0; i < 300; ++i) (void)scratch.allocate(100);
    scratch.reset();
    const std::size_t held = scratch.stats().held_bytes;
    EXPECT_EQ(scratch.trim(held), 0u);
    EXPECT_EQ(scratch.trim(held - 1), 0u); // chunks go whole
    (void)scratch.trim(3000);
    EXPECT_GE(scratch.stats().held_bytes, 3000u);
    EXPECT_LT(scratch.stats().held_bytes, 6000u);
    EXPECT_TRUE(scratch.is_valid());
}

TEST(arena_memory, extent_says_how_much_of_the_chunks_was_used) {
    arena scratch({.chunk_size = 1000, .sanitizers = false});
    EXPECT_EQ(scratch.extent(), 0u);
    (void)scratch.allocate(100, 1);
    scratch.reset();
    EXPECT_EQ(scratch.extent(), 100u);
    scratch.forget_extent();
    EXPECT_EQ(scratch.extent(), 0u);
    (void)scratch.allocate(60, 1);
    EXPECT_EQ(scratch.extent(), 60u);
    (void)scratch.allocate(100'000, 1);
    EXPECT_GT(scratch.extent(), 100'060u); // the rest of the first chunk counts
}

TEST(arena_memory, everything_goes_back_at_the_end) {
    strict_source strict;
    {
        arena scratch({.chunk_size = 3000, .source = &strict});
        for (int i = 0; i < 200; ++i) std::memset(scratch.allocate(500), 1, 500);
        EXPECT_EQ(scratch.stats().reserved_bytes, strict.reserved());
    }
    EXPECT_EQ(strict.regions(), 0u);
    EXPECT_EQ(strict.complaint(), "");
}

TEST(arena_memory, the_handler_is_asked_before_a_refusal) {
    struct helper {
        arena* scratch = nullptr;
        unsigned asked = 0;
        static bool help(void* self, const shortage& what) {
            auto& here = *static_cast<helper*>(self);
            EXPECT_STREQ(what.pool, "helped");
            if (++here.asked > 1) return false;
            here.scratch->reset();
            return true;
        }
    } with;
    counting_source from;
    arena scratch({.chunk_size = 1000,
                   .maximum_bytes = 1000,
                   .source = &from,
                   .name = "helped",
                   .on_exhaustion = {&helper::help, &with, 3}});
    with.scratch = &scratch;
    (void)scratch.allocate(800);
    EXPECT_NE(scratch.allocate(800), nullptr);
    EXPECT_EQ(with.asked, 1u);
    EXPECT_EQ(scratch.try_allocate(800), nullptr);
    EXPECT_EQ(with.asked, 1u);
    EXPECT_THROW((void)scratch.allocate(800), out_of_memory);
    EXPECT_EQ(with.asked, 2u);
}

// Every call of the source refused in turn, under a piece of work that asks for memory in all ways.
bool work(arena& scratch) {
    try {
        (void)scratch.allocate(100);
        const arena_mark here = scratch.mark();
        void* block = scratch.allocate_zeroed(900);
        block = scratch.reallocate(block, 900, 3000);
        (void)scratch.make<std::shared_ptr<int>>(std::make_shared<int>(1));
        scratch.rewind(here);
        if (scratch.try_allocate(20'000, 4096) == nullptr) return false;
        return scratch.try_reallocate(block, 0, 30'000) != nullptr;
    } catch (const out_of_memory&) {
        return false;
    }
}

TEST(arena_memory, a_source_that_fails_at_any_call_leaves_the_arena_whole) {
    strict_source strict;
    failing_source source(strict);
    {
        arena trial({.chunk_size = 1000, .source = &source});
        ASSERT_TRUE(work(trial));
    }
    const std::size_t calls = source.calls().refusable();
    ASSERT_GE(calls, 6u);
    for (std::size_t call = 1; call <= calls; ++call) {
        for (const refusal how : {refusal::once, refusal::from_then_on}) {
            arena scratch({.chunk_size = 1000, .source = &source});
            source.refuse(call, how);
            const std::size_t refused = source.refused();
            const bool is_done = work(scratch);
            EXPECT_GT(source.refused(), refused);
            EXPECT_TRUE(is_done || how == refusal::from_then_on || source.refused() > refused);
            EXPECT_TRUE(scratch.is_valid());
            EXPECT_EQ(scratch.stats().reserved_bytes, strict.reserved());
            source.relent();
            scratch.reset();
            EXPECT_TRUE(work(scratch));
            EXPECT_TRUE(scratch.is_valid());
        }
        EXPECT_EQ(strict.regions(), 0u);
    }
    EXPECT_EQ(strict.complaint(), "");
}

} // namespace
