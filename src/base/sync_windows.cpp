// cenote: SPDX-License-Identifier: MIT
#include <cenote/base/sync.hpp>

#include <algorithm>
#include <windows.h>

namespace cenote::inline v0_1::sync {

void real::wait(const atomic<std::uint32_t>& word, std::uint32_t value) noexcept {
    (void)wait_until(word, value, no_deadline);
}

void real::wake_one(atomic<std::uint32_t>& word) noexcept {
    WakeByAddressSingle(&word);
}

void real::wake_all(atomic<std::uint32_t>& word) noexcept {
    WakeByAddressAll(&word);
}

// WaitOnAddress counts milliseconds from now. A wait that is cut off early is allowed, one that is late is
// not: rounded up, and the clock is asked again.
bool real::wait_until(const atomic<std::uint32_t>& word, std::uint32_t value,
                      std::int64_t deadline) noexcept {
    const DWORD saved = GetLastError();
    DWORD wait = INFINITE;
    if (deadline != no_deadline) {
        constexpr std::int64_t millisecond = 1'000'000;
        constexpr std::int64_t longest = 1'000'000;
        const std::int64_t left =
            std::max(std::max<std::int64_t>(deadline, 0) - steady_now(), std::int64_t{0});
        wait = static_cast<DWORD>(std::min((left + millisecond - 1) / millisecond, longest));
    }
    auto* const address = const_cast<atomic<std::uint32_t>*>(&word);
    const bool is_woken = WaitOnAddress(address, &value, sizeof value, wait) != FALSE;
    const bool is_late = !is_woken && deadline != no_deadline && steady_now() >= deadline;
    SetLastError(saved);
    return !is_late;
}

void real::wake_waiter(const atomic<std::uint32_t>& word) noexcept {
    WakeByAddressSingle(const_cast<atomic<std::uint32_t>*>(&word));
}

// There is no fork here.
bool at_fork(void (* /*before*/)(), void (* /*in_parent*/)(), void (* /*in_child*/)()) noexcept {
    return true;
}

} // namespace cenote::inline v0_1::sync
