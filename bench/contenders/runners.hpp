// cenote: SPDX-License-Identifier: MIT
//
// What the bench's own program can run; the peers that need a library of theirs have programs of their own.
#pragma once

#include "contender.hpp"

namespace cenote::bench {

outcome run_fixed_pool(const job& what);
outcome run_fixed_checks(const job& what);
outcome run_huge_pages(const job& what);
outcome run_c_unchecked(const job& what);
outcome run_c_checked(const job& what);
outcome run_multi_pool(const job& what);
outcome run_variable_pool(const job& what);
outcome run_concurrent_pool(const job& what);
outcome run_local_cache(const job& what);
outcome run_locked(const job& what);
outcome run_concurrent_multi_pool(const job& what);
outcome run_multi_unsized(const job& what);
outcome run_unsized(const job& what);
outcome run_malloc(const job& what);
outcome run_pmr(const job& what);
outcome run_pmr_synchronized(const job& what);
outcome run_intrusive_list(const job& what);
outcome run_pointer_array(const job& what);
outcome run_two_level_segregated_fit(const job& what);
outcome run_arena(const job& what);
outcome run_pmr_monotonic(const job& what);
outcome run_bounded_pool(const job& what);
outcome run_arena_pool(const job& what);
outcome run_condition_variable(const job& what);
outcome run_exchange(const job& what);
outcome run_atomic_wait(const job& what);
outcome run_buffer_pool(const job& what);
outcome run_unsized_buffers(const job& what);
outcome run_no_op(const job& what);

[[nodiscard]] inline std::vector<runner> own_runners() {
    return {{"fixed_pool", run_fixed_pool},
            {"fixed_checks", run_fixed_checks},
            {"huge_pages", run_huge_pages},
            {"c_unchecked", run_c_unchecked},
            {"c_checked", run_c_checked},
            {"multi_pool", run_multi_pool},
            {"variable_pool", run_variable_pool},
            {"concurrent_pool", run_concurrent_pool},
            {"local_cache", run_local_cache},
            {"locked", run_locked},
            {"concurrent_multi_pool", run_concurrent_multi_pool},
            {"multi_unsized", run_multi_unsized},
            {"unsized", run_unsized},
            {"malloc", run_malloc},
            {"pmr", run_pmr},
            {"pmr_synchronized", run_pmr_synchronized},
            {"intrusive_list", run_intrusive_list},
            {"pointer_array", run_pointer_array},
            {"two_level_segregated_fit", run_two_level_segregated_fit},
            {"arena", run_arena},
            {"pmr_monotonic", run_pmr_monotonic},
            {"bounded_pool", run_bounded_pool},
            {"arena_pool", run_arena_pool},
            {"condition_variable", run_condition_variable},
            {"exchange", run_exchange},
            {"atomic_wait", run_atomic_wait},
            {"buffer_pool", run_buffer_pool},
            {"unsized_buffers", run_unsized_buffers},
            {"no_op", run_no_op}};
}

} // namespace cenote::bench
