// cenote: SPDX-License-Identifier: MIT
//
// The interpreter of operation programs for bounded_pool, beside a map of what is out and a line of tickets:
// every block is accounted for at every step, no block has two holders, and who came first is served first.
// Tickets keep what they are given, or pass it on from within their call.
#include <cenote/base/sanitizer.hpp>
#include <cenote/concurrent/bounded_pool.hpp>

#include "operations/frame.hpp"

#include <algorithm>
#include <array>
#include <deque>
#include <memory>

namespace cenote::test {
namespace {

using block = bounded_pool::block;

constexpr std::size_t most_blocks = 60;
constexpr std::size_t most_at_once = 4;

class bounded_run {
public:
    [[nodiscard]] static bounded_pool_options options_of(const program& script);
    bounded_run(const program& script, const bounded_pool_options& options);
    ~bounded_run() {
        held_.clear(); // before the pool
        for (auto& one : callers_) one.got.release();
        pool_.reset();
    }
    void run(const program& script);

private:
    struct caller : bounded_pool::ticket {
        caller() : ticket(&call) {}
        static void call(ticket& self, block given) noexcept {
            auto& me = static_cast<caller&>(self);
            me.home->called_.push_back({&me, given.data()});
            if (!me.passes_on) me.got = std::move(given);
        }
        bounded_run* home = nullptr;
        bool passes_on = false; // what it gets, at once: the next in line has it within this call
        block got;
    };
    struct event {
        caller* who;
        std::byte* data;
        bool operator==(const event&) const = default;
    };

    void step(operation how);
    void check();
    void acquire(operation how);
    void acquire_some(operation how);
    void release(operation how);
    void stand(operation how);
    void cancel(operation how);
    void grow(operation how);
    void close();

    [[nodiscard]] std::size_t free() const { return blocks_ - held_.size() - promised_; }
    [[nodiscard]] bool can_be_had(std::size_t count) const {
        return !is_closed_ && line_.empty() && count <= free();
    }
    void enter(block&& one);
    [[nodiscard]] block leave(std::size_t number);
    void let_go(block&& one);
    void expect_call(caller* who, std::byte* data);
    void expect_return(std::byte* data);
    void compare_calls();
    void note_growth(std::size_t before);
    void note_peak() { peak_ = std::max(peak_, held_.size()); }

