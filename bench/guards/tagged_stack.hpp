// cenote: SPDX-License-Identifier: MIT
//
// A lock-free stack of numbers below `size`, each of which stands in it at most once. The head is one 64-bit
// word: the topmost number plus one, and a tag that every change counts up, so that a pop which read the head
// long ago notices that others came and went meanwhile (ABA). A bench weighs it against a lock.
// Source: R. K. Treiber, "Systems Programming: Coping with Parallelism", IBM RJ 5118, 1986; the tag is that
// of the System/370 Principles of Operation, appendix on multiprogramming.
#pragma once

#include <cenote/base/sync.hpp>

#include <cstdint>
#include <memory>

namespace cenote::guards {

/// `IsTagged` false is wrong, and there to be found so by tests.
template<class Policy, bool IsTagged = true>
class tagged_stack {
public:
    static constexpr std::uint32_t none = 0xffff'ffff;

    explicit tagged_stack(std::uint32_t size) : below_(std::make_unique<link[]>(size)) {}

    void push(std::uint32_t number) noexcept {
        std::uint64_t seen = head_.load(sync::memory_order_relaxed);
        do {
            below_[number].store(top_of(seen), sync::memory_order_relaxed);
        } while (!head_.compare_exchange_weak(seen, after(seen, number), sync::memory_order_release,
                                              sync::memory_order_relaxed));
    }

    /// `none` when it is empty.
    [[nodiscard]] std::uint32_t pop() noexcept {
        std::uint64_t seen = head_.load(sync::memory_order_acquire);
        for (;;) {
            const std::uint32_t top = top_of(seen);
            if (top == none) return none;
            // May belong to somebody else by now; then the exchange below fails.
            const std::uint32_t below = below_[top].load(sync::memory_order_relaxed);
            if (head_.compare_exchange_weak(seen, after(seen, below), sync::memory_order_acquire,
                                            sync::memory_order_acquire))
                return top;
        }
    }

private:
    using link = typename Policy::template atomic<std::uint32_t>;

    [[nodiscard]] static std::uint32_t top_of(std::uint64_t head) noexcept {
        return static_cast<std::uint32_t>(head) - 1;
    }
    [[nodiscard]] static std::uint64_t after(std::uint64_t head, std::uint32_t top) noexcept {
        const std::uint64_t tag = IsTagged ? (head >> 32) + 1 : 0;
        return tag << 32 | static_cast<std::uint32_t>(top + 1);
    }

    typename Policy::template atomic<std::uint64_t> head_{0};
    std::unique_ptr<link[]> below_;
};

} // namespace cenote::guards
