// cenote: SPDX-License-Identifier: MIT
//
// A thread of the library's own that sleeps most of the time: it calls its work, is told when to call it
// next, and sleeps until then, until somebody wakes it, or until a file descriptor has something urgent, such
// as the system's memory pressure, or something to read. All signals are blocked in it. The child of a fork
// does not have it, and `stop` knows that.
#pragma once

#include <cenote/base/config.hpp>

#include <cstdint>
#include <pthread.h>
#include <sys/types.h>

namespace cenote::inline v0_1::sync {

class CENOTE_API background {
public:
    /// Called by the thread: does its work, and returns when to be called next, in nanoseconds of the steady
    /// clock. `is_urgent`: a descriptor woke it.
    using work = std::int64_t (*)(void* context, bool is_urgent) noexcept;

    constexpr background() noexcept = default;
    background(const background&) = delete;
    background& operator=(const background&) = delete;
    ~background() { stop(); }

    /// False when the system gives no thread, or one is there. What comes urgently at `urgent`, or can be
    /// read from `told` and is then, wakes it. Both stay the caller's; -1: none.
    [[nodiscard]] bool start(work call, void* context, int urgent = -1, int told = -1) noexcept;
    /// Returns when the thread has ended.
    void stop() noexcept;
    /// Has the work called soon.
    void wake() noexcept;
    [[nodiscard]] bool is_running() const noexcept { return owner_ != 0; }

private:
    static void* run(void* self) noexcept;
    void loop() noexcept;
    void send(char what) noexcept;

    work call_ = nullptr;
    void* context_ = nullptr;
    int urgent_ = -1;
    int told_ = -1;
    int ends_[2] = {-1, -1}; // of a pipe that wakes the thread
    pid_t owner_ = 0;        // the process that has the thread
    pthread_t thread_{};
};

/// A descriptor that has something urgent when threads have waited for memory for a twentieth of some time;
/// -1 where the system does not tell. `file`: as Linux describes it, of a cgroup or of the whole machine;
/// null: that of the process's own cgroup, of the second version, or where that does not tell, of the
/// machine. `root`: stands before the paths of all these files, for tests.
[[nodiscard]] CENOTE_API int open_memory_pressure(const char* file, const char* root = "") noexcept;
CENOTE_API void close_memory_pressure(int descriptor) noexcept;

} // namespace cenote::inline v0_1::sync