    ground ground_;
    bounded_pool_options options_;
    block_ledger live_;
    std::set<std::byte*> returned_;
    std::vector<block> held_;
    std::array<caller, 8> callers_;
    std::deque<caller*> line_;
    std::vector<event> called_;
    std::vector<event> expected_;
    std::size_t promised_ = 0; // to those who keep what they will be given
    std::size_t blocks_;
    std::size_t peak_ = 0;
    bool is_closed_ = false;
    std::unique_ptr<bounded_pool> pool_;
};

bounded_pool_options bounded_run::options_of(const program& script) {
    const auto& choices = script.choices;
    bounded_pool_options result;
    result.block_size = 1 + choices[0] * 2u;
    result.blocks = 1 + choices[1] % 8u;
    if (choices[2] % 2 == 1) result.alignment = std::size_t{1} << choices[2] / 2 % 9;
    if (choices[3] % 4 == 1) result.growth = growth::constant(1 + choices[4] % 5u);
    if (choices[3] % 4 == 2) result.growth = growth::geometric(1.2 + choices[4] % 3, 1 + choices[5] % 8u);
    result.erase = (choices[7] & 1) != 0;
    result.sanitizers = (choices[7] & 2) != 0;
    result.name = "run";
    return result;
}

bounded_run::bounded_run(const program& script, const bounded_pool_options& options)
    : ground_(ground_of<bounded_pool>(script, options)), options_(options), blocks_(options.blocks) {
    options_.source = &ground_.source();
    pool_ = std::make_unique<bounded_pool>(options_);
    for (auto& one : callers_) one.home = this;
}

// The map.

void bounded_run::enter(block&& one) {
    require(one.size() == options_.block_size, "a block of another size");
    const bool is_watched = options_.sanitizers && base::watched(); // what it holds is nobody's to say then
    require(!options_.erase || is_watched || !returned_.contains(one.data()) ||
                all_are(std::byte{0}, one.data(), one.size()),
            "a block that returned was not erased");
    require_good(live_.add(one.data(), one.size(), pool_->alignment()));
    held_.push_back(std::move(one));
    note_peak();
}

block bounded_run::leave(std::size_t number) {
    block gone = std::move(held_[number]);
    held_[number] = std::move(held_.back());
    held_.pop_back();
    require_good(live_.remove(live_.number_of(gone.data())));
    returned_.insert(gone.data());
    return gone;
}

/// Who is called with that keeps it, or passes it on to the next in line.
void bounded_run::expect_call(caller* who, std::byte* data) {
    expected_.push_back({who, data});
    if (who->passes_on)
        expect_return(data);
    else
        ++promised_;
}

void bounded_run::expect_return(std::byte* data) {
    if (line_.empty() || is_closed_) return;
    caller* const first = line_.front();
    line_.pop_front();
    expect_call(first, data);
}

void bounded_run::compare_calls() {
    require(called_ == expected_, "not those were called who stood first, with what they should get");
    for (const event& one : called_) {
        if (one.who->got) enter(std::move(one.who->got));
    }
    called_.clear();
    expected_.clear();
    promised_ = 0;
}

void bounded_run::let_go(block&& one) {
    expect_return(one.data());
    one.release();
    compare_calls();
}

// It may add blocks instead of letting somebody wait; as many as it was told.
void bounded_run::note_growth(std::size_t before) {
    const std::size_t now = pool_->blocks();
    if (now == before) return;
    require(options_.growth.how != growth::kind::none && line_.empty() && !is_closed_,
            "it grew without a reason");
    require(free() == 0, "it grew while a block was free");
    require(now == before + options_.growth.step(before), "it grew by another number");
    blocks_ = now;
}

// The verbs.

void bounded_run::acquire(operation how) {
    const std::size_t before = blocks_;
    const bool was_there = can_be_had(1);
    block one;
    bool was_closed = false;
    try {
        if (how.which % 3 == 0)
            one = pool_->acquire_until(std::chrono::steady_clock::time_point());
        else if (how.which % 3 == 1 && was_there)
            one = pool_->acquire();
        else
            one = pool_->try_acquire();
    } catch (const pool_closed&) {
        was_closed = true;
    }
    require(!was_closed || is_closed_, "it is said to be closed");
    note_growth(before);
    require(static_cast<bool>(one) == (was_there || blocks_ != before),
            was_there ? "a block is free and was not had" : "a block came from nowhere");
    if (one) enter(std::move(one));
}

void bounded_run::acquire_some(operation how) {
    const std::size_t count = how.amount % (most_at_once + 1);
    std::array<block, most_at_once> some;
    const bool brings_one = how.which % 4 == 0 && !held_.empty() && count != 0 && count <= blocks_;
    if (brings_one) {
        some[0] = leave(how.which % held_.size());
        expect_return(some[0].data()); // first of all
    }
    bool got = false;
    bool is_refused = false;
    // What it brought may have made somebody happy, or be had again.
    const auto would = [&] { return count == 0 || can_be_had(count); };
    const bool expected = count <= blocks_ && would();
    try {
        got = how.which % 2 == 0 ? pool_->try_acquire_n(some.data(), count)
                                 : pool_->acquire_n_until(some.data(), count, {});
    } catch (const pool_closed&) {
        is_refused = is_closed_;
        require(is_closed_, "it is said to be closed");
    } catch (const out_of_memory&) {
        is_refused = true;
        require(count > blocks_, "more than there are is not what was wanted");
    }
    compare_calls();
    require(got == expected, "several at once: not all or none");
    const bool gathered = how.which % 2 != 0 && count <= blocks_ && can_be_had(0);
    if (!got && gathered) peak_ = std::max(peak_, blocks_); // all of them, while it waited
    require(!is_refused || !got, "refused and given");
    for (std::size_t i = 0; i < most_at_once; ++i) {
        require(static_cast<bool>(some[i]) == (got && i < count), "several at once: another number");
        if (some[i]) enter(std::move(some[i]));
    }
}

void bounded_run::release(operation how) {
    if (!held_.empty()) let_go(leave(how.amount % held_.size()));
}

void bounded_run::stand(operation how) {
    caller& one = callers_[how.amount % callers_.size()];
    if (std::find(line_.begin(), line_.end(), &one) != line_.end()) return;
    const std::size_t before = blocks_;
    const bool was_there = can_be_had(1);
    one.passes_on = how.which % 3 == 0;
    block now;
    try {
        now = pool_->acquire_or_call(one);
    } catch (const pool_closed&) {
        require(is_closed_, "it is said to be closed");
        return;
    }
    note_growth(before);
    require(!is_closed_, "closed, and it says nothing");
    require(static_cast<bool>(now) == (was_there || blocks_ != before), "a block, or a place in line");
    if (now)
        enter(std::move(now));
    else
        line_.push_back(&one);
    compare_calls(); // nobody
}

void bounded_run::cancel(operation how) {
    caller& one = callers_[how.amount % callers_.size()];
    const auto place = std::find(line_.begin(), line_.end(), &one);
    require(pool_->cancel(one) == (place != line_.end()), "cancelled, or not in line");
    if (place != line_.end()) line_.erase(place);
    compare_calls(); // nobody
}

// As many as are new go to the first in line at once, who are told after that.
void bounded_run::grow(operation how) {
    const std::size_t more = how.amount % 6u;
    if (blocks_ + more > most_blocks) return;
    try {
        pool_->grow(more);
    } catch (const out_of_memory&) {
        require(more == 0 || !ground_.is_ample() || ground_.is_exact_buffer() || ground_.refused(),
                "it does not grow, without a reason");
        require(pool_->blocks() == blocks_, "refused, and it grew");
        return compare_calls(); // nobody
    }
    require(pool_->blocks() == blocks_ + more && more != 0, "it grew by another number");
    blocks_ += more;
    if (is_closed_) return compare_calls();
    const std::size_t served = std::min(more, line_.size());
    const std::vector<caller*> first(line_.begin(), line_.begin() + static_cast<std::ptrdiff_t>(served));
    line_.erase(line_.begin(), line_.begin() + static_cast<std::ptrdiff_t>(served));
    require(called_.size() >= served, "blocks are new, and who waits was not called");
    std::size_t at = 0;
    for (caller* const who : first) { // which of the new ones is theirs to say
        require(at < called_.size(), "a new block, and nobody was called");
        expect_call(who, called_[at].data);
        at = expected_.size();
    }
    peak_ = std::max(peak_, held_.size() + served); // passed on or not, they were out
    compare_calls();
}

void bounded_run::close() {
    is_closed_ = true;
    for (caller* const who : line_) expected_.push_back({who, nullptr});
    line_.clear();
    pool_->close();
    compare_calls();
}

void bounded_run::check() {
    const pool_stats now = pool_->stats();
    require(now.blocks == blocks_ && pool_->blocks() == blocks_, "the number of blocks is wrong");
    require(now.live == held_.size(), "the number of live blocks is wrong");
    require(now.idle == free(), "a block is lost, or there twice");
    require(now.peak_live == peak_, "the peak is wrong");
    require(pool_->waiting() == line_.size(), "the line is of another length");
    require(line_.empty() || free() == 0, "a block is free, and somebody waits");
    require(pool_->is_closed() == is_closed_, "closed or not");
    ground_.check(now.reserved_bytes);
}

void bounded_run::step(operation how) {
    switch (how.verb % 14) {
    case 0:
    case 1:
    case 2:
        return acquire(how);
    case 3:
    case 4:
    case 5:
        return release(how);
    case 6:
    case 7:
    case 8:
        return stand(how);
    case 9:
        return cancel(how);
    case 10:
        return acquire_some(how);
    case 11:
        return grow(how);
    case 12:
        if (how.amount % 32 == 31) return close();
        return ground_.source().refuse(1 + how.amount % 4u, refusal::once);
    default:
        return require_good(live_.look_at_all());
    }
}

void bounded_run::run(const program& script) {
    go_through(script, unlimited, [this](operation one) { step(one); }, [this](std::size_t) { check(); });
    require_good(live_.look_at_all());
    if (script.choices[11] % 2 == 0) close();
    while (!held_.empty()) {
        let_go(leave(0));
        check();
    }
    pool_.reset();
    require(recorder::leaked().blocks == 0, "a leak of nothing is told");
    ground_.check_end();
}

} // namespace

void run_on_bounded_pool(const program& script) {
    const recorder record;
    const bounded_pool_options options = bounded_run::options_of(script);
    if (!are_good<bounded_pool>(options)) return;
    std::unique_ptr<bounded_run> run;
    try {
        run = std::make_unique<bounded_run>(script, options);
    } catch (const out_of_memory&) {
        return; // all of it is wanted at once
    }
    run->run(script);
}

} // namespace cenote::test
