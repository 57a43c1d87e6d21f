// cenote: SPDX-License-Identifier: MIT
//
// Runs under callgrind, which writes one count for each name given to `counted`. scripts/instructions reads
// them.
#include <cenote/pool/variable_pool.hpp>

#include "hot_paths.hpp"

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <numeric>
#include <random>
#include <string>
#include <valgrind/callgrind.h>
#include <vector>

namespace {

// Counts what happens between `start` and `stop`, as often as they are called.
class counted {
public:
    explicit counted(std::string name) : name_(std::move(name)) { CALLGRIND_ZERO_STATS; }
    counted(const counted&) = delete;
    counted& operator=(const counted&) = delete;
    ~counted() {
        CALLGRIND_DUMP_STATS_AT(name_.c_str());
        // Operations stand in the program's output: callgrind knows instructions only.
        std::printf("%s %zu\n", name_.c_str(), operations_);
    }
    void start() { CALLGRIND_TOGGLE_COLLECT; }
    void stop(std::size_t operations) {
        CALLGRIND_TOGGLE_COLLECT;
        operations_ += operations;
    }

private:
    std::string name_;
    std::size_t operations_ = 0;
};

using hot_function = void (*)(stage&, void**);

__attribute__((noinline)) void call_each(hot_function call, stage& on, std::vector<void*>& slots) {
    for (void*& slot : slots) call(on, &slot);
}

// Few enough blocks to stay within one magazine, which is full or empty beforehand as the function needs it.
void count_hot(const char* name, hot_function call, hot_function before, hot_function after) {
    for (const std::size_t calls : {10, 20}) {
        stage on;
        std::vector<void*> slots(calls);
        call_each(hot_fixed_allocate, on, slots); // opens the pools and leaves blocks in the magazines
        call_each(hot_fixed_deallocate, on, slots);
        call_each(hot_multi_allocate, on, slots);
        call_each(hot_multi_deallocate, on, slots);
        for (int i = 0; i < 2; ++i) { // the first calls of a thread come before its cache
            call_each(hot_shared_allocate, on, slots);
            call_each(hot_shared_deallocate, on, slots);
            call_each(hot_shared_multi_allocate, on, slots);
            call_each(hot_shared_multi_deallocate, on, slots);
            call_each(hot_buffer_pair, on, slots);
            call_each(hot_bounded_pair, on, slots);
        }
        call_each(before, on, slots);
        {
            counted count(std::string("hot ") + name + " " + std::to_string(calls));
            count.start();
            call_each(call, on, slots);
            count.stop(calls);
        }
        call_each(after, on, slots);
    }
}

void count_hot_paths() {
    const hot_function none = hot_nothing;
    count_hot("nothing", none, none, none);
    count_hot("fixed_allocate", hot_fixed_allocate, none, hot_fixed_deallocate);
    count_hot("fixed_try_allocate", hot_fixed_try_allocate, none, hot_fixed_deallocate);
    count_hot("fixed_deallocate", hot_fixed_deallocate, hot_fixed_allocate, none);
    count_hot("multi_allocate", hot_multi_allocate, none, hot_multi_deallocate);
    count_hot("multi_deallocate", hot_multi_deallocate, hot_multi_allocate, none);
    count_hot("multi_deallocate_sized", hot_multi_deallocate_sized, hot_multi_allocate, none);
    count_hot("shared_allocate", hot_shared_allocate, none, hot_shared_deallocate);
    count_hot("shared_deallocate", hot_shared_deallocate, hot_shared_allocate, none);
    count_hot("local_allocate", hot_local_allocate, none, hot_local_deallocate);
    count_hot("local_deallocate", hot_local_deallocate, hot_local_allocate, none);
    count_hot("shared_multi_allocate", hot_shared_multi_allocate, none, hot_shared_multi_deallocate);
    count_hot("shared_multi_deallocate", hot_shared_multi_deallocate, hot_shared_multi_allocate, none);
    count_hot("shared_multi_deallocate_sized", hot_shared_multi_deallocate_sized, hot_shared_multi_allocate,
              none);
    count_hot("buffer_pair", hot_buffer_pair, none, none);
    count_hot("bounded_pair", hot_bounded_pair, none, none);
}

// Growth: what an operation costs while `blocks` are live. Blocks of a page, of which none is touched, have
// small magazines, so that batches go through the depot also where few blocks are live; a hundred to a slab
// make 10,000 slabs of a million blocks.
class crowd {
public:
    crowd(std::size_t blocks, bool checks)
        : pool_({.block_size = 4096,
                 .blocks_per_slab = 100,
                 .checks = checks,
                 .sanitizers = false,
                 .name = "crowd"}),
          slots_(blocks) {
        for (void*& slot : slots_) slot = pool_.allocate();
        std::shuffle(slots_.begin(), slots_.end(), random_);
        batch(100); // so that the first change of traffic is behind us
    }

