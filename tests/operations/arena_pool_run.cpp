// cenote: SPDX-License-Identifier: MIT
//
// The interpreter of operation programs for arena_pool, beside a list of what is lent: every arena is
// accounted for at every step, none has two holders, each comes empty, goes without a look by others at what
// it holds, and keeps what the last loans say. Threads that wait are given what comes back, or told of the
// end.
#include <cenote/concurrent/arena_pool.hpp>

#include "operations/frame.hpp"

#include <algorithm>
#include <deque>
#include <memory>
#include <thread>

namespace cenote::test {
namespace {

constexpr std::size_t most_steps = 300;
constexpr std::size_t most_bytes = std::size_t{1} << 20;
constexpr std::size_t most_loans = 64; // that an arena's size is learnt from
constexpr std::chrono::seconds patience(30);

class arena_pool_run {
public:
    [[nodiscard]] static arena_pool_options options_of(const program& script);
    arena_pool_run(const program& script, const arena_pool_options& options);
    ~arena_pool_run() { lent_.clear(); } // before the pool
    void run(const program& script);

private:
    struct counted {
        arena_pool_run* home;
        ~counted() { --home->objects_; }
    };
    struct loan {
        arena_pool::lease got;
        std::vector<void*> blocks;
        std::size_t objects = 0;
        arena_mark mark; // the last one
        std::size_t blocks_before = 0;
        std::size_t objects_before = 0;
    };

    void step(operation how);
    void check();
    void acquire(operation how);
    void release(operation how);
    void move(operation how);
    void allocate(operation how);
    void make(operation how);
    void mark(operation how);
    void rewind(operation how);
    void trim();
    void hand_over(operation how);
    void close();

    [[nodiscard]] std::size_t free() const { return options_.arenas - lent_.size(); }
    [[nodiscard]] loan* one_of(operation how) {
        return lent_.empty() ? nullptr : &lent_[how.which % lent_.size()];
    }
    void enter(arena_pool::lease&& got);
    void leave_blocks(loan& of, std::size_t down_to);
    void let_go(std::size_t number);
    void require_reason(bool is_armed) const;
    [[nodiscard]] std::size_t kept() const;

