// cenote: SPDX-License-Identifier: MIT
//
// The pools for many threads in the conformance suite, where one thread uses them: what a pool of one thread
// promises they promise too.
#pragma once

#include <cenote/concurrent/concurrent_multi_pool.hpp>
#include <cenote/concurrent/concurrent_object_pool.hpp>
#include <cenote/concurrent/concurrent_pool.hpp>
#include <cenote/concurrent/locked.hpp>

#include "conformance/pool_subjects.hpp"

namespace cenote::test {

template<std::size_t Size, std::size_t Alignment, auto Option = nullptr>
using concurrent_subject = block_subject<concurrent_pool, Size, Alignment, Option>;

using concurrent_plain = concurrent_subject<64, 16>;
using concurrent_tiny = concurrent_subject<1, 1>;
using concurrent_large = concurrent_subject<70'000, 64>;
using concurrent_watched = concurrent_subject<48, 16, &concurrent_pool_options::sanitizers>;
using concurrent_checks = concurrent_subject<64, 64, &concurrent_pool_options::checks>;
using concurrent_stats = concurrent_subject<40, 8, &concurrent_pool_options::stats>;
using concurrent_zeroing = concurrent_subject<24, 8, &concurrent_pool_options::zero_on_allocate>;
using concurrent_erasing = concurrent_subject<72, 8, &concurrent_pool_options::erase_on_free>;

using concurrent_objects = object_subject<concurrent_object_pool<parcel>>;
using concurrent_checked_objects =
    object_subject<concurrent_object_pool<parcel>, &concurrent_object_pool_options::checks>;

template<auto Option = nullptr, bool Sized = true>
using concurrent_sized_subject = sized_subject<concurrent_multi_pool, Option, Sized>;

using concurrent_multi_plain = concurrent_sized_subject<>;
using concurrent_multi_unsized = concurrent_sized_subject<nullptr, false>;
using concurrent_multi_watched = concurrent_sized_subject<&concurrent_multi_pool_options::sanitizers>;
using concurrent_multi_checks = concurrent_sized_subject<&concurrent_multi_pool_options::checks>;
using concurrent_multi_stats = concurrent_sized_subject<&concurrent_multi_pool_options::stats, false>;
using concurrent_multi_zeroing = concurrent_sized_subject<&concurrent_multi_pool_options::zero_on_allocate>;
using concurrent_multi_erasing = concurrent_sized_subject<&concurrent_multi_pool_options::erase_on_free>;

using locked_fixed = block_subject<locked<fixed_pool>, 64, 16>;
using locked_multi = sized_subject<locked<multi_pool>>;

static_assert(subject<concurrent_plain> && subject<concurrent_objects> && subject<concurrent_multi_plain>);
static_assert(subject<locked_fixed> && subject<locked_multi>);

} // namespace cenote::test
