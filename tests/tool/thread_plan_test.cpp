// cenote: SPDX-License-Identifier: MIT
//
// The plan for threads: everything is in it, in each thread's order, and no order that the workers may take
// breaks it.
#include "thread_sample.hpp"

#include <algorithm>
#include <gtest/gtest.h>
#include <random>
#include <tuple>

namespace cenote::test {
namespace {

using tool::no_thread;
using tool::op_kind;
using tool::step;
using tool::thread_plan;

made_recording random_recording(unsigned seed, std::uint32_t alive = 5, unsigned operations = 4000) {
    return made_recording([=](trace::writer& out) { write_random(out, seed, alive, operations); });
}

TEST(thread_plan, each_thread_keeps_its_operations_in_their_order) {
    const made_recording r = random_recording(1);
    const tool::plan p = r.plan();
    const thread_plan t = tool::make_thread_plan(p);
    ASSERT_EQ(t.steps().size(), p.count);
    ASSERT_EQ(t.threads().size(), p.threads);
    ASSERT_GT(p.threads, 20U);
    std::vector<std::uint64_t> next(p.threads);
    for (std::size_t i = 0; i < p.threads; ++i) next[i] = t.threads()[i].first;
    for (const tool::op& o : p.view()) {
        const step& s = t.steps()[next[o.thread]++];
        ASSERT_EQ(std::tuple(s.size, s.kind, s.log2_alignment), std::tuple(o.size, o.kind, o.log2_alignment));
    }
    for (std::size_t i = 0; i < p.threads; ++i)
        EXPECT_EQ(next[i], t.threads()[i].first + t.threads()[i].count) << i;
}

// Walks the plan as workers would, at each step with another of those that can go on, and sees that a slot is
// allocated when it is free and freed when it is not, and holds the block that its thread meant.
class random_walk {
public:
    random_walk(const thread_plan& p, unsigned seed)
        : plan_(p), random_(seed), turns_(p.slots), sizes_(p.slots), done_(p.threads().size()),
          to_start_(p.threads().size()), starting_(p.threads().size()), alive_{0} {
        for (std::size_t t = 0; t < done_.size(); ++t) to_start_[t] = p.threads()[t].first_started;
    }

    void run() {
        while (!alive_.empty()) {
            most_alive_ = std::max(most_alive_, alive_.size());
            const std::size_t first = random_() % alive_.size();
            bool went = false;
            for (std::size_t i = 0; i < alive_.size() && !went; ++i)
                went = go_on(alive_[(first + i) % alive_.size()]);
            ASSERT_TRUE(went) << "no thread can go on";
            if (::testing::Test::HasFatalFailure()) return;
        }
        for (std::size_t t = 0; t < done_.size(); ++t) EXPECT_EQ(done_[t], plan_.threads()[t].count);
    }
    [[nodiscard]] std::size_t most_alive() const { return most_alive_; }

private:
    bool go_on(std::uint32_t thread) {
        const tool::recorded_thread& t = plan_.threads()[thread];
        const step& s = plan_.steps()[t.first + done_[thread]];
        if (!starting_[thread]) {
            if (s.waits != 0 && turns_[s.slot] != s.turn) return false;
            use(s);
            if (s.passes != 0) turns_[s.slot] = s.turn + 1;
            starting_[thread] = s.starts != 0;
        } else if (!start(thread)) {
            return false;
        }
        if (!starting_[thread] && ++done_[thread] == t.count) std::erase(alive_, thread);
        return true;
    }

    void use(const step& s) {
        const bool fresh = s.kind == op_kind::allocate || s.kind == op_kind::allocate_zeroed;
        ASSERT_EQ(sizes_[s.slot] == 0, fresh) << "slot " << s.slot;
        sizes_[s.slot] = s.kind == op_kind::deallocate ? 0 : s.size;
    }

    // The next one; false when its lane is not free.
    bool start(std::uint32_t starter) {
        const std::uint32_t t = to_start_[starter];
        const tool::recorded_thread& next = plan_.threads()[t];
        if (next.after != no_thread && done_[next.after] < plan_.threads()[next.after].count) return false;
        alive_.push_back(t);
        to_start_[starter] = next.next_started;
        starting_[starter] = next.next_at_once != 0;
        return true;
    }

