// cenote: SPDX-License-Identifier: MIT
//
// Where threads wait for one another. In place of std::latch: where there is no futex, as on Windows, that of
// libstdc++ 12 looks at its word before it takes the lock it sleeps under, so that a wake-up in between is
// lost.
#pragma once

#include <cenote/base/sync.hpp>

#include <cstddef>

namespace cenote::test {

/// Opens, once, when so many threads have come.
class gate {
public:
    explicit gate(std::size_t threads) noexcept : missing_(static_cast<std::uint32_t>(threads)) {}
    gate(const gate&) = delete;
    gate& operator=(const gate&) = delete;

    /// Returns when all have come; what each did before is seen by all.
    void arrive_and_wait() noexcept {
        if (missing_.fetch_sub(1, sync::memory_order_acq_rel) == 1) return sync::real::wake_all(missing_);
        for (;;) {
            const std::uint32_t seen = missing_.load(sync::memory_order_acquire);
            if (seen == 0) return;
            sync::real::wait(missing_, seen);
        }
    }

private:
    sync::atomic<std::uint32_t> missing_;
};

} // namespace cenote::test
