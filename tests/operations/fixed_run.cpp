// cenote: SPDX-License-Identifier: MIT
//
// The interpreter of operation programs for fixed_pool.
#include "operations/fixed_run.hpp"

#include "operations/frame.hpp"

namespace cenote::test {
namespace {

growth growth_of(std::uint8_t how, std::uint8_t amount) {
    switch (how % 6) {
    case 2:
        return growth::none();
    case 3:
        return growth::constant(amount % 50u + 1);
    case 4:
        return growth::geometric(2);
    case 5:
        return growth::geometric(1.01, amount + 1u);
    default:
        return {};
    }
}

constexpr std::size_t sizes[] = {64,  1,   2,   3,   7,   8,    12,   16,   24,     31,    40,
                                 100, 128, 200, 512, 777, 1000, 4096, 5000, 40'000, 70'000};
constexpr std::size_t per_slab[] = {0, 0, 1, 2, 3, 8, 63, 64, 65, 130};
constexpr std::size_t maxima[] = {unlimited, unlimited, 1, 5, 64, 200, 1000, 3000};
constexpr std::size_t initials[] = {0, 0, 0, 1, 10, 100};
constexpr std::size_t magazines[] = {0, 0, 1, 2, 30, 1024};
constexpr hand_out orders[] = {hand_out::most_recent, hand_out::oldest, hand_out::lowest_address,
                               hand_out::most_recent};

} // namespace

fixed_pool_options fixed_run::options_of(const program& script) {
    const auto& choices = script.choices;
    fixed_pool_options result{.block_size = pick(sizes, choices[0])};
    if (choices[1] % 4 == 3) result.alignment = std::size_t{1} << choices[1] / 4 % 14;
    result.blocks_per_slab = pick(per_slab, choices[2]);
    result.growth = growth_of(choices[3], choices[4]);
    result.maximum_blocks = pick(maxima, choices[5]);
    result.initial_blocks = pick(initials, choices[6]);
    result.checks = (choices[7] & 1) != 0;
    result.stats = (choices[7] & 2) != 0;
    result.zero_on_allocate = (choices[7] & 12) == 12;
    result.erase_on_free = (choices[7] & 48) == 48;
    result.sanitizers = (choices[7] & 64) != 0;
    result.trim = (choices[7] & 128) != 0 ? trim::manual : trim::automatic;
    result.order = pick(orders, choices[12]);
    result.magazine_blocks = pick(magazines, choices[13]);
    result.adaptive = choices[14] % 2 == 1 && result.trim == trim::automatic;
    result.name = "run";
    if (kind_of_ground(script) == ground::kind::exact_buffer && result.maximum_blocks == unlimited)
        result.maximum_blocks = 300;
    return result;
}

fixed_run::fixed_run(const program& script, const fixed_pool_options& options) : pool_run(script, options) {
    const bool is_none = options_.growth.how == growth::kind::none;
    limit_ = is_none && options_.initial_blocks != 0 ? options_.initial_blocks : options_.maximum_blocks;
    try {
        pool_ = std::make_unique<fixed_pool>(options_);
    } catch (const out_of_memory&) {
        require(!ground_.is_ample(), "initial blocks were refused without a reason");
        return;
    }
    most_live_ = std::min<std::size_t>(3000, (std::size_t{2} << 20) / pool_->stride() + 40);
}

void fixed_run::enter(void* block, std::size_t bytes) {
    if (options_.zero_on_allocate) require_zero(block, bytes);
    require_good(map_.live.add(block, bytes, pool_->alignment()));
    require(reinterpret_cast<std::uintptr_t>(block) % pool_->alignment() == 0, "a block is not aligned");
    map_.ever.insert(block);
    map_.peak = std::max(map_.peak, map_.live.size());
    ++map_.calls.allocations;
}

void fixed_run::require_zero(const void* block, std::size_t bytes) {
    require(all_are(std::byte{0}, static_cast<const std::byte*>(block), bytes), "a block is not zeroed");
}

void fixed_run::free(std::size_t number) {
    pool_->deallocate(leave(number));
}

void fixed_run::refused(std::size_t blocks, bool in_all) {
    const bool is_too_much = blocks > limit_ || (!in_all && map_.live.size() > limit_ - blocks);
    const bool had_reason = is_too_much || !ground_.is_ample() || is_armed_;
    require(had_reason, "a request was refused without a reason");
    if (!in_all) ++map_.calls.failures;
    map_.forget_addresses(); // what it grew by was taken back, and idle slabs with it
}

void fixed_run::allowed(std::size_t blocks) const {
    require(blocks <= limit_ && map_.live.size() <= limit_ - blocks, "more than the maximum was given");
}

// Calls a verb that asks for so many blocks more, or in all: true when it was given them.
bool fixed_run::tries(std::size_t blocks, bool in_all, const std::function<bool()>& verb) {
    const pool_stats before = pool_->stats();
    const std::size_t live = map_.live.size();
    const bool given = attempt(verb);
    if (given && was_short_) map_.forget_addresses(); // as below, before the handler was called
    if (!given) {
        refused(blocks, in_all);
        const pool_stats after = pool_->stats();
        const bool handled = live != map_.live.size(); // the handler has freed
        require(handled || after.live == before.live, "a refused request changed the live blocks");
        require(handled || after.peak_live == before.peak_live, "a refused request changed the peak");
    }
    return given;
}

void fixed_run::allocate(operation how) {
    if (map_.live.size() >= most_live_) return;
    void* block = nullptr;
    std::size_t bytes = pool_->block_size();
    const bool given = tries(1, false, [&] {
        switch (how.verb % 4) {
        case 0:
            block = pool_->try_allocate();
            break;
        case 1:
            block = pool_->allocate();
            break;
        case 2:
            block = pool_->allocate_zeroed();
            require_zero(block, bytes);
            break;
        default:
            const allocation got = pool_->allocate_at_least();
            block = got.pointer;
            bytes = got.size;
            require(bytes == pool_->stride(), "allocate_at_least does not give the stride");
        }
        return block != nullptr;
    });
    if (!given) return;
    allowed(1);
    enter(block, bytes);
}

void fixed_run::allocate_many(operation how) {
    const std::size_t room = most_live_ - std::min(most_live_, map_.live.size());
    const std::size_t count = std::min<std::size_t>(how.amount % 1600, room + how.which % 2 * 10);
    std::vector<void*> blocks(count + 1, &blocks);
    const bool given = tries(count, false, [&] {
        if (how.which % 4 < 2) return pool_->try_allocate_n(blocks.data(), count);
        pool_->allocate_n(blocks.data(), count);
        return true;
    });
    require(blocks.back() == &blocks, "allocate_n wrote too far");
    if (!given) return;
    allowed(count);
    for (std::size_t i = 0; i < count; ++i) enter(blocks[i], pool_->block_size());
}

void fixed_run::allocate_burst(operation how) {
    for (std::size_t left = how.amount % 1500; left != 0; --left) {
        const std::size_t before = map_.live.size();
        allocate({static_cast<std::uint8_t>(how.which % 4), 0, 0});
        if (map_.live.size() <= before) return;
    }
}

void fixed_run::free_some(operation how) {
    if (map_.live.empty()) return;
    const std::size_t number = how.amount % map_.live.size();
    switch (how.which % 4) {
    case 0:
        return free(number);
    case 1:
        return pool_->deallocate(leave(number), how.amount % pool_->block_size());
    case 2:
        return pool_->deallocate_erased(leave(number));
    default: {
        std::vector<void*> blocks;
        for (std::size_t left = how.amount % 1400; left != 0 && !map_.live.empty(); --left)
            blocks.push_back(leave(how.which % map_.live.size()));
        pool_->deallocate_n(blocks.data(), blocks.size());
    }
    }
}

void fixed_run::step(operation how) {
    using verb = void (fixed_run::*)(operation);
    static constexpr verb verbs[] = {
        &fixed_run::allocate,  &fixed_run::allocate,   &fixed_run::allocate_many, &fixed_run::allocate_burst,
        &fixed_run::free_some, &fixed_run::free_some,  &fixed_run::free_many,     &fixed_run::ask,
        &fixed_run::walk,      &fixed_run::walk_on,    &fixed_run::reset,         &fixed_run::trim_all,
        &fixed_run::reserve,   &fixed_run::misuse_one, &fixed_run::misuse_one,    &fixed_run::refuse};
    (this->*verbs[how.verb % std::size(verbs)])(how);
}

void fixed_run::check(bool whole) const {
    const pool_stats now = pool_->stats();
    compare(now, map_, options_.is_exact() ? 0 : 2 * engine::most_in_magazine);
    require(now.live_bytes == now.live * pool_->block_size(), "live bytes are not live blocks");
    require(now.blocks <= options_.maximum_blocks, "more blocks than the maximum");
    require(now.calls.has_value() == options_.stats, "calls are counted without the option, or not with it");
    require(recorder::count() == 0, "misuse was reported though there was none");
    ground_.check(now.reserved_bytes);
    if (!whole) return;
    require(pool_->is_valid(), "the pool is not valid");
    require_good(map_.live.look_at_all());
}

void fixed_run::run(const program& script) {
    if (pool_ == nullptr) return;
    go_through(
        script, 400, [this](operation one) { step(one); },
        [this](std::size_t number) { check(map_.live.size() < 300 || number % 8 == 0); });
    check(true);
    end();
}

void run_on_fixed_pool(const program& script) {
    const recorder record;
    const fixed_pool_options options = fixed_run::options_of(script);
    if (!are_good<fixed_pool>(options)) return;
    fixed_run(script, options).run(script);
}

} // namespace cenote::test
