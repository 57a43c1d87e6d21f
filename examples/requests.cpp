// cenote: SPDX-License-Identifier: MIT
//
// Threads that serve requests: each borrows an arena for its scratch memory and a block for its answer. There
// are only so many of both, so a burst of work waits instead of growing.
#include <cenote/concurrent/arena_pool.hpp>
#include <cenote/concurrent/bounded_pool.hpp>

#include <atomic>
#include <chrono>
#include <cstdio>
#include <cstring>
#include <thread>
#include <vector>

namespace {

using namespace std::chrono_literals;

struct word {
    const char* text;
    std::size_t length;
    word* next;
};

// The words of a line, last first; everything it takes is gone when the lease ends.
word* split(cenote::arena& scratch, const char* line) {
    word* words = nullptr;
    for (const char* at = line; *at != '\0';) {
        const std::size_t length = std::strcspn(at, " ");
        words = scratch.make<word>(word{at, length, words});
        at += length + (at[length] == ' ');
    }
    return words;
}

std::size_t serve(cenote::arena_pool& arenas, cenote::bounded_pool& answers, const char* line) {
    const auto scratch = arenas.acquire();
    const auto answer = answers.acquire_for(10s);
    if (!answer) return 0; // the deadline: better late than never, but not for ever
    std::size_t used = 0;
    for (const word* one = split(*scratch, line); one != nullptr; one = one->next) {
        std::memcpy(answer.data() + used, one->text, one->length);
        used += one->length;
    }
    return used;
}

} // namespace

int main() {
    constexpr std::size_t threads = 8;
    constexpr std::size_t requests = 2000;
    cenote::arena_pool arenas{{.arenas = 2, .arena_size = 1000, .name = "scratch"}};
    cenote::bounded_pool answers{{.block_size = 256, .blocks = 3, .name = "answers"}};
    std::atomic<std::size_t> bytes{0};
    std::vector<std::thread> crowd;
    for (std::size_t i = 0; i < threads; ++i) {
        crowd.emplace_back([&] {
            for (std::size_t n = 0; n < requests; ++n) bytes += serve(arenas, answers, "to be or not to be");
        });
    }
    for (std::thread& one : crowd) one.join();
    const auto lent = arenas.stats();
    const auto blocks = answers.stats();
    std::printf("%zu bytes answered; at most %zu of %zu arenas and %zu of %zu blocks were out at once\n",
                bytes.load(), lent.peak_out, lent.arenas, blocks.peak_live, blocks.blocks);
    const bool all_home = lent.free == lent.arenas && blocks.idle == blocks.blocks;
    return all_home && bytes == threads * requests * 13 ? 0 : 1;
}
