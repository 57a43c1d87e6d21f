// cenote: SPDX-License-Identifier: MIT
//
// What a contender keeps is in memory after every get and put, and what memory is taken is seen.
#include "patterns/basics.hpp"
#include "patterns/memory.hpp"

#include <algorithm>
#include <fstream>
#include <gtest/gtest.h>
#include <set>
#include <sys/mman.h>

namespace cenote::bench {
namespace {

#if defined(__x86_64__)

// Reads and writes memory without a word to the compiler, which by itself would keep the number in a
// register.
[[gnu::always_inline]] inline std::size_t peek(const std::size_t* where) {
    std::size_t value = 0;
    asm volatile("mov (%1), %0" : "=r"(value) : "r"(where));
    return value;
}
[[gnu::always_inline]] inline void poke(std::size_t* where, std::size_t value) {
    asm volatile("mov %1, (%0)" : : "r"(where), "r"(value));
}

TEST(escape, leaves_in_memory_what_was_written_and_reads_it_again) {
    std::size_t state = 1;
    std::size_t* const where = &state;
    escape(where);
    state = 2;
    escape(where);
    const std::size_t written = peek(where);
    poke(where, 3);
    escape(where);
    const std::size_t read = state;
    EXPECT_EQ(written, 2u);
    EXPECT_EQ(read, 3u);
}

TEST(clobber, leaves_in_memory_what_was_written_and_reads_it_again) {
    std::size_t state = 1;
    std::size_t* const where = &state;
    escape(where);
    state = 2;
    clobber();
    const std::size_t written = peek(where);
    poke(where, 3);
    clobber();
    const std::size_t read = state;
    EXPECT_EQ(written, 2u);
    EXPECT_EQ(read, 3u);
}

struct counting_pool {
    std::size_t got = 0;
    std::size_t back = 0;
    std::size_t block[8]{};
    void* get() {
        ++got;
        return block;
    }
    void put(void* /*block*/) { ++back; }
};

TEST(get_and_put, leave_the_state_of_a_pool_in_memory) {
    counting_pool pool;
    escape(&pool);
    for (std::size_t i = 1; i < 4; ++i) {
        void* const block = get_touched(pool);
        const std::size_t got = peek(&pool.got);
        const std::size_t word = peek(static_cast<std::size_t*>(block));
        put_seen(pool, block);
        const std::size_t back = peek(&pool.back);
        EXPECT_EQ(got, i);
        EXPECT_EQ(word, 1u); // as a program would write it
        EXPECT_EQ(back, i);
    }
}

#endif

TEST(dice, shows_the_same_numbers_to_everybody) {
    dice one(7), other(7), third(8);
    std::set<std::size_t> sizes;
    bool differs = false;
    for (int i = 0; i < 10'000; ++i) {
        const std::size_t size = one.size();
        ASSERT_EQ(size, other.size());
        differs = differs || size != third.size();
        sizes.insert(size);
    }
    EXPECT_TRUE(differs);
    EXPECT_EQ(*sizes.begin(), smallest_random);
    EXPECT_EQ(*sizes.rbegin(), largest_random);
}

TEST(peak_watch, sees_what_was_touched_at_once_even_when_it_is_gone) {
    constexpr std::size_t size = std::size_t{32} << 20;
    constexpr std::size_t slack = std::size_t{1} << 20; // the kernel counts some pages late
    const peak_watch memory;
    const bool keeps_the_most = bool(std::ofstream("/proc/self/clear_refs"));
    void* const room =
        ::mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    ASSERT_NE(room, MAP_FAILED);
    EXPECT_LT(memory.bytes(), size / 2) << "what nobody touched takes no memory";
    for (std::size_t at = 0; at < size; at += 4096) touch(static_cast<char*>(room) + at);
    EXPECT_GE(memory.bytes(), size - slack);
    EXPECT_LT(memory.bytes(), size * 3 / 2);
    ::munmap(room, size);
    if (keeps_the_most) {
        EXPECT_GE(memory.bytes(), size - slack);
    }
    const peak_watch anew;
    EXPECT_LT(anew.bytes(), size / 2) << "what is gone was another's";
}

struct heap_log {
    std::vector<std::size_t> sizes;
    std::set<void*> live;
    bool is_sound = true;
};
heap_log* heap = nullptr;

void* get_logged(std::size_t size) {
    void* const block = std::malloc(size);
    heap->sizes.push_back(size);
    heap->live.insert(block);
    return block;
}
void put_logged(void* block) {
    heap->is_sound = heap->is_sound && heap->live.erase(block) == 1;
    std::free(block);
}

TEST(fragment_heap, gets_blocks_of_all_sizes_and_puts_half_of_them_back) {
    heap_log log;
    heap = &log;
    fragment_heap(get_logged, put_logged);
    EXPECT_EQ(log.sizes.size(), random_blocks);
    EXPECT_EQ(*std::min_element(log.sizes.begin(), log.sizes.end()), smallest_random);
    EXPECT_EQ(*std::max_element(log.sizes.begin(), log.sizes.end()), largest_random);
    EXPECT_TRUE(log.is_sound);
    EXPECT_GT(log.live.size(), random_blocks * 45 / 100);
    EXPECT_LT(log.live.size(), random_blocks * 55 / 100);
    for (void* const block : log.live) std::free(block);
}

} // namespace
} // namespace cenote::bench
