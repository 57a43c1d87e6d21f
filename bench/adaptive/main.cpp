// cenote: SPDX-License-Identifier: MIT
//
// Whether an adaptive pool is as fast as the best that a hand can set: three workloads, each on pools of
// every combination of slab size, magazine size and retention, then the three fastest of them beside the
// adaptive pool and the default one, in turns. Processor time, the fastest of the rounds. Every pool does the
// same before it is measured, so that an adaptive one has learned what there is to learn. Times are for the
// eye in a quick run; what no noise can touch is judged in every run: how often a round calls the source, and
// how much is reserved for it, beside the least that a hand can set.
#include <cenote/pool/fixed_pool.hpp>
#include <cenote/source/os_pages.hpp>

#include "progress.hpp"

#include <algorithm>
#include <cinttypes>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <ctime>
#include <limits>
#include <random>
#include <string>
#include <vector>

namespace {

using namespace cenote;
using options = fixed_pool_options;

constexpr double most = 1.05; // of the best that a hand can set

double processor_seconds() {
    timespec now{};
    ::clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
    return static_cast<double>(now.tv_sec) + static_cast<double>(now.tv_nsec) * 1e-9;
}

/// Pages of the OS, and how often they were asked for, given back, or had anything done to them.
class counted_pages final : public source {
public:
    [[nodiscard]] void* reserve(const request& wanted) noexcept override {
        ++calls;
        return pages_.reserve(wanted);
    }
    void release(void* region, const request& given) noexcept override {
        ++calls;
        pages_.release(region, given);
    }
    [[nodiscard]] bool commit(void* data, std::size_t bytes) noexcept override {
        ++calls;
        return pages_.commit(data, bytes);
    }
    void purge(void* data, std::size_t bytes) noexcept override {
        ++calls;
        pages_.purge(data, bytes);
    }
    std::size_t decommit(void* data, std::size_t bytes) noexcept override {
        ++calls;
        return pages_.decommit(data, bytes);
    }
    [[nodiscard]] std::size_t granularity() const noexcept override { return pages_.granularity(); }

    std::size_t calls = 0;

private:
    os_pages pages_;
};

/// Blocks that come and go; the same for every pool.
class crowd {
public:
    explicit crowd(fixed_pool& pool) : pool_(pool) {}
    ~crowd() { shrink_to(0); }
    crowd(const crowd&) = delete;
    crowd& operator=(const crowd&) = delete;

