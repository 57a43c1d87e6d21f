// cenote: SPDX-License-Identifier: MIT
//
// A fork while another thread is inside a locked pool: the child can use it.
#include <cenote/concurrent/locked.hpp>
#include <cenote/pool/fixed_pool.hpp>

#include <atomic>
#include <gtest/gtest.h>
#include <sys/wait.h>
#include <thread>
#include <unistd.h>

namespace {

using namespace cenote;

TEST(fork_locked, a_child_can_use_a_pool_that_another_thread_was_in) {
    locked<fixed_pool> pool({.block_size = 64});
    std::atomic<bool> stop{false};
    std::thread busy([&] {
        while (!stop) pool.deallocate(pool.allocate());
    });
    int failed = 0;
    for (int i = 0; i < 100; ++i) {
        const pid_t child = fork();
        ASSERT_GE(child, 0);
        if (child == 0) {
            alarm(20); // hung once
            pool.deallocate(pool.allocate());
            _exit(pool.is_valid() ? 0 : 1);
        }
        int status = 0;
        ASSERT_EQ(waitpid(child, &status, 0), child);
        if (!WIFEXITED(status) || WEXITSTATUS(status) != 0) ++failed;
    }
    stop = true;
    busy.join();
    EXPECT_EQ(failed, 0);
    EXPECT_EQ(pool.stats().live, 0u);
}

} // namespace
