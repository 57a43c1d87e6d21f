// cenote: SPDX-License-Identifier: MIT
#include "replay/command.hpp"

#include "progress.hpp"
#include "replay/child.hpp"
#include "replay/memory_use.hpp"
#include "replay/results.hpp"
#include "replay/thread_plan.hpp"
#include "text.hpp"

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cstring>
#include <fmt/format.h>
#include <fstream>
#include <limits>

namespace cenote::tool {
namespace {

using clock = std::chrono::steady_clock;
constexpr double budget_seconds = 60;
constexpr unsigned usual_rounds = 5;
constexpr std::uint64_t most_latencies = std::uint64_t{16}
                                         << 20; // operations timed singly: 64 MiB a contender

double seconds_since(clock::time_point start) {
    return std::chrono::duration<double>(clock::now() - start).count();
}

void check_memory(const plan& p) {
    const std::uint64_t available = available_bytes();
    const std::uint64_t peak = p.process.counts.peak_live_bytes;
    if (available != unknown_value && peak > available / 5 * 4)
        throw failure(fmt::format(
            "the recorded program had {} live at once, and this machine has {} free; replay it on a "
            "larger machine",
            byte_count(peak), byte_count(available)));
}

// How many rounds: at least so many and at most so many, the more the better until enough time has passed.
// When `hurried`, no more than three once the budget is spent.
struct schedule {
    unsigned least = usual_rounds;
    unsigned most = 20;
    double enough_seconds = 15;
    bool hurried = true;

    [[nodiscard]] bool goes_on(unsigned done, double seconds) const {
        if (done >= most || (hurried && done >= 3 && seconds > budget_seconds)) return false;
        return done < least || seconds < enough_seconds;
    }
    [[nodiscard]] double share(double rounds_done, double seconds) const {
        const double by_count = rounds_done / most;
        return std::max(by_count, std::min(rounds_done / least, seconds / enough_seconds));
    }
};

// Runs the jobs of all contenders, round by round and each round beginning with another, so that whatever
// changes on the machine meanwhile meets all of them.
class tournament {
public:
    tournament(const child_plan& p, const roster& who, const schedule& when) : plan_(p), schedule_(when) {
        results_.absent = who.absent;
        results_.ours = who.ours;
        for (const contender& c : who.contenders) {
            result r;
            r.who = c;
            results_.rows.push_back(std::move(r));
        }
    }

    results run(std::chrono::milliseconds limit) {
        limit_ = limit;
        memory_.resize(results_.rows.size());
        prepare_latencies();
        while (schedule_.goes_on(results_.rounds, seconds_since(start_))) {
            all_rows(results_.rounds, [&](std::size_t i) { time(i); });
            all_rows(results_.rounds, [&](std::size_t i) { latency(i); });
            ++results_.rounds;
        }
        all_rows(0, [&](std::size_t i) { memory(i); });
        for (std::size_t i = 0; i < results_.rows.size(); ++i) {
            summarize_latencies(i);
            summarize_memory(i);
        }
        results_.seconds = seconds_since(start_);
        return std::move(results_);
    }

private:
    template<class Job>
    void all_rows(unsigned round, Job job) {
        const std::size_t n = results_.rows.size();
        for (std::size_t i = 0; i < n; ++i) {
            const std::size_t at = (i + round) % n;
            if (results_.rows[at].problem.empty()) job(at);
            ++jobs_done_;
            bar_.show(schedule_.share(static_cast<double>(jobs_done_) / static_cast<double>(2 * n),
                                      seconds_since(start_)));
        }
    }

    std::optional<outcome> ask(std::size_t i, job_mode mode, const shared_file* latencies) {
        result& r = results_.rows[i];
        const child_result c = run_child(r.who, mode, plan_, latencies, limit_);
        r.problem = c.problem;
        if (!c.problem.empty()) return std::nullopt;
        return c.numbers;
    }

    void time(std::size_t i) {
        const auto numbers = ask(i, job_mode::time, nullptr);
        if (!numbers) return;
        const auto each = [&](std::uint64_t ns) {
            return static_cast<double>(ns) / static_cast<double>(plan_.count);
        };
        const pass_times& first = numbers->first;
        result& r = results_.rows[i];
        r.first_ns.push_back(each(first.processor_ns));
        r.again_ns.push_back(each(numbers->again.processor_ns));
        r.wall_ns.push_back(static_cast<double>(first.wall_ns));
        r.waiting_ns.push_back(static_cast<double>(first.waiting_ns));
        r.waiting_share.push_back(static_cast<double>(first.waiting_ns) /
                                  static_cast<double>(std::max<std::uint64_t>(1, first.lived_ns)));
        r.waits.push_back(static_cast<double>(first.waits));
        r.refused = numbers->refused;
    }

    void latency(std::size_t i) {
        const auto numbers = ask(i, job_mode::latency, latencies_[i].get());
        if (!numbers) return;
        ns_per_tick_ = numbers->ns_per_tick;
        results_.clock_ns = static_cast<double>(numbers->clock_ticks) * ns_per_tick_;
    }

    void memory(std::size_t i) {
        if (const auto numbers = ask(i, job_mode::memory, nullptr)) memory_[i] = *numbers;
    }

    // What an allocator needs is what its process has more than the no-op's: so what it takes when it is
    // loaded counts as well, and the stacks of the workers do not.
    void summarize_memory(std::size_t i) {
        const outcome& bare = memory_.back();
        const outcome& own = memory_[i];
        const auto beyond = [](std::uint64_t value, std::uint64_t base) -> std::optional<std::uint64_t> {
            if (value == unknown_value || base == unknown_value) return std::nullopt;
            return value > base ? value - base : 0;
        };
        result& r = results_.rows[i];
        if (!r.usable() || i + 1 == memory_.size()) return;
        r.resident_bytes = beyond(own.resident_bytes, bare.resident_bytes);
        r.reserved_bytes =
            beyond(own.reserved_bytes, r.who.word == contender_words::malloc ? bare.mapped_bytes : 0);
    }

