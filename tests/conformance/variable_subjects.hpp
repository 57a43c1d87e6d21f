// cenote: SPDX-License-Identifier: MIT
//
// The pools of any size in the conformance suite.
#pragma once

#include <cenote/concurrent/locked.hpp>
#include <cenote/pool/variable_pool.hpp>

#include "conformance/subject.hpp"

namespace cenote::test {

/// With small regions, so that they come and go, and requests that are too large for them.
template<class Pool, fit Fit = fit::good, auto Option = nullptr, bool Sized = true>
struct variable_subject {
    static auto options(const wish& wanted) {
        typename Pool::options result{.grow_size = 32 << 10, .fit = Fit, .source = wanted.from};
        result.trim = wanted.when;
        if (wanted.initial_blocks != 0) result.initial_bytes = wanted.initial_blocks * result.grow_size;
        if (wanted.maximum_blocks != unlimited)
            result.maximum_bytes = 2 * wanted.maximum_blocks * result.grow_size;
        if (Fit == fit::best) result.tolerance_percent = 10;
        result.name = "any size";
        result.sanitizers = false;
        if constexpr (Option != nullptr) result.*Option = true;
        return result;
    }
    static constexpr bool serves_any_size = true;
    static std::vector<shape> shapes() {
        return {{1, 1},   {8, 8},     {16, 16},     {17, 16},    {100, 4},  {128, 128},
                {200, 8}, {1000, 16}, {1024, 1024}, {4096, 256}, {5000, 1}, {20'000, 16}};
    }
    explicit variable_subject(const wish& wanted) : pool(options(wanted)) {}
    void* allocate(shape form) { return pool.allocate(form.size, form.alignment); }
    void* try_allocate(shape form) noexcept { return pool.try_allocate(form.size, form.alignment); }
    void deallocate(void* block, shape form) {
        Sized ? pool.deallocate(block, form.size, form.alignment) : pool.deallocate(block);
    }
    Pool pool;
};

using variable_good = variable_subject<variable_pool>;
using variable_best = variable_subject<variable_pool, fit::best>;
using variable_first = variable_subject<variable_pool, fit::first, nullptr, false>;
using variable_watched =
    variable_subject<variable_pool, fit::good, &variable_pool_options::sanitizers, false>;
using variable_checks = variable_subject<variable_pool, fit::good, &variable_pool_options::checks>;
using variable_stats = variable_subject<variable_pool, fit::best, &variable_pool_options::stats, false>;
using variable_zeroing = variable_subject<variable_pool, fit::good, &variable_pool_options::zero_on_allocate>;
using variable_erasing = variable_subject<variable_pool, fit::first, &variable_pool_options::erase_on_free>;
using locked_variable = variable_subject<locked<variable_pool>>;

static_assert(subject<variable_good> && subject<locked_variable>);

} // namespace cenote::test
