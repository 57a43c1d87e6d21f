// cenote: SPDX-License-Identifier: MIT
//
// The interpreter of operation programs for variable_pool.
#include "operations/variable_run.hpp"

#include "operations/frame.hpp"

#include <algorithm>
#include <cstring>

namespace cenote::test {
namespace {

constexpr std::size_t most_live_bytes = std::size_t{2} << 20;

constexpr std::size_t growths[] = {65536, 4096, 1 << 20, 256, 1000, 16384, 0};
constexpr std::size_t initials[] = {0, 0, 0, 1, 5000, 100'000};
constexpr std::size_t maxima[] = {unlimited, unlimited, unlimited, 2000, 60'000, 500'000};
constexpr std::size_t sizes[] = {0,   1,    15,   16,   17,   31,   32,     33,     64,    100,   144,
                                 512, 1000, 1024, 2048, 4096, 8192, 20'000, 70'000, 2'000, 2'033, 4'111};

} // namespace

variable_pool_options variable_run::options_of(const program& script) {
    const auto& choices = script.choices;
    variable_pool_options result{.initial_bytes = pick(initials, choices[1])};
    result.grow_size = pick(growths, choices[0]);
    result.maximum_bytes = pick(maxima, choices[2]);
    result.fit = static_cast<fit>(choices[3] % 3);
    if (result.fit == fit::best) result.tolerance_percent = choices[4] % 3u * 20;
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

variable_run::variable_run(const program& script, const variable_pool_options& options)
    : sized_run(script, options, sizes, most_live_bytes) {}

// The ledger fills a block anew when it is entered: what it must hold is looked at before.
void variable_run::change(const block_ledger::entry& was, std::byte filled, void* now, std::size_t size) {
    const bool has_moved = now != was.data;
    std::byte* const bytes = static_cast<std::byte*>(now);
    const std::size_t kept = std::min({size, was.size, std::size_t{4096}});
    require(all_are(filled, bytes, kept), "a block that was reallocated lost its contents");
    if (options_.zero_on_allocate && size > was.size)
        require(is_zero(bytes + was.size, size - was.size), "the tail of a block is not zeroed");
    require(pool_->size_of(now) >= size, "a block is smaller than asked");
    map_.live.forget(was.data);
    throughout_.erase(was.data);
    if (has_moved) map_.note_freed(was.data);
    require_good(map_.live.add(now, size, was.alignment));
    if (has_moved) map_.peak = std::max(map_.peak, map_.live.size() + 1);
    if (has_moved) {
        ++map_.calls.allocations;
        ++map_.calls.deallocations;
    }
}

void variable_run::reallocate(operation how) {
    if (map_.live.empty()) return;
    const std::size_t number = how.amount % map_.live.size();
    const block_ledger::entry one = map_.live[number];
    const std::byte filled = one.size != 0 ? *one.data : std::byte{0};
    const std::size_t size = size_of({how.verb, how.which, static_cast<std::uint16_t>(how.amount * 7)});
    void* now = nullptr;
    const bool given = tries(true, [&] {
        now = how.which % 2 == 0 || options_.on_exhaustion.call != nullptr
                  ? pool_->try_reallocate(one.data, size, one.alignment)
                  : pool_->reallocate(one.data, size, one.alignment);
        return now != nullptr;
    });
    if (given) {
        change(one, filled, now, size);
    } else {
        ++map_.calls.failures;
        require(size > one.size, "a smaller block was refused");
    }
}

void variable_run::resize(operation how) {
    if (map_.live.empty()) return;
    const std::size_t number = how.amount % map_.live.size();
    const block_ledger::entry one = map_.live[number];
    const std::byte filled = one.size != 0 ? *one.data : std::byte{0};
    const std::size_t size = size_of({how.verb, how.which, static_cast<std::uint16_t>(how.amount * 5)});
    const std::size_t usable = pool_->size_of(one.data);
    if (pool_->try_resize(one.data, size)) {
        change(one, filled, one.data, size);
    } else {
        require(pool_->size_of(one.data) == usable, "a refused resize changed the block");
    }
}

void variable_run::step(operation how) {
    using verb = void (variable_run::*)(operation);
    static constexpr verb verbs[] = {
        &variable_run::allocate,   &variable_run::allocate,  &variable_run::allocate_many,
        &variable_run::free_some,  &variable_run::free_some, &variable_run::allocate_burst,
        &variable_run::free_many,  &variable_run::ask,       &variable_run::walk,
        &variable_run::walk_on,    &variable_run::reset,     &variable_run::trim_all,
        &variable_run::reallocate, &variable_run::resize,    &variable_run::reserve,
        &variable_run::misuse_one, &variable_run::refuse,    &variable_run::reallocate};
    (this->*verbs[how.verb % std::size(verbs)])(how);
}

void variable_run::check(bool whole) const {
    const pool_stats now = pool_->stats();
    compare(now, map_, 0);
    require(now.reserved_bytes <= options_.maximum_bytes, "more is reserved than the maximum");
    require(now.calls.has_value() == options_.stats, "calls are counted without the option, or not with it");
    require(recorder::count() == 0, "misuse was reported though there was none");
    require(pool_->fragmentation() >= 0 && pool_->fragmentation() < 1, "fragmentation is no share");
    ground_.check(now.reserved_bytes);
    if (!whole) return;
    require(pool_->is_valid(), "the pool is not valid");
    require_good(map_.live.look_at_all());
    std::size_t bytes = 0;
    for (const auto& one : map_.live) bytes += pool_->size_of(one.data);
    require(now.live_bytes == bytes, "live bytes are not those of the live blocks");
}

void variable_run::run(const program& script) {
    if (pool_ == nullptr) return;
    go_through(
        script, 300, [this](operation one) { step(one); },
        [this](std::size_t number) { check(map_.live.size() < 200 || number % 8 == 0); });
    check(true);
    end();
}

void run_on_variable_pool(const program& script) {
    const recorder record;
    const variable_pool_options options = variable_run::options_of(script);
    if (!are_good<variable_pool>(options)) return;
    variable_run(script, options).run(script);
}

} // namespace cenote::test
