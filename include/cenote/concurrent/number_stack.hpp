// cenote: SPDX-License-Identifier: MIT
//
// Lock-free stacks of numbers, each of which names one thing and stands in one of them at most once. There is
// a lane for every few threads, so that they do not fight for one word; who finds its own empty looks in the
// others. What was never taken stands in a stack of its own and is taken last. Taking and giving are one
// exchange each. They can be blocked: then only who has blocked them changes them, and all others are sent
// away, to a lock that they share. The links stand outside the things, in memory that is never freed while
// the stacks live, because who reads one may have been overtaken. Source: R. K. Treiber, "Systems
// Programming: Coping with Parallelism", IBM RJ 5118, 1986, with a tag of 31 bits against ABA.
#pragma once

#include <cenote/base/sync.hpp>

namespace cenote::inline v0_1::engine {

inline constexpr std::uint32_t no_number = 0x7fff'ffff;

/// `Lanes`, a power of two: at most so many. `Crowd`: of so many things in all a lane is worth having.
template<class Policy, std::uint32_t Lanes = 8, std::uint32_t Crowd = 2>
class basic_number_stack {
    template<class T>
    using atomic = typename Policy::template atomic<T>;

public:
    static constexpr std::uint32_t none = no_number;
    static constexpr std::uint32_t most = none - 1;

    struct entry {
        atomic<std::uint32_t> below{none};
        typename Policy::template data<void*> what{nullptr};
    };

    /// How many there are, exact while it is blocked.
    struct levels {
        std::uint32_t free = 0;
        std::uint32_t never_taken = 0; ///< of these
    };

    constexpr basic_number_stack() noexcept = default;
    basic_number_stack(const basic_number_stack&) = delete;
    basic_number_stack& operator=(const basic_number_stack&) = delete;

    /// The topmost of this lane, or of another, or `none` when all seem empty or are blocked. `lane`: any
    /// number that is the thread's own.
    [[nodiscard]] std::uint32_t take(std::uint32_t lane = 0) noexcept {
        const std::uint32_t number = pop(lanes_[lane & mask_.load(sync::memory_order_relaxed)]);
        return number != none ? number : take_elsewhere(lane);
    }

    /// False when it is blocked.
    [[nodiscard]] bool give(std::uint32_t number, std::uint32_t lane = 0) noexcept {
        atomic<std::uint64_t>& head = lanes_[lane & mask_.load(sync::memory_order_acquire)].head;
        std::uint64_t seen = head.load(sync::memory_order_acquire);
        do {
            if ((seen & is_blocked) != 0) [[unlikely]]
                return false;
        } while (!head.compare_exchange_weak(seen, after(seen, upon(low_half(seen), number)),
                                             sync::memory_order_release, sync::memory_order_acquire));
        return true;
    }

    /// Whether it was empty and not blocked, all of it at one moment.
    [[nodiscard]] bool seems_empty() const noexcept {
        const std::uint32_t mask = mask_.load(sync::memory_order_acquire);
        std::uint64_t seen[Lanes + 1];
        for (std::uint32_t i = 0; i <= mask + 1; ++i) {
            seen[i] = at_lane(i, mask).head.load(sync::memory_order_acquire);
            if (top_of(seen[i]) != none || (seen[i] & is_blocked) != 0) return false;
        }
        for (std::uint32_t i = 0; i <= mask; ++i) // none of them was anything else meanwhile
            if (at_lane(i, mask).head.load(sync::memory_order_acquire) != seen[i]) return false;
        return mask_.load(sync::memory_order_relaxed) == mask;
    }

    /// What a number names; for who has it.
    [[nodiscard]] void* at(std::uint32_t number) const noexcept {
        return entries_.load(sync::memory_order_acquire)[number].what;
    }

    /// Numbers that are out may be chained by their links.
    void chain(std::uint32_t number, std::uint32_t below) noexcept {
        link(number).store(below, sync::memory_order_relaxed);
    }
    [[nodiscard]] std::uint32_t below(std::uint32_t number) const noexcept {
        return entries_.load(sync::memory_order_acquire)[number].below.load(sync::memory_order_relaxed);
    }

    // All that follows is for who has the lock that they share.