    ground ground_;
    arena_pool_options options_;
    std::set<const arena*> known_;
    block_ledger live_;
    std::deque<std::size_t> used_; // by the last loans
    std::size_t objects_ = 0;
    std::size_t peak_ = 0;
    std::size_t initial_ = 0; // bytes reserved
    bool is_closed_ = false;
    std::unique_ptr<arena_pool> pool_;
    std::vector<loan> lent_;
};

arena_pool_options arena_pool_run::options_of(const program& script) {
    const auto& choices = script.choices;
    arena_pool_options result{.arenas = 1 + choices[0] % 5u, .arena_size = 1 + choices[1] * 16u};
    if (choices[2] % 5 == 1) result.growth = growth::none();
    if (choices[2] % 5 == 2) result.growth = growth::constant(choices[3] * 16u + 1);
    if (choices[2] % 5 == 3) result.growth = growth::geometric(1.5, choices[3] * 64u + 1);
    if (choices[4] % 4 == 1) result.maximum_bytes = 1 + choices[5] * 512u;
    result.checks = (choices[7] & 1) != 0;
    result.stats = (choices[7] & 2) != 0;
    result.zero_on_allocate = (choices[7] & 12) == 12;
    result.erase_on_free = (choices[7] & 48) == 48;
    result.sanitizers = (choices[7] & 64) != 0;
    result.name = "run";
    return result;
}

arena_pool_run::arena_pool_run(const program& script, const arena_pool_options& options)
    : ground_(ground_of<arena_pool>(script, options)), options_(options) {
    options_.source = &ground_.source();
    pool_ = std::make_unique<arena_pool>(options_);
    initial_ = pool_->stats().reserved_bytes;
}

// The list.

void arena_pool_run::enter(arena_pool::lease&& got) {
    for (const loan& other : lent_) require(&*other.got != &*got, "an arena has two holders");
    known_.insert(&*got);
    require(known_.size() <= options_.arenas, "an arena that there is not");
    require(got->stats().live_bytes == 0, "an arena does not come empty");
    require(got->stats().held_bytes >= options_.arena_size, "an arena holds less than its size");
    lent_.emplace_back().got = std::move(got);
    peak_ = std::max(peak_, lent_.size());
}

void arena_pool_run::leave_blocks(loan& of, std::size_t down_to) {
    for (; of.blocks.size() > down_to; of.blocks.pop_back()) {
        require_good(live_.remove(live_.number_of(of.blocks.back())));
    }
}

/// By nearest rank, the 60th percentile.
std::size_t arena_pool_run::kept() const {
    if (used_.empty()) return options_.arena_size;
    std::vector<std::size_t> sorted(used_.begin(), used_.end());
    std::sort(sorted.begin(), sorted.end());
    return std::max(sorted[(sorted.size() * 6 + 9) / 10 - 1], options_.arena_size);
}

void arena_pool_run::let_go(std::size_t number) {
    loan& gone = lent_[number];
    leave_blocks(gone, 0);
    const std::size_t objects = objects_ - gone.objects;
    used_.push_back(gone.got->extent());
    if (used_.size() > most_loans) used_.pop_front();
    gone.got.release();
    require(!gone.got, "a lease that ended holds an arena");
    require(objects_ == objects, "an arena came back with objects, or took those of another");
    lent_.erase(lent_.begin() + static_cast<std::ptrdiff_t>(number));
}

void arena_pool_run::require_reason(bool is_armed) const {
    const bool is_bounded = options_.maximum_bytes != unlimited || options_.growth.how == growth::kind::none;
    require(is_bounded || is_armed || !ground_.is_ample() || ground_.is_exact_buffer(),
            "a request was refused without a reason");
}

// The verbs.

void arena_pool_run::acquire(operation how) {
    const bool expected = free() != 0 && !is_closed_;
    arena_pool::lease got;
    bool is_open = true;
    try {
        switch (how.which % 4) {
        case 0:
            got = pool_->acquire_until({});
            break;
        case 1:
            is_open = pool_->acquire_until(std::chrono::steady_clock::time_point(), got);
            break;
        case 2:
            got = expected ? pool_->acquire() : pool_->acquire_for(std::chrono::nanoseconds(1));
            break;
        default:
            got = pool_->try_acquire();
        }
    } catch (const pool_closed&) {
        is_open = false;
    }
    require(is_open || is_closed_, "it is said to be closed");
    require(static_cast<bool>(got) == expected,
            expected ? "none was had of those that are free" : "an arena came from nowhere");
    if (got) enter(std::move(got));
}

void arena_pool_run::release(operation how) {
    if (!lent_.empty()) let_go(how.amount % lent_.size());
}

/// To another lease, whose own arena goes back, or to itself by way of a third.
void arena_pool_run::move(operation how) {
    if (lent_.empty()) return;
    loan& from = lent_[how.which % lent_.size()];
    const arena* const lent = &*from.got;
    arena_pool::lease third = std::move(from.got);
    require(!from.got && &*third == lent, "a lease did not move");
    from.got = std::move(third);
    require(!third && &*from.got == lent, "a lease did not move back");
}

void arena_pool_run::allocate(operation how) {
    loan* const here = one_of(how);
    const std::size_t size = how.amount % 2 == 0 ? how.amount % 100u : how.amount % 6000u;
    if (here == nullptr || live_.bytes() + size > most_bytes) return;
    const std::size_t alignment = std::size_t{1} << how.which % 8;
    const bool is_armed = ground_.source().is_armed();
    void* const data = here->got->try_allocate(size, alignment);
    if (data == nullptr) return require_reason(is_armed);
    require_good(live_.add(data, size, alignment));
    for (const loan& other : lent_) {
        require(other.got->owns(data) == (&other == here), "bytes are in two arenas, or in none");
    }
    here->blocks.push_back(data);
}

void arena_pool_run::make(operation how) {
    loan* const here = one_of(how);
    if (here == nullptr) return;
    const bool is_armed = ground_.source().is_armed();
    if (here->got->try_make<counted>(this) == nullptr) return require_reason(is_armed);
    ++here->objects;
    ++objects_;
}

void arena_pool_run::mark(operation how) {
    loan* const here = one_of(how);
    if (here == nullptr) return;
    const bool is_armed = ground_.source().is_armed();
    arena_mark made;
    if (!here->got->try_mark(made)) return require_reason(is_armed);
    here->mark = made;
    here->blocks_before = here->blocks.size();
    here->objects_before = here->objects;
}

void arena_pool_run::rewind(operation how) {
    loan* const here = one_of(how);
    if (here == nullptr || here->blocks_before == 0) return; // no mark, or one that stands at the beginning
    leave_blocks(*here, here->blocks_before);
    const std::size_t gone = here->objects - here->objects_before;
    const std::size_t objects = objects_ - gone;
    here->got->rewind(here->mark);
    require(objects_ == objects, "other destructors ran than those behind the mark");
    here->objects -= gone;
}

void arena_pool_run::trim() {
    const std::size_t before = pool_->stats().reserved_bytes;
    const std::size_t bytes = pool_->trim();
    const std::size_t after = pool_->stats().reserved_bytes;
    require(before - after == bytes, "trim says what it did not do");
    require(!is_closed_ || bytes == 0, "a pool that is closed was trimmed");
    require(!lent_.empty() || is_closed_ || after == initial_, "a free arena keeps what it has grown by");
}

/// A thread that waits gets the arena that comes back, or is told that none will.
void arena_pool_run::hand_over(operation how) {
    if (lent_.empty() || free() != 0 || is_closed_ || how.amount % 8 != 0) return;
    arena_pool::lease got;
    bool was_told = false;
    std::thread other([&] { was_told = !pool_->acquire_for(patience, got); });
    while (pool_->stats().waiting == 0) std::this_thread::yield();
    const bool overtakes = static_cast<bool>(pool_->try_acquire());
    const std::size_t number = how.which % lent_.size();
    const arena* const expected = &*lent_[number].got;
    const bool closes = how.amount % 64 == 0;
    if (closes) pool_->close();
    is_closed_ |= closes;
    let_go(number);
    other.join();
    require(!overtakes, "an arena came from nowhere");
    require(was_told == closes && static_cast<bool>(got) == !closes, "who waits is not served, or not told");
    require(!got || &*got == expected, "who waits got another arena than came back");
    if (got) enter(std::move(got));
}

void arena_pool_run::close() {
    pool_->close();
    is_closed_ = true;
}

void arena_pool_run::check() {
    const arena_pool_stats now = pool_->stats();
    require(now.arenas == options_.arenas, "the number of arenas is wrong");
    require(now.free == free(), "an arena is lost, or there twice");
    require(now.peak_out == peak_, "the peak is wrong");
    require(now.waiting == 0, "somebody waits");
    require(now.reserved_bytes >= initial_ && now.reserved_bytes <= options_.maximum_bytes,
            "more is reserved than the maximum, or less than all arenas");
    require(pool_->kept_bytes() == kept(), "another size is kept than that of recent loans");
    require(pool_->is_closed() == is_closed_, "closed or not");
    require(recorder::count() == 0, "misuse was reported though there was none");
    for (const loan& one : lent_) require(one.got->is_valid(), "an arena is not valid");
    ground_.check(now.reserved_bytes);
}

void arena_pool_run::step(operation how) {
    switch (how.verb % 16) {
    case 0:
    case 1:
    case 2:
        return acquire(how);
    case 3:
        return release(how);
    case 4:
    case 5:
    case 6:
    case 7:
        return allocate(how);
    case 8:
        return make(how);
    case 9:
        return mark(how);
    case 10:
        return rewind(how);
    case 11:
        return trim();
    case 12:
        return hand_over(how);
    case 13:
        return move(how);
    case 14:
        if (how.amount % 32 == 31) return close();
        return ground_.source().refuse(1 + how.amount % 4u, refusal::once);
    default:
        return require_good(live_.look_at_all());
    }
}

void arena_pool_run::run(const program& script) {
    go_through(script, most_steps, [this](operation one) { step(one); }, [this](std::size_t) { check(); });
    require_good(live_.look_at_all());
    if (script.choices[11] % 2 == 0) close();
    while (!lent_.empty()) {
        let_go(lent_.size() - 1);
        check();
    }
    require(objects_ == 0, "destructors were forgotten");
    pool_.reset();
    require(recorder::leaked().blocks == 0, "a leak of nothing is told");
    ground_.check_end();
}

} // namespace

void run_on_arena_pool(const program& script) {
    const recorder record;
    const arena_pool_options options = arena_pool_run::options_of(script);
    if (!are_good<arena_pool>(options)) return;
    std::unique_ptr<arena_pool_run> run;
    try {
        run = std::make_unique<arena_pool_run>(script, options);
    } catch (const out_of_memory&) {
        return; // all of it is wanted at once
    }
    run->run(script);
}

} // namespace cenote::test
