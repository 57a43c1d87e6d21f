// cenote: SPDX-License-Identifier: MIT
//
// The instructions of the worst single call of variable_pool, good fit, in a million: what a total cannot
// tell, and stepping through each call would take an hour. So the traffic runs twice. First in a library that
// tells each basic block it enters: each call has its way through the code. Then in the library as shipped:
// the first call of each way is stepped through, instruction by instruction, and so is every thousandth of
// the others, to see that calls of one way take as many. Calls in which the pool went to its source are told
// apart, with those that fill the second half of the pool before and empty it behind: what the source takes
// is left out of them, what the pool does for memory that comes and goes is not. x86-64 Linux.
#include "traffic.hpp"

#include <algorithm>
#include <cinttypes>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <sys/mman.h>
#include <unordered_map>

namespace {

volatile std::uint64_t steps = 0;

void count_step(int) {
    if (!is_in_source) steps = steps + 1;
}

// The flag makes the processor trap after every instruction.
inline void step_from_here() {
    asm volatile("pushfq; orq $0x100, (%%rsp); popfq" ::: "memory", "cc");
}
inline void step_no_more() {
    asm volatile("pushfq; andq $~0x100, (%%rsp); popfq" ::: "memory", "cc");
}

template<class Call>
std::uint64_t count(const Call& call) {
    steps = 0;
    step_from_here();
    call();
    step_no_more();
    return steps;
}

// At the same addresses for both runs, and all zero for each.
class field {
public:
    static constexpr std::size_t bytes = std::size_t{1} << 34; // what is not touched is not had
    field()
        : memory_(::mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE,
                         -1, 0)) {
        if (memory_ == MAP_FAILED) {
            std::fprintf(stderr,
                         "cenote_worst: the system gives no 16 GiB of addresses; raise `ulimit -v`\n");
            std::exit(2);
        }
    }
    field(const field&) = delete;
    field& operator=(const field&) = delete;
    ~field() { ::munmap(memory_, bytes); }
    [[nodiscard]] worst::ground fresh() {
        ::madvise(memory_, bytes, MADV_DONTNEED);
        return {static_cast<std::byte*>(memory_), bytes};
    }

private:
    void* memory_;
};

struct findings {
    std::uint64_t calls = 0;
    std::uint64_t with_source = 0;        // while the pool is filled and emptied
    std::uint64_t steady_with_source = 0; // between
    std::uint64_t compared = 0;
    std::uint64_t different = 0;
    std::uint64_t worst = 0;
    std::uint64_t worst_with_source = 0; // the pool's own share
    double sum = 0;
};

findings step_through(const worst::ground& on, const worst::trace& seen, std::size_t live,
                      std::unordered_map<std::uint64_t, std::uint64_t>& costs) {
    constexpr std::uint64_t compared_of = 1000;
    const std::uint64_t own = count([] {});
    findings found;
    std::size_t of_tide = 0;
    const auto watch_tide = [&](const auto& call, const auto& used_source) {
        const bool is_half_full = of_tide >= live / 2; // before that there is less to move
        if (!seen.tide[of_tide++] || !is_half_full) {
            call();
            (void)used_source();
            return;
        }
        const std::uint64_t cost = count(call) - own;
        if (!used_source()) ++found.different;
        ++found.with_source;
        found.worst_with_source = std::max(found.worst_with_source, cost);
    };
    run_traffic(on, seen.ways.size(), live, watch_tide, [&](const auto& call, const auto& used_source) {
        const std::uint64_t way = seen.ways[found.calls++];
        const auto known = costs.find(way);
        if (way != 0 && known != costs.end() && found.calls % compared_of != 0) {
            call();
            if (used_source()) ++found.different;
            found.sum += static_cast<double>(known->second);
            return;
        }
        const std::uint64_t cost = count(call) - own;
        if (used_source() != (way == 0)) ++found.different;
        if (way == 0) {
            ++found.steady_with_source;
            found.worst_with_source = std::max(found.worst_with_source, cost);
            return;
        }
        found.sum += static_cast<double>(cost);
        if (cost > found.worst) found.worst = cost;
        if (known == costs.end()) {
            costs.emplace(way, cost);
        } else {
            ++found.compared;
            found.different += known->second == cost ? 0 : 1;
        }
    });
    return found;
}

} // namespace

// Fails (1) when the worst call takes more than what is demanded, or calls of one way differ.
int main(int argc, char** argv) {
    constexpr std::uint64_t most = 400;
    const std::size_t calls = argc > 1 ? std::strtoull(argv[1], nullptr, 10) / 2 * 2 : 1'000'000;
    const std::size_t live = argc > 2 ? std::strtoull(argv[2], nullptr, 10) : 100'000;
    if (argc > 3 || calls == 0 || live == 0) {
        std::fprintf(stderr, "usage: cenote_worst [CALLS [LIVE BLOCKS]], both above 1\n");
        return 2;
    }
    std::signal(SIGTRAP, count_step);
    field memory;
    const worst::trace seen = worst::trace_ways(memory.fresh(), calls, live);
    std::unordered_map<std::uint64_t, std::uint64_t> costs;
    const findings found = step_through(memory.fresh(), seen, live, costs);
    std::printf("%" PRIu64 " calls, %" PRIu64
                " of them with the source, took %zu ways through the code; %.1f "
                "instructions on average\n",
                found.calls, found.steady_with_source, costs.size(),
                found.sum / static_cast<double>(found.calls - found.steady_with_source));
    std::printf("%" PRIu64 " calls with the source more, before and behind: %" PRIu64
                " at worst of the pool's own, for numbers that move and spans that go\n",
                found.with_source, found.worst_with_source);
    std::printf("%" PRIu64 " calls of ways that were known: %" PRIu64 " differ\n", found.compared,
                found.different);
    std::printf("%" PRIu64 " at worst; demanded: at most %" PRIu64 "; %s\n", found.worst, most,
                found.worst <= most ? "pass" : "FAIL");
    return found.worst <= most && found.different == 0 ? 0 : 1;
}
