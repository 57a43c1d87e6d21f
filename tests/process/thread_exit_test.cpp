// cenote: SPDX-License-Identifier: MIT
//
// Threads that end with cached blocks, in each way that a thread can end: what they cached comes back, and
// what their last destructors free is not lost.
#include <cenote/concurrent/concurrent_multi_pool.hpp>
#include <cenote/concurrent/concurrent_pool.hpp>

#include "child.hpp"
#include "immortal.hpp"
#include "sanitized.hpp"

#include <atomic>
#include <climits>
#include <functional>
#include <gtest/gtest.h>
#include <optional>
#include <pthread.h>
#include <thread>
#include <vector>

namespace {

using namespace cenote;
using test::require;

constexpr std::size_t maximum = 1000;

constexpr concurrent_pool_options options() {
    return {.block_size = 64, .maximum_blocks = maximum, .sanitizers = false, .name = "ending"};
}

/// Whether all blocks of the pool can be had, by one thread.
bool has_all(concurrent_pool& pool) {
    std::vector<void*> all(maximum);
    if (!pool.try_allocate_n(all.data(), maximum)) return false;
    pool.deallocate_n(all.data(), maximum);
    pool.release_thread_caches();
    return true;
}

void use(concurrent_pool& pool) {
    void* blocks[10];
    pool.allocate_n(blocks, 10);
    pool.deallocate_n(blocks, 10);
    require(pool.stats().cached >= 10, "the thread caches nothing");
}

/// A pthread, which ends as `run` wants to.
class posix_thread {
public:
    explicit posix_thread(std::function<void()> run) : run_(std::move(run)) {
        if (pthread_create(&thread_, nullptr, &posix_thread::start, this) != 0) std::abort();
    }
    posix_thread(const posix_thread&) = delete;
    posix_thread& operator=(const posix_thread&) = delete;
    ~posix_thread() { pthread_join(thread_, nullptr); }

private:
    static void* start(void* self) {
        static_cast<posix_thread*>(self)->run_();
        return nullptr;
    }
    std::function<void()> run_;
    pthread_t thread_{};
};

TEST(thread_exit, pthread_exit_gives_cached_blocks_back) {
    concurrent_pool pool{options()};
    {
        const posix_thread one([&] {
            use(pool);
            pthread_exit(nullptr);
        });
    }
    EXPECT_EQ(pool.stats(quiet).live, 0u);
    EXPECT_TRUE(has_all(pool));
    EXPECT_TRUE(pool.is_valid());
}

TEST(thread_exit, cancelled_thread_gives_cached_blocks_back) {
    concurrent_pool pool{options()};
    pthread_t one{};
    std::atomic<bool> ready{false};
    struct arguments {
        concurrent_pool* pool;
        std::atomic<bool>* ready;
    } given{&pool, &ready};
    const auto run = [](void* data) -> void* {
        const auto* const mine = static_cast<arguments*>(data);
        use(*mine->pool);
        *mine->ready = true;
        for (;;) pause();
    };
    ASSERT_EQ(pthread_create(&one, nullptr, run, &given), 0);
    while (!ready) std::this_thread::yield();
    ASSERT_EQ(pthread_cancel(one), 0);
    ASSERT_EQ(pthread_join(one, nullptr), 0);
    EXPECT_TRUE(has_all(pool));
}

// Destructors of a thread: those of its C++ thread-locals run first, then those of its keys, in rounds.

// In the last round of all, ThreadSanitizer has done with the thread already.
constexpr int rounds_of_keys = PTHREAD_DESTRUCTOR_ITERATIONS - CENOTE_TEST_SANITIZED;

/// Frees a block each time that a destructor runs, as long as there are rounds.
struct last_frees {
    concurrent_pool* pool = nullptr;
    concurrent_multi_pool* sizes = nullptr;
    std::vector<void*> blocks;
    std::vector<void*> sized;
    bool saw_cache = false;
    bool saw_none = false;
    int rounds = 0;
    const pthread_key_t* again = nullptr; // whose destructor it is

