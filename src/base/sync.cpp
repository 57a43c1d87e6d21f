// cenote: SPDX-License-Identifier: MIT
#include <cenote/base/sync.hpp>

#include <pthread.h>
#include <sched.h>
#include <time.h>

namespace cenote::inline v0_1::sync {
namespace {

// A key and not a thread_local with a destructor: those run before, so that they may still use a pool.
pthread_key_t key;
atomic<bool> has_key{false};
pthread_once_t key_once = PTHREAD_ONCE_INIT;
atomic<void (*)(void*)> exit_call{nullptr};

// Before any other key, whose destructors come later then: where the compiler emulates thread-locals, as for
// Windows, it frees them by a key of its own.
__attribute__((constructor(101))) void make_key() noexcept {
    pthread_once(&key_once, [] {
        const auto end = [](void* context) { exit_call.load(memory_order_acquire)(context); };
        has_key.store(pthread_key_create(&key, end) == 0, memory_order_release);
    });
}

// When the library is unloaded, no thread may come back to its code. Not a destructor of a static, which runs
// among those of the program while threads still end: after all of them.
__attribute__((destructor(101))) void forget_key() noexcept {
    if (has_key.exchange(false, memory_order_acq_rel)) pthread_key_delete(key);
}

} // namespace

void real::yield() noexcept {
    (void)sched_yield();
}

std::int64_t steady_now() noexcept {
    timespec now{};
    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return std::int64_t{now.tv_sec} * 1'000'000'000 + now.tv_nsec;
}

bool at_thread_exit(void (*call)(void*), void* context) noexcept {
    void (*nobody)(void*) = nullptr;
    exit_call.compare_exchange_strong(nobody, call, memory_order_acq_rel, memory_order_acquire);
    make_key();
    return has_key.load(memory_order_acquire) && pthread_setspecific(key, context) == 0;
}

} // namespace cenote::inline v0_1::sync
