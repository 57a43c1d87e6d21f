// cenote: SPDX-License-Identifier: MIT
#include <cenote/base/sync_background.hpp>

#include "sync_background_wait.hpp"

#include <windows.h>

namespace cenote::inline v0_1::sync {
// In place of a pipe a word: 0, or what was said last that matters most.
bool background::start(work call, void* context, int urgent, int told) noexcept {
    if (is_running()) return false;
    call_ = call;
    context_ = context;
    urgent_ = urgent;
    told_ = told;
    ends_[0] = 0;
    if (pthread_create(&thread_, nullptr, &run, this) != 0) return false;
    owner_ = 1;
    return true;
}

void background::send(char what) noexcept {
    std::atomic_ref<int> said(ends_[0]);
    int seen = 0;
    if (what == stops)
        said.store(stops, memory_order_release);
    else
        said.compare_exchange_strong(seen, what, memory_order_release, memory_order_relaxed);
    WakeByAddressSingle(&ends_[0]);
}

void background::wake() noexcept {
    if (is_running()) send(wakes);
}

void background::stop() noexcept {
    if (!is_running()) return;
    send(stops);
    (void)pthread_join(thread_, nullptr);
    owner_ = 0;
}

void* background::run(void* self) noexcept {
    static_cast<background*>(self)->loop();
    return nullptr;
}

void background::loop() noexcept {
    std::atomic_ref<int> said(ends_[0]);
    for (;;) {
        const std::int64_t next = call_(context_, false);
        int nothing = 0;
        if (said.load(memory_order_acquire) == 0)
            (void)WaitOnAddress(&ends_[0], &nothing, sizeof nothing,
                                static_cast<DWORD>(milliseconds_until(next)));
        int seen = said.load(memory_order_acquire);
        if (seen == stops) return;
        said.compare_exchange_strong(seen, 0, memory_order_acquire, memory_order_acquire);
        if (seen == stops) return;
    }
}

int open_memory_pressure(const char* /*file*/, const char* /*root*/) noexcept {
    return -1;
}

void close_memory_pressure(int /*descriptor*/) noexcept {}

} // namespace cenote::inline v0_1::sync
