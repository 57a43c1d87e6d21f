// cenote: SPDX-License-Identifier: MIT
#include "recorder.hpp"

#include <algorithm>
#include <atomic>
#include <cstdlib>
#include <gtest/gtest.h>
#include <iterator>
#include <mutex>
#include <new>
#include <numeric>
#include <sys/syscall.h>
#include <unistd.h>
#include <utility>

namespace cenote::bench {
namespace {

struct header { // in front of each block
    std::size_t number;
    std::size_t size;
};
constexpr std::size_t slack = 16; // behind it: a loop's first word may be longer than its buffer
constexpr std::size_t page = 4096;

std::mutex lock; // of the journal, and of the blocks of all pools
entries journal;
unsigned pools = 0;
std::atomic<unsigned> threads{0};
thread_local bool is_timing = false;

void write(entry what) {
    what.thread = this_thread();
    what.is_timed = is_timing;
    journal.push_back(what);
}

header* header_of(void* block) {
    return static_cast<header*>(block) - 1;
}

bool is_touched(void* block, std::size_t size) {
    for (std::size_t at = 0; at < size; at += page)
        if (static_cast<std::byte*>(block)[at] != std::byte{1}) return false;
    return true;
}

} // namespace

void begin_anew() {
    const std::lock_guard here(lock);
    journal.clear();
    is_timing = false;
}

entries written() {
    const std::lock_guard here(lock);
    return journal;
}

unsigned this_thread() {
    thread_local const unsigned number = threads++;
    return number;
}

void* recorder::local::get(std::size_t size) {
    EXPECT_EQ(this_thread(), home);
    return pool.get(size);
}

void recorder::local::put(void* block, std::size_t size) {
    EXPECT_EQ(this_thread(), home);
    pool.put(block, size);
}

recorder::recorder(std::size_t block_size, std::size_t most) : block_size_(block_size) {
    const std::lock_guard here(lock);
    number_ = pools++;
    write({.what = deed::made, .pool = number_, .block = most, .size = block_size});
}

recorder::~recorder() {
    const std::lock_guard here(lock);
    write({.what = deed::destroyed, .pool = number_});
    for (void* raw : blocks_) std::free(raw);
}

void* recorder::get_as(deed how, std::size_t size, std::size_t told) {
    const std::lock_guard here(lock);
    void* const raw = std::malloc(sizeof(header) + size + slack);
    auto* const front = new (raw) header{.number = blocks_.size(), .size = size};
    auto* const block = reinterpret_cast<std::byte*>(front + 1);
    for (std::size_t at = 0; at < size; at += page) block[at] = std::byte{0};
    write({.what = how, .pool = number_, .block = blocks_.size(), .size = told});
    blocks_.push_back(raw);
    return block;
}

void recorder::put_as(deed how, void* block, std::size_t size, std::size_t told) {
    const std::lock_guard here(lock);
    const auto [number, size_when_got] = *header_of(block);
    ASSERT_LT(number, blocks_.size());
    ASSERT_EQ(blocks_[number], header_of(block)) << "put twice, or of another pool";
    EXPECT_EQ(size, size_when_got);
    write(
        {.what = how, .pool = number_, .block = number, .size = told, .is_touched = is_touched(block, size)});
    std::free(std::exchange(blocks_[number], nullptr));
}

void recorder::clear() {
    const std::lock_guard here(lock);
    write({.what = deed::cleared, .pool = number_});
    for (void*& raw : blocks_) std::free(std::exchange(raw, nullptr));
}

void recorder::pass(std::chrono::seconds time) {
    const std::lock_guard here(lock);
    write({.what = deed::passed, .pool = number_, .size = static_cast<std::size_t>(time.count())});
}

entries those(const entries& all, const std::function<bool(const entry&)>& is_meant) {
    entries found;
    std::copy_if(all.begin(), all.end(), std::back_inserter(found), is_meant);
    return found;
}

entries those(const entries& all, deed what) {
    return those(all, [what](const entry& one) { return one.what == what; });
}

entries timed(const entries& all) {
    return those(all, [](const entry& one) { return one.is_timed && one.what != deed::looked_at_clock; });
}

entries of_thread(const entries& all, unsigned number) {
    return those(all, [number](const entry& one) { return one.thread == number; });
}

entries joined(entries first, const entries& second) {
    first.insert(first.end(), second.begin(), second.end());
    return first;
}

std::vector<std::size_t> blocks_of(const entries& all) {
    std::vector<std::size_t> blocks;
    for (const entry& one : all) blocks.push_back(one.block);
    return blocks;
}

std::set<unsigned> threads_of(const entries& all) {
    std::set<unsigned> found;
    for (const entry& one : all) found.insert(one.thread);
    return found;
}

bool are_all_touched(const entries& puts) {
    return !puts.empty() &&
           std::all_of(puts.begin(), puts.end(), [](const entry& one) { return one.is_touched; });
}

void expect_pairs(const entries& all, std::size_t count) {
    ASSERT_EQ(all.size(), 2 * count);
    for (std::size_t i = 0; i < all.size(); i += 2) {
        ASSERT_EQ(all[i].what, deed::got);
        ASSERT_EQ(all[i + 1].what, deed::put);
        ASSERT_EQ(all[i].block, all[i + 1].block);
        ASSERT_EQ(all[i].pool, all[i + 1].pool);
    }
    EXPECT_TRUE(are_all_touched(those(all, deed::put)));
}

void expect_replacements(const entries& all, std::size_t count) {
    ASSERT_EQ(all.size(), 2 * count);
    for (std::size_t i = 0; i < all.size(); i += 2) {
        ASSERT_EQ(all[i].what, deed::got);
        ASSERT_EQ(all[i + 1].what, deed::put);
        ASSERT_LT(all[i + 1].block, all[i].block);
    }
    EXPECT_TRUE(are_all_touched(those(all, deed::put)));
}

std::vector<std::size_t> consecutive(std::size_t first, std::size_t count) {
    std::vector<std::size_t> numbers(count);
    std::iota(numbers.begin(), numbers.end(), first);
    return numbers;
}

std::vector<std::size_t> sorted(std::vector<std::size_t> numbers) {
    std::sort(numbers.begin(), numbers.end());
    return numbers;
}

std::size_t neighbours(const std::vector<std::size_t>& numbers) {
    std::size_t count = 0;
    for (std::size_t i = 1; i < numbers.size(); ++i)
        count += numbers[i] == numbers[i - 1] + 1 || numbers[i] + 1 == numbers[i - 1];
    return count;
}

} // namespace cenote::bench

// In place of the C library's, so that it is known when a loop looks at the clock: all of them time the
// processor time of the process, or look at it around what they time.
extern "C" int clock_gettime(clockid_t clock, timespec* now) noexcept {
    using namespace cenote::bench;
    if (clock == CLOCK_PROCESS_CPUTIME_ID) {
        const std::lock_guard here(lock);
        is_timing = !is_timing;
        write({.what = deed::looked_at_clock});
    }
    return static_cast<int>(::syscall(SYS_clock_gettime, clock, now));
}
