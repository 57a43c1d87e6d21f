// cenote: SPDX-License-Identifier: MIT
//
// The main thread ends by pthread_exit, with cached blocks, before another: that one can have all blocks, and
// runs the destructors of the program, which free to the pools too.
#include <cenote/concurrent/concurrent_pool.hpp>

#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <pthread.h>
#include <string>
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

/// The kernel keeps it as a zombie until the process ends.
bool main_thread_has_ended() {
    std::ifstream state("/proc/self/stat");
    std::string word;
    for (int i = 0; i < 3; ++i) state >> word;
    return word == "Z";
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
    std::thread([] {
        while (!main_thread_has_ended()) std::this_thread::yield();
        std::vector<void*> all(maximum);
        expect(pool.try_allocate_n(all.data(), maximum), "blocks that the main thread had cached are lost");
        last.block = all.back();
        pool.deallocate_n(all.data(), maximum - 1);
    }).detach();
    pthread_exit(nullptr);
}
