// cenote: SPDX-License-Identifier: MIT
#include <cenote/base/sync.hpp>

#include <pthread.h>
#include <sched.h>

namespace cenote::sync {
namespace {

// A key and not a thread_local with a destructor: those run before, so that they may still use a pool.
pthread_key_t key;
atomic<bool> has_key{false};
pthread_once_t key_once = PTHREAD_ONCE_INIT;
void (*exit_call)(void*) = nullptr;

// When the library is unloaded, no thread may come back to its code. Not a destructor of a static, which runs
// among those of the program while threads still end: after all of them.
__attribute__((destructor(101))) void forget_key() noexcept {
    if (has_key.exchange(false, memory_order_acq_rel)) pthread_key_delete(key);
}

} // namespace

void real::yield() noexcept {
    (void)sched_yield();
}

bool at_thread_exit(void (*call)(void*), void* context) noexcept {
    static atomic<void (*)(void*)> wanted{nullptr};
    wanted.store(call, memory_order_release);
    pthread_once(&key_once, [] {
        exit_call = wanted.load(memory_order_acquire);
        has_key.store(pthread_key_create(&key, exit_call) == 0, memory_order_release);
    });
    return has_key.load(memory_order_acquire) && pthread_setspecific(key, context) == 0;
}

bool at_fork(void (*before)(), void (*in_parent)(), void (*in_child)()) noexcept {
    return pthread_atfork(before, in_parent, in_child) == 0;
}

} // namespace cenote::sync
