// cenote: SPDX-License-Identifier: MIT
//
// The interpreter of operation programs for variable_pool.
#include "operations/variable_run.hpp"

#include "operations/frame.hpp"

#include <algorithm>
#include <cstring>

namespace cenote::test {
namespace {

constexpr std::size_t most_live = 2000;
constexpr std::size_t most_live_bytes = std::size_t{2} << 20;

constexpr std::size_t growths[] = {65536, 4096, 1 << 20, 256, 1000, 16384, 0};
constexpr std::size_t initials[] = {0, 0, 0, 1, 5000, 100'000};
constexpr std::size_t maxima[] = {unlimited, unlimited, unlimited, 2000, 60'000, 500'000};
constexpr std::size_t sizes[] = {0,   1,    15,   16,   17,   31,   32,     33,     64,    100,   144,
                                 512, 1000, 1024, 2048, 4096, 8192, 20'000, 70'000, 2'000, 2'033, 4'111};
constexpr std::size_t alignments[] = {1, 8, 32, 64, 256, 1024, 4096, 8192};

bool is_zero(const void* block, std::size_t bytes) {
    return all_are(std::byte{0}, static_cast<const std::byte*>(block), bytes);
}

std::size_t alignment_of(operation how) {
    return how.which % 4 == 0 ? pick(alignments, how.which / 4) : variable_pool::default_alignment;
}

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
    : ground_(ground_of<variable_pool>(script, options)), options_(options) {
    options_.source = &ground_.source();
    if (script.choices[11] % 3 == 1) options_.on_exhaustion = {&variable_run::free_one, this, 2};
    try {
        pool_ = std::make_unique<variable_pool>(options_);
    } catch (const out_of_memory&) {
        require(!ground_.is_ample() || options_.maximum_bytes != unlimited, "the first region was refused");
    }
}

bool variable_run::free_one(void* context, const shortage& what) {
    auto& self = *static_cast<variable_run*>(context);
    require(what.pool == self.options_.name, "the handler was told of another pool");
    self.was_short_ = true;
    if (self.map_.live.size() < 2) return false; // one may be on its way to another place
    self.free(self.map_.live.size() / 2);
    return true;
}

std::size_t variable_run::size_of(operation how) const {
    const std::size_t size = how.which % 3 == 0 ? how.amount % 3000u : pick(sizes, how.amount);
    return map_.live.bytes() + size > most_live_bytes ? size % 100 : size;
}

void variable_run::enter(void* block, std::size_t size, std::size_t alignment) {
    if (options_.zero_on_allocate) require(is_zero(block, size), "a block is not zeroed");
    require(pool_->size_of(block) >= size, "a block is smaller than asked");
    require_good(map_.live.add(block, size, alignment));
    map_.peak = std::max(map_.peak, map_.live.size());
    ++map_.calls.allocations;
}

void* variable_run::leave(std::size_t number) {
    void* const block = map_.live[number].data;
    require_good(map_.live.remove(number));
    map_.note_freed(block);
    throughout_.erase(block);
    ++map_.calls.deallocations;
    return block;
}

void variable_run::free(std::size_t number) {
    const block_ledger::entry gone = map_.live[number];
    void* const block = leave(number);
    if (number % 2 == 0) {
        pool_->deallocate(block);
    } else {
        pool_->deallocate(block, gone.size, gone.alignment);
    }
}

// True when the verb was given what it asks for; refusals need a reason and change nothing.
bool variable_run::tries(const std::function<bool()>& verb) {
    const bool is_armed = ground_.source().is_armed();
    was_short_ = false;
    const pool_stats before = pool_->stats();
    const std::size_t live = map_.live.size();
    bool given = false;
    try {
        given = verb();
    } catch (const out_of_memory& refusal) {
        require(refusal.details().pool == options_.name, "the exception names another pool");
    }
    if (given) return true;
    const bool is_bounded = options_.maximum_bytes != unlimited || options_.grow_size == 0;
    const bool had_reason = is_bounded || !ground_.is_ample() || ground_.is_exact_buffer() || is_armed;
    require(had_reason, "a request was refused without a reason");
    const pool_stats after = pool_->stats();
    const bool handled = live != map_.live.size() || was_short_; // the handler has freed
    require(handled || after.live == before.live, "a refused request changed the live blocks");
    require(handled || after.peak_live == before.peak_live, "a refused request changed the peak");
    require(handled || after.live_bytes == before.live_bytes, "a refused request changed the live bytes");
    return false;
}

void variable_run::allocate(operation how) {
    if (map_.live.size() >= most_live) return;
    std::size_t size = size_of(how);
    const std::size_t alignment = alignment_of(how);
    void* block = nullptr;
    const bool given = tries([&] {
        switch (how.verb % 4) {
        case 0:
            block = pool_->try_allocate(size, alignment);
            break;
        case 1:
            block = pool_->allocate(size, alignment);
            break;
        case 2:
            block = pool_->allocate_zeroed(size, alignment);
            require(is_zero(block, size), "a block is not zeroed");
            break;
        default:
            const allocation got = pool_->allocate_at_least(size, alignment);
            require(got.size >= size, "allocate_at_least gives less");
            block = got.pointer;
            size = got.size;
        }
        return block != nullptr;
    });
    if (given) {
        enter(block, size, alignment);
    } else {
        ++map_.calls.failures;
    }
}

void variable_run::allocate_many(operation how) {
    const std::size_t size = size_of(how) % 5000;
    const std::size_t room = most_live - std::min(most_live, map_.live.size());
    const std::size_t count =
        std::min<std::size_t>({how.amount % 900u, room, (std::size_t{1} << 20) / (size + 1)});
    std::vector<void*> blocks(count + 1, &blocks);
    const bool given = tries([&] {
        if (how.which % 4 < 2) return pool_->try_allocate_n(size, blocks.data(), count);
        pool_->allocate_n(size, blocks.data(), count);
        return true;
    });
    require(blocks.back() == &blocks, "allocate_n wrote too far");
    if (!given) {
        ++map_.calls.failures;
        return;
    }
    for (std::size_t i = 0; i < count; ++i) enter(blocks[i], size, variable_pool::default_alignment);
}

void variable_run::allocate_burst(operation how) {
    for (std::size_t left = how.amount % 700u; left != 0; --left) {
        const std::size_t before = map_.live.size();
        const auto number = static_cast<std::uint16_t>(how.which % 2 == 0 ? how.amount : how.amount * left);
        allocate({static_cast<std::uint8_t>(left), how.which, number});
        if (map_.live.size() <= before) return;
    }
}

void variable_run::free_some(operation how) {
    if (map_.live.empty()) return;
    const std::size_t number = how.amount % map_.live.size();
    switch (how.which % 3) {
    case 0:
        return free(number);
    case 1:
        return pool_->deallocate_erased(leave(number));
    default: {
        std::vector<void*> blocks;
        for (std::size_t left = how.amount % 900u; left != 0 && !map_.live.empty(); --left)
            blocks.push_back(leave(how.which % map_.live.size()));
        pool_->deallocate_n(blocks.data(), blocks.size());
    }
    }
}

void variable_run::free_burst(operation how) {
    std::size_t chance = how.amount * 2654435761u + 1;
    for (std::size_t left = how.amount % 900u; left != 0 && !map_.live.empty(); --left) {
        chance = chance * 6364136223846793005u + 1442695040888963407u;
        const std::size_t size = map_.live.size();
        const std::size_t number = how.which % 3 == 0   ? size - 1
                                   : how.which % 3 == 1 ? 0
                                                        : (chance >> 33) % size;
        free(number);
    }
}

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
    const bool given = tries([&] {
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
        &variable_run::free_burst, &variable_run::ask,       &variable_run::walk,
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
    const std::size_t left = map_.live.size();
    pool_.reset();
    require(recorder::leaked().blocks == left, "the leak report is wrong");
    require(recorder::count() == 0, "the destructor reported misuse though there was none");
    ground_.check_end();
}

void run_on_variable_pool(const program& script) {
    const recorder record;
    const variable_pool_options options = variable_run::options_of(script);
    if (!are_good<variable_pool>(options)) return;
    variable_run(script, options).run(script);
}

} // namespace cenote::test
