// cenote: SPDX-License-Identifier: MIT
#include "thread_sample.hpp"

#include <algorithm>
#include <fstream>
#include <random>
#include <vector>

namespace cenote::test {

made_recording::made_recording(const std::function<void(trace::writer&)>& write) {
    trace::memory_sink sink;
    trace::writer out(sink);
    out.begin_process({.pid = 7, .program = "/bin/threads"});
    write(out);
    (void)out.end_process(0);
    out.finish();
    std::ofstream(path(), std::ios::binary)
        .write(reinterpret_cast<const char*>(sink.data().data()),
               static_cast<std::streamsize>(sink.data().size()));
}

void write_random(trace::writer& out, unsigned seed, std::uint32_t alive, unsigned operations) {
    std::mt19937 random(seed);
    std::vector<std::uint64_t> blocks;
    std::vector<std::uint32_t> threads(alive);
    std::uint32_t born = 0;
    for (std::uint32_t& t : threads) t = born++;
    for (unsigned i = 0; i < operations; ++i) {
        std::uint32_t& thread = threads[random() % alive];
        if (thread != 0 && random() % 50 == 0) thread = born++;
        const std::size_t at = blocks.empty() ? 0 : random() % blocks.size();
        switch (blocks.empty() ? 0 : random() % 5) {
        case 3:
            out.reallocate(blocks[at], 50'000 + i, thread, 0);
            break;
        case 4:
        case 2:
            out.deallocate(blocks[at], thread, 0);
            std::swap(blocks[at], blocks.back());
            blocks.pop_back();
            break;
        default:
            blocks.push_back(out.allocate({.zeroed = random() % 8 == 0, .thread = thread, .size = 1000 + i}));
        }
    }
}

void write_sequence(trace::writer& out, std::uint32_t threads) {
    std::uint64_t left = out.allocate({.thread = 0, .size = 1000});
    for (std::uint32_t t = 1; t <= threads; ++t) {
        out.deallocate(left, t, 0);
        left = out.allocate({.thread = t, .size = 1000 + t});
    }
    out.deallocate(left, 0, 0);
}

void write_answers(trace::writer& out, unsigned rounds) {
    for (unsigned i = 0; i < rounds; ++i) {
        const std::uint64_t question = out.allocate({.thread = 0, .size = 100});
        out.deallocate(question, 1, 0);
        const std::uint64_t answer = out.allocate({.thread = 1, .size = 200});
        out.deallocate(answer, 0, 0);
    }
}

} // namespace cenote::test
