// cenote: SPDX-License-Identifier: MIT
#include "replay/thread_plan.hpp"

#include "text.hpp"

#include <algorithm>
#include <deque>
#include <fmt/format.h>
#include <functional>
#include <queue>
#include <vector>

namespace cenote::tool {
namespace {

struct life {
    std::uint64_t first = 0; // operation
    std::uint64_t last = 0;
    std::uint64_t count = 0;
    std::uint32_t lane = 0;
    std::uint32_t after = no_thread; // the lane's thread before
};

std::vector<life> find_lives(const plan& p) {
    std::vector<life> lives(p.threads);
    const std::span<const op> ops = p.view();
    for (std::uint64_t i = 0; i < ops.size(); ++i) {
        life& l = lives[ops[i].thread];
        if (l.count++ == 0) l.first = i;
        l.last = i;
    }
    return lives;
}

// Threads are numbered in the order of their first operations, so one pass over them suffices.
std::uint32_t assign_lanes(std::vector<life>& lives) {
    using end = std::pair<std::uint64_t, std::uint32_t>; // a thread's last operation, and the thread
    std::priority_queue<end, std::vector<end>, std::greater<>> alive;
    std::vector<std::uint32_t> ended;
    std::uint32_t lanes = lives.empty() ? 0 : 1; // the first thread's
    for (std::uint32_t t = 1; t < lives.size(); ++t) {
        for (; !alive.empty() && alive.top().first < lives[t].first; alive.pop())
            ended.push_back(alive.top().second);
        if (ended.empty()) {
            lives[t].lane = lanes++;
        } else {
            lives[t].after = ended.back();
            lives[t].lane = lives[ended.back()].lane;
            ended.pop_back();
        }
        alive.emplace(lives[t].last, t);
    }
    return lanes;
}

// Gives out slots so that lanes share few of them: what a lane freed last, then what was freed long ago, then
// new ones, several at a time so that lanes do not share cache lines.
class slot_store {
public:
    explicit slot_store(std::uint32_t lanes) : own_(lanes) {}

    std::uint32_t take(std::uint32_t lane, std::uint64_t now) {
        std::vector<std::uint32_t>& own = own_[lane];
        if (own.empty() && !common_.empty() && common_.front().freed + long_ago <= now) {
            own.push_back(common_.front().slot);
            common_.pop_front();
        }
        if (own.empty()) {
            for (std::uint32_t i = run; i-- > 0;) own.push_back(count_ + i);
            count_ += run;
        }
        const std::uint32_t slot = own.back();
        own.pop_back();
        return slot;
    }

    void give(std::uint32_t lane, std::uint32_t slot, std::uint64_t now) {
        std::vector<std::uint32_t>& own = own_[lane];
        own.push_back(slot);
        if (own.size() < most_own) return;
        for (std::size_t i = 0; i < most_own / 2; ++i) common_.push_back({own[i], now});
        own.erase(own.begin(), own.begin() + most_own / 2);
    }

    [[nodiscard]] std::uint32_t count() const { return count_; }

private:
    static constexpr std::uint32_t run = 16;
    static constexpr std::size_t most_own = 1024;
    static constexpr std::uint64_t long_ago = 65536; // operations: no worker is likely to be so far behind

    struct old_slot {
        std::uint32_t slot;
        std::uint64_t freed;
    };

    std::vector<std::vector<std::uint32_t>> own_;
    std::deque<old_slot> common_;
    std::uint32_t count_ = 0;
};

class layout {
public:
    layout(const plan& p, const std::vector<life>& lives, std::uint32_t lanes, thread_plan& out)
        : plan_(p), lives_(lives), out_(out), slots_(lanes), slot_of_(p.slots), allocated_by_(p.slots),
          next_step_(lives.size()), last_started_(lives.size(), no_thread), recent_(lanes) {}

    void run() {
        place_threads();
        for (std::uint64_t i = 0; i < plan_.count; ++i) {
            const op& o = plan_.view()[i];
            const life& l = lives_[o.thread];
            if (i > 0 && i == l.first) start(starter_at(i), o.thread);
            recent_[l.lane] = {o.thread, i};
            const std::uint64_t at = next_step_[o.thread]++;
            place(i, at, o, l.lane);
            if (i == plan_.peak_op) out_.peak_step = at;
        }
        out_.slots = slots_.count();
    }

private:
    struct history {
        std::uint64_t step = 0; // the last on the slot
        std::uint32_t turn = 0;
        std::uint32_t lane = no_thread;
    };