    void grow_to(std::size_t count) {
        while (live_.size() < count) live_.push_back(pool_.allocate());
    }
    // The first of each is touched, as a user would.
    void shrink_to(std::size_t count) {
        for (; live_.size() > count; live_.pop_back()) {
            *static_cast<unsigned char*>(live_.back()) = 1;
            pool_.deallocate(live_.back());
        }
    }
    void batches(std::size_t times, std::size_t of) {
        const std::size_t before = live_.size();
        for (; times != 0; --times) {
            grow_to(before + of);
            shrink_to(before);
        }
    }
    void replace(std::size_t times) {
        for (; times != 0; --times) {
            void*& slot = live_[random_() % live_.size()];
            pool_.deallocate(slot);
            slot = pool_.allocate();
        }
    }

private:
    fixed_pool& pool_;
    std::vector<void*> live_;
    std::mt19937 random_{1};
};

struct workload {
    const char* name;
    void (*once)(crowd&);
};

// Each is long enough for several of the windows after which memory goes back.
constexpr workload workloads[] = {
    {"steady", [](crowd& those) { those.grow_to(5'000), those.batches(300, 500), those.replace(300'000); }},
    {"sawtooth", [](crowd& those) { those.grow_to(60'000), those.shrink_to(0), those.batches(250, 1'500); }},
    {"phases",
     [](crowd& those) {
         those.grow_to(40'000), those.replace(60'000);
         those.shrink_to(2'000), those.replace(150'000);
         those.grow_to(80'000), those.shrink_to(500), those.batches(120, 2'500);
     }},
};

struct setting {
    std::string name;
    options how;
    double best = std::numeric_limits<double>::infinity(); // seconds
    std::size_t calls = 0;                                 // of the source in a round
    pool_stats after{};
};

std::string name_of(const options& how) {
    const auto amount = [](std::size_t count) { return count == 0 ? "default" : std::to_string(count); };
    return "slabs " + amount(how.blocks_per_slab) + ", magazines " + amount(how.magazine_blocks) +
           (how.trim == trim::manual ? ", all kept" : ", given back");
}

std::vector<setting> by_hand() {
    std::vector<setting> all;
    for (const std::size_t slab : {0, 256, 1024, 4096, 16384}) {
        for (const std::size_t magazine : {0, 64, 256}) {
            for (const trim when : {trim::automatic, trim::manual}) {
                options how{.block_size = 64, .blocks_per_slab = slab, .magazine_blocks = magazine};
                how.trim = when;
                all.push_back({.name = name_of(how), .how = how});
            }
        }
    }
    return all;
}

void measure(const workload& what, setting& on, int times) {
    counted_pages from;
    on.how.sanitizers = false;
    on.how.source = &from;
    fixed_pool pool(on.how);
    crowd those(pool);
    for (int i = 0; i < 6; ++i) what.once(those);
    const std::size_t calls = from.calls;
    const double start = processor_seconds();
    for (int i = 0; i < times; ++i) what.once(those);
    on.best = std::min(on.best, (processor_seconds() - start) / times);
    on.calls = (from.calls - calls) / static_cast<std::size_t>(times);
    on.after = pool.stats();
}

/// Of the settings that call the source least, give or take what is demanded, the least reserved.
struct least_of {
    std::size_t calls = std::numeric_limits<std::size_t>::max();
    std::size_t bytes = std::numeric_limits<std::size_t>::max();
    explicit least_of(const std::vector<setting>& all) {
        for (const setting& one : all) calls = std::min(calls, one.calls);
        for (const setting& one : all) {
            if (is_within(one.calls, calls)) bytes = std::min(bytes, one.after.reserved_bytes);
        }
    }
    static bool is_within(std::size_t count, std::size_t least) {
        return static_cast<double>(count) <= most * static_cast<double>(least);
    }
    // Slabs are whole: an adaptive pool, whose slabs are the usual ones, may reserve one more.
    [[nodiscard]] bool is_reached_by(const setting& one) const {
        constexpr std::size_t slab = std::size_t{64} << 10;
        const std::size_t reserved = one.after.reserved_bytes;
        return is_within(one.calls, calls) && is_within(reserved > slab ? reserved - slab : 0, bytes);
    }
};

void print(const setting& one, double best) {
    std::printf("  %-52s %8.2f ms  %5.2f  %6zu calls of the source  %7zu KiB reserved", one.name.c_str(),
                one.best * 1e3, one.best / best, one.calls, one.after.reserved_bytes >> 10);
    if (const auto& learned = one.after.adapted) {
        std::printf("; memory went back %" PRIu64 " times, %" PRIu64 " of them too early: patience %u",
                    learned->returns, learned->regrets, learned->patience);
    }
    std::printf("\n");
}

struct verdict {
    double slower = 0;      // than the best by hand
    bool is_counted = true; // calls and bytes are within what is demanded of the least
};

verdict judge(const workload& what, int rounds, cenote::tool::progress_bar& bar, double done) {
    std::vector<setting> hands = by_hand();
    constexpr double share = 1.0 / std::size(workloads);
    for (int round = 0; round < rounds; ++round) {
        for (setting& one : hands) measure(what, one, 1);
        bar.show(done + share / 2 * (round + 1) / rounds);
    }
    const least_of counts(hands);
    std::sort(hands.begin(), hands.end(), [](const auto& a, const auto& b) { return a.best < b.best; });
    std::vector<setting> finalists(hands.begin(), hands.begin() + 3);
    options plain{.block_size = 64};
    finalists.push_back({.name = "default", .how = plain});
    plain.adaptive = true;
    finalists.push_back({.name = "adaptive", .how = plain});
    for (setting& one : finalists) one.best = std::numeric_limits<double>::infinity();
    for (int round = 0; round < 4 * rounds; ++round) {
        for (setting& one : finalists) measure(what, one, 2);
        bar.show(done + share / 2 + share / 2 * (round + 1) / (4 * rounds));
    }
    double best = finalists[0].best;
    for (std::size_t i = 1; i < 3; ++i) best = std::min(best, finalists[i].best);
    std::printf("%s\n", what.name);
    for (const setting& one : finalists) print(one, best);
    std::printf("  the least by hand: %zu calls of the source, %zu KiB\n", counts.calls, counts.bytes >> 10);
    return {finalists.back().best / best, counts.is_reached_by(finalists.back())};
}

} // namespace

// Fails (1) when an adaptive pool is not within what is demanded of the best by hand.
int main(int argc, char** argv) {
    const bool is_quick = argc == 2 && std::strcmp(argv[1], "--quick") == 0;
    if (argc > 2 || (argc == 2 && !is_quick)) {
        std::fprintf(stderr, "usage: cenote_adaptive [--quick]\n");
        return 2;
    }
    const int rounds = is_quick ? 1 : 5;
    double worst = 0;
    bool is_counted = true;
    {
        cenote::tool::progress_bar bar("workloads");
        double done = 0;
        for (const workload& what : workloads) {
            const verdict found = judge(what, rounds, bar, done);
            worst = std::max(worst, found.slower);
            is_counted &= found.is_counted;
            done += 1.0 / std::size(workloads);
        }
    }
    std::printf("adaptive beside the best by hand: %.2f at worst, demanded at most %.2f: %s\n", worst, most,
                worst <= most ? "pass" : "FAIL");
    std::printf("calls of the source and bytes reserved beside the least by hand, demanded at most %.2f and "
                "a slab: %s\n",
                most, is_counted ? "pass" : "FAIL");
    return is_counted && (worst <= most || is_quick) ? 0 : 1;
}
