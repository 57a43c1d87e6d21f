// cenote: SPDX-License-Identifier: MIT
#include "demands.hpp"

#include "patterns/distance.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <fmt/format.h>
#include <regex>

namespace cenote::bench {
namespace {

using enum statistic;
using enum rival;
using names::array, names::boost, names::c_checked, names::c_unchecked, names::concurrent_multi_pool,
    names::concurrent_pool, names::dpdk, names::fixed_checks, names::fixed_pool, names::glibc,
    names::huge_pages, names::local_cache, names::multi_pool, names::multi_unsized, names::pmr,
    names::pmr_synchronized, names::segregated_fit, names::unsized, names::variable_pool;

constexpr std::array<demand, 56> demands{{
    {"pair/(16|64|256|1024)", fixed_pool, best, named, boost, 1.0, false},
    {"pair/(16|64|256|1024)", fixed_pool, best, named, glibc, 0.12, false},
    {"pair/(16|64|256|1024)", fixed_pool, best, named, array, 1.1, false},
    {"batch_reverse/(64|256|1024)", fixed_pool, best, best_peer, "", 0.65, false},
    {"batch_reverse/16", fixed_pool, best, best_peer, "", 1.0, false},
    {"batch_in_order/(64|256|1024)", fixed_pool, best, best_peer, "", 0.75, false},
    {"batch_in_order/16", fixed_pool, best, best_peer, "", 1.0, false},
    {"batch_shuffled/(64|256|1024)", fixed_pool, best, best_peer, "", 0.65, false},
    {"random_replacement/(16|64)", fixed_pool, best, best_peer, "", 0.7, false},
    {"random_replacement/(256|1024)", fixed_pool, best, best_peer, "", 1.0, false},
    {"random_replacement/(16|64|256|1024)", huge_pages, best, named, fixed_pool, 0.85, false},
    {"drop_in_order/64", fixed_pool, best, best_peer, "", 0.75, false},
    {"drop_in_order/64", fixed_pool, best, best_peer, "", 0.3, true},
    {"drop_shuffled/64", fixed_pool, best, best_peer, "", 1.0, false},
    {"drop_shuffled/64", fixed_pool, best, best_peer, "", 0.3, true},

    {"pair/[0-9]+/(1_thread|(2|4|8|16|32)_threads)", concurrent_pool, best, best_peer, "", 0.45, false},
    {"pair/[0-9]+/(1_thread|(2|4|8|16|32)_threads)", local_cache, best, best_peer, "", 0.3, false},
    {"free_each_other/[0-9]+/(2|8|32)_threads", concurrent_pool, best, best_peer, "", 0.7, false},
    {"producer_consumer/[0-9]+/(2|8|32)_threads", concurrent_pool, median, best_peer, "", 0.95, false},
    {"producer_consumer/[0-9]+/(2|8|32)_threads", concurrent_pool, median, best_peer, "", 0.7, true},

    {"bulk_32/64", fixed_pool, best, named, dpdk, 1.0, false},
    {"bulk_32/64", concurrent_pool, best, named, dpdk, 1.0, false},

    {"pair/(16|64|256|1024)", c_unchecked, best, above, fixed_pool, 3.0, false},
    {"pair/(16|64|256|1024)", c_checked, best, above, fixed_checks, 12.0, false},
    {"pair/(16|64|256|1024)", c_checked, best, above, fixed_pool, 12.0, true},

    {"random_sizes/16-1024", multi_pool, best, best_peer, "", 0.85, false},
    {"random_sizes/16-1024", multi_unsized, best, best_peer, "", 0.85, false},
    {"random_sizes/16-1024", multi_pool, figure, nothing, "", 1.2, false},
    {"pair/(16|64|256)", variable_pool, best, named, glibc, 2.0, false},
    {"pair/1024", variable_pool, best, named, glibc, 2.0, true},
    {"batch_(reverse|in_order|shuffled)/64", variable_pool, best, named, glibc, 2.0, false},
    {"random_sizes/16-1024", variable_pool, best, named, glibc, 1.0, false},
    {"random_sizes/16-1024", variable_pool, best, named, segregated_fit, 0.6, false},
    {"random_sizes/16-1024", variable_pool, figure, nothing, "", 1.1, false},
    {"unsized_pair/(16|64|256|1024)/1_thread", unsized, best, best_general, "", 0.6, false},
    {"random_sizes/16-1024/(2|8|32)_threads", concurrent_multi_pool, best, best_general, "", 0.9, false},
    {"random_sizes/16-1024/(2|8|32)_threads", unsized, best, best_general, "", 0.9, false},

    {"alternating/64/64_pools", concurrent_pool, best, own_case, "alternating/64/1_pool", 2.0, false},
    {"short_threads/64", concurrent_pool, best, best_peer, "", 1.0, false},
    {"lifecycle/64", fixed_pool, best, named, pmr, 1.0, false},
    {"lifecycle/64", concurrent_pool, best, named, pmr_synchronized, 1.0, false},
    {"metadata/64", fixed_pool, figure, nothing, "", 5.0, false},

    {"scratch/32", names::arena, best, named, names::monotonic, 0.75, false},
    {"bounded_plenty/(64|1048576)/1_thread", names::bounded_pool, best, named, names::exchange, 3.5, false},
    {"bounded_plenty/64/1_thread", names::arena_pool, best, named, names::bounded_pool, 1.5, false},
    {"bounded_(plenty|short)/64/(2|8|32)_threads", names::bounded_pool, best, named,
     names::condition_variable, 0.33, false},
    {"wake_up/64/2_threads", names::bounded_pool, median, named, names::atomic_wait, 1.2, false},

    {"buffers/4194304/1_thread", names::buffer_pool, best, best_general, "", 0.6, false},
    {"buffers/4194304/2_threads", names::buffer_pool, best, best_general, "", 0.4, false},
    {"buffers_16/4194304/1_thread", names::buffer_pool, best, best_general, "", 0.1, false},
    {"buffers_16_touched/4194304/1_thread", names::buffer_pool, best, best_general, "", 1.0, false},
    {"buffers_hour/262144", names::buffer_pool, figure, nothing, "", 1.1, false},
    {"buffer_workers/4194304/(1_thread|[0-9]+_threads)", names::buffer_pool, best, best_general, "", 0.5,
     false},

    {"relay/65536", names::relay, median, named, names::malloc_relay, 1.0, false, "", true},
    {"relay/65536", names::relay, figure, named, names::malloc_relay, 1.1, false, "p999_us", true},
    {"relay/65536", names::relay, figure, named, names::malloc_relay, 0.5, false, "resident_after_kib"},
}};

bool is_peer(const entry& who, rival against) {
    return who.what == kind::general || (against == best_peer && who.what == kind::pool);
}

// Of cores that were farther apart than the rival's: on near ones it would have less.
bool is_of_farther_cores(const row& one, const row& than) {
    return !one.trips().empty() && !than.trips().empty() &&
           middle(one.trips()) > same_distance * middle(than.trips());
}

// Who had no window that counts is no rival; but if its number is lower than the rival's, or of other cores,
// it may well be the best peer, and what the row would say then is not known.
void doubt_best(const results& all, verdict& found) {
    for (const participant& one : all.contenders) {
        if (!is_peer(one.who, found.asked->against)) continue;
        const row* const theirs = all.find(found.which, one.who.name);
        if (theirs == nullptr || theirs->is_clean()) continue;
        const std::optional<double> value = theirs->value(found.asked->judged);
        if (!value || !found.theirs) continue;
        const row& rivals = *all.find(found.which, found.rival_name);
        if (*found.theirs <= *value && !is_of_farther_cores(*theirs, rivals)) continue;
        found.is_clean = false;
        found.doubtful = one.who.name;
    }
}

void find_best(const results& all, verdict& found) {
    for (const participant& one : all.contenders) {
        if (!is_peer(one.who, found.asked->against)) continue;
        const row* const theirs = all.find(found.which, one.who.name);
        if (theirs == nullptr || (found.theirs && found.is_clean && !theirs->is_clean())) continue;
        const std::optional<double> value = theirs->value(found.asked->judged);
        const bool is_better = !found.theirs || (theirs->is_clean() && !found.is_clean);
        if (!value || (!is_better && *found.theirs <= *value)) continue;
        found.is_clean = theirs->is_clean();
        found.theirs = value;
        found.rival_name = one.who.name;
    }
    doubt_best(all, found);
}

// Rounds stand side by side in time: what disturbs one of a pair disturbs the other.
void compare_rounds(const row& own, const row& theirs, std::size_t figure_of, verdict& found) {
    const std::vector<double> ours = own.series(found.asked->judged, figure_of);
    const std::vector<double> others = theirs.series(found.asked->judged, figure_of);
    std::vector<double> ratios;
    for (std::size_t i = 0; i < std::min(ours.size(), others.size()); ++i)
        if (others[i] > 0) ratios.push_back(ours[i] / others[i]);
    if (ratios.empty()) return;
    found.ratio = middle(ratios);
    found.range = of_median(ratios);
    found.pairs = ratios.size();
    if (found.pairs < least_pairs) found.has_rounds = false;
}

void find_named(const results& all, verdict& found, std::size_t figure_of) {
    const bool is_case = found.asked->against == own_case;
    found.rival_name = found.asked->name;
    const row* const theirs = is_case ? all.find(found.rival_name, found.asked->contender)
                                      : all.find(found.which, found.rival_name);
    if (theirs == nullptr) return;
    found.theirs = theirs->value(found.asked->judged, figure_of);
    found.is_clean = theirs->is_clean();
    const row* const own = all.find(found.which, found.asked->contender);
    if (found.asked->is_paired && own != nullptr) compare_rounds(*own, *theirs, figure_of, found);
}

verdict judge_one(const results& all, const demand& asked, const test_case& which) {
    verdict found;
    found.asked = &asked;
    found.which = which.name();
    const std::size_t figure_of = asked.figure.empty() ? 0 : which.figure(asked.figure);
    const row* const own = all.find(found.which, asked.contender);
    if (own != nullptr) {
        found.own = own->value(asked.judged, figure_of);
        found.has_rounds = own->rounds() >= all.least_rounds_of(which);
    }
    if (asked.against == nothing) {
        if (own != nullptr && asked.judged == figure) found.own = own->worst_figure(which);
        found.ratio = found.own;
        return found;
    }
    if (asked.against == best_peer || asked.against == best_general)
        find_best(all, found);
    else
        find_named(all, found, figure_of);
    if (own != nullptr && !own->is_clean()) found.is_clean = false;
    const bool is_case = asked.against == own_case;
    const row* const theirs =
        is_case ? all.find(found.rival_name, asked.contender) : all.find(found.which, found.rival_name);
    if (theirs != nullptr && theirs->rounds() < all.least_rounds_of(which)) found.has_rounds = false;
    if (!found.own || !found.theirs || found.ratio) return found;
    if (*found.theirs == 0 && asked.against != above) return found; // nothing to hold it to
    found.ratio = asked.against == above ? *found.own - *found.theirs : *found.own / *found.theirs;
    return found;
}

} // namespace

std::span<const demand> all_demands() {
    return demands;
}

const char* verdict::word() const {
    if (!ratio) return "missing";
    if (!is_clean) return "unclean";
    if (!has_rounds) return "few";
    if (passes()) return "pass";
    return asked->is_stretch ? "short" : "FAIL";
}

std::vector<verdict> judge(const results& all, std::span<const demand> asked) {
    std::vector<verdict> verdicts;
    for (const demand& one : asked) {
        const std::regex cases(one.cases);
        for (const test_case& which : all.cases)
            if (std::regex_match(which.name(), cases)) verdicts.push_back(judge_one(all, one, which));
    }
    return verdicts;
}

// From the k-th lowest to the k-th highest: the median is outside when fewer than k of n fall on one side.
interval of_median(std::vector<double> drawn) {
    std::sort(drawn.begin(), drawn.end());
    const std::size_t n = drawn.size();
    std::size_t k = 1;
    double ways = 1; // in which k - 1 of n fall on one side
    double outside = 2 * std::ldexp(1.0, -static_cast<int>(n));
    for (;; ++k) {
        ways *= static_cast<double>(n - k + 1) / static_cast<double>(k);
        outside += 2 * std::ldexp(ways, -static_cast<int>(n));
        if (outside > 0.05 || 2 * k >= n) break;
    }
    return {drawn[k - 1], drawn[n - k]};
}

tally count(const std::vector<verdict>& verdicts) {
    tally sum;
    for (const verdict& one : verdicts) {
        ++(one.asked->is_stretch ? sum.stretch_rows : sum.rows);
        if (one.passes()) ++(one.asked->is_stretch ? sum.stretch_reached : sum.reached);
    }
    return sum;
}

std::vector<std::string> missing_numbers(const std::vector<verdict>& verdicts) {
    std::vector<std::string> sentences;
    for (const verdict& one : verdicts)
        if (!one.ratio)
            sentences.push_back(fmt::format("{}: there is no number of {} or of what it is held to",
                                            one.which, one.asked->contender));
    return sentences;
}

int exit_status(bool has_problems, const tally& sum, bool is_strict) {
    if (has_problems) return 1;
    return is_strict && sum.reached != sum.rows ? 3 : 0;
}

} // namespace cenote::bench