    struct recent {
        std::uint32_t thread = no_thread;
        std::uint64_t op = 0;
    };

    void place_threads() {
        std::uint64_t first = 0;
        for (std::size_t t = 0; t < lives_.size(); ++t) {
            const life& l = lives_[t];
            out_.threads()[t] = recorded_thread{.first = first, .count = l.count, .after = l.after};
            next_step_[t] = first;
            first += l.count;
        }
        for (const life& l : lives_)
            if (l.after != no_thread) out_.threads()[l.after].followed = 1;
    }

    [[nodiscard]] bool is_alive(std::uint32_t thread, std::uint64_t now) const {
        return thread == 0 || lives_[thread].last > now;
    }

    [[nodiscard]] std::uint32_t starter_at(std::uint64_t now) const {
        if (const std::uint32_t before = plan_.view()[now - 1].thread; is_alive(before, now)) return before;
        recent best = recent_[0];
        for (const recent& r : recent_)
            if (r.thread != no_thread && is_alive(r.thread, now) && r.op > best.op) best = r;
        return best.thread;
    }

    void start(std::uint32_t starter, std::uint32_t thread) {
        step& at = out_.steps()[next_step_[starter] - 1];
        std::uint32_t& last = last_started_[starter];
        if (last == no_thread) {
            out_.threads()[starter].first_started = thread;
        } else {
            out_.threads()[last].next_started = thread;
            out_.threads()[last].next_at_once = at.starts;
        }
        at.starts = 1;
        last = thread;
    }

    void place(std::uint64_t now, std::uint64_t at, const op& o, std::uint32_t lane) {
        const bool fresh = o.kind == op_kind::allocate || o.kind == op_kind::allocate_zeroed;
        if (fresh) {
            slot_of_[o.slot] = slots_.take(lane, now);
            allocated_by_[o.slot] = o.thread;
            if (slots_.count() > histories_.size()) histories_.resize(slots_.count() * std::size_t{2});
        } else if (allocated_by_[o.slot] != o.thread) {
            ++out_.crossing;
        }
        const std::uint32_t slot = slot_of_[o.slot];
        step s{};
        s.size = o.size;
        s.kind = o.kind;
        s.log2_alignment = o.log2_alignment;
        s.slot = slot;
        hand_over(histories_[slot], s, at, lane);
        out_.steps()[at] = s;
        if (o.kind == op_kind::deallocate) slots_.give(lane, slot, now);
    }

    void hand_over(history& h, step& s, std::uint64_t at, std::uint32_t lane) {
        if (h.lane != no_thread && h.lane != lane) {
            out_.steps()[h.step].passes = 1;
            s.waits = 1;
            ++h.turn;
        }
        s.turn = h.turn;
        h.step = at;
        h.lane = lane;
    }

    const plan& plan_;
    const std::vector<life>& lives_;
    thread_plan& out_;
    slot_store slots_;
    std::vector<std::uint32_t> slot_of_;      // the plan's slot → this one's
    std::vector<std::uint32_t> allocated_by_; // the plan's slot → thread
    std::vector<history> histories_;          // of this plan's slots
    std::vector<std::uint64_t> next_step_;
    std::vector<std::uint32_t> last_started_; // by each thread
    std::vector<recent> recent_;              // each lane's last operation so far
};

} // namespace

std::uint32_t count_lanes(const plan& p) {
    std::vector<life> lives = find_lives(p);
    return assign_lanes(lives);
}

thread_plan make_thread_plan(const plan& p) {
    std::vector<life> lives = find_lives(p);
    const std::uint32_t lanes = assign_lanes(lives);
    thread_plan out(p.count, p.threads);
    out.most_alive = lanes;
    layout(p, lives, lanes, out).run();
    if (const auto stuck = first_stuck_step(out))
        throw failure(fmt::format(
            "the recording's threads cannot be replayed: step {} of {} waits for what never comes; "
            "replay it with --threads one, or record it anew",
            grouped(*stuck), grouped(p.count)));
    return out;
}

} // namespace cenote::tool