    void prepare_latencies() {
        const auto count = static_cast<std::size_t>(std::min(plan_.count, most_latencies));
        for (std::size_t i = 0; i < results_.rows.size(); ++i) {
            latencies_.push_back(
                std::make_unique<shared_file>("cenote-latencies", count * sizeof(std::uint32_t)));
            std::ranges::fill(ticks_of(i), std::numeric_limits<std::uint32_t>::max());
        }
    }

    std::span<std::uint32_t> ticks_of(std::size_t i) {
        const std::span<std::byte> data = latencies_[i]->data();
        return {reinterpret_cast<std::uint32_t*>(data.data()), data.size() / sizeof(std::uint32_t)};
    }

    void summarize_latencies(std::size_t i) {
        const std::span<std::uint32_t> all = ticks_of(i);
        if (!results_.rows[i].usable() || all.empty()) return;
        const std::size_t rank = (all.size() * 999 + 999) / 1000 - 1;
        std::nth_element(all.begin(), all.begin() + static_cast<std::ptrdiff_t>(rank), all.end());
        results_.rows[i].latency_999_ns = all[rank] * ns_per_tick_;
        results_.rows[i].latency_worst_ns =
            *std::max_element(all.begin() + static_cast<std::ptrdiff_t>(rank), all.end()) * ns_per_tick_;
    }

    const child_plan& plan_;
    schedule schedule_;
    clock::time_point start_ = clock::now();
    results results_;
    std::chrono::milliseconds limit_{};
    std::vector<std::unique_ptr<shared_file>> latencies_;
    std::vector<outcome> memory_;
    double ns_per_tick_ = 1;
    std::size_t jobs_done_ = 0;
    progress_bar bar_{"replaying"};
};

// Who replays: the plan for one worker, or made of it, that for the recorded threads.
class casting {
public:
    casting(plan& p, bool threads) : plan_(p), threads_(threads) { assign(); }

    void shorten(double share) {
        plan_.shorten(
            std::max<std::uint64_t>(1, static_cast<std::uint64_t>(share * static_cast<double>(plan_.count))));
        assign();
    }
    [[nodiscard]] child_plan plan_for_children() const {
        return by_threads_ ? child_plan(*by_threads_) : child_plan(plan_);
    }
    [[nodiscard]] std::optional<thread_facts> facts() const {
        if (!by_threads_) return std::nullopt;
        return thread_facts{plan_.threads, by_threads_->most_alive, by_threads_->crossing};
    }

private:
    void assign() {
        by_threads_.reset();
        if (threads_) by_threads_.emplace(make_thread_plan(plan_));
    }

    plan& plan_;
    bool threads_;
    std::optional<thread_plan> by_threads_;
};

bool wants_threads(const plan& p, replay_threads choice) {
    if (choice == replay_threads::one || (choice == replay_threads::automatic && p.threads < 2)) return false;
    const std::uint32_t alive = count_lanes(p);
    if (alive > most_lanes && choice == replay_threads::recorded)
        throw failure(fmt::format("the recording has {} threads alive at a time, more than the {} that are "
                                  "replayed as such; replay it with --threads one",
                                  grouped(alive), grouped(most_lanes)));
    return alive <= most_lanes;
}

// Cuts the plan to what fits the budget; returns how long a contender may take before it is given up.
std::chrono::milliseconds fit_budget(casting& cast, const roster& who, const replay_options& options) {
    const clock::time_point start = clock::now();
    const child_result trial = run_child(who.contenders.front(), job_mode::time, cast.plan_for_children(),
                                         nullptr, std::chrono::minutes(10));
    if (!trial.problem.empty())
        throw failure(fmt::format("the replay on malloc {}; try a shorter recording", trial.problem));
    const double once = seconds_since(start);
    const double expected = once * 1.5 * static_cast<double>(who.contenders.size()) *
                            (2 * options.rounds.value_or(usual_rounds) + 1);
    double kept = 1;
    if (expected > budget_seconds && !options.whole) {
        kept = budget_seconds / expected;
        cast.shorten(kept);
    }
    return std::chrono::milliseconds(30'000 + static_cast<std::int64_t>(once * kept * 20'000));
}

void write_json(const std::string& path, const std::string& text) {
    std::ofstream out(path);
    out << text;
    out.close();
    if (!out) throw failure(fmt::format("cannot write {}: {}", printable(path), std::strerror(errno)));
}

} // namespace

int replay(const replay_options& options) {
    plan p = make_plan(options.file, options.process);
    check_memory(p);
    const bool threads = wants_threads(p, options.threads);
    const roster who = find_contenders(threads);
    casting cast(p, threads);
    const std::chrono::milliseconds limit = fit_budget(cast, who, options);
    fmt::print("{}\n", describe_plan(p, cast.facts()));
    if (!threads && p.threads > 1 && options.threads == replay_threads::automatic)
        fmt::print("More than {} threads were alive at a time: one worker replays them all.\n\n",
                   grouped(most_lanes));
    std::fflush(stdout);
    schedule when{.hurried = !options.whole};
    if (options.rounds) when.least = when.most = *options.rounds;
    const child_plan what = cast.plan_for_children();
    results all = tournament(what, who, when).run(limit);
    all.threads = cast.facts();
    fmt::print("{}\n{}", make_table(p, all), make_sentence(all));
    if (!options.json.empty()) write_json(options.json, make_json(p, all));
    return 0;
}

} // namespace cenote::tool
