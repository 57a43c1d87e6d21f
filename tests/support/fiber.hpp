// cenote: SPDX-License-Identifier: MIT
//
// A stack of its own to run functions on, one after the other, within the calling thread. A function that is
// left half way is abandoned together with its stack: what it owned stays reachable and is never destroyed.
// The sanitizers are told of every switch.
#pragma once

#include <cstddef>
#include <functional>
#include <memory>
#include <ucontext.h>

namespace cenote::test {

class fiber {
public:
    /// The stack that calls this.
    fiber();
    /// A stack on which `body` runs, again and again: its end is to switch away.
    explicit fiber(std::function<void()> body);
    fiber(const fiber&) = delete;
    fiber& operator=(const fiber&) = delete;
    ~fiber();

    /// Switches from this fiber to `next`; returns when somebody switches back.
    void switch_to(fiber& next);
    /// Keeps for ever what stands on the stack: its function will not be continued.
    static void abandon(std::unique_ptr<fiber> one);

private:
    static void enter();
    void arrive(fiber& from);

    ucontext_t context_{};
    std::unique_ptr<std::byte[]> memory_;
    const void* bottom_ = nullptr; // the address sanitizer's view of the stack
    std::size_t bytes_ = 0;
    [[maybe_unused]] void* fake_stack_ = nullptr;
    [[maybe_unused]] void* sanitizer_fiber_ = nullptr;
    std::function<void()> body_;
};

} // namespace cenote::test