    void free_some() {
        if (blocks.empty()) return;
        if (++rounds < rounds_of_keys && again != nullptr) pthread_setspecific(*again, this);
        (pool->is_instrumented() ? saw_none : saw_cache) = true;
        for (int i = 0; i < 5 && !blocks.empty(); ++i) {
            pool->deallocate(blocks.back());
            blocks.pop_back();
            sizes->deallocate(sized.back());
            sized.pop_back();
        }
        pool->deallocate(pool->allocate());
        sizes->deallocate(sizes->allocate(40));
    }
};

struct key {
    key() {
        if (pthread_key_create(&value, [](void* data) { static_cast<last_frees*>(data)->free_some(); }) != 0)
            std::abort();
    }
    pthread_key_t value{};
};

// The loader has this one made before any pool is used, so its destructors run before the library's.
const key early __attribute__((init_priority(101)));

struct frees_at_the_end {
    last_frees* frees = nullptr;
    ~frees_at_the_end() {
        if (frees != nullptr) frees->free_some();
    }
};
thread_local frees_at_the_end thread_local_frees;

TEST(thread_exit, frees_by_other_destructors_are_not_lost) {
    concurrent_pool pool{options()};
    concurrent_multi_pool sizes{{.sanitizers = false, .name = "ending sizes"}};
    pool.deallocate(pool.allocate());
    const key late; // made after the library's key: its destructors run when the cache is gone
    std::vector<last_frees> all(3);
    for (last_frees& one : all) {
        one.pool = &pool;
        one.sizes = &sizes;
    }
    std::optional<posix_thread> one;
    one.emplace([&] {
        for (last_frees& frees : all) {
            for (int i = 0; i < 5 * rounds_of_keys; ++i) {
                frees.blocks.push_back(pool.allocate());
                frees.sized.push_back(sizes.allocate(100));
            }
        }
        thread_local_frees.frees = &all[0];
        all[1].again = &early.value;
        all[2].again = &late.value;
        for (last_frees& frees : {std::ref(all[1]), std::ref(all[2])})
            pthread_setspecific(*frees.again, &frees);
        pthread_exit(nullptr);
    });
    one.reset();
    EXPECT_TRUE(all[0].saw_cache && !all[0].saw_none) << "C++ thread-locals end before the cache";
    EXPECT_TRUE(all[1].saw_cache && all[1].saw_none)
        << "keys made earlier end before the cache, then after it";
    EXPECT_TRUE(all[2].saw_none && !all[2].saw_cache) << "keys made later end after the cache";
    EXPECT_EQ(all[0].rounds, 1);
    EXPECT_EQ(all[1].rounds, rounds_of_keys);
    EXPECT_EQ(all[2].rounds, rounds_of_keys);
    while (!all[0].blocks.empty()) all[0].free_some(); // what one round did not
    EXPECT_EQ(pool.stats(quiet).live, 0u);
    EXPECT_EQ(sizes.stats(quiet).live, 0u);
    EXPECT_TRUE(has_all(pool));
    EXPECT_TRUE(pool.is_valid() && sizes.is_valid());
    pthread_key_delete(late.value);
}

// `exit` runs destructors of statics and what was given to `atexit` while other threads go on.

constinit test::immortal<concurrent_pool> lasting{options()};
std::atomic<int> with_cache{0};
std::atomic<bool> may_end{false};

struct ends_last {
    std::vector<std::thread> threads;
    ~ends_last() {
        if (threads.empty()) return;
        may_end = true;
        for (std::thread& one : threads) one.join();
        require(has_all(*lasting), "blocks cached by threads that ended after main are lost");
        require(lasting->is_valid(), "the pool is not whole after main");
        std::thread late([] { use(*lasting); });
        late.join();
        require(has_all(*lasting), "blocks cached by a thread that began after main are lost");
        ::_exit(7);
    }
};

// Constructed first of all, and so destructed last.
ends_last joined_after_main __attribute__((init_priority(102)));

TEST(thread_exit, threads_that_end_during_static_destruction_lose_nothing) {
    const std::string ending = test::ending_of_child([] {
        for (int i = 0; i < 3; ++i) {
            joined_after_main.threads.emplace_back([] {
                use(*lasting);
                ++with_cache;
                while (!may_end) lasting->deallocate(lasting->allocate());
            });
        }
        while (with_cache != 3) std::this_thread::yield();
        std::exit(0);
    });
    EXPECT_EQ(ending, "ended with code 7"); // from the very last destructor
}

} // namespace
