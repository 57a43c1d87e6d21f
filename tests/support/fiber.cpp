// cenote: SPDX-License-Identifier: MIT
#include "fiber.hpp"

#include <cstdlib>
#include <utility>
#include <vector>

#if defined(__has_feature)
#if __has_feature(address_sanitizer)
#define CENOTE_FIBER_ASAN 1
#endif
#if __has_feature(thread_sanitizer)
#define CENOTE_FIBER_TSAN 1
#endif
#endif
#if defined(__SANITIZE_ADDRESS__)
#define CENOTE_FIBER_ASAN 1
#endif
#if defined(__SANITIZE_THREAD__)
#define CENOTE_FIBER_TSAN 1
#endif
#ifdef CENOTE_FIBER_ASAN
#include <sanitizer/common_interface_defs.h>
#endif
#ifdef CENOTE_FIBER_TSAN
#include <sanitizer/tsan_interface.h>
#endif

namespace cenote::test {
namespace {

// Memcheck takes a jump of the stack pointer by more than 2 MiB for a change of stacks, so the stacks stand
// that far apart; only their ends are used.
constexpr std::size_t pitch = std::size_t{4} << 20;
constexpr std::size_t used = std::size_t{256} << 10;

fiber* arriving = nullptr; // who runs next, and who ran before, while stacks change
fiber* leaving = nullptr;

} // namespace

fiber::fiber() {
#ifdef CENOTE_FIBER_TSAN
    sanitizer_fiber_ = __tsan_get_current_fiber();
#endif
}

fiber::fiber(std::function<void()> body) : memory_(new std::byte[pitch]), body_(std::move(body)) {
    bottom_ = memory_.get() + (pitch - used);
    bytes_ = used;
#ifdef CENOTE_FIBER_TSAN
    sanitizer_fiber_ = __tsan_create_fiber(0);
#endif
    if (::getcontext(&context_) != 0) std::abort();
    context_.uc_stack.ss_sp = memory_.get() + (pitch - used);
    context_.uc_stack.ss_size = used;
    context_.uc_link = nullptr;
    ::makecontext(&context_, &fiber::enter, 0);
}

fiber::~fiber() {
#ifdef CENOTE_FIBER_TSAN
    if (memory_) __tsan_destroy_fiber(sanitizer_fiber_);
#endif
}

// One frame serves every run, so that the sanitizers see calls and returns in pairs.
void fiber::enter() {
    fiber& self = *arriving;
    self.arrive(*leaving);
    for (;;) self.body_();
}

void fiber::arrive(fiber& from) {
#ifdef CENOTE_FIBER_ASAN
    const void* bottom = nullptr;
    std::size_t bytes = 0;
    __sanitizer_finish_switch_fiber(fake_stack_, &bottom, &bytes);
    from.bottom_ = bottom;
    from.bytes_ = bytes;
#else
    static_cast<void>(from);
#endif
}

void fiber::switch_to(fiber& next) {
    arriving = &next;
    leaving = this;
#ifdef CENOTE_FIBER_ASAN
    __sanitizer_start_switch_fiber(&fake_stack_, next.bottom_, next.bytes_);
#endif
#ifdef CENOTE_FIBER_TSAN
    __tsan_switch_to_fiber(next.sanitizer_fiber_, 0);
#endif
    ::swapcontext(&context_, &next.context_);
    arrive(*leaving);
}

void fiber::abandon(std::unique_ptr<fiber> one) {
    static auto& kept = *new std::vector<std::unique_ptr<fiber>>; // reachable, so nothing on them leaks
    kept.push_back(std::move(one));
}

} // namespace cenote::test
