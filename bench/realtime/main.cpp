// cenote: SPDX-License-Identifier: MIT
//
// What single calls cost in a loop that must not be late: pools whose memory is there and locked, which never
// go to their source, each call timed by itself. All rounds make the same calls, and of each call the least
// of its times counts: what comes from interrupts and other programs differs from round to round, what comes
// from the pool does not. Prints the table of docs/guide/real-time.md.
#include <cenote/buffer/buffer_pool.hpp>
#include <cenote/concurrent/bounded_pool.hpp>
#include <cenote/concurrent/concurrent_pool.hpp>
#include <cenote/pool/arena.hpp>
#include <cenote/pool/fixed_pool.hpp>
#include <cenote/pool/multi_pool.hpp>
#include <cenote/pool/variable_pool.hpp>

#include "results.hpp"
#include "text.hpp"

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <fmt/format.h>
#include <memory>
#include <numeric>
#include <random>
#include <sys/mman.h>
#include <sys/resource.h>
#include <vector>

namespace {

using namespace cenote;
using clock = std::chrono::steady_clock;

constexpr std::size_t live = 1000; // slots
constexpr std::size_t burst = 800; // of them are emptied and filled again at a time, more than magazines hold
constexpr std::size_t calls = 192'000; // of a round
constexpr std::size_t most_bytes = 1024;
static_assert(calls / 2 % burst == 0);

/// What is replaced when; the same in every round.
struct step {
    std::uint32_t slot;
    std::uint32_t bytes;
};

std::vector<step> make_steps() {
    std::mt19937 random(1);
    std::vector<std::uint32_t> slots(live);
    std::iota(slots.begin(), slots.end(), 0u);
    std::vector<step> steps(calls / 2);
    for (std::size_t i = 0; i < steps.size(); ++i) {
        if (i % burst == 0) std::shuffle(slots.begin(), slots.end(), random);
        steps[i] = {slots[i % burst], static_cast<std::uint32_t>(16 + random() % (most_bytes - 15))};
    }
    return steps;
}

struct malloc_alone {
    static constexpr const char* name = "malloc";
    std::vector<void*> slots = std::vector<void*>(live);
    ~malloc_alone() {
        for (void* one : slots) std::free(one);
    }
    void get(const step& at) { slots[at.slot] = std::malloc(at.bytes); }
    void put(const step& at) { std::free(slots[at.slot]); }
};

template<class Pool, std::size_t Magazine = 0>
struct of_one_size {
    Pool pool{
        {.block_size = 64, .maximum_blocks = 4 * live, .magazine_blocks = Magazine, .trim = trim::manual}};
    std::vector<void*> slots = std::vector<void*>(live);
    of_one_size() { pool.reserve(2 * live, Pool::touch::yes); }
    void get(const step& at) { slots[at.slot] = pool.try_allocate(); }
    void put(const step& at) { pool.deallocate(slots[at.slot]); }
};
struct fixed final : of_one_size<fixed_pool> {
    static constexpr const char* name = "fixed_pool";
};
struct fixed_short final : of_one_size<fixed_pool, 16> {
    static constexpr const char* name = "fixed_pool, magazines of 16";
};
struct concurrent final : of_one_size<concurrent_pool> {
    static constexpr const char* name = "concurrent_pool";
};

struct multi {
    static constexpr const char* name = "multi_pool";
    multi_pool pool{{.trim = trim::manual}};
    std::vector<void*> slots = std::vector<void*>(live);
    multi() {
        for (std::size_t size = 16; size <= most_bytes; size += 16)
            pool.reserve(size, live / 4, multi_pool::touch::yes);
    }
    void get(const step& at) { slots[at.slot] = pool.try_allocate(at.bytes); }
    void put(const step& at) { pool.deallocate(slots[at.slot], at.bytes); }
};

struct variable {
    static constexpr const char* name = "variable_pool";
    variable_pool pool{{.trim = trim::manual}};
    std::vector<void*> slots = std::vector<void*>(live);
    variable() { pool.reserve(most_bytes, 2 * live, variable_pool::touch::yes); }
    void get(const step& at) { slots[at.slot] = pool.try_allocate(at.bytes); }
    void put(const step& at) { pool.deallocate(slots[at.slot]); }
};

struct bounded {
    static constexpr const char* name = "bounded_pool";
    bounded_pool pool{{.block_size = 64, .blocks = 2 * live}};
    std::vector<bounded_pool::block> slots = std::vector<bounded_pool::block>(live);
    bounded() { // once, so that all pages are there
        std::vector<bounded_pool::block> all(2 * live);
        for (auto& one : all) *(one = pool.acquire()).data() = std::byte{1};
    }
    ~bounded() { slots.clear(); }
    void get(const step& at) { slots[at.slot] = pool.try_acquire(); }
    void put(const step& at) { slots[at.slot].release(); }
};

struct scratch {
    static constexpr const char* name = "arena";
    std::vector<std::byte> bytes = std::vector<std::byte>(4 * live * most_bytes);
    arena pool{{.maximum_bytes = 0, .buffer = bytes.data(), .buffer_bytes = bytes.size()}};
    std::size_t taken = 0;
    void get(const step& at) { (void)pool.try_allocate(at.bytes); }
    void put(const step&) {
        if (++taken % live == 0) pool.reset();
    }
};

struct buffers {
    static constexpr const char* name = "buffer_pool";
    buffer_pool pool{{.trim = trim::manual}};
    std::vector<buffer> slots = std::vector<buffer>(live);
    buffers() { // up to 64 KiB: of as many as there will be, and more
        std::vector<buffer> all(2 * live);
        for (std::size_t i = 0; i < all.size(); ++i)
            *(all[i] = pool.acquire(most_bytes << i % 7)).data() = std::byte{1};
    }
    ~buffers() { slots.clear(); }
    void get(const step& at) { slots[at.slot] = pool.try_acquire(std::size_t{at.bytes} * 64); }
    void put(const step& at) { slots[at.slot].release(); }
};

long page_faults() {
    rusage used{};
    ::getrusage(RUSAGE_SELF, &used);
    return used.ru_minflt + used.ru_majflt;
}

double since(clock::time_point start) {
    return std::chrono::duration<double, std::nano>(clock::now() - start).count();
}

/// What the clock itself takes.
double own_time() {
    double least = 1e9;
    for (int i = 0; i < 10'000; ++i) least = std::min(least, since(clock::now()));
    return least;
}

/// One round into `least`; how many page faults it had.
template<class Contender>
long run_round(const std::vector<step>& steps, std::vector<double>& least) {
    const auto one = std::make_unique<Contender>();
    for (std::uint32_t slot = 0; slot < live; ++slot) one->get({slot, steps[slot].bytes});
    // A slot's bytes are what it was filled with last, for frees with the size.
    std::vector<std::uint32_t> held(live);
    for (std::uint32_t slot = 0; slot < live; ++slot) held[slot] = steps[slot].bytes;
    const long before = page_faults();
    const auto timed = [](double& best, const auto& call) {
        const auto start = clock::now();
        call();
        best = std::min(best, since(start));
    };
    for (std::size_t first = 0; first < steps.size(); first += burst) {
        double* const puts = least.data() + 2 * first;
        for (std::size_t i = 0; i < burst; ++i) {
            const step old{steps[first + i].slot, held[steps[first + i].slot]};
            timed(puts[i], [&] { one->put(old); });
        }
        for (std::size_t i = 0; i < burst; ++i) {
            timed(puts[burst + i], [&] { one->get(steps[first + i]); });
            held[steps[first + i].slot] = steps[first + i].bytes;
        }
    }
    const long faults = page_faults() - before;
    if constexpr (requires { one->pool.deallocate(one->slots[0]); }) {
        for (void* block : one->slots) one->pool.deallocate(block);
    }
    return faults;
}

template<class Contender>
void measure(const std::vector<step>& steps, std::size_t rounds, double own) {
    std::vector<double> least(calls, 1e9);
    long faults = 0;
    for (std::size_t i = 0; i <= rounds; ++i) { // the first warms up the rest of the program
        const long of_round = run_round<Contender>(steps, least);
        if (i != 0) faults = std::max(faults, of_round);
    }
    least.erase(least.begin(), least.begin() + 2 * burst); // to warm up
    std::sort(least.begin(), least.end());
    const auto at = [&](double share) {
        return std::max(0.0,
                        least[static_cast<std::size_t>(share * static_cast<double>(least.size() - 1))] - own);
    };
    fmt::print("| {} | {:.0f} | {:.0f} | {:.0f} | {:.0f} | {} |\n", Contender::name, at(0.5), at(0.999),
               at(0.9999), at(1), faults);
}

} // namespace

int main(int argc, char** argv) {
    const unsigned long rounds = argc > 1 ? std::strtoul(argv[1], nullptr, 10) : 40;
    if (argc > 2 || rounds == 0) {
        std::fprintf(stderr, "usage: cenote_realtime [ROUNDS], above 0; prints a table\n");
        return 2;
    }
    const bool is_locked = ::mlockall(MCL_CURRENT | MCL_FUTURE) == 0;
    const std::vector<step> steps = make_steps();
    const double own = own_time();
    fmt::print(
        "Nanoseconds of single calls on {}, {}, load {:.1f}; memory {}. {} calls, each the least of\n"
        "{} equal rounds, the first {} of a round not counted; what the clock takes ({:.0f} ns) left out;\n"
        "page faults in the worst round.\n\n"
        "| pool | typical | 99.9 % | 99.99 % | worst | page faults |\n|---|---:|---:|---:|---:|---:|\n",
        bench::machine(), bench::today(), bench::load_average(),
        is_locked ? "locked" : "not locked (mlockall was refused)", tool::grouped(calls), rounds,
        tool::grouped(2 * burst), own);
    measure<fixed>(steps, rounds, own);
    measure<fixed_short>(steps, rounds, own);
    measure<concurrent>(steps, rounds, own);
    measure<multi>(steps, rounds, own);
    measure<variable>(steps, rounds, own);
    measure<bounded>(steps, rounds, own);
    measure<scratch>(steps, rounds, own);
    measure<buffers>(steps, rounds, own);
    measure<malloc_alone>(steps, rounds, own);
}
