// cenote: SPDX-License-Identifier: MIT
//
// The workers themselves, in this process: who does what, and who waits.
#include "replay/run_job.hpp"
#include "thread_sample.hpp"

#include <algorithm>
#include <atomic>
#include <gtest/gtest.h>
#include <map>
#include <mutex>
#include <set>

namespace cenote::test {
namespace {

using action = std::pair<trace::event_kind, std::uint64_t>; // and the size, of a free that of its block
using actions = std::vector<action>;

// Each thread of the system that ever works, and how many do at a time.
std::atomic<unsigned> born{0};
std::atomic<int> alive{0};
std::atomic<int> most_alive{0};

struct identity {
    identity() : number(++born) {
        const int now = ++alive;
        for (int seen = most_alive; now > seen && !most_alive.compare_exchange_weak(seen, now);) {
        }
    }
    ~identity() { --alive; }
    unsigned number;
};

unsigned whoami() {
    thread_local const identity me;
    return me.number;
}

// Notes who does what, and that no block is freed or resized before it is there.
class witness {
public:
    static constexpr bool has_blocks = false;

    void* allocate(std::size_t size, std::size_t) { return note(trace::event_kind::allocate, size, nullptr); }
    void* allocate_zeroed(std::size_t size, std::size_t) { return allocate(size, 0); }
    void* reallocate(void* p, std::size_t, std::size_t, std::size_t size) {
        return note(trace::event_kind::reallocate, size, p);
    }
    void deallocate(void* p, std::size_t size, std::size_t) {
        (void)note(trace::event_kind::deallocate, size, p);
    }
    [[nodiscard]] std::uint64_t reserved_bytes() const { return 0; }

    std::map<unsigned, actions> done;
    unsigned too_early = 0;

private:
    void* note(trace::event_kind kind, std::uint64_t size, void* old) {
        const unsigned me = whoami();
        const std::lock_guard lock(mutex_);
        done[me].emplace_back(kind, size);
        if (old != nullptr && live_.erase(old) == 0) ++too_early;
        if (kind == trace::event_kind::deallocate) return nullptr;
        void* p = reinterpret_cast<void*>(++last_ * 16);
        live_.insert(p);
        return p;
    }

    std::mutex mutex_;
    std::set<void*> live_;
    std::uintptr_t last_ = 0;
};

// One pass over the recording with its threads.
tool::pass_times pass(witness& w, const tool::thread_plan& t) {
    tool::job j;
    j.steps = t.steps();
    j.threads = t.threads();
    j.slots = t.slots;
    std::uint64_t refused = 0;
    return tool::many_workers<witness>(w, j).pass([](std::uint64_t) { return tool::no_observer{}; }, refused);
}

std::vector<actions> recorded(const made_recording& r) {
    std::map<std::uint32_t, actions> by_thread;
    for (const trace::event& e : r.events().events)
        by_thread[e.thread].emplace_back(e.kind,
                                         e.kind == trace::event_kind::deallocate ? e.old_size : e.size);
    std::vector<actions> out;
    for (const auto& [thread, what] : by_thread) out.push_back(what);
    return out;
}

TEST(crew, who_allocates_and_frees_is_who_did_when_it_was_recorded) {
    for (unsigned seed = 0; seed < 5; ++seed) {
        const made_recording r([&](trace::writer& out) { write_random(out, seed, 2 + 3 * seed, 20'000); });
        witness w;
        (void)pass(w, tool::make_thread_plan(r.plan()));
        std::vector<actions> expected = recorded(r);
        std::vector<actions> seen;
        for (const auto& [worker, what] : w.done) seen.push_back(what);
        std::sort(expected.begin(), expected.end());
        std::sort(seen.begin(), seen.end());
        EXPECT_GT(expected.size(), 100U);
        EXPECT_TRUE(seen == expected) << "seed " << seed;
        EXPECT_EQ(w.too_early, 0U);
    }
}

TEST(crew, threads_that_come_and_go_end_before_the_next_begins) {
    constexpr std::uint32_t threads = 5000;
    const made_recording r([](trace::writer& out) { write_sequence(out, threads); });
    const tool::thread_plan t = tool::make_thread_plan(r.plan());
    witness w;
    (void)whoami();
    most_alive = alive.load();
    const int before = alive;
    (void)pass(w, t);
    EXPECT_EQ(w.done.size(), threads + 1);
    EXPECT_EQ(alive, before);
    EXPECT_EQ(most_alive, before + 1);
}

TEST(crew, waiting_is_measured_where_threads_answer_each_other) {
    const made_recording r([](trace::writer& out) { write_answers(out, 2000); });
    witness w;
    const tool::pass_times times = pass(w, tool::make_thread_plan(r.plan()));
    EXPECT_GT(times.waits, 0U);
    EXPECT_GT(times.waiting_ns, 0U);
    EXPECT_LE(times.waiting_ns, times.lived_ns);
    EXPECT_LE(times.lived_ns, 2 * times.wall_ns);
    EXPECT_EQ(w.too_early, 0U);
}

TEST(crew, one_thread_never_waits) {
    const made_recording r([](trace::writer& out) {
        for (int i = 0; i < 1000; ++i) out.deallocate(out.allocate({.size = 10}), 0, 0);
    });
    witness w;
    const tool::pass_times times = pass(w, tool::make_thread_plan(r.plan()));
    EXPECT_EQ(times.waits, 0U);
    EXPECT_EQ(times.waiting_ns, 0U);
    EXPECT_EQ(w.done.size(), 1U);
}

// A worker that sleeps in the kernel uses no processor, and what spinning took before is not the allocator's.
TEST(crew, waiting_is_no_work) {
    const made_recording r([](trace::writer& out) {
        const std::uint64_t a = out.allocate({.thread = 0, .size = 1});
        const std::uint64_t b = out.allocate({.thread = 1, .size = 2});
        out.deallocate(b, 0, 0);
        out.deallocate(a, 1, 0);
    });
    struct slow : witness {
        void* allocate(std::size_t size, std::size_t alignment) {
            if (size == 2) ::usleep(50'000);
            return witness::allocate(size, alignment);
        }
    } w;
    const tool::thread_plan t = tool::make_thread_plan(r.plan());
    tool::job j;
    j.steps = t.steps();
    j.threads = t.threads();
    j.slots = t.slots;
    std::uint64_t refused = 0;
    const tool::pass_times times =
        tool::many_workers<slow>(w, j).pass([](std::uint64_t) { return tool::no_observer{}; }, refused);
    EXPECT_GE(times.wall_ns, 50'000'000U);
    EXPECT_GE(times.waiting_ns, 40'000'000U);
    EXPECT_LT(times.processor_ns, 20'000'000U);
}

} // namespace
} // namespace cenote::test
