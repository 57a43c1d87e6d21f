// cenote: SPDX-License-Identifier: MIT
//
// Who may be the best peer, and where: written out, so that nobody is left out of a case unnoticed.
#include "replay/roster.hpp"
#include "roster.hpp"

#include <algorithm>
#include <gtest/gtest.h>
#include <set>

namespace cenote::bench {
namespace {

using enum pattern;
using patterns = std::set<pattern>;

const patterns blocks{pair,          batch_reverse, batch_in_order, batch_shuffled, random_replacement,
                      drop_in_order, drop_shuffled, metadata};
const patterns of_threads{threads_pair, producer_consumer, free_each_other, short_threads};
const patterns all_buffers{buffers,         buffers_over,         buffers_16,     buffers_16_touched,
                           buffers_touched, buffers_over_touched, buffer_workers, workers_touched,
                           buffers_hour};

patterns operator+(patterns some, const patterns& others) {
    some.insert(others.begin(), others.end());
    return some;
}

struct wanted_entry {
    std::string_view name;
    kind what;
    patterns runs;
};

const patterns of_malloc =
    blocks + of_threads + patterns{random_sizes, threads_sizes, unsized_pair} + all_buffers;

const wanted_entry wanted[]{
    {"glibc", kind::general, of_malloc},
    {"mimalloc", kind::general, of_malloc},
    {"jemalloc", kind::general, of_malloc},
    {"tcmalloc", kind::general, of_malloc},
    {"TBB", kind::general, of_malloc},
    {"Boost.Pool", kind::pool, blocks + patterns{lifecycle}},
    {"boost::singleton_pool", kind::pool, of_threads},
    {"foonathan::memory_pool", kind::pool, blocks + of_threads + patterns{alternating, lifecycle}},
    {"foonathan::memory_pool_collection", kind::pool, {random_sizes}},
    {"std::pmr unsynchronized", kind::pool, blocks + patterns{random_sizes, lifecycle}},
    {"std::pmr synchronized", kind::pool, of_threads + patterns{threads_sizes, alternating, lifecycle}},
    {"std::pmr monotonic", kind::pool, {scratch}},
    {"DPDK mempool", kind::pool, blocks + of_threads + patterns{bulk_32, alternating}},

    {"reference::intrusive_list", kind::reference, blocks + patterns{lifecycle}},
    {"reference::pointer_array", kind::reference, blocks + patterns{bulk_32}},
    {"reference::two_level_segregated_fit", kind::reference, blocks + patterns{random_sizes}},
    {"reference::condition_variable", kind::reference, {bounded_plenty, bounded_short}},
    {"reference::atomic_wait", kind::reference, {wake_up}},
    {"reference::exchange", kind::reference, {bounded_plenty}},
    {"malloc relay", kind::reference, {relay}},

    {"cenote::fixed_pool", kind::ours, blocks + patterns{bulk_32, lifecycle}},
    {"cenote::fixed_pool, checks", kind::ours, {pair}},
    {"cenote::fixed_pool, huge pages", kind::ours, {random_replacement}},
    {"cenote_fixed (C), unchecked", kind::ours, {pair}},
    {"cenote_fixed (C)", kind::ours, {pair}},
    {"cenote::multi_pool", kind::ours, blocks + patterns{random_sizes}},
    {"cenote::multi_pool, unsized", kind::ours, {random_sizes}},
    {"cenote::variable_pool", kind::ours, blocks + patterns{random_sizes}},
    {"cenote::concurrent_pool", kind::ours, of_threads + patterns{bulk_32, alternating, lifecycle}},
    {"cenote::concurrent_pool::local", kind::ours, of_threads},
    {"cenote::concurrent_multi_pool", kind::ours, of_threads + patterns{threads_sizes}},
    {"cenote::concurrent_multi_pool, unsized", kind::ours, {threads_sizes, unsized_pair}},
    {"cenote::locked<fixed_pool>", kind::ours, of_threads},
    {"cenote::arena", kind::ours, {scratch}},
    {"cenote::bounded_pool", kind::ours, {bounded_plenty, bounded_short, wake_up}},
    {"cenote::arena_pool", kind::ours, {bounded_plenty, bounded_short}},
    {"cenote::buffer_pool", kind::ours, all_buffers},
    {"cenote::buffer_pool, unsized", kind::ours, all_buffers},
    {"cenote relay", kind::ours, {relay}},
};

const entry* find_entry(std::string_view name) {
    const auto found =
        std::find_if(roster.begin(), roster.end(), [&](const entry& one) { return one.name == name; });
    return found == roster.end() ? nullptr : &*found;
}

TEST(roster, admits_every_peer_to_every_case) {
    EXPECT_EQ(roster.size(), std::size(wanted));
    for (const wanted_entry& one : wanted) {
        const entry* const found = find_entry(one.name);
        ASSERT_NE(found, nullptr) << one.name;
        EXPECT_EQ(found->what, one.what) << one.name;
        for (const test_case& which : all_cases(extent::whole))
            EXPECT_EQ(which.admits(found->abilities), one.runs.contains(which.what))
                << one.name << " in " << which.name();
    }
}

// Nothing of a machine without them: each that is absent says what brings it.
TEST(roster, names_the_package_of_what_cannot_be_preloaded) {
    const lineup bare = find_participants(tool::roster{});
    const lineup full = find_participants(
        tool::roster{{{"mimalloc", "mimalloc", "/a/mi.so"}, {"jemalloc", "jemalloc", "/a/je.so"}}, {}, ""});
    for (const auto& [name, package] : {std::pair("mimalloc", "libmimalloc-dev"),
                                        {"jemalloc", "libjemalloc2"},
                                        {"tcmalloc", "libtcmalloc-minimal4"}}) {
        const auto is_it = [&](const entry& one) { return one.name == name; };
        const auto absent = std::find_if(bare.absent.begin(), bare.absent.end(), is_it);
        ASSERT_NE(absent, bare.absent.end()) << name;
        EXPECT_EQ(absent->package, package);
    }
    const auto here = std::find_if(full.present.begin(), full.present.end(),
                                   [](const participant& one) { return one.who.name == "jemalloc"; });
    ASSERT_NE(here, full.present.end());
    EXPECT_EQ(here->preload, "/a/je.so");
    EXPECT_EQ(here->who.runner, "malloc");
}

TEST(roster, has_the_no_op_last) {
    EXPECT_EQ(find_participants(tool::roster{}).present.back().who.name, names::no_op);
}

} // namespace
} // namespace cenote::bench
