// cenote: SPDX-License-Identifier: MIT
//
// A contender that writes down who gets and puts which block, and whether that is in the timed part of a
// loop: between two looks at the processor time of the process, by the same thread.
#pragma once

#include "patterns/basics.hpp"

#include <chrono>
#include <functional>
#include <set>
#include <span>
#include <vector>

namespace cenote::bench {

enum class deed { made, destroyed, got, put, got_many, put_many, cleared, looked_at_clock, passed };

struct entry {
    deed what{};
    unsigned thread = 0;
    unsigned pool = 0;     // in the order they were made
    std::size_t block = 0; // of that pool, in the order they were got; of a pool: the most it must have
    std::size_t size = 0;  // of the block; of many: how many in that call; of time: the seconds
    bool is_timed = false;
    bool is_touched = false; // when put: a byte of each page was written
};
using entries = std::vector<entry>;

// Forgets what was written so far, but not the pools there are.
void begin_anew();
// What was written since.
[[nodiscard]] entries written();
// Of the calling thread; no thread has that of one before it.
[[nodiscard]] unsigned this_thread();

class recorder {
public:
    // A thread's own way, that only it may go.
    struct local {
        recorder& pool;
        unsigned home = this_thread();
        explicit local(recorder& of) : pool(of) {}
        void* get() { return get(pool.block_size_); }
        void put(void* block) { put(block, pool.block_size_); }
        void* get(std::size_t size);
        void put(void* block, std::size_t size);
    };

    recorder(std::size_t block_size, std::size_t most);
    ~recorder();
    recorder(const recorder&) = delete;
    recorder& operator=(const recorder&) = delete;

    void* get() { return get(block_size_); }
    void put(void* block) { put(block, block_size_); }
    void* get(std::size_t size) { return get_as(deed::got, size, size); }
    void put(void* block, std::size_t size) { put_as(deed::put, block, size, size); }
    void get_many(void** blocks, std::size_t count) {
        for (void*& block : std::span(blocks, count)) block = get_as(deed::got_many, block_size_, count);
    }
    void put_many(void** blocks, std::size_t count) {
        for (void* block : std::span(blocks, count)) put_as(deed::put_many, block, block_size_, count);
    }
    void clear();
    void pass(std::chrono::seconds time);

private:
    void* get_as(deed how, std::size_t size, std::size_t told);
    void put_as(deed how, void* block, std::size_t size, std::size_t told);

    std::size_t block_size_;
    unsigned number_ = 0;
    std::vector<void*> blocks_; // null: was put back
};

// Those of which that is true.
[[nodiscard]] entries those(const entries& all, const std::function<bool(const entry&)>& is_meant);
[[nodiscard]] entries those(const entries& all, deed what);
[[nodiscard]] entries timed(const entries& all);
[[nodiscard]] entries of_thread(const entries& all, unsigned number);
[[nodiscard]] entries joined(entries first, const entries& second);

[[nodiscard]] std::vector<std::size_t> blocks_of(const entries& all);
[[nodiscard]] std::set<unsigned> threads_of(const entries& all);
[[nodiscard]] bool are_all_touched(const entries& puts);
// Get, put, get, put, and nothing else: each block is put back by the call after the one that got it.
void expect_pairs(const entries& all, std::size_t count);
// Each step gets a block and puts back one that was live before.
void expect_replacements(const entries& all, std::size_t count);

[[nodiscard]] std::vector<std::size_t> consecutive(std::size_t first, std::size_t count);
[[nodiscard]] std::vector<std::size_t> sorted(std::vector<std::size_t> numbers);
// How many are followed by a neighbour: of random numbers almost none.
[[nodiscard]] std::size_t neighbours(const std::vector<std::size_t>& numbers);

template<class Loop>
entries run_of(Loop& loop, std::size_t steps) {
    begin_anew();
    (void)loop.run(steps);
    return written();
}
template<class Loop>
entries preparation_of(Loop& loop) {
    begin_anew();
    loop.prepare();
    return written();
}

} // namespace cenote::bench