    // One at a time: a new block takes the place of a random old one.
    void replace(std::size_t operations, counted& count) {
        std::vector<std::uint32_t> victims(operations);
        for (std::uint32_t& victim : victims) victim = random_() % static_cast<std::uint32_t>(slots_.size());
        count.start();
        for (const std::uint32_t victim : victims) {
            void* const fresh = pool_.allocate();
            pool_.deallocate(slots_[victim]);
            slots_[victim] = fresh;
        }
        count.stop(operations);
    }

    // 500 random blocks go, then 500 come: more than the magazines hold.
    void batch(std::size_t times, counted* count = nullptr) {
        constexpr std::size_t some = 500;
        for (; times != 0; --times) {
            for (std::size_t i = 0; i < some; ++i) {
                const std::size_t other = i + random_() % (slots_.size() - i);
                std::swap(slots_[i], slots_[other]);
            }
            if (count != nullptr) count->start();
            for (std::size_t i = 0; i < some; ++i) pool_.deallocate(slots_[i]);
            for (std::size_t i = 0; i < some; ++i) slots_[i] = pool_.allocate();
            if (count != nullptr) count->stop(some);
        }
    }

    // All go in random order, then as many come.
    void drop_and_build(std::size_t operations, counted& count) {
        for (; operations >= slots_.size(); operations -= slots_.size()) {
            std::shuffle(slots_.begin(), slots_.end(), random_);
            count.start();
            for (void* slot : slots_) pool_.deallocate(slot);
            for (void*& slot : slots_) slot = pool_.allocate();
            count.stop(slots_.size());
        }
    }

private:
    cenote::fixed_pool pool_;
    std::vector<void*> slots_;
    std::mt19937 random_{1};
};

void count_growth(const char* pattern, std::size_t blocks, bool checks, void (*run)(crowd&, counted&)) {
    crowd those(blocks, checks);
    counted count(std::string("growth ") + pattern + " " + std::to_string(blocks));
    run(those, count);
}

void count_growth() {
    constexpr std::size_t few = 1'000;
    constexpr std::size_t many = 1'000'000;
    const auto replace = [](crowd& those, counted& count) { those.replace(100'000, count); };
    const auto batches = [](crowd& those, counted& count) { those.batch(1'000, &count); };
    const auto drops = [](crowd& those, counted& count) { those.drop_and_build(2'000'000, count); };
    for (const std::size_t blocks : {few, many}) {
        count_growth("replacement", blocks, false, replace);
        count_growth("batches", blocks, false, batches);
        count_growth("checked_batches", blocks, true, batches);
    }
    // Of a thousand blocks a quarter would stay in the magazines in use.
    for (const std::size_t blocks : {20 * few, many}) count_growth("drop_and_build", blocks, false, drops);
}

// Whatever the size of a block: many windows of traffic, of one block that comes and goes with checks.
void count_checked_pairs() {
    for (const std::size_t bytes : {64, 1024}) {
        cenote::fixed_pool pool({.block_size = bytes, .checks = true, .sanitizers = false, .name = "pairs"});
        counted count("growth checked_pairs " + std::to_string(bytes));
        constexpr std::size_t pairs = 200'000;
        count.start();
        for (std::size_t i = 0; i < pairs; ++i) pool.deallocate(pool.allocate());
        count.stop(pairs);
    }
}

// Blocks of random sizes that are replaced at random.
class traffic {
public:
    traffic(cenote::variable_pool& pool, std::size_t blocks, unsigned seed)
        : pool_(pool), random_(seed), slots_(blocks) {
        for (void*& slot : slots_) slot = pool_.allocate(size());
    }
    void replace(std::size_t times, counted* count) {
        for (std::size_t i = 0; i < times; ++i) {
            void*& slot = slots_[random_() % slots_.size()];
            const std::size_t wanted = size();
            if (count != nullptr) count->start();
            void* const fresh = pool_.allocate(wanted);
            pool_.deallocate(slot);
            if (count != nullptr) count->stop(1);
            slot = fresh;
        }
    }

private:
    [[nodiscard]] std::size_t size() { return 16 + random_() % 1009; }

    cenote::variable_pool& pool_;
    std::mt19937 random_;
    std::vector<void*> slots_;
};

// Blocks that stand one behind the other, since the last region began.
struct row {
    static constexpr std::size_t block = 64;
    std::size_t length = 0;
    std::byte* end = nullptr;
    void add(void* next) {
        length = next == end ? length + 1 : 1;
        end = static_cast<std::byte*>(next) + block;
    }
};

// Blocks of any size: the same traffic among a hundred blocks beside few others and beside many. It starts at
// the same place of a region, behind `place` of the others: a region more or less is another traffic.
void count_beside(const char* name, std::size_t others, std::size_t place) {
    cenote::variable_pool pool({.sanitizers = false, .name = "beside"});
    row those;
    for (std::size_t i = 0; i < others || those.length != place; ++i) those.add(pool.allocate(row::block));
    traffic blocks(pool, 100, 1);
    {
        counted count("growth " + std::string(name) + " " + std::to_string(others));
        blocks.replace(100'000, &count);
    }
    pool.reset();
}

// Beside others that have been replaced at random, too, so that holes of all sizes lie everywhere; and among
// all of them.
void count_in_holes(std::size_t others) {
    cenote::variable_pool pool({.sanitizers = false, .name = "in holes"});
    traffic all(pool, others, 1);
    all.replace(others < 10'000 ? 10'000 : others, nullptr);
    traffic few(pool, 100, 2);
    few.replace(10'000, nullptr);
    {
        counted count("growth any_size_beside_holes " + std::to_string(others));
        few.replace(100'000, &count);
    }
    {
        counted count("growth any_size_in_holes " + std::to_string(others));
        all.replace(100'000, &count);
    }
    pool.reset();
}

// What a pointer is, of a hundred blocks among few and among many. Of 64 granules each, so that the way to a
// block's end is the same for all.
void count_questions(std::size_t live) {
    constexpr std::size_t asked = 100;
    cenote::variable_pool pool({.sanitizers = false, .name = "asked"});
    std::vector<void*> blocks(live);
    for (void*& block : blocks) block = pool.allocate(1024);
    const auto ask = [&](const char* what, const auto& question) {
        counted count("growth " + std::string(what) + " " + std::to_string(live));
        for (std::size_t i = 0; i < asked; ++i) {
            const auto* const block = static_cast<const std::byte*>(blocks[i * (live / asked)]);
            count.start();
            const bool is_right = question(block);
            count.stop(1);
            if (!is_right) std::abort();
        }
    };
    ask("is_live_of_any_size", [&](const std::byte* block) { return pool.is_live(block); });
    ask("is_live_inside", [&](const std::byte* block) { return !pool.is_live(block + 512); });
    ask("size_of_any_size", [&](const std::byte* block) { return pool.size_of(block) == 1024; });
    pool.reset();
}

void count_any_size() {
    for (const std::size_t live : {100, 100'000}) count_questions(live);
    cenote::variable_pool pool({.sanitizers = false});
    row those;
    std::size_t in_region = 0;
    do {
        in_region = those.length;
        those.add(pool.allocate(row::block));
    } while (those.length > in_region);
    for (const std::size_t others : {100, 1'000'000}) {
        count_beside("any_size", others, in_region - (in_region - 1) / 2);
        count_beside("any_size_in_two_regions", others, in_region - 200);
        count_in_holes(others);
    }
    pool.reset();
}

} // namespace

int main() {
    count_hot_paths();
    count_growth();
    count_checked_pairs();
    count_any_size();
}