    const thread_plan& plan_;
    std::mt19937 random_;
    std::vector<std::uint32_t> turns_;
    std::vector<std::uint64_t> sizes_;
    std::vector<std::uint64_t> done_;
    std::vector<std::uint32_t> to_start_;
    std::vector<bool> starting_; // has done its step and is about to start threads
    std::vector<std::uint32_t> alive_;
    std::size_t most_alive_ = 0;
};

TEST(thread_plan, every_order_that_respects_the_turns_is_a_right_one) {
    for (unsigned seed = 0; seed < 20; ++seed) {
        const made_recording r = random_recording(seed, 2 + seed % 7);
        const thread_plan t = tool::make_thread_plan(r.plan());
        random_walk walk(t, seed);
        walk.run();
        if (HasFatalFailure()) return;
        EXPECT_LE(walk.most_alive(), t.most_alive);
    }
}

TEST(thread_plan, threads_in_sequence_share_a_place) {
    const made_recording r([](trace::writer& out) { write_sequence(out, 5000); });
    const thread_plan t = tool::make_thread_plan(r.plan());
    EXPECT_EQ(t.threads().size(), 5001U);
    EXPECT_EQ(t.most_alive, 2U);
    EXPECT_EQ(t.crossing, 5001U);
    for (std::size_t i = 2; i < t.threads().size(); ++i) ASSERT_EQ(t.threads()[i].after, i - 1);
}

TEST(thread_plan, threads_at_a_time_have_places_of_their_own) {
    const made_recording r([](trace::writer& out) {
        std::vector<std::uint64_t> blocks;
        for (std::uint32_t t = 0; t < 30; ++t) blocks.push_back(out.allocate({.thread = t, .size = 10}));
        for (std::uint32_t t = 0; t < 30; ++t) out.deallocate(blocks[t], t, 0);
    });
    const thread_plan t = tool::make_thread_plan(r.plan());
    EXPECT_EQ(t.most_alive, 30U);
    EXPECT_EQ(tool::count_lanes(r.plan()), 30U);
    EXPECT_EQ(t.crossing, 0U);
    for (const step& s : t.steps()) EXPECT_EQ(s.waits + s.passes, 0);
}

TEST(thread_plan, a_shortened_plan_knows_the_threads_that_are_left) {
    const made_recording r([](trace::writer& out) { write_sequence(out, 100); });
    tool::plan p = r.plan();
    p.shorten(1 + 2 * 10);
    EXPECT_EQ(p.threads, 11U);
    EXPECT_EQ(p.process.counts.threads, 11U);
    EXPECT_EQ(tool::make_thread_plan(p).threads().size(), 11U);
}

// What a broken plan would make the workers wait for is found without waiting.
TEST(thread_plan, waiting_for_what_never_comes_is_found) {
    const made_recording r = random_recording(3);
    const tool::plan p = r.plan();
    const auto expect_stuck = [&](const char* what, auto spoil) {
        const thread_plan t = tool::make_thread_plan(p);
        ASSERT_FALSE(tool::first_stuck_step(t)) << what;
        spoil(t);
        EXPECT_TRUE(tool::first_stuck_step(t)) << what;
    };
    const auto find = [](const thread_plan& t, auto matches) -> step& {
        return *std::find_if(t.steps().begin() + 1000, t.steps().end(), matches);
    };
    expect_stuck("a turn that is not passed on", [&](const thread_plan& t) {
        find(t, [](const step& s) { return s.passes != 0; }).passes = 0;
    });
    expect_stuck("a turn that never comes", [&](const thread_plan& t) {
        find(t, [](const step& s) { return s.waits != 0; }).turn += 7;
    });
    expect_stuck("a slot that is not there", [&](const thread_plan& t) {
        find(t, [](const step& s) { return s.waits + s.passes == 0; }).slot =
            static_cast<std::uint32_t>(t.slots);
    });
    expect_stuck("a thread that nobody starts", [&](const thread_plan& t) {
        find(t, [](const step& s) { return s.starts != 0; }).starts = 0;
    });
    expect_stuck("a thread that waits for its own end",
                 [&](const thread_plan& t) { t.threads()[9].after = 9; });
    expect_stuck("a thread that is not there",
                 [&](const thread_plan& t) { t.threads()[0].first_started = 1'000'000; });
    expect_stuck("steps that are not there", [&](const thread_plan& t) { t.threads()[4].count += p.count; });
}

} // namespace
} // namespace cenote::test