    void block() noexcept {
        if (blocked_) return;
        blocked_ = true;
        const std::uint32_t mask = mask_.load(sync::memory_order_relaxed);
        for (std::uint32_t i = 0; i <= mask + 1; ++i)
            (void)at_lane(i, mask).head.fetch_or(is_blocked, sync::memory_order_acq_rel);
    }
    /// Whoever saw it before it was blocked must not take it for unchanged: the links may stand elsewhere.
    void unblock() noexcept {
        blocked_ = false;
        const std::uint32_t mask = mask_.load(sync::memory_order_relaxed);
        for (std::uint32_t i = 0; i <= mask + 1; ++i) {
            atomic<std::uint64_t>& head = at_lane(i, mask).head;
            const std::uint64_t seen = head.load(sync::memory_order_relaxed);
            head.store(after(seen, low_half(seen)) & ~is_blocked, sync::memory_order_release);
        }
    }

    // And these for who has blocked them.

    [[nodiscard]] std::uint32_t take_alone() noexcept {
        const std::uint32_t mask = mask_.load(sync::memory_order_relaxed);
        for (std::uint32_t i = 0; i <= mask + 1; ++i) {
            atomic<std::uint64_t>& head = at_lane(i, mask).head;
            const std::uint64_t seen = head.load(sync::memory_order_relaxed);
            const std::uint32_t top = top_of(seen);
            if (top == none) continue;
            head.store(after(seen, under(low_half(seen))), sync::memory_order_relaxed);
            return top;
        }
        return none;
    }
    void give_alone(std::uint32_t number) noexcept {
        atomic<std::uint64_t>& head = lanes_[0].head;
        const std::uint64_t seen = head.load(sync::memory_order_relaxed);
        head.store(after(seen, upon(low_half(seen), number)), sync::memory_order_relaxed);
    }

    /// From now on the links stand here, those of the first `known` numbers as they were.
    void move_to(entry* entries, std::uint32_t known) noexcept {
        entry* const before = entries_.load(sync::memory_order_relaxed);
        if (entries == before) return; // those that were there are read meanwhile
        for (std::uint32_t i = 0; i < known; ++i) {
            entries[i].below.store(before[i].below.load(sync::memory_order_relaxed),
                                   sync::memory_order_relaxed);
            entries[i].what = static_cast<void*>(before[i].what);
        }
        entries_.store(entries, sync::memory_order_release);
    }

    /// The numbers from `begin` to `end`, which are all there will be, behind those that were never taken.
    void append(std::uint32_t begin, std::uint32_t end) noexcept {
        for (std::uint32_t i = begin; i < end; ++i)
            link(i).store(i + 1 < end ? i + 2 : 0, sync::memory_order_relaxed);
        const std::uint64_t seen = fresh_.head.load(sync::memory_order_relaxed);
        std::uint32_t top = low_half(seen);
        if (top == 0) {
            top = begin + 1;
        } else {
            std::uint32_t last = top;
            for (std::uint32_t next = top; next != 0; next = under(next)) last = next;
            link(last - 1).store(begin + 1, sync::memory_order_relaxed);
        }
        fresh_.head.store(after(seen, top), sync::memory_order_relaxed);
        widen(end);
    }

    /// Whether there are so many. O(count).
    [[nodiscard]] bool has(std::uint32_t count) const noexcept {
        for_each([&](std::uint32_t, bool) { return count == 0 || --count != 0; });
        return count == 0;
    }
    [[nodiscard]] levels count() const noexcept {
        levels result;
        for_each([&](std::uint32_t, bool is_fresh) {
            ++result.free;
            if (is_fresh) ++result.never_taken;
            return true;
        });
        return result;
    }

private:
    // A head: the topmost number plus one, whether that is the lowest, too, the mark of who has blocked it,
    // and a tag that every change counts up. Who knows that it is the lowest has no link to read or write
    // before the exchange. A link is such a lower half; nobody stands upon what was never taken, so none is
    // marked there.
    static constexpr std::uint32_t is_lowest = std::uint32_t{1} << 31;
    static constexpr std::uint64_t is_blocked = std::uint64_t{1} << 32;
    static constexpr std::uint64_t one_more = std::uint64_t{1} << 33;
    struct alignas(64) one_lane {
        atomic<std::uint64_t> head{0};
    };

