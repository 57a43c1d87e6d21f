// cenote: SPDX-License-Identifier: MIT
//
// A thread that gives back what a buffer_pool has left idle, also while the program sleeps: it calls `tick`
// when that wants to be called. On Linux it can watch the system's memory pressure too, and trims the pool at
// once when threads begin to wait for memory. Sleeps otherwise. It must end before its pool does; the child
// of a fork does not have it. A program with a loop of its own calls `tick` there and needs none.
#pragma once

#include <cenote/base/sync_background.hpp>
#include <cenote/buffer/buffer_pool.hpp>

namespace cenote::inline v0_1 {

struct buffer_keeper_options {
    bool watch_pressure = false; ///< where the system tells of it
    /// What to watch: the `memory.pressure` of a cgroup, or `/proc/pressure/memory` of the whole machine.
    /// Null: that of the process's own cgroup, of the second version, or where it may not be watched, of the
    /// machine.
    const char* pressure_file = nullptr;
    /// Or what tells the program of it: when something can be read from this descriptor, it is read, and the
    /// pool is trimmed. A pipe, or an eventfd, as a cgroup of the first version's `memory.pressure_level`
    /// takes it. Stays the caller's; -1: none.
    int pressure_event = -1;
};

class CENOTE_API buffer_keeper {
public:
    explicit buffer_keeper(buffer_pool& pool, const buffer_keeper_options& wanted = {}) noexcept;
    buffer_keeper(const buffer_keeper&) = delete;
    buffer_keeper& operator=(const buffer_keeper&) = delete;
    ~buffer_keeper();

    /// Whether the system gave a thread.
    [[nodiscard]] bool is_running() const noexcept { return thread_.is_running(); }
    /// Whether there is something that tells of pressure.
    [[nodiscard]] bool watches_pressure() const noexcept {
        return (pressure_ >= 0 || event_ >= 0) && is_running();
    }

private:
    static std::int64_t work(void* self, bool is_urgent) noexcept;

    buffer_pool* pool_;
    int pressure_;
    int event_;
    sync::background thread_;
};

} // namespace cenote::inline v0_1
