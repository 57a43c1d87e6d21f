// cenote: SPDX-License-Identifier: MIT
//
// Child processes for tests of what a process does once: fork, end, be killed. A child says in a sentence on
// standard error what is wrong, and ends with code 1; one that hangs is ended by its alarm.
#pragma once

#include <cstdio>
#include <cstdlib>
#include <string>
#include <sys/syscall.h>
#include <sys/types.h>
#include <sys/wait.h>
#include <unistd.h>

namespace cenote::test {

/// A child that hangs is a failure, after so many seconds: many more than any of them takes, also under a
/// sanitizer on a busy machine.
inline constexpr unsigned patience = 20;

/// In a child: what must hold.
inline void require(bool holds, const char* otherwise) noexcept {
    if (holds) return;
    std::fprintf(stderr, "child %d: %s\n", static_cast<int>(getpid()), otherwise);
    ::_exit(1);
}

/// How a child ended, in words; empty when it ended well.
[[nodiscard]] inline std::string ending_of(pid_t child) {
    int status = 0;
    if (child < 0) return "fork failed";
    if (waitpid(child, &status, 0) != child) return "waitpid failed";
    if (WIFSIGNALED(status)) {
        const int signal = WTERMSIG(status);
        return signal == SIGALRM ? "hung until its alarm" : "died of signal " + std::to_string(signal);
    }
    return WEXITSTATUS(status) == 0 ? "" : "ended with code " + std::to_string(WEXITSTATUS(status));
}

/// Forks, runs `run` in the child alone and ends it there without destructors.
template<class Run>
[[nodiscard]] pid_t start_child(Run&& run) {
    std::fflush(nullptr);
    const pid_t child = fork();
    if (child != 0) return child;
    alarm(patience);
    run();
    syscall(SYS_exit_group,
            0); // not _exit: thread sanitizers miss the joins of threads that only the parent has
    std::abort();
}

template<class Run>
[[nodiscard]] std::string ending_of_child(Run&& run) {
    return ending_of(start_child(run));
}

} // namespace cenote::test
