// cenote: SPDX-License-Identifier: MIT
//
// Options of the C face: whatever is not refused makes a handle that works and ends, or there is no memory.
#include <cenote/cenote.h>

#include "support/misuse_watch.hpp"
#include "support/sizes.hpp"

#include <climits>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <gtest/gtest.h>
#include <initializer_list>
#include <limits>

namespace {

using cenote::test::misuse_watch;

template<class Options, class Handle>
void try_options(const Options& options, const char* (*flaw)(const Options*),
                 cenote_status (*create)(const Options*, Handle**), void (*use)(Handle*)) {
    int elsewhere = 0;
    auto* handle = reinterpret_cast<Handle*>(&elsewhere);
    const bool is_flawed = flaw(&options) != nullptr;
    const cenote_status status = create(&options, &handle);
    EXPECT_EQ(status == CENOTE_BAD_OPTIONS, is_flawed);
    EXPECT_EQ(status == CENOTE_OK, handle != nullptr);
    EXPECT_TRUE(status == CENOTE_OK || status == CENOTE_BAD_OPTIONS || status == CENOTE_NO_MEMORY);
    if (handle != nullptr) use(handle);
}

constexpr std::size_t hard_numbers[] = {0,
                                        1,
                                        2,
                                        3,
                                        12,
                                        255,
                                        256,
                                        257,
                                        65'535,
                                        65'536,
                                        65'537,
                                        std::size_t{1} << 17,
                                        1023,
                                        1025,
                                        SIZE_MAX,
                                        SIZE_MAX - 1,
                                        SIZE_MAX / 2,
                                        SIZE_MAX / 2 + 1,
                                        SIZE_MAX / 4,
                                        SIZE_MAX / 8,
                                        SIZE_MAX / 16,
                                        SIZE_MAX / 64};

const cenote_allocator without_functions{};
void* gives_nothing(void*, std::size_t, std::size_t, unsigned) {
    return nullptr;
}
cenote_status takes_all(void*, void*, std::size_t, std::size_t) {
    return CENOTE_OK;
}
const cenote_allocator empty{nullptr, gives_nothing, nullptr, takes_all, nullptr};
std::max_align_t few_bytes[4];
std::max_align_t many_bytes[4096];

const cenote_memory memories[] = {{&without_functions, nullptr, 0},
                                  {&empty, nullptr, 0},
                                  {&empty, few_bytes, sizeof few_bytes},
                                  {nullptr, few_bytes, sizeof few_bytes},
                                  {nullptr, few_bytes, 0},
                                  {nullptr, few_bytes, 1},
                                  {nullptr, nullptr, 1},
                                  {nullptr, reinterpret_cast<char*>(many_bytes) + 1, sizeof many_bytes - 1}};

// Each number of the options takes each of the hard values.
template<class Options, class Handle>
void try_numbers(const Options& sound, std::initializer_list<std::size_t Options::*> numbers,
                 const char* (*flaw)(const Options*), std::size_t (*required)(const Options*),
                 cenote_status (*create)(const Options*, Handle**), void (*use)(Handle*)) {
    const misuse_watch watch;
    EXPECT_NE(flaw(nullptr), nullptr);
    EXPECT_EQ(create(&sound, nullptr), CENOTE_BAD_ARGUMENT);
    Handle* none = nullptr;
    EXPECT_EQ(create(nullptr, &none), CENOTE_BAD_OPTIONS);
    if (required != nullptr) {
        EXPECT_EQ(required(nullptr), 0u);
    }
    for (const auto number : numbers) {
        for (const std::size_t value : hard_numbers) {
            Options options = sound;
            options.*number = value;
            const std::size_t bytes = required != nullptr ? required(&options) : 0;
            EXPECT_TRUE(bytes == 0 || flaw(&options) == nullptr);
            try_options(options, flaw, create, use);
            options.memory = memories[7];
            try_options(options, flaw, create, use);
        }
    }
    for (const cenote_memory& memory : memories) {
        Options options = sound;
        options.memory = memory;
        options.name = nullptr;
        try_options(options, flaw, create, use);
    }
    EXPECT_EQ(watch.count(), 0u);
}

TEST(c_options, of_fixed_pools) {
    for (const int thread_safe : {0, 1}) {
        cenote_fixed_options sound = CENOTE_FIXED_OPTIONS_INIT;
        sound.block_size = 64;
        sound.maximum_blocks = 100; // so that what is not refused stays small
        sound.thread_safe = thread_safe;
        const auto use = [](cenote_fixed* pool) {
            void* const block = cenote_fixed_allocate(pool);
            if (block != nullptr) {
                std::memset(block, 1, 1);
                EXPECT_EQ(cenote_fixed_free(pool, block), CENOTE_OK);
                EXPECT_EQ(cenote_fixed_free(pool, block), CENOTE_DOUBLE_FREE);
            }
            cenote_fixed_destroy(pool);
        };
        using o = cenote_fixed_options;
        try_numbers<o, cenote_fixed>(
            sound,
            {&o::struct_size, &o::block_size, &o::alignment, &o::initial_blocks, &o::maximum_blocks,
             &o::blocks_per_slab, &o::magazine_blocks, &o::growth_blocks},
            cenote_fixed_flaw, cenote_fixed_required_bytes, cenote_fixed_create, use);
        for (const double factor : {0.0, 1.0, -1.0, 1e300, std::numeric_limits<double>::infinity(),
                                    std::numeric_limits<double>::quiet_NaN()}) {
            o options = sound;
            options.growth_factor = factor;
            EXPECT_NE(cenote_fixed_flaw(&options), nullptr) << factor;
        }
        for (const unsigned threads : {0u, 1u, 1000u, UINT_MAX}) {
            o options = sound;
            options.threads = threads;
            try_options<o, cenote_fixed>(options, cenote_fixed_flaw, cenote_fixed_create, use);
        }
    }
}

TEST(c_options, of_variable_pools) {
    for (const int thread_safe : {0, 1}) {
        cenote_variable_options sound = CENOTE_VARIABLE_OPTIONS_INIT;
        sound.thread_safe = thread_safe;
        const auto use = [](cenote_variable* pool) {
            void* const block = cenote_variable_allocate(pool, 50);
            if (block != nullptr) {
                std::memset(block, 1, 50);
                EXPECT_EQ(cenote_variable_free(pool, block), CENOTE_OK);
                EXPECT_NE(cenote_variable_free(pool, block), CENOTE_OK);
            }
            cenote_variable_destroy(pool);
        };
        using o = cenote_variable_options;
        try_numbers<o, cenote_variable>(
            sound, {&o::struct_size, &o::initial_bytes, &o::maximum_bytes, &o::grow_size},
            cenote_variable_flaw, cenote_variable_required_bytes, cenote_variable_create, use);
        o options = sound;
        options.fit = CENOTE_FIT_BEST;
        for (const unsigned tolerance : {0u, 100u, 1'000'000u, UINT_MAX}) {
            options.tolerance_percent = tolerance;
            try_options<o, cenote_variable>(options, cenote_variable_flaw, cenote_variable_create, use);
        }
    }
}

TEST(c_options, initial_bytes_that_no_address_space_holds_are_a_flaw) {
    cenote_variable_options options = CENOTE_VARIABLE_OPTIONS_INIT;
    for (const unsigned bits : {49u, 58u, 61u}) {
        options.initial_bytes = std::size_t{1} << (sizeof(std::size_t) == 8 ? bits : 31u);
        EXPECT_NE(cenote_variable_flaw(&options), nullptr) << bits;
    }
}

TEST(c_options, of_arenas) {
    cenote_arena_options sound = CENOTE_ARENA_OPTIONS_INIT;
    sound.maximum_bytes = cenote::test::most_to_reserve();
    const auto use = [](cenote_arena* arena) {
        void* const block = cenote_arena_allocate(arena, 50, 8);
        if (block != nullptr) {
            std::memset(block, 1, 50);
            EXPECT_EQ(cenote_arena_free(arena, block, 50), CENOTE_OK);
            EXPECT_NE(cenote_arena_free(arena, block, 50), CENOTE_OK);
        }
        EXPECT_EQ(cenote_arena_destroy(arena), CENOTE_OK);
    };
    using o = cenote_arena_options;
    try_numbers<o, cenote_arena>(sound, {&o::struct_size, &o::chunk_size, &o::maximum_bytes},
                                 cenote_arena_flaw, nullptr, cenote_arena_create, use);
}

TEST(c_options, of_arena_pools) {
    cenote_arena_pool_options sound = CENOTE_ARENA_POOL_OPTIONS_INIT;
    sound.arenas = 2;
    sound.arena_size = 500;
    const auto use = [](cenote_arena_pool* pool) {
        cenote_arena* arena = nullptr;
        ASSERT_EQ(cenote_arena_pool_acquire(pool, &arena), CENOTE_OK);
        if (void* const block = cenote_arena_allocate(arena, 50, 8)) std::memset(block, 1, 50);
        EXPECT_EQ(cenote_arena_pool_release(pool, arena), CENOTE_OK);
        EXPECT_EQ(cenote_arena_pool_release(pool, arena), CENOTE_DOUBLE_FREE);
        EXPECT_EQ(cenote_arena_allocate(arena, 50, 8), nullptr);
        cenote_arena_pool_destroy(pool);
    };
    using o = cenote_arena_pool_options;
    try_numbers<o, cenote_arena_pool>(sound, {&o::struct_size, &o::arenas, &o::arena_size, &o::maximum_bytes},
                                      cenote_arena_pool_flaw, cenote_arena_pool_required_bytes,
                                      cenote_arena_pool_create, use);
}

} // namespace
