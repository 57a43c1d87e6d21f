// cenote: SPDX-License-Identifier: MIT
//
// Who stands in a waiting line: a thread, which is woken, or whoever left word and is called. The line of
// them, and those of it who are to be called when no lock is held any more. The parts of waiting_line.hpp
// that know nothing of things.
#pragma once

#include <cenote/concurrent/number_stack.hpp>

namespace cenote::inline v0_1::engine {

template<class Policy>
struct basic_waiter { // on the stack of its thread, or wherever who wants to be called keeps it
    template<class T>
    using data = typename Policy::template data<T>;
    using word = typename Policy::template atomic<std::uint32_t>;
    using told = void (*)(basic_waiter& self) noexcept;

    static constexpr std::uint32_t is_waiting = 0;
    static constexpr std::uint32_t is_served = 1;
    static constexpr std::uint32_t is_sent_away = 2;

    std::uint32_t wanted;
    std::uint32_t got = 0;
    std::uint32_t given = no_number; // chained: nobody else needs the links of what is out
    data<basic_waiter*> next{nullptr};
    data<basic_waiter*> previous{nullptr};
    word state{is_waiting};
    data<std::uint32_t> crowd{0}; // in which it stands; 0: in none
    told call = nullptr;          // null: a thread, which is woken

    explicit basic_waiter(std::uint32_t count, told when = nullptr) noexcept : wanted(count), call(when) {}
    void begin() noexcept {
        got = 0;
        given = no_number;
    }
    template<class Stack>
    void take(Stack& from, std::uint32_t number) noexcept {
        from.chain(number, given);
        given = number;
        ++got;
    }
};

/// First come, first. One at a time.
template<class Policy>
class basic_waiter_queue {
    using waiter = basic_waiter<Policy>;
    template<class T>
    using data = typename Policy::template data<T>;

public:
    [[nodiscard]] bool empty() const noexcept { return first_ == nullptr; }
    [[nodiscard]] waiter* first() const noexcept { return first_; }
    [[nodiscard]] std::uint32_t count() const noexcept {
        std::uint32_t count = 0;
        for (waiter* at = first_; at != nullptr; at = at->next) ++count;
        return count;
    }
    void enter(waiter& self) noexcept {
        waiter* const before = last_;
        self.crowd = crowd_;
        self.next = nullptr;
        self.previous = before;
        if (before != nullptr)
            before->next = &self;
        else
            first_ = &self;
        last_ = &self;
    }
    void leave(waiter& gone) noexcept {
        waiter* const before = gone.previous;
        waiter* const behind = gone.next;
        gone.crowd = 0;
        if (before != nullptr)
            before->next = behind;
        else
            first_ = behind;
        if (behind != nullptr)
            behind->previous = before;
        else
            last_ = before;
    }
    /// Whether it stands here.
    [[nodiscard]] bool has(const waiter& one) const noexcept { return one.crowd == crowd_; }
    /// All are gone, and know nothing of it: in the child of a fork.
    void forget() noexcept {
        first_ = last_ = nullptr;
        crowd_ = crowd_ + 1;
    }

private:
    data<waiter*> first_{nullptr};
    data<waiter*> last_{nullptr};
    data<std::uint32_t> crowd_{1};
};

/// Who is to be called, first come first: called when this goes.
template<class Policy>
class basic_calls {
    using waiter = basic_waiter<Policy>;

public:
    constexpr basic_calls() noexcept = default;
    basic_calls(const basic_calls&) = delete;
    basic_calls& operator=(const basic_calls&) = delete;
    ~basic_calls() {
        while (waiter* const now = first_) {
            first_ = now->next; // after its call it may be gone
            now->call(*now);
        }
    }
    void add(waiter& one) noexcept {
        one.next = nullptr;
        if (first_ == nullptr)
            first_ = &one;
        else
            last_->next = &one;
        last_ = &one;
    }

private:
    waiter* first_ = nullptr;
    waiter* last_ = nullptr;
};

} // namespace cenote::inline v0_1::engine