    [[nodiscard]] static constexpr std::uint32_t top_of(std::uint64_t head) noexcept {
        return (static_cast<std::uint32_t>(head) - 1) & none;
    }
    [[nodiscard]] static constexpr std::uint32_t low_half(std::uint64_t head) noexcept {
        return static_cast<std::uint32_t>(head);
    }
    [[nodiscard]] static constexpr std::uint64_t after(std::uint64_t head, std::uint32_t low) noexcept {
        return ((head & ~std::uint64_t{0xffff'ffff}) + one_more) | low;
    }
    // Read behind an acquire of a head, so that these are the links that it means.
    [[nodiscard]] atomic<std::uint32_t>& link(std::uint32_t number) const noexcept {
        return entries_.load(sync::memory_order_relaxed)[number].below;
    }

    /// The lower half of a head when its topmost has gone.
    [[nodiscard]] std::uint32_t under(std::uint32_t low) const noexcept {
        return (low & is_lowest) != 0 ? 0 : link(top_of(low)).load(sync::memory_order_relaxed);
    }
    /// And when a number has come upon it.
    [[nodiscard]] std::uint32_t upon(std::uint32_t low, std::uint32_t number) noexcept {
        if (low == 0) return (number + 1) | is_lowest;
        link(number).store(low, sync::memory_order_relaxed);
        return number + 1;
    }

    [[nodiscard]] std::uint32_t pop(one_lane& from) noexcept {
        std::uint64_t seen = from.head.load(sync::memory_order_acquire);
        for (;;) {
            const std::uint32_t low = low_half(seen);
            if (low == 0 || (seen & is_blocked) != 0) return none;
            // May belong to somebody else by now; then the exchange below fails.
            const std::uint32_t below = under(low);
            if (from.head.compare_exchange_weak(seen, after(seen, below), sync::memory_order_acquire,
                                                sync::memory_order_acquire))
                return top_of(low);
        }
    }
    [[nodiscard]] CENOTE_NOINLINE std::uint32_t take_elsewhere(std::uint32_t own) noexcept {
        const std::uint32_t mask = mask_.load(sync::memory_order_acquire);
        for (std::uint32_t i = 1; i <= mask; ++i) {
            const std::uint32_t number = pop(lanes_[(own + i) & mask]);
            if (number != none) return number;
        }
        return pop(fresh_);
    }

    /// The lanes in use, and behind them what was never taken.
    [[nodiscard]] one_lane& at_lane(std::uint32_t i, std::uint32_t mask) noexcept {
        return i <= mask ? lanes_[i] : fresh_;
    }
    [[nodiscard]] const one_lane& at_lane(std::uint32_t i, std::uint32_t mask) const noexcept {
        return i <= mask ? lanes_[i] : fresh_;
    }
    /// More lanes for so many things: blocked, before anybody looks there.
    void widen(std::uint32_t things) noexcept {
        const std::uint32_t before = mask_.load(sync::memory_order_relaxed);
        std::uint32_t mask = before;
        while (mask + 1 < Lanes && things / Crowd > mask + 1) mask = 2 * mask + 1;
        if (mask == before) return;
        if (blocked_)
            for (std::uint32_t i = before + 1; i <= mask; ++i)
                lanes_[i].head.store(is_blocked, sync::memory_order_relaxed);
        mask_.store(mask, sync::memory_order_release);
    }
    /// Until it says false.
    template<class Visit>
    void for_each(Visit visit) const noexcept {
        const std::uint32_t mask = mask_.load(sync::memory_order_relaxed);
        for (std::uint32_t i = 0; i <= mask + 1; ++i) {
            std::uint32_t at = low_half(at_lane(i, mask).head.load(sync::memory_order_relaxed));
            for (; at != 0; at = under(at))
                if (!visit(top_of(at), i > mask)) return;
        }
    }

    atomic<std::uint32_t> mask_{0}; // the lanes in use, less one
    atomic<entry*> entries_{nullptr};
    one_lane lanes_[Lanes];
    one_lane fresh_;
    typename Policy::template data<bool> blocked_{false};
};

} // namespace cenote::inline v0_1::engine
