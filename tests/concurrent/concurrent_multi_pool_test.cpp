// cenote: SPDX-License-Identifier: MIT
#include <cenote/concurrent/concurrent_multi_pool.hpp>
#include <cenote/source/region.hpp>

#include "concurrent/threads.hpp"
#include "pool/hidden_slabs.hpp"
#include "support/heap_calls.hpp"
#include "support/misuse_watch.hpp"
#include "support/test_sources.hpp"

#include <algorithm>
#include <cstring>
#include <random>
#include <set>

namespace {

using namespace cenote;
using namespace cenote::test;

static_assert(!std::is_copy_constructible_v<concurrent_multi_pool>);
constinit concurrent_multi_pool in_static_storage({.name = "static"});

struct piece {
    unsigned char* data;
    std::size_t size;
};

void sign(const piece& one) {
    std::memset(one.data, static_cast<int>(one.size % 251), one.size);
}
bool is_whole(const piece& one) {
    const auto mark = static_cast<unsigned char>(one.size % 251);
    return one.data[0] == mark && one.data[one.size - 1] == mark && one.data[one.size / 2] == mark;
}

TEST(concurrent_multi_pool, frees_blocks_of_slabs_whose_place_in_the_table_another_has) {
    free_blocks_of_hidden_slabs<concurrent_multi_pool>();
}

TEST(concurrent_multi_pool, empty_braces_mean_its_default_options) {
    concurrent_multi_pool pool({});
    EXPECT_EQ(pool.largest_block(), concurrent_multi_pool().largest_block());
    pool.deallocate(pool.allocate(100));
    EXPECT_TRUE(pool.is_valid());
}

TEST(concurrent_multi_pool, options_that_make_no_sense_are_refused) {
    EXPECT_THROW(concurrent_multi_pool({.slab_bytes = 1000}), bad_options);
    EXPECT_THROW(concurrent_multi_pool({.threads = 0}), bad_options);
    EXPECT_THROW((void)concurrent_multi_pool::required_bytes({}), bad_options);
    EXPECT_THROW((void)in_static_storage.allocate(8, 3), bad_options);
    EXPECT_EQ(in_static_storage.try_allocate(8, 3), nullptr);
    in_static_storage.deallocate(nullptr);
}

TEST(concurrent_multi_pool, gives_a_thread_magazines_of_a_size_at_its_first_use) {
    concurrent_multi_pool pool({.sanitizers = false});
    worker other;
    other.run([&] {
        EXPECT_TRUE(pool.is_instrumented()); // no cache yet
        for (const std::size_t size : {100u, 100u, 2'000u, 2'000u})
            pool.deallocate(pool.allocate(size), size);
        EXPECT_FALSE(pool.is_instrumented());
        const engine::thread_cache* const mine = only_cache();
        ASSERT_NE(mine, nullptr);
        for (std::uint32_t c = 0; c <= engine::class_of(pool.largest_block()); ++c) {
            const bool is_used = c == engine::class_of(100) || c == engine::class_of(2'000);
            EXPECT_EQ(mine->stocks[c].can_hold(), is_used) << "class " << c;
        }
    });
}

TEST(concurrent_multi_pool, caches_at_most_256_kib_a_thread_whatever_sizes_it_uses) {
    for (const std::size_t slab_bytes : {64u << 10, 1u << 20}) {
        concurrent_multi_pool pool({.slab_bytes = slab_bytes, .sanitizers = false, .trim = trim::manual});
        for (const bool rising : {true, false}) {
            worker other; // that has no magazines yet
            other.run([&] {
                std::vector<std::size_t> sizes;
                for (std::size_t size = 1; size <= pool.largest_block(); size = size * 9 / 8 + 1)
                    sizes.push_back(size);
                if (!rising) std::reverse(sizes.begin(), sizes.end());
                for (const std::size_t size : sizes) {
                    std::vector<void*> blocks;
                    for (int i = 0; i < 600; ++i) blocks.push_back(pool.allocate(size));
                    for (void* const block : blocks) pool.deallocate(block, size);
                }
                const engine::thread_cache* const mine = only_cache();
                ASSERT_NE(mine, nullptr);
                std::size_t cached = 0;
                std::size_t room = 0;
                for (std::uint32_t c = 0; c <= engine::class_of(pool.largest_block()); ++c) {
                    cached += mine->stocks[c].count() * engine::class_size(c);
                    room += std::size_t{2} * mine->stocks[c].capacity * engine::class_size(c);
                }
                EXPECT_LE(cached, room);
                EXPECT_LE(room, 256u << 10);
                EXPECT_GT(room, 128u << 10);
                pool.release_thread_caches();
            });
        }
        EXPECT_EQ(pool.stats(quiet).cached, 0u);
        EXPECT_EQ(pool.stats(quiet).live, 0u);
    }
}

// The table of slabs grows several times while other threads look sizes up in it without a lock.
TEST(concurrent_multi_pool, finds_the_size_of_a_block_while_its_table_grows) {
    counting_source from;
    concurrent_multi_pool pool({.slab_bytes = 4'096, .source = &from, .sanitizers = false});
    const std::size_t count = scaled(60'000, 6'000);
    std::mutex lock;
    std::vector<piece> waiting;
    std::atomic<int> producing{2};
    std::atomic<std::size_t> freed{0};
    run_threads(5, [&](std::size_t self) {
        std::mt19937 chance(static_cast<unsigned>(self));
        if (self < 2) {
            std::vector<piece> batch;
            for (std::size_t i = 0; i < count; ++i) {
                const std::size_t size = 1 + chance() % 512;
                batch.push_back({static_cast<unsigned char*>(pool.allocate(size)), size});
                sign(batch.back());
                if (batch.size() < 64 && i + 1 != count) continue;
                const std::lock_guard here(lock);
                waiting.insert(waiting.end(), batch.begin(), batch.end());
                batch.clear();
            }
            --producing;
            return;
        }
        for (;;) {
            std::vector<piece> mine;
            const bool is_last = producing == 0;
            {
                const std::lock_guard here(lock);
                // Some stay until the end, so that slabs do.
                const std::size_t keep = is_last ? 0 : count / 2;
                while (waiting.size() > keep && mine.size() < 100) {
                    mine.push_back(waiting.back());
                    waiting.pop_back();
                }
            }
            if (mine.empty() && is_last) return;
            if (mine.empty()) std::this_thread::yield();
            for (const piece& one : mine) {
                if (!is_whole(one)) ADD_FAILURE() << "a block of " << one.size << " bytes has changed";
                pool.deallocate(one.data); // without its size
                ++freed;
            }
        }
    });
    EXPECT_EQ(freed, 2 * count);
    EXPECT_EQ(pool.stats(quiet).live, 0u);
    EXPECT_TRUE(pool.is_valid());
}

TEST(concurrent_multi_pool, keeps_every_block_whole_among_threads_that_exchange_them) {
    concurrent_multi_pool pool({.slab_bytes = 32 << 10, .sanitizers = false});
    constexpr std::size_t places = 512;
    std::vector<std::mutex> locks(16);
    std::vector<piece> table(places, piece{nullptr, 0});
    const std::size_t rounds = scaled(60'000, 3'000);
    run_threads(4, [&](std::size_t self) {
        std::mt19937 chance(static_cast<unsigned>(self));
        for (std::size_t round = 0; round < rounds; ++round) {
            const std::size_t size = chance() % 64 == 0  ? 5'000 + chance() % 40'000
                                     : chance() % 8 == 0 ? 1 + chance() % 4'000
                                                         : 1 + chance() % 256;
            piece fresh{static_cast<unsigned char*>(pool.allocate(size)), size};
            sign(fresh);
            const std::size_t place = chance() % places;
            {
                const std::lock_guard here(locks[place % locks.size()]);
                std::swap(table[place], fresh);
            }
            if (fresh.data == nullptr) continue;
            if (!is_whole(fresh)) ADD_FAILURE() << "a block of " << fresh.size << " bytes has changed";
            if (round % 2 == 0) {
                pool.deallocate(fresh.data, fresh.size);
            } else {
                pool.deallocate(fresh.data);
            }
            if (round % 5'000 == 4'999) (void)pool.trim();
            if (round % 1'000 == 999 && !adds_up(pool.stats())) ADD_FAILURE();
        }
    });
    std::size_t live = 0;
    for (const piece& one : table) live += one.data != nullptr;
    EXPECT_EQ(pool.stats(quiet).live, live);
    EXPECT_TRUE(pool.is_valid());
    for (const piece& one : table) pool.deallocate(one.data);
    EXPECT_EQ(pool.stats(quiet).live, 0u);
}

// Memory that one thread trims away while another frees a large block, which looks in the table first.
TEST(concurrent_multi_pool, large_blocks_may_be_freed_while_the_slabs_go_back) {
    concurrent_multi_pool pool({.slab_bytes = 1'024, .sanitizers = false});
    const std::size_t rounds = scaled(1'500, 100);
    run_threads(3, [&](std::size_t self) {
        for (std::size_t round = 0; round < rounds; ++round) {
            if (self == 0) {
                std::vector<void*> blocks;
                for (int i = 0; i < 200; ++i) blocks.push_back(pool.allocate(100));
                for (void* const block : blocks) pool.deallocate(block);
                (void)pool.trim();
                continue;
            }
            auto* const large = static_cast<unsigned char*>(pool.allocate(4'000 + round));
            large[0] = large[3'999] = 1;
            pool.deallocate(large);
        }
    });
    (void)pool.trim();
    const pool_stats now = pool.stats(quiet);
    EXPECT_EQ(now.live, 0u);
    EXPECT_EQ(now.blocks, 0u);
    EXPECT_TRUE(pool.is_valid());
}

TEST(concurrent_multi_pool, a_wrong_size_is_found_at_the_flush_and_with_checks_at_the_call) {
    for (const bool checks : {false, true}) {
        misuse_watch watch;
        concurrent_multi_pool pool({.checks = checks, .sanitizers = false});
        worker other;
        void* const block = pool.allocate(100);
        void* const large = pool.allocate(100'000);
        other.run([&] {
            pool.deallocate(block, 1'000);
            EXPECT_EQ(watch.count(), checks ? 1u : 0u);
            pool.release_thread_caches();
            ASSERT_EQ(watch.count(), 1u);
            EXPECT_EQ(watch.seen()[0].kind, misuse::wrong_size);
            EXPECT_EQ(watch.seen()[0].pointer, block);
            pool.deallocate(large, 99'999); // a large block is looked for at once
            ASSERT_EQ(watch.count(), 2u);
            EXPECT_EQ(watch.seen()[1].kind, misuse::wrong_size);
            pool.deallocate(block, 90'000);
            ASSERT_EQ(watch.count(), 3u);
            EXPECT_EQ(watch.seen()[2].kind, misuse::wrong_size);
        });
        EXPECT_TRUE(pool.is_live(block) && pool.is_live(large));
        EXPECT_EQ(pool.stats(quiet).live, 2u);
        pool.deallocate(block, 100);
        pool.deallocate(large, 100'000);
        EXPECT_EQ(pool.stats(quiet).live, 0u);
        EXPECT_EQ(watch.count(), 3u);
    }
}

TEST(concurrent_multi_pool, trim_says_what_it_returned_and_what_others_pin) {
    counting_source from;
    concurrent_multi_pool pool({.source = &from, .sanitizers = false, .trim = trim::manual});
    worker other;
    std::vector<void*> mine;
    for (int i = 0; i < 10'000; ++i) mine.push_back(pool.allocate(200));
    std::size_t cached = 0;
    other.run([&] {
        void* two[2] = {pool.allocate(64), pool.allocate(64)};
        pool.deallocate(two[0]);
        (void)pool.stats(); // counts what it caches
        cached = only_cache()->stocks[engine::class_of(64)].count();
        pool.deallocate(two[1]);
    });
    for (void* const block : mine) pool.deallocate(block);
    for (int round = 0; round < 3; ++round) {
        const std::size_t reserved = from.reserved;
        const std::size_t decommitted = from.decommitted;
        const trim_result result = pool.trim();
        EXPECT_EQ(result.returned_bytes, reserved - from.reserved + from.decommitted - decommitted);
        EXPECT_EQ(result.pinned_bytes, round == 2 ? 0u : cached * 64);
        EXPECT_EQ(pool.stats().reserved_bytes, from.reserved);
        if (round == 1) other.end();
    }
    EXPECT_EQ(pool.stats(quiet).blocks, 0u);
}

TEST(concurrent_multi_pool, a_refusal_says_how_much_other_threads_cache_and_asks_them_to_flush) {
    concurrent_multi_pool pool({.maximum_bytes = 1 << 20, .sanitizers = false});
    worker other;
    std::size_t cached = 0;
    other.run([&] {
        std::vector<void*> blocks;
        for (int i = 0; i < 300; ++i) blocks.push_back(pool.allocate(512));
        for (void* const block : blocks) pool.deallocate(block, 512);
        (void)pool.stats();
        cached = only_cache()->stocks[engine::class_of(512)].count();
    });
    EXPECT_GT(cached, 10u);
    std::size_t count = 0;
    try {
        for (;; ++count) (void)pool.allocate(512);
    } catch (const out_of_memory& refusal) {
        EXPECT_EQ(refusal.details().cached, cached * 512);
        EXPECT_EQ(refusal.details().live, count * 512);
        EXPECT_EQ(refusal.details().limit, 1u << 20);
    }
    other.end();
    for (std::size_t i = 0; i < cached; ++i) (void)pool.allocate(512); // its blocks serve this thread now
    pool.reset();
}

TEST(concurrent_multi_pool, local_cache_serves_the_same_blocks_as_the_pool) {
    concurrent_multi_pool pool({.sanitizers = false});
    auto cache = pool.local_cache();
    EXPECT_EQ(&cache.pool(), &pool);
    std::vector<piece> live;
    std::set<void*> distinct;
    for (std::size_t i = 0; i < 4'000; ++i) {
        const std::size_t size = 1 + i * 37 % 9'000;
        void* const block = i % 3 == 0   ? pool.allocate(size)
                            : i % 3 == 1 ? cache.allocate(size)
                                         : cache.try_allocate(size);
        live.push_back({static_cast<unsigned char*>(block), size});
        sign(live.back());
        distinct.insert(block);
    }
    EXPECT_EQ(distinct.size(), live.size());
    EXPECT_EQ(pool.stats().live, live.size());
    std::size_t i = 0;
    for (const piece& one : live) {
        EXPECT_TRUE(is_whole(one));
        ++i % 2 == 0 ? cache.deallocate(one.data, one.size) : pool.deallocate(one.data);
    }
    EXPECT_EQ(pool.stats().live, 0u);
    void* const block = cache.allocate(100);
    cache.deallocate(block, 100);
    EXPECT_EQ(pool.allocate(100), block);
    pool.deallocate(block);
    pool.release_thread_caches();
    (void)pool.trim();
    cache.deallocate(cache.allocate(100), 100);
    pool.for_each([&](void*, std::size_t) { ADD_FAILURE(); });
    concurrent_multi_pool checked({.checks = true});
    auto exact = checked.local_cache();
    void* const one = exact.allocate(10);
    exact.deallocate(one, 10);
    misuse_watch watch;
    exact.deallocate(one, 10);
    EXPECT_EQ(watch.count(), 1u);
}

TEST(concurrent_multi_pool, a_callers_buffer_serves_the_caches_of_all_expected_threads_and_no_heap) {
    for (const unsigned threads : {1u, 4u}) {
        for (const std::size_t offset : {0u, 1u, 63u, 4'000u}) {
            concurrent_multi_pool_options options{
                .slab_bytes = 16 << 10, .initial_bytes = 2 << 20, .sanitizers = false, .threads = threads};
            std::vector<std::byte> buffer(concurrent_multi_pool::required_bytes(options) + offset);
            region place(buffer.data() + offset, buffer.size() - offset);
            options.source = &place;
            concurrent_multi_pool pool(options);
            worker others[4];
            const std::size_t calls = heap_calls();
            for (unsigned i = 0; i < threads; ++i) {
                others[i].run([&] {
                    void* blocks[40];
                    for (std::size_t k = 0; k < 40; ++k) blocks[k] = pool.allocate(k * 50);
                    for (void* const block : blocks) pool.deallocate(block);
                    EXPECT_NE(only_cache(), nullptr);
                    (void)pool.trim(); // the buffer stays as it was cut
                    EXPECT_GT(pool.stats().blocks, 0u);
                });
            }
            EXPECT_LE(heap_calls(), calls + 2 * threads); // those of std::function
            EXPECT_EQ(pool.stats(quiet).live, 0u);
            EXPECT_TRUE(pool.is_valid());
        }
    }
}

TEST(concurrent_multi_pool, walks_blocks_of_all_threads_and_large_ones_exactly_once) {
    concurrent_multi_pool pool({.sanitizers = false});
    worker other;
    std::set<void*> live;
    const auto fill = [&] {
        for (std::size_t i = 0; i < 600; ++i) {
            void* const block = pool.allocate(1 + i * 41 % 20'000);
            i % 4 == 0 ? (void)live.insert(block) : pool.deallocate(block);
        }
    };
    fill();
    other.run(fill);
    std::multiset<void*> seen;
    std::size_t steps = 0;
    pool.for_each([&](void* block, std::size_t size) {
        EXPECT_GT(size, 0u);
        seen.insert(block);
        if (++steps > 300) return;
        pool.deallocate(pool.allocate(100 + steps));
        EXPECT_EQ(pool.size_of(block), size);
    });
    EXPECT_EQ(seen.size(), live.size());
    EXPECT_EQ(std::set<void*>(seen.begin(), seen.end()), live);
    EXPECT_TRUE(pool.is_valid());
    pool.reset();
    EXPECT_EQ(pool.stats(quiet).live, 0u);
    other.run([&] { EXPECT_NE(pool.allocate(100), nullptr); });
    pool.reset();
}

} // namespace
