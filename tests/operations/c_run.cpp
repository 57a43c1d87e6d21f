// cenote: SPDX-License-Identifier: MIT
#include "operations/c_run.hpp"

#include "support/memcheck.hpp"

#include <algorithm>
#include <array>
#include <cstring>

namespace cenote::test {
namespace {

constexpr std::array<std::size_t, 6> block_sizes{1, 16, 24, 64, 200, 4096};
constexpr std::size_t largest = 20'000;

void* parent_allocate(void* context, std::size_t size, std::size_t alignment, unsigned options) {
    auto& from = *static_cast<source*>(context);
    const source::request wanted{.bytes = size, .alignment = alignment};
    void* const region = from.reserve(wanted);
    if (region == nullptr) return nullptr;
    if (!from.commit(region, size)) {
        from.release(region, wanted);
        return nullptr;
    }
    if ((options & CENOTE_ZERO) != 0) std::memset(region, 0, size);
    return region;
}

cenote_status parent_deallocate(void* context, void* block, std::size_t size, std::size_t alignment) {
    static_cast<source*>(context)->release(block, {.bytes = size, .alignment = alignment});
    return CENOTE_OK;
}

bool all_zero(const void* block, std::size_t from, std::size_t to) {
    const auto* const bytes = static_cast<const std::byte*>(block);
    return std::all_of(bytes + from, bytes + std::max(from, to),
                       [](std::byte b) { return b == std::byte{}; });
}

} // namespace

void run_on_c_face(const program& script) {
    c_run(script).run(script);
}

c_run::c_run(const program& script)
    : source_(strict_),
      parent_{static_cast<source*>(&source_), parent_allocate, nullptr, parent_deallocate, nullptr} {
    make(script);
}

c_run::~c_run() {
    cenote_fixed_destroy(fixed_);
    cenote_variable_destroy(variable_);
    (void)cenote_arena_destroy(arena_);
}

// A handle is null exactly when its maker says that it failed.
void c_run::make(const program& script) {
    const auto& choice = script.choices;
    kind_ = static_cast<kind>(choice[0] % 5);
    if (choice[1] % 4 == 0) source_.refuse(1 + choice[2] % 4, refusal::from_then_on);
    cenote_status status = CENOTE_OK;
    if (is_fixed()) {
        cenote_fixed_options options = CENOTE_FIXED_OPTIONS_INIT;
        options.block_size = block_size_ = block_sizes[choice[3] % block_sizes.size()];
        options.initial_blocks = choice[4] % 3 == 0 ? choice[5] % 8 : 0;
        options.maximum_blocks = choice[6] % 2 == 0 ? 8 + choice[7] : 0;
        options.blocks_per_slab = 1 + choice[8];
        options.thread_safe = kind_ == kind::shared;
        options.stats = choice[9] % 2;
        options.erase_on_free = choice[10] % 4 == 0;
        options.memory.parent = &parent_;
        status = cenote_fixed_create(&options, &fixed_);
        face_ = cenote_fixed_allocator(fixed_);
    } else if (kind_ == kind::arena) {
        cenote_arena_options options = CENOTE_ARENA_OPTIONS_INIT;
        options.chunk_size = std::size_t{1} + choice[3] * 16u;
        options.memory.parent = &parent_;
        status = cenote_arena_create(&options, &arena_);
        face_ = cenote_arena_allocator(arena_);
    } else {
        cenote_variable_options options = CENOTE_VARIABLE_OPTIONS_INIT;
        options.grow_size = std::size_t{1024} << choice[3] % 8;
        options.fit = static_cast<cenote_fit>(choice[4] % 3);
        options.initial_bytes = choice[5] % 4 == 0 ? choice[6] * 8u : 0;
        options.thread_safe = kind_ == kind::locked;
        options.stats = choice[7] % 2;
        options.memory.parent = &parent_;
        status = cenote_variable_create(&options, &variable_);
        face_ = cenote_variable_allocator(variable_);
    }
    const bool is_made = fixed_ != nullptr || variable_ != nullptr || arena_ != nullptr;
    require(status == CENOTE_OK || status == CENOTE_NO_MEMORY, "good options are refused");
    require((status == CENOTE_OK) == is_made, "a handle and its status do not agree");
    require(is_made || source_.refused() != 0, "there was memory, but no handle");
    source_.relent();
    if (!is_made) require(strict_.regions() == 0, "a handle that could not be made keeps memory");
}

void c_run::run(const program& script) {
    if (face_.allocate == nullptr) return;
    for (const operation how : script.operations) {
        step(how);
        check();
    }
    require_good(live_.look_at_all());
    cenote_fixed_destroy(fixed_);
    cenote_variable_destroy(variable_);
    require(cenote_arena_destroy(arena_) == CENOTE_OK, "an arena cannot be destroyed");
    fixed_ = nullptr;
    variable_ = nullptr;
    arena_ = nullptr;
    require(strict_.regions() == 0, "memory did not go back to the parent");
    require_good(strict_.complaint());
}

void c_run::step(operation how) {
    switch (how.verb % 16) {
    case 0:
    case 1:
    case 2:
        return allocate(how);
    case 3:
        return free_one(how);
    case 4:
        return free_wrongly(how);
    case 5:
        return reallocate(how);
    case 6:
        return how.which % 8 == 0 ? reset() : trim();
    case 7:
        return walk(how);
    case 8:
        return ask_impossible(how);
    case 9:
    case 10:
        return call_directly(how);
    case 11:
        return question(how);
    case 12:
        return how.which % 8 == 0 ? ask_with_nothing() : work_in_a_buffer(how);
    case 13:
        return use_the_defaults(how);
    case 14:
        return how.which % 2 == 0 ? exhaust(how) : lend_arenas(how);
    default:
        how.which % 2 == 0 ? source_.refuse(1 + how.amount % 3, refusal::once) : source_.relent();
    }
}

void c_run::check() {
    require(watch_.count() == 0, "the misuse handler was called");
    require(kind_ == kind::arena || live() == live_.size(), "the pool counts other live blocks than the map");
    require_good(strict_.complaint());
}

std::size_t c_run::size_of(operation how) const {
    return is_fixed() ? how.amount % (block_size_ + 1) : how.amount % largest;
}

void c_run::allocate(operation how) {
    const std::size_t size = size_of(how);
    const std::size_t alignment = is_fixed() ? 1 : std::size_t{1} << how.which % 9;
    const unsigned options = how.which % 2 == 0 ? unsigned{CENOTE_ZERO} : unsigned{CENOTE_NONE};
    const std::size_t refused = source_.refused();
    void* const block = cenote_allocate(&face_, size, alignment, options);
    if (block == nullptr) {
        require(is_fixed() || source_.refused() != refused, "there was memory, but no block");
        return;
    }
    if (options == CENOTE_ZERO) require(all_zero(block, 0, size), "a zeroed block is not");
    require_good(live_.add(block, size, alignment));
    std::erase(gone_, block);
}

void c_run::free_one(operation how) {
    if (live_.empty()) return;
    const block_ledger::entry gone = live_[how.amount % live_.size()];
    require_good(live_.remove(how.amount % live_.size()));
    const bool by_face = kind_ == kind::arena || how.which % 2 == 0;
    const cenote_status status =
        by_face ? cenote_deallocate(&face_, gone.data, gone.size, gone.alignment) : free(gone.data);
    require(status == CENOTE_OK, "a live block cannot be freed");
    gone_.push_back(gone.data);
}

void c_run::free_wrongly(operation how) {
    alignas(16) std::byte foreign[64];
    void* wrong = foreign;
    if (kind_ == kind::arena) {
        require(cenote_arena_free(arena_, wrong, 8) == CENOTE_FOREIGN_POINTER, "a foreign pointer is freed");
        return;
    }
    if (how.which % 3 == 1 && !gone_.empty()) wrong = gone_[how.amount % gone_.size()];
    if (how.which % 3 == 2 && !live_.empty()) {
        const block_ledger::entry& one = live_[how.amount % live_.size()];
        if (one.size > 1) wrong = one.data + 1 + how.amount % (one.size - 1);
    }
    if (live_.holds(wrong)) return;
    require(free(wrong) != CENOTE_OK, "what is no live block can be freed");
    require(free(nullptr) == CENOTE_OK, "null cannot be freed");
    const int is_live =
        is_fixed() ? cenote_fixed_is_live(fixed_, wrong) : cenote_variable_is_live(variable_, wrong);
    require(is_live == 0, "what was freed is live");
}

void c_run::reallocate(operation how) {
    if (live_.empty()) return;
    const block_ledger::entry old = live_[how.which % live_.size()];
    const std::size_t size = size_of(how);
    require_good(live_.look_at_all());
    live_.forget(old.data);
    read_on_purpose(old.data, std::min(old.size, size)); // of a large block only the ends were filled
    const std::vector<std::byte> before(old.data, old.data + std::min(old.size, size));
    void* const moved = cenote_reallocate(&face_, old.data, old.size, size, old.alignment, CENOTE_ZERO);
    if (moved == nullptr) {
        require(std::equal(before.begin(), before.end(), old.data), "what could not move has changed");
        require_good(live_.add(old.data, old.size, old.alignment));
        return;
    }
    require(before.empty() || std::memcmp(moved, before.data(), before.size()) == 0, "a move lost bytes");
    require(all_zero(moved, old.size, size), "what a reallocation added is not zero");
    if (moved != old.data) gone_.push_back(old.data);
    std::erase(gone_, moved);
    require_good(live_.add(moved, size, old.alignment));
}

void c_run::reset() {
    const cenote_status status = is_fixed()             ? cenote_fixed_reset(fixed_)
                                 : kind_ == kind::arena ? cenote_arena_reset(arena_)
                                                        : cenote_variable_reset(variable_);
    require(status == CENOTE_OK, "a reset is refused");
    live_.clear();
    gone_.clear();
}

void c_run::trim() {
    const std::size_t before = strict_.reserved();
    const std::size_t bytes = is_fixed()             ? cenote_fixed_trim(fixed_)
                              : kind_ == kind::arena ? cenote_arena_trim(arena_)
                                                     : cenote_variable_trim(variable_);
    require(bytes >= before - strict_.reserved(), "a trim gave back more than it says");
    gone_.clear(); // their slabs may be gone
}

void c_run::walk(operation how) {
    if (kind_ == kind::arena) return;
    struct state {
        const block_ledger* live;
        std::size_t left;
        std::size_t seen = 0;
        bool strange = false;
    } now{&live_, how.which % 2 == 0 ? live_.size() + 1 : 1 + how.amount % 8};
    const auto visit = [](void* context, void* block) {
        auto& at = *static_cast<state*>(context);
        at.strange = at.strange || !at.live->holds(block);
        ++at.seen;
        return --at.left != 0 ? 1 : 0;
    };
    const cenote_status status = is_fixed() ? cenote_fixed_for_each(fixed_, visit, &now)
                                            : cenote_variable_for_each(
                                                  variable_,
                                                  [](void* context, void* block, std::size_t) {
                                                      auto& at = *static_cast<state*>(context);
                                                      at.strange = at.strange || !at.live->holds(block);
                                                      ++at.seen;
                                                      return --at.left != 0 ? 1 : 0;
                                                  },
                                                  &now);
    require(!now.strange, "a walk shows what is not live");
    require(status == (now.left == 0 ? CENOTE_STOPPED : CENOTE_OK), "a walk does not say how it ended");
    require(now.left == 0 || now.seen == live_.size(), "a walk leaves blocks out");
}

void c_run::ask_impossible(operation how) {
    const std::size_t size = base::size_max - how.amount;
    require(cenote_allocate(&face_, size, 16, CENOTE_NONE) == nullptr, "an impossible size is served");
    require(cenote_allocate(&face_, 8, 12, CENOTE_NONE) == nullptr, "an impossible alignment is served");
    if (is_fixed()) require(cenote_allocate(&face_, block_size_ + 1, 1, CENOTE_NONE) == nullptr, "too large");
}

cenote_status c_run::free(void* block) {
    return is_fixed() ? cenote_fixed_free(fixed_, block) : cenote_variable_free(variable_, block);
}

std::size_t c_run::live() const {
    cenote_stats now = CENOTE_STATS_INIT;
    const cenote_status status =
        is_fixed() ? cenote_fixed_stats(fixed_, &now) : cenote_variable_stats(variable_, &now);
    require(status == CENOTE_OK, "no statistics");
    require(!is_fixed() || now.live_blocks + now.free_blocks == now.blocks, "blocks do not add up");
    require(now.peak_blocks >= now.live_blocks, "a peak below what is live");
    return now.live_blocks;
}

} // namespace cenote::test
