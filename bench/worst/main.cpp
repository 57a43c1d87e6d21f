// cenote: SPDX-License-Identifier: MIT
//
// Counts the instructions of single calls of variable_pool, good fit, by stepping through each: the worst of
// very many calls is what a total cannot tell. The traffic is random replacement of 16 to 1,024 bytes. Calls
// in which the pool went to its source are left out. A million calls take some minutes. x86-64 Linux.
#include <cenote/pool/variable_pool.hpp>

#include <cinttypes>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <unistd.h>
#include <vector>

namespace {

volatile std::uint64_t steps = 0;

void count_step(int) {
    steps = steps + 1;
}

// The flag makes the processor trap after every instruction.
inline void step_from_here() {
    asm volatile("pushfq; orq $0x100, (%%rsp); popfq" ::: "memory", "cc");
}
inline void step_no_more() {
    asm volatile("pushfq; andq $~0x100, (%%rsp); popfq" ::: "memory", "cc");
}

/// Counts its calls.
class counting final : public cenote::source {
public:
    std::size_t calls = 0;
    void* reserve(const request& wanted) noexcept override {
        ++calls;
        return cenote::default_source().reserve(wanted);
    }
    void release(void* region, const request& given) noexcept override {
        ++calls;
        cenote::default_source().release(region, given);
    }
    [[nodiscard]] std::size_t granularity() const noexcept override {
        return cenote::default_source().granularity();
    }
};

class dice {
public:
    std::size_t below(std::size_t limit) {
        state_ = state_ * 6364136223846793005u + 1442695040888963407u;
        return static_cast<std::size_t>(((state_ >> 32) * limit) >> 32);
    }

private:
    std::uint64_t state_ = 0x9e3779b97f4a7c15u;
};

struct tally {
    std::uint64_t calls = 0, sum = 0, worst = 0;
    void add(std::uint64_t count) {
        ++calls;
        sum += count;
        if (count > worst) worst = count;
    }
};

// So many instructions belong to the counting itself.
std::uint64_t overhead() {
    steps = 0;
    step_from_here();
    step_no_more();
    return steps;
}

template<class Call>
void measure(const counting& from, tally& to, std::uint64_t own, const Call& call) {
    const std::size_t before = from.calls;
    steps = 0;
    step_from_here();
    call();
    step_no_more();
    const std::uint64_t count = steps - own;
    if (from.calls == before) to.add(count);
}

// On a terminal, how far it is.
void say(std::size_t done, std::size_t of) {
    if (done % 1000 != 0 || ::isatty(STDERR_FILENO) == 0) return;
    constexpr std::size_t width = 40;
    const std::string bar(done * width / of, '#');
    std::fprintf(stderr, "\r[%-40s] %3zu %%", bar.c_str(), done * 100 / of);
}

void print(const char* name, const tally& all) {
    std::printf("%-12s %9" PRIu64 " calls  %6.1f instructions on average  %4" PRIu64 " at worst\n", name,
                all.calls, static_cast<double>(all.sum) / static_cast<double>(all.calls), all.worst);
}

} // namespace

// Fails (1) when the worst call takes more than what is demanded.
int main(int argc, char** argv) {
    constexpr std::uint64_t most = 400;
    const std::size_t calls = argc > 1 ? std::strtoull(argv[1], nullptr, 10) : 1'000'000;
    const std::size_t live = argc > 2 ? std::strtoull(argv[2], nullptr, 10) : 100'000;
    if (argc > 3 || calls == 0 || live == 0) {
        std::fprintf(stderr, "usage: cenote_worst [CALLS [LIVE BLOCKS]], both above 0\n");
        return 2;
    }
    std::signal(SIGTRAP, count_step);
    counting from;
    cenote::variable_pool pool({.source = &from, .sanitizers = false, .name = "worst"});
    dice random;
    std::vector<void*> slots(live);
    for (void*& slot : slots) slot = pool.allocate(16 + random.below(1009));
    for (std::size_t i = 0; i < 2 * live; ++i) {
        void*& slot = slots[random.below(live)];
        pool.deallocate(slot);
        slot = pool.allocate(16 + random.below(1009));
    }
    const std::uint64_t own = overhead();
    tally allocations;
    tally deallocations;
    for (std::size_t done = 0; done < calls; done += 2) {
        say(done, calls);
        void*& slot = slots[random.below(live)];
        const std::size_t size = 16 + random.below(1009);
        void* const old = slot;
        void* fresh = nullptr;
        measure(from, allocations, own, [&] { fresh = pool.allocate(size); });
        measure(from, deallocations, own, [&] { pool.deallocate(old); });
        slot = fresh;
    }
    if (::isatty(STDERR_FILENO) != 0) std::fprintf(stderr, "\r\033[K");
    print("allocate", allocations);
    print("deallocate", deallocations);
    const std::uint64_t worst =
        allocations.worst > deallocations.worst ? allocations.worst : deallocations.worst;
    std::printf("demanded: at most %" PRIu64 "; %s\n", most, worst <= most ? "pass" : "FAIL");
    return worst <= most ? 0 : 1;
}
