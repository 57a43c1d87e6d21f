// cenote: SPDX-License-Identifier: MIT
//
// A lock-free stack of numbers, each of which names one thing and stands in it at most once. Taking and
// giving are one exchange each. It can be blocked: then only who has blocked it changes it, and all others
// are sent away, to a lock that they share. The links stand outside the things, in memory that is never freed
// while the stack lives, because who reads one may have been overtaken. Source: R. K. Treiber, "Systems
// Programming: Coping with Parallelism", IBM RJ 5118, 1986, with a tag of 31 bits against ABA.
#pragma once

#include <cenote/base/sync.hpp>

namespace cenote::inline v0_1::engine {

template<class Policy>
class basic_number_stack {
    template<class T>
    using atomic = typename Policy::template atomic<T>;

public:
    static constexpr std::uint32_t none = 0x7fff'ffff;
    static constexpr std::uint32_t most = none - 1;

    struct entry {
        atomic<std::uint32_t> below{none};
        typename Policy::template data<void*> what{nullptr};
    };

    /// How many there are, exact while it is blocked.
    struct levels {
        std::uint32_t free = 0;
        std::uint32_t never_taken = 0; ///< of these; all others were out at once at some time
    };

    constexpr basic_number_stack() noexcept = default;
    basic_number_stack(const basic_number_stack&) = delete;
    basic_number_stack& operator=(const basic_number_stack&) = delete;

    /// The topmost, or `none` when it is empty or blocked.
    [[nodiscard]] std::uint32_t take() noexcept {
        std::uint64_t seen = head_.load(sync::memory_order_acquire);
        for (;;) {
            const std::uint32_t top = top_of(seen);
            if (top == none || (seen & is_blocked) != 0) return none;
            // May belong to somebody else by now; then the exchange below fails.
            const std::uint32_t below = link(top).load(sync::memory_order_relaxed) & ~is_fresh;
            if (head_.compare_exchange_weak(seen, after(seen, below), sync::memory_order_acquire,
                                            sync::memory_order_acquire))
                return top;
        }
    }

    /// False when it is blocked.
    [[nodiscard]] bool give(std::uint32_t number) noexcept {
        std::uint64_t seen = head_.load(sync::memory_order_acquire);
        do {
            if ((seen & is_blocked) != 0) [[unlikely]]
                return false;
            link(number).store(top_of(seen), sync::memory_order_relaxed);
        } while (!head_.compare_exchange_weak(seen, after(seen, number), sync::memory_order_release,
                                              sync::memory_order_acquire));
        return true;
    }

    /// Whether it is empty and not blocked, as of now.
    [[nodiscard]] bool seems_empty() const noexcept {
        const std::uint64_t seen = head_.load(sync::memory_order_relaxed);
        return top_of(seen) == none && (seen & is_blocked) == 0;
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

    void block() noexcept { (void)head_.fetch_or(is_blocked, sync::memory_order_acq_rel); }
    void unblock() noexcept { (void)head_.fetch_and(~is_blocked, sync::memory_order_release); }

    // All that follows is for who has blocked it.

    [[nodiscard]] std::uint32_t take_alone() noexcept {
        const std::uint64_t seen = head_.load(sync::memory_order_relaxed);
        const std::uint32_t top = top_of(seen);
        if (top != none)
            head_.store(after(seen, link(top).load(sync::memory_order_relaxed) & ~is_fresh),
                        sync::memory_order_relaxed);
        return top;
    }
    void give_alone(std::uint32_t number) noexcept {
        const std::uint64_t seen = head_.load(sync::memory_order_relaxed);
        link(number).store(top_of(seen), sync::memory_order_relaxed);
        head_.store(after(seen, number), sync::memory_order_relaxed);
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

    /// The numbers from `begin` to `end`, below all others: what was never taken is taken last.
    void append(std::uint32_t begin, std::uint32_t end) noexcept {
        for (std::uint32_t i = begin; i < end; ++i)
            link(i).store((i + 1 < end ? i + 1 : none) | is_fresh, sync::memory_order_relaxed);
        const std::uint64_t seen = head_.load(sync::memory_order_relaxed);
        std::uint32_t top = top_of(seen);
        if (top == none) {
            top = begin;
        } else {
            std::uint32_t at = top;
            std::uint32_t below = 0;
            while ((below = link(at).load(sync::memory_order_relaxed), (below & none) != none))
                at = below & none;
            link(at).store(begin | (below & is_fresh), sync::memory_order_relaxed);
        }
        head_.store(after(seen, top), sync::memory_order_relaxed);
    }

    /// Whether there are so many. O(count).
    [[nodiscard]] bool has(std::uint32_t count) const noexcept {
        std::uint32_t at = top_of(head_.load(sync::memory_order_relaxed));
        for (; count != 0 && at != none; --count) at = link(at).load(sync::memory_order_relaxed) & none;
        return count == 0;
    }

    [[nodiscard]] levels count() const noexcept {
        levels result;
        std::uint32_t at = top_of(head_.load(sync::memory_order_relaxed));
        while (at != none) {
            const std::uint32_t below = link(at).load(sync::memory_order_relaxed);
            ++result.free;
            if ((below & is_fresh) != 0) ++result.never_taken;
            at = below & none;
        }
        return result;
    }

private:
    // The head: the topmost number plus one, the mark of who has blocked it, and a tag that every change
    // counts up.
    static constexpr std::uint64_t is_blocked = std::uint64_t{1} << 32;
    static constexpr std::uint64_t one_more = std::uint64_t{1} << 33;
    static constexpr std::uint32_t is_fresh = 0x8000'0000; // of a link: never taken

    [[nodiscard]] static constexpr std::uint32_t top_of(std::uint64_t head) noexcept {
        return (static_cast<std::uint32_t>(head) - 1) & none;
    }
    [[nodiscard]] static constexpr std::uint64_t after(std::uint64_t head, std::uint32_t top) noexcept {
        return ((head & ~std::uint64_t{0xffff'ffff}) + one_more) | ((top + 1) & none);
    }
    // Read behind an acquire of the head, so that these are the links that it means.
    [[nodiscard]] atomic<std::uint32_t>& link(std::uint32_t number) const noexcept {
        return entries_.load(sync::memory_order_relaxed)[number].below;
    }

    atomic<std::uint64_t> head_{0};
    atomic<entry*> entries_{nullptr};
};

} // namespace cenote::inline v0_1::engine
