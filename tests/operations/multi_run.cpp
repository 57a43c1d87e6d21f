// cenote: SPDX-License-Identifier: MIT
//
// The interpreter of operation programs for multi_pool.
#include "operations/multi_run.hpp"

#include "operations/frame.hpp"

#include <algorithm>

namespace cenote::test {
namespace {

constexpr std::size_t most_live_bytes = std::size_t{4} << 20;

constexpr std::size_t slabs[] = {65536, 1024, 2048, 4096, 65536, 16384};
constexpr std::size_t initials[] = {0, 0, 0, 1, 5000, 100'000};
constexpr std::size_t maxima[] = {unlimited, unlimited, unlimited, 2000, 60'000, 500'000};
constexpr std::size_t sizes[] = {0,   1,   15,   16,   17,   100,  128,    129,   144,
                                 145, 512, 1000, 2048, 4096, 8192, 20'000, 70'000};

} // namespace

multi_pool_options multi_run::options_of(const program& script) {
    const auto& choices = script.choices;
    multi_pool_options result{.slab_bytes = pick(slabs, choices[0])};
    result.initial_bytes = pick(initials, choices[1]);
    result.maximum_bytes = pick(maxima, choices[2]);
    if (choices[3] % 5 == 1) result.growth = growth::none();
    if (choices[3] % 5 == 2) result.growth = growth::constant(choices[4] % 4u + 1);
    if (choices[3] % 5 == 3) result.growth = growth::geometric(2, choices[4] + 1u);
    result.checks = (choices[7] & 1) != 0;
    result.stats = (choices[7] & 2) != 0;
    result.zero_on_allocate = (choices[7] & 12) == 12;
    result.erase_on_free = (choices[7] & 48) == 48;
    result.sanitizers = (choices[7] & 64) != 0;
    result.trim = (choices[7] & 128) != 0 ? trim::manual : trim::automatic;
    result.name = "run";
    if (kind_of_ground(script) == ground::kind::exact_buffer && result.initial_bytes == 0)
        result.initial_bytes = 200'000;
    return result;
}

multi_run::multi_run(const program& script, const multi_pool_options& options)
    : sized_run(script, options, sizes, most_live_bytes) {}

void multi_run::step(operation how) {
    using verb = void (multi_run::*)(operation);
    static constexpr verb verbs[] = {
        &multi_run::allocate,  &multi_run::allocate,   &multi_run::allocate_many, &multi_run::allocate_burst,
        &multi_run::free_some, &multi_run::free_some,  &multi_run::free_many,     &multi_run::ask,
        &multi_run::walk,      &multi_run::walk_on,    &multi_run::reset,         &multi_run::trim_all,
        &multi_run::reserve,   &multi_run::misuse_one, &multi_run::misuse_one,    &multi_run::refuse};
    (this->*verbs[how.verb % std::size(verbs)])(how);
}

void multi_run::check(bool whole) const {
    const pool_stats now = pool_->stats();
    const std::size_t cached =
        is_exact() ? 0 : 90 * 1024; // every class notes its own live blocks now and then
    compare(now, map_, cached, cached);
    require(now.reserved_bytes <= options_.maximum_bytes, "more is reserved than the maximum");
    require(now.calls.has_value() == options_.stats, "calls are counted without the option, or not with it");
    require(recorder::count() == 0, "misuse was reported though there was none");
    ground_.check(now.reserved_bytes);
    if (!whole) return;
    require(pool_->is_valid(), "the pool is not valid");
    require_good(map_.live.look_at_all());
    std::size_t bytes = 0;
    for (const auto& one : map_.live) bytes += pool_->size_of(one.data);
    require(now.live_bytes == bytes, "live bytes are not those of the live blocks");
}

void multi_run::run(const program& script) {
    if (pool_ == nullptr) return;
    go_through(
        script, 300, [this](operation one) { step(one); },
        [this](std::size_t number) { check(map_.live.size() < 200 || number % 8 == 0); });
    check(true);
    end();
}

void run_on_multi_pool(const program& script) {
    const recorder record;
    const multi_pool_options options = multi_run::options_of(script);
    if (!are_good<multi_pool>(options)) return;
    multi_run(script, options).run(script);
}

} // namespace cenote::test
