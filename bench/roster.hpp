// cenote: SPDX-License-Identifier: MIT
//
// Who takes part, in which patterns, and what must be installed for it.
#pragma once

#include "cases.hpp"

#include <array>
#include <string>
#include <string_view>
#include <vector>

namespace cenote::tool {
struct roster;
}

namespace cenote::bench {

enum class kind { ours, general, pool, reference }; // general: an allocator that stands in for malloc

struct entry {
    std::string_view name;
    kind what;
    unsigned abilities;
    std::string_view runner;  // what a child process is told
    std::string_view program; // beside this one, or empty: this one
    std::string_view preload; // the allocator that replaces malloc, or empty
    std::string_view package; // that brings it, on Debian and Ubuntu
};

namespace names {
inline constexpr std::string_view fixed_pool = "cenote::fixed_pool",
                                  fixed_checks = "cenote::fixed_pool, checks",
                                  huge_pages = "cenote::fixed_pool, huge pages",
                                  multi_pool = "cenote::multi_pool",
                                  multi_unsized = "cenote::multi_pool, unsized",
                                  variable_pool = "cenote::variable_pool",
                                  c_unchecked = "cenote_fixed (C), unchecked", c_checked = "cenote_fixed (C)",
                                  concurrent_pool = "cenote::concurrent_pool",
                                  local_cache = "cenote::concurrent_pool::local",
                                  concurrent_multi_pool = "cenote::concurrent_multi_pool",
                                  unsized = "cenote::concurrent_multi_pool, unsized",
                                  locked = "cenote::locked<fixed_pool>", glibc = "glibc",
                                  boost = "Boost.Pool", pmr = "std::pmr unsynchronized",
                                  pmr_synchronized = "std::pmr synchronized", dpdk = "DPDK mempool",
                                  list = "reference::intrusive_list", array = "reference::pointer_array",
                                  segregated_fit = "reference::two_level_segregated_fit",
                                  arena = "cenote::arena", monotonic = "std::pmr monotonic",
                                  bounded_pool = "cenote::bounded_pool", arena_pool = "cenote::arena_pool",
                                  condition_variable = "reference::condition_variable",
                                  atomic_wait = "reference::atomic_wait", buffer_pool = "cenote::buffer_pool",
                                  unsized_buffers = "cenote::buffer_pool, unsized", relay = "cenote relay",
                                  malloc_relay = "malloc relay", exchange = "reference::exchange",
                                  no_op = "reference::no_op";
}

inline constexpr unsigned general_abilities_of_blocks =
    ability::alone | ability::shared | ability::sizes | ability::shared_sizes | ability::unsized;
inline constexpr unsigned general_abilities = general_abilities_of_blocks | ability::buffers;
// All but waking and relaying: where nothing is handed over, nobody is woken and no message arrives.
inline constexpr unsigned no_op_abilities = general_abilities | ability::bulk | ability::several |
                                            ability::brief | ability::scratch | ability::bounded;

inline constexpr std::array<entry, 39> roster{{
    {names::fixed_pool, kind::ours, ability::alone | ability::bulk | ability::brief, "fixed_pool", "", "",
     ""},
    {names::fixed_checks, kind::ours, 0u | ability::calls, "fixed_checks", "", "", ""},
    {names::huge_pages, kind::ours, 0u | ability::replacement, "huge_pages", "", "", ""},
    {names::c_unchecked, kind::ours, 0u | ability::calls, "c_unchecked", "", "", ""},
    {names::c_checked, kind::ours, 0u | ability::calls, "c_checked", "", "", ""},
    {names::multi_pool, kind::ours, ability::alone | ability::sizes, "multi_pool", "", "", ""},
    {names::multi_unsized, kind::ours, 0u | ability::sizes, "multi_unsized", "", "", ""},
    {names::variable_pool, kind::ours, ability::alone | ability::sizes, "variable_pool", "", "", ""},
    {names::concurrent_pool, kind::ours, ability::shared | ability::bulk | ability::several | ability::brief,
     "concurrent_pool", "", "", ""},
    {names::local_cache, kind::ours, 0u | ability::shared, "local_cache", "", "", ""},
    {names::concurrent_multi_pool, kind::ours, ability::shared | ability::shared_sizes,
     "concurrent_multi_pool", "", "", ""},
    {names::unsized, kind::ours, ability::shared_sizes | ability::unsized, "unsized", "", "", ""},
    {names::locked, kind::ours, 0u | ability::shared, "locked", "", "", ""},
    {names::glibc, kind::general, general_abilities, "malloc", "", "", ""},
    {"mimalloc", kind::general, general_abilities, "malloc", "", "mimalloc", "libmimalloc-dev"},
    {"jemalloc", kind::general, general_abilities, "malloc", "", "jemalloc", "libjemalloc2"},
    {"tcmalloc", kind::general, general_abilities, "malloc", "", "tcmalloc", "libtcmalloc-minimal4"},
    {"TBB", kind::general, general_abilities, "tbb", "cenote_bench_tbb", "", "libtbb-dev"},
    {names::boost, kind::pool, ability::alone | ability::brief, "boost_pool", "cenote_bench_boost", "",
     "libboost-dev"},
    {"boost::singleton_pool", kind::pool, 0u | ability::shared, "boost_singleton", "cenote_bench_boost", "",
     "libboost-dev"},
    {"foonathan::memory_pool", kind::pool,
     ability::alone | ability::shared | ability::several | ability::brief, "foonathan_pool",
     "cenote_bench_foonathan", "", "libfoonathan-memory-dev"},
    {"foonathan::memory_pool_collection", kind::pool, 0u | ability::sizes, "foonathan_collection",
     "cenote_bench_foonathan", "", "libfoonathan-memory-dev"},
    {names::pmr, kind::pool, ability::alone | ability::sizes | ability::brief, "pmr", "", "", ""},
    {names::pmr_synchronized, kind::pool,
     ability::shared | ability::shared_sizes | ability::several | ability::brief, "pmr_synchronized", "", "",
     ""},
    {names::dpdk, kind::pool, ability::alone | ability::shared | ability::bulk | ability::several, "dpdk",
     "cenote_bench_dpdk", "", "libdpdk-dev"},
    {names::list, kind::reference, ability::alone | ability::brief, "intrusive_list", "", "", ""},
    {names::array, kind::reference, ability::alone | ability::bulk, "pointer_array", "", "", ""},
    {names::segregated_fit, kind::reference, ability::alone | ability::sizes, "two_level_segregated_fit", "",
     "", ""},
    {names::arena, kind::ours, 0u | ability::scratch, "arena", "", "", ""},
    {names::monotonic, kind::pool, 0u | ability::scratch, "pmr_monotonic", "", "", ""},
    {names::bounded_pool, kind::ours, ability::bounded | ability::waking, "bounded_pool", "", "", ""},
    {names::arena_pool, kind::ours, 0u | ability::bounded, "arena_pool", "", "", ""},
    {names::condition_variable, kind::reference, 0u | ability::bounded, "condition_variable", "", "", ""},
    {names::atomic_wait, kind::reference, 0u | ability::waking, "atomic_wait", "", "", ""},
    {names::buffer_pool, kind::ours, 0u | ability::buffers, "buffer_pool", "", "", ""},
    {names::unsized_buffers, kind::ours, 0u | ability::buffers, "unsized_buffers", "", "", ""},
    {names::exchange, kind::reference, 0u | ability::unwaited, "exchange", "", "", ""},
    {names::relay, kind::ours, 0u | ability::relaying, "relay_pooled", "cenote_bench_relay", "",
     "libasio-dev"},
    {names::malloc_relay, kind::reference, 0u | ability::relaying, "relay_malloc", "cenote_bench_relay", "",
     "libasio-dev"},
}};
inline constexpr entry no_op{names::no_op, kind::reference, no_op_abilities, "no_op", "", "", ""};

// What the runner of a contender is compiled for.
[[nodiscard]] consteval unsigned abilities_of(std::string_view runner) {
    if (runner == no_op.runner) return no_op.abilities;
    for (const entry& one : roster)
        if (one.runner == runner) return one.abilities;
    throw "the roster knows no such runner";
}

// A contender as this machine has it.
struct participant {
    entry who;
    std::string program; // the path
    std::string preload; // the path, or empty
};

struct lineup {
    std::vector<participant> present; // the no-op last
    std::vector<entry> absent;
};

[[nodiscard]] lineup find_participants();
// Of the libraries that replace malloc, with those alone.
[[nodiscard]] lineup find_participants(const tool::roster& found);

} // namespace cenote::bench
