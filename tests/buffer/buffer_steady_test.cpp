// cenote: SPDX-License-Identifier: MIT
//
// Steady traffic of several threads, on a clock that the test sets: memory that comes back to use stays,
// whether a loop ticks or releases look at the clock by themselves.
#include <cenote/buffer/buffer_pool.hpp>

#include "concurrent/shared_impl.hpp"
#include "concurrent/threads.hpp"
#include "conformance/failing_source.hpp"
#include "support/test_sources.hpp"

#include <array>
#include <bit>
#include <condition_variable>
#include <gtest/gtest.h>
#include <mutex>
#include <random>
#include <vector>

namespace {

using namespace cenote;
using namespace std::chrono_literals;

constexpr std::size_t kib = 1024;
constexpr std::size_t mib = 1024 * kib;
constexpr std::size_t threads = 4;
constexpr std::size_t a_purge = 100'000; // operations
constexpr std::size_t measured = 2 * a_purge;

struct load {
    std::size_t buffers; // of each thread, live at a time
    std::size_t most_bytes;
    std::int64_t a_second;   // operations of all threads
    bool is_in_step = false; // each thread does the same as all others
};

/// Time passes with the operations. The threads take turns, so that no thread sleeps for a minute of this
/// clock because the system does not let it run, and each run is the same. A turn is far less than a step, of
/// a second.
class clock_of_work {
public:
    explicit clock_of_work(std::int64_t a_second)
        : length_(second / a_second), a_turn_(a_second < 1'000 ? 25 : 250) {} // far less than a step
    /// Runs so many operations in each thread.
    template<class Operation>
    void run(std::size_t each, std::array<std::minstd_rand, threads>& dice, const Operation& operation) {
        test::run_threads(threads, [&](std::size_t number) {
            std::minstd_rand& random = dice[number];
            for (std::size_t done = 0; done < each; done += a_turn_) {
                std::unique_lock here(lock_);
                next_.wait(here, [&] { return turn_ % threads == number; });
                for (std::size_t i = 0; i < a_turn_; ++i) {
                    operation(number, random);
                    now_ += length_;
                }
                ++turn_;
                next_.notify_all();
            }
        });
    }
    [[nodiscard]] std::int64_t now() const { return now_; }

private:
    static constexpr std::int64_t second = 1'000'000'000;
    std::int64_t length_;
    std::size_t a_turn_;
    std::int64_t now_ = second;
    std::size_t turn_ = 0;
    std::mutex lock_;
    std::condition_variable next_;
};

/// A pool whose program ticks when it is asked to.
class ticked_pool {
public:
    using held = buffer;
    ticked_pool(source& from, const clock_of_work& clock)
        : clock_(clock), pool_({.source = &from, .sanitizers = false, .trim = trim::manual}),
          next_(tick(clock.now())) {}
    held acquire(std::size_t size) { return pool_.acquire(size); }
    void after_release() {
        if (const std::int64_t now = clock_.now(); now >= next_) next_ = tick(now);
    }

private:
    std::int64_t tick(std::int64_t now) {
        using time = buffer_pool::clock::time_point;
        return pool_.tick(time(std::chrono::nanoseconds(now))).time_since_epoch().count();
    }
    const clock_of_work& clock_;
    buffer_pool pool_;
    std::int64_t next_;
};

/// What a pool with `trim::automatic` is made of, but for the clock.
class clocked_tiers : public engine::buffer_tiers {
public:
    clocked_tiers(const clock_of_work& clock, const buffer_pool_options& wanted)
        : buffer_tiers(wanted, wanted.threads), clock_(clock) {}
    void after_put(std::uint32_t) noexcept {
        if (looks_at_clock()) pass_by(clock_.now());
    }

private:
    const clock_of_work& clock_;
};

class automatic_pool {
    using sharing = engine::shared<clocked_tiers>;

public:
    class held {
    public:
        held() = default;
        held(sharing& home, std::uint32_t tier, void* entry) : home_(&home), tier_(tier), entry_(entry) {}
        held(held&& other) noexcept { swap(other); }
        held& operator=(held&& other) noexcept {
            held(std::move(other)).swap(*this);
            return *this;
        }
        ~held() {
            if (entry_ != nullptr) home_->give(*home_->join(true), tier_, entry_);
        }

    private:
        void swap(held& other) noexcept {
            std::swap(home_, other.home_);
            std::swap(tier_, other.tier_);
            std::swap(entry_, other.entry_);
        }
        sharing* home_ = nullptr;
        std::uint32_t tier_ = 0;
        void* entry_ = nullptr;
    };
    automatic_pool(source& from, const clock_of_work& clock)
        : shared_(clock, buffer_pool_options{.source = &from, .sanitizers = false}) {}
    held acquire(std::size_t size) {
        const auto tier = static_cast<std::uint32_t>(std::bit_width((size - 1) / (4 * kib)));
        return {shared_, tier, shared_.take(*shared_.join(true), tier)};
    }
    void after_release() {}

private:
    sharing shared_;
};

template<class Pool>
void expect_few_purges(const load& work) {
    SCOPED_TRACE(testing::Message() << work.buffers << " of " << work.most_bytes << ", " << work.a_second
                                    << " a second");
    test::large_page_source memory;
    test::failing_source calls(memory);
    clock_of_work clock(work.a_second);
    Pool pool(calls, clock);
    std::array<std::vector<typename Pool::held>, threads> live;
    for (auto& some : live) some.resize(work.buffers);
    std::array<std::minstd_rand, threads> dice;
    for (unsigned i = 0; i < threads; ++i) dice[i].seed(work.is_in_step ? 7 : i + 1);
    const auto replace_one = [&](std::size_t number, std::minstd_rand& random) {
        live[number][random() % work.buffers] = pool.acquire(1 + random() % work.most_bytes);
        pool.after_release();
    };
    clock.run(2 * a_purge / threads, dice, replace_one);
    calls.forget_calls();
    clock.run(measured / threads, dice, replace_one);
    const auto made = calls.calls();
    EXPECT_LE((made.purge + made.decommit + made.release) * a_purge, measured);
    for (auto& some : live) some.clear();
}

template<class Pool>
void expect_few_purges_at_any_rate() {
    for (std::int64_t a_second = 100; a_second <= 1'000'000; a_second *= 100) {
        if (test::slowness() != 1 && a_second != 10'000) continue;
        expect_few_purges<Pool>({16, 256 * kib, a_second});
        expect_few_purges<Pool>({125, 64 * kib, a_second});
        expect_few_purges<Pool>({4, 4 * mib, a_second});
    }
}

TEST(buffer_steady, threads_make_one_purge_in_a_hundred_thousand_operations_at_most) {
    expect_few_purges_at_any_rate<ticked_pool>();
}

TEST(buffer_steady, releases_that_look_at_the_clock_purge_as_seldom) {
    expect_few_purges_at_any_rate<automatic_pool>();
}

// All go up and down together, so that each peak is four times that of one thread.
TEST(buffer_steady, threads_in_step_purge_as_seldom) {
    expect_few_purges<ticked_pool>({125, 64 * kib, 100, true});
}

} // namespace
