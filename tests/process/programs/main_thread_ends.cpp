// cenote: SPDX-License-Identifier: MIT
//
// The main thread ends by pthread_exit, with cached blocks, before another: that one can have all blocks, and
// runs the destructors of the program, which free to the pools too.
#include <cenote/concurrent/concurrent_pool.hpp>

#include <cstdio>
#include <cstdlib>
#include <pthread.h>
#include <thread>
#include <vector>

namespace {

using namespace cenote;

constexpr std::size_t maximum = 1000;
constinit concurrent_pool pool{
    {.block_size = 64, .maximum_blocks = maximum, .sanitizers = false, .name = "ends with its threads"}};

void expect(bool holds, const char* otherwise) {
    if (holds) return;
    std::fprintf(stderr, "%s\n", otherwise);
    std::_Exit(1);
}

struct frees_last {
    void* block = nullptr;
    ~frees_last() {
        expect(pool.is_instrumented(), "a thread that has ended has a cache again");
        pool.deallocate(block);
        expect(pool.stats(quiet).live == 0, "a block is lost");
        std::puts("the last thread ended the process");
    }
} last;

} // namespace

int main() {
    void* blocks[50];
    pool.allocate_n(blocks, 50);
    pool.deallocate_n(blocks, 50);
    expect(pool.stats().cached >= 50, "the main thread caches nothing");
    static const pthread_t main_thread = pthread_self();
    std::thread([] {
        expect(pthread_join(main_thread, nullptr) == 0, "the main thread cannot be joined");
        std::vector<void*> all(maximum);
        expect(pool.try_allocate_n(all.data(), maximum), "blocks that the main thread had cached are lost");
        last.block = all.back();
        pool.deallocate_n(all.data(), maximum - 1);
    }).detach();
    pthread_exit(nullptr);
}
