// cenote: SPDX-License-Identifier: MIT
#include "schedule.hpp"

#include "process.hpp"

#include <algorithm>
#include <chrono>
#include <set>

namespace cenote::bench {
namespace {

class rounds {
public:
    rounds(results& all, const effort& wanted, const std::function<void(double)>& progress)
        : all_(all), wanted_(wanted), progress_(progress) {
        for (const test_case& which : all.cases) total_ += rounds_of(which) * takers(which).size();
    }
    void run() {
        const unsigned most = std::max({wanted_.rounds, wanted_.survey_rounds, wanted_.long_rounds});
        for (unsigned round = 0; round < most; ++round)
            for (const test_case& which : all_.cases)
                if (round < rounds_of(which)) run_case(which, round);
    }
    void run_more() {
        for (unsigned more = 0; more < wanted_.more_rounds; ++more) {
            const std::vector<test_case> few = all_.too_few_rounds();
            for (const test_case& which : few) total_ += takers(which).size();
            for (const test_case& which : few) run_case(which, wanted_.rounds + more);
        }
    }

private:
    [[nodiscard]] unsigned rounds_of(const test_case& which) const {
        if (which.is_long() && !which.is_survey()) return wanted_.long_rounds;
        return which.is_survey() ? wanted_.survey_rounds : wanted_.rounds;
    }
    [[nodiscard]] std::vector<const participant*> takers(const test_case& which) const {
        std::vector<const participant*> taking;
        for (const participant& one : all_.contenders)
            if (which.admits(one.who.abilities)) taking.push_back(&one);
        return taking;
    }
    void run_case(const test_case& which, unsigned round) {
        const std::vector<const participant*> taking = takers(which);
        for (std::size_t i = 0; i < taking.size(); ++i) {
            progress_(static_cast<double>(done_++) / static_cast<double>(total_));
            run_one(which, *taking[(i + round) % taking.size()]);
        }
    }
    void run_one(const test_case& which, const participant& who) {
        const std::pair key(which.name(), std::string(who.who.name));
        if (failed_.contains(key)) return;
        const job what{which, window_ns(which, wanted_), wanted_.windows};
        const double load = load_average();
        child_result got = run_child(who, what);
        if (!had_what_it_asked_for(who.who.name, got.numbers)) got.numbers.is_clean = false;
        if (got.problem.empty()) {
            all_.rows[key].add(got.numbers, load,
                               got.numbers.window_ns > 0 ? got.numbers.window_ns : what.window_ns);
            return;
        }
        failed_.insert(key);
        all_.rows.erase(key);
        all_.problems.push_back(got.problem);
    }

    results& all_;
    const effort& wanted_;
    const std::function<void(double)>& progress_;
    std::set<std::pair<std::string, std::string>> failed_;
    std::size_t total_ = 0;
    std::size_t done_ = 0;
};

} // namespace

double window_ns(const test_case& which, const effort& wanted) {
    if (which.is_long()) return wanted.long_ms * 1e6;
    const double crowded = which.threads > 8 ? 4 : which.threads > 2 ? 2 : 1;
    const double of_work = is_of_workers(which.what) ? 20 : 1; // of which little is the pool's
    return wanted.window_ms * 1e6 * crowded * of_work;
}

void run_rounds(results& all, const effort& wanted, const std::function<void(double)>& progress) {
    all.least_rounds = wanted.rounds;
    all.least_long_rounds = wanted.long_rounds;
    rounds every(all, wanted, progress);
    every.run();
    const auto start = std::chrono::steady_clock::now();
    every.run_more();
    all.more_seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
    all.level();
}

} // namespace cenote::bench
