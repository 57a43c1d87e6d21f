// cenote: SPDX-License-Identifier: MIT
//
// Who is measured. A contender is made with a block size and the most blocks that will be live at once; it
// gets and puts blocks, one at a time or, when it can, many.
#pragma once

#include "job.hpp"

#include <concepts>
#include <cstddef>
#include <string_view>
#include <vector>

namespace cenote::bench {

template<class C>
concept contender = std::constructible_from<C, std::size_t, std::size_t> && requires(C& pool, void* block) {
    { pool.get() } -> std::same_as<void*>;
    pool.put(block);
};

template<class C>
concept gets_many = requires(C& pool, void** blocks, std::size_t count) {
    pool.get_many(blocks, count);
    pool.put_many(blocks, count);
};

// Defined in contenders/, one file each, so that they are compiled side by side.
outcome run_fixed_pool(const job& what);
outcome run_multi_pool(const job& what);
outcome run_malloc(const job& what);
outcome run_boost_pool(const job& what);
outcome run_intrusive_list(const job& what);
outcome run_pointer_array(const job& what);
outcome run_no_op(const job& what);

struct roster_entry {
    const char* name;
    outcome (*run)(const job& what);
};

inline constexpr std::string_view glibc_name = "glibc malloc";
inline constexpr std::string_view list_name = "reference::intrusive_list";

[[nodiscard]] inline const std::vector<roster_entry>& roster() {
    static const std::vector<roster_entry> all{
        {"cenote::fixed_pool", run_fixed_pool}, {"cenote::multi_pool", run_multi_pool},
        {glibc_name.data(), run_malloc},
#ifdef CENOTE_BENCH_BOOST
        {"Boost.Pool", run_boost_pool},
#endif
        {list_name.data(), run_intrusive_list}, {"reference::pointer_array", run_pointer_array},
        {"reference::no_op", run_no_op},
    };
    return all;
}

} // namespace cenote::bench
