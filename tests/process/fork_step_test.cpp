// cenote: SPDX-License-Identifier: MIT
//
// Forks between any two instructions of a thread that is in a pool: the processor traps after each of them,
// and the trap's handler waits until the main thread has forked. What that thread had cached is abandoned in
// the child, but never a block that somebody else holds. Where the thread holds a lock, the fork waits for it
// and the thread goes on.
#include <cenote/concurrent/concurrent_multi_pool.hpp>
#include <cenote/concurrent/concurrent_pool.hpp>

#include "child.hpp"
#include "sanitized.hpp"

#include <atomic>
#include <chrono>
#include <csignal>
#include <functional>
#include <gtest/gtest.h>
#include <thread>
#include <vector>

#if CENOTE_TEST_SANITIZED
#define CENOTE_TEST_CANNOT_STEP "the sanitizer's runtime would be stepped through, and holds locks"
#elif !defined(__x86_64__)
#define CENOTE_TEST_CANNOT_STEP "single steps are known for x86-64 alone"
#endif

namespace {

using namespace cenote;
using test::require;

#if !defined(CENOTE_TEST_CANNOT_STEP)

/// One thread steps, the other forks.
class stepper {
public:
    /// Runs `walk` in a thread of its own after `prepare`, stepping, and `child` in a child forked at every
    /// step. Returns how many forks there were; a failure of a child is told.
    static int run(const std::function<void()>& prepare, const std::function<void()>& walk,
                   const std::function<void()>& child) {
        struct sigaction trap{};
        struct sigaction before{};
        trap.sa_handler = &stepper::step;
        sigaction(SIGTRAP, &trap, &before);
        wanted_ = made_ = 0;
        state_ = state::preparing;
        std::thread stepping([&] {
            prepare();
            state_ = state::stepping;
            asm volatile("pushfq\n\torq $0x100, (%%rsp)\n\tpopfq" ::: "memory", "cc");
            walk();
            asm volatile("pushfq\n\tandq $~0x100, (%%rsp)\n\tpopfq" ::: "memory", "cc");
            state_ = state::stepped;
            while (state_ != state::over) std::this_thread::yield();
        });
        int forks = 0;
        int failures = 0;
        while (state_ != state::stepped) {
            if (wanted_ == made_) {
                std::this_thread::yield(); // on a busy machine the other thread waits for this processor
                continue;
            }
            is_forking_ = true;
            const pid_t one = test::start_child(child);
            is_forking_ = false;
            ++made_;
            ++forks;
            const std::string ending = test::ending_of(one);
            EXPECT_EQ(ending, "") << "forked at step " << forks;
            if (!ending.empty() && ++failures == 5) break;
        }
        while (state_ != state::stepped) made_ = wanted_.load();
        state_ = state::over;
        stepping.join();
        sigaction(SIGTRAP, &before, nullptr);
        return forks;
    }

private:
    enum class state { preparing, stepping, stepped, over };

    // Waits while the other thread is busy with the last child, then for the fork, but not for long: it may
    // wait for a lock of this thread's.
    static void step(int /*signal*/) {
        if (wanted_ != made_) return;
        const int mine = ++wanted_;
        while (made_ != mine && !is_forking_) std::this_thread::yield();
        const auto until = std::chrono::steady_clock::now() + std::chrono::milliseconds(100);
        while (made_ != mine && std::chrono::steady_clock::now() < until) std::this_thread::yield();
    }

    static inline std::atomic<int> wanted_{0};
    static inline std::atomic<int> made_{0};
    static inline std::atomic<bool> is_forking_{false};
    static inline std::atomic<state> state_{state::preparing};
};

constexpr std::size_t maximum = 256; // the thread's magazines hold 8 blocks each, so exchanges are short

/// A pool of which the stepping thread caches some blocks, and the forking one holds all the others that it
/// ever had.
struct scene {
    concurrent_pool pool{
        {.block_size = 64, .maximum_blocks = maximum, .sanitizers = false, .name = "stepped"}};
    std::vector<void*> held;   // by the thread that forks
    std::vector<void*> worked; // by the other

    /// The thread gets `count` blocks; all that its magazines have room for then hold stale addresses.
    void have(std::size_t count) {
        for (std::size_t i = 0; i < count; ++i) worked.push_back(pool.allocate());
    }
    void hand_over(std::size_t count) {
        for (; count != 0; --count) {
            held.push_back(worked.back());
            worked.pop_back();
        }
    }
    void free(std::size_t count) {
        for (; count != 0; --count) {
            pool.deallocate(worked.back());
            worked.pop_back();
        }
    }
    void check() {
        const pool_stats levels = pool.stats(quiet);
        require(pool.is_valid(), "the pool's invariants do not hold after the fork");
        require(levels.live + levels.cached + levels.idle + levels.abandoned == levels.blocks,
                "live, cached, idle and abandoned blocks are not all blocks");
        for (void* const block : held) require(pool.is_live(block), "a block that is held is not live");
        std::size_t got = 0;
        while (void* const block = pool.try_allocate()) {
            for (void* const other : held) require(block != other, "a held block was handed out again");
            ++got;
        }
        require(got + levels.live + levels.abandoned == maximum, "blocks are lost");
        for (void* const block : held) pool.deallocate(block);
        pool.release_thread_caches();
    }
    ~scene() {
        for (void* const block : held) pool.deallocate(block);
        for (void* const block : worked) pool.deallocate(block);
    }
};

TEST(fork_step, frees_into_a_magazine_that_held_what_others_have_now) {
    scene here;
    const int forks = stepper::run(
        [&] {
            here.have(24);
            here.hand_over(12);
        },
        [&] { here.free(4); }, [&] { here.check(); });
    EXPECT_GT(forks, 20);
}

TEST(fork_step, exchanges_a_full_magazine_for_an_empty_one) {
    scene here;
    const int forks = stepper::run([&] { here.have(60); }, [&] { here.free(40); }, [&] { here.check(); });
    EXPECT_GT(forks, 100);
}

TEST(fork_step, exchanges_an_empty_magazine_for_a_full_one) {
    scene here;
    const int forks = stepper::run(
        [&] {
            here.have(60);
            here.free(40);
        },
        [&] { here.have(30); }, [&] { here.check(); });
    EXPECT_GT(forks, 100);
}

#else

TEST(fork_step, every_instruction) {
    GTEST_SKIP() << CENOTE_TEST_CANNOT_STEP;
}

#endif

} // namespace
