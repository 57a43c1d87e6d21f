// cenote: SPDX-License-Identifier: MIT
#include "cases.hpp"

#include <algorithm>
#include <array>
#include <fmt/format.h>
#include <initializer_list>
#include <stdexcept>

namespace cenote::bench {
namespace {

struct description {
    pattern what;
    const char* name;
    const char* operation;
    unsigned needed; // any of these abilities
    const char* figure;
};

constexpr unsigned only(ability one) {
    return 0u | one;
}

constexpr std::array<description, 32> descriptions{{
    {pattern::pair, "pair", "get and put", ability::alone | ability::calls, nullptr},
    {pattern::batch_reverse, "batch_reverse", "get and put", only(ability::alone), nullptr},
    {pattern::batch_in_order, "batch_in_order", "get and put", only(ability::alone), nullptr},
    {pattern::batch_shuffled, "batch_shuffled", "get and put", only(ability::alone), nullptr},
    {pattern::random_replacement, "random_replacement", "get and put", ability::alone | ability::replacement,
     "huge_page_kib"},
    {pattern::drop_in_order, "drop_in_order", "put", only(ability::alone), nullptr},
    {pattern::drop_shuffled, "drop_shuffled", "put", only(ability::alone), nullptr},
    {pattern::bulk_32, "bulk_32", "block got and put", only(ability::bulk), nullptr},
    {pattern::random_sizes, "random_sizes", "get and put", only(ability::sizes), "reserved_per_live"},
    {pattern::threads_pair, "pair", "get and put", only(ability::shared), nullptr},
    {pattern::producer_consumer, "producer_consumer", "block handed over", only(ability::shared), nullptr},
    {pattern::free_each_other, "free_each_other", "get and put", only(ability::shared), nullptr},
    {pattern::threads_sizes, "random_sizes", "get and put", only(ability::shared_sizes), nullptr},
    {pattern::unsized_pair, "unsized_pair", "get and put", only(ability::unsized), nullptr},
    {pattern::alternating, "alternating", "get and put", only(ability::several), nullptr},
    {pattern::short_threads, "short_threads", "thread", only(ability::shared), nullptr},
    {pattern::lifecycle, "lifecycle", "pool", only(ability::brief), nullptr},
    {pattern::metadata, "metadata", "put and get", only(ability::alone), "metadata_percent"},
    {pattern::scratch, "scratch", "get, freed with the others", only(ability::scratch), nullptr},
    {pattern::bounded_plenty, "bounded_plenty", "get and put", ability::bounded | ability::unwaited, nullptr},
    {pattern::bounded_short, "bounded_short", "get and put", only(ability::bounded), nullptr},
    {pattern::wake_up, "wake_up", "thread woken", only(ability::waking), nullptr},
    {pattern::buffers, "buffers", "get and put", only(ability::buffers), nullptr},
    {pattern::buffers_over, "buffers_over", "get and put", only(ability::buffers), nullptr},
    {pattern::buffers_16, "buffers_16", "get and put", only(ability::buffers), nullptr},
    {pattern::buffers_16_touched, "buffers_16_touched", "get, touched, and put", only(ability::buffers),
     nullptr},
    {pattern::buffers_touched, "buffers_touched", "get, touched, and put", only(ability::buffers), nullptr},
    {pattern::buffers_over_touched, "buffers_over_touched", "get, touched, and put", only(ability::buffers),
     nullptr},
    {pattern::buffer_workers, "buffer_workers", "get and put", only(ability::buffers), nullptr},
    {pattern::workers_touched, "workers_touched", "get, touched, and put", only(ability::buffers), nullptr},
    {pattern::relay, "relay", "message", only(ability::relaying), nullptr},
    {pattern::buffers_hour, "buffers_hour", "peak and hour", only(ability::buffers), "resident_per_live"},
}};

constexpr std::array<const char*, 5> relay_figures{"p50_us", "p99_us", "p999_us", "resident_during_kib",
                                                   "resident_after_kib"};

const description& describe(pattern what) {
    return descriptions[static_cast<std::size_t>(what)];
}

bool is_of_sizes(pattern what) {
    return what == pattern::random_sizes || what == pattern::threads_sizes;
}

void add_one_thread(std::vector<test_case>& all) {
    for (const pattern what : {pattern::pair, pattern::batch_reverse, pattern::batch_in_order,
                               pattern::batch_shuffled, pattern::random_replacement})
        for (const std::size_t size : {16, 64, 256, 1024}) all.push_back({.what = what, .block_size = size});
    for (const pattern what : {pattern::drop_in_order, pattern::drop_shuffled, pattern::bulk_32})
        all.push_back({.what = what});
    all.push_back({.what = pattern::random_sizes, .block_size = largest_random});
}

void add_threads(std::vector<test_case>& all, bool is_growing) {
    for (const unsigned threads : {1u, 2u, 4u, 8u, 16u, 32u, 64u})
        all.push_back({.what = pattern::threads_pair, .threads = threads});
    for (const pattern what : {pattern::free_each_other, pattern::producer_consumer})
        for (const unsigned threads : {2u, 8u, 32u}) all.push_back({.what = what, .threads = threads});
    for (const pattern what : {pattern::threads_pair, pattern::free_each_other, pattern::producer_consumer})
        for (const std::size_t size : {16, 256, 1024})
            for (const unsigned threads : {2u, 8u, 32u})
                if (threads == 2 || is_growing)
                    all.push_back({.what = what, .block_size = size, .threads = threads});
    for (const unsigned threads : {2u, 8u, 32u})
        all.push_back({.what = pattern::threads_sizes, .block_size = largest_random, .threads = threads});
    for (const std::size_t size : {16, 64, 256, 1024})
        all.push_back({.what = pattern::unsized_pair, .block_size = size, .threads = 1});
}

void add_pools(std::vector<test_case>& all) {
    for (const unsigned pools : {1u, 64u}) all.push_back({.what = pattern::alternating, .pools = pools});
    for (const pattern what : {pattern::short_threads, pattern::lifecycle, pattern::metadata})
        all.push_back({.what = what});
}

void add_bounded(std::vector<test_case>& all) {
    all.push_back({.what = pattern::scratch, .block_size = 32});
    for (const unsigned threads : {1u, 2u, 8u, 32u})
        all.push_back({.what = pattern::bounded_plenty, .threads = threads});
    for (const unsigned threads : {2u, 8u, 32u})
        all.push_back({.what = pattern::bounded_short, .threads = threads});
}

void add_buffers(std::vector<test_case>& all, bool whole) {
    all.push_back({.what = pattern::bounded_plenty, .block_size = 1 << 20, .threads = 1});
    all.push_back({.what = pattern::wake_up, .threads = 2});
    for (const unsigned threads : {1u, 2u})
        all.push_back({.what = pattern::buffers, .block_size = largest_buffer, .threads = threads});
    for (const pattern what : {pattern::buffers_over, pattern::buffers_16, pattern::buffers_16_touched,
                               pattern::buffers_touched, pattern::buffers_over_touched})
        all.push_back({.what = what, .block_size = largest_buffer, .threads = 1});
    all.push_back({.what = pattern::buffers_hour, .block_size = largest_of_hour});
    for (const unsigned threads : {1u, 2u, 4u, 8u, 16u, 32u}) {
        if (!whole && threads > 2) continue; // they take long
        for (const pattern what : {pattern::buffer_workers, pattern::workers_touched})
            all.push_back({.what = what, .block_size = largest_buffer, .threads = threads});
    }
    all.push_back({.what = pattern::relay, .block_size = largest_message});
}

void add_growth(std::vector<test_case>& all, bool is_growing) {
    for (const std::size_t live : {std::size_t{1'000}, std::size_t{100'000}, std::size_t{10'000'000}}) {
        if (live > random_blocks && !is_growing) continue;
        all.push_back({.what = pattern::pair, .live = live});
        if (live != random_blocks) all.push_back({.what = pattern::random_replacement, .live = live});
    }
    if (!is_growing) return;
    for (const unsigned threads : {2u, 8u})
        all.push_back({.what = pattern::free_each_other, .threads = threads, .parcel = large_parcel_blocks});
}

bool is_typical(const test_case& one) {
    constexpr std::array typical{pattern::pair, pattern::batch_shuffled, pattern::random_replacement,
                                 pattern::drop_in_order, pattern::random_sizes};
    return (one.block_size == 64 || one.what == pattern::random_sizes) && one.threads == 0 &&
           std::find(typical.begin(), typical.end(), one.what) != typical.end();
}

} // namespace

std::string test_case::name() const {
    std::string text = fmt::format("{}/", describe(what).name);
    text +=
        is_of_sizes(what) ? fmt::format("{}-{}", smallest_random, block_size) : fmt::to_string(block_size);
    if (threads != 0) text += fmt::format("/{}_thread{}", threads, threads == 1 ? "" : "s");
    if (what == pattern::alternating) text += fmt::format("/{}_pool{}", pools, pools == 1 ? "" : "s");
    if (live != 0) text += fmt::format("/live_{}", live);
    if (parcel != parcel_blocks) text += fmt::format("/parcels_{}", parcel);
    if (is_fragmented) text += "/fragmented";
    return text;
}

const char* test_case::operation() const {
    return describe(what).operation;
}

std::span<const char* const> test_case::figures() const {
    if (what == pattern::relay) return relay_figures;
    const char* const& only_one = describe(what).figure;
    return {&only_one, only_one != nullptr ? 1u : 0u};
}

std::size_t test_case::figure(std::string_view wanted) const {
    const std::span<const char* const> all = figures();
    const auto found = std::find(all.begin(), all.end(), wanted);
    if (found == all.end()) throw std::out_of_range(fmt::format("{} has no {}", name(), wanted));
    return static_cast<std::size_t>(found - all.begin());
}

bool test_case::is_survey() const {
    return live != 0 || is_fragmented || threads > 32 || parcel != parcel_blocks;
}

bool test_case::admits(unsigned abilities) const {
    return (describe(what).needed & abilities) != 0;
}

std::vector<test_case> all_cases(extent wanted) {
    const bool whole = wanted == extent::whole;
    const bool is_growing = wanted != extent::quick;
    std::vector<test_case> all;
    add_one_thread(all);
    add_threads(all, is_growing);
    add_pools(all);
    add_bounded(all);
    add_buffers(all, whole);
    const std::vector<test_case> plain = all;
    add_growth(all, is_growing);
    for (test_case one : plain) {
        if (!is_growing && !is_typical(one)) continue;
        one.is_fragmented = true;
        all.push_back(one);
    }
    return all;
}

// Any case may run on a heap cut up beforehand, not only those that do so without being asked.
std::optional<test_case> find_case(std::string_view name) {
    constexpr std::string_view suffix = "/fragmented";
    const bool is_fragmented = name.ends_with(suffix);
    if (is_fragmented) name.remove_suffix(suffix.size());
    for (test_case one : all_cases(extent::whole)) {
        if (one.is_fragmented || one.name() != name) continue;
        one.is_fragmented = is_fragmented;
        return one;
    }
    return std::nullopt;
}

} // namespace cenote::bench
