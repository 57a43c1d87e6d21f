// cenote: SPDX-License-Identifier: MIT
#include "record/run.hpp"

#include "text.hpp"

#include <array>
#include <cerrno>
#include <chrono>
#include <csignal>
#include <cstdlib>
#include <cstring>
#include <fcntl.h>
#include <fmt/format.h>
#include <sys/wait.h>
#include <unistd.h>

namespace cenote::tool {
namespace {

volatile std::sig_atomic_t running_child = 0;

void forward(int signal) {
    if (running_child > 0) ::kill(static_cast<pid_t>(running_child), signal);
}

constexpr std::array ignored_signals{SIGINT, SIGQUIT}; // the terminal sends these to the program itself
constexpr std::array forwarded_signals{SIGTERM, SIGHUP, SIGUSR1, SIGUSR2};

// Stands between the signals and this process while the program runs; the program gets what was in force
// before. Signals to be forwarded wait until `open`, when it is known whom to.
class signal_watch {
public:
    signal_watch() {
        sigset_t waiting;
        sigemptyset(&waiting);
        for (const int signal : forwarded_signals) sigaddset(&waiting, signal);
        ::sigprocmask(SIG_BLOCK, &waiting, &old_mask_);
        struct sigaction action{};
        action.sa_handler = SIG_IGN;
        for (std::size_t i = 0; i < ignored_signals.size(); ++i)
            ::sigaction(ignored_signals[i], &action, &old_ignored_[i]);
        action.sa_handler = forward;
        action.sa_flags = SA_RESTART;
        for (std::size_t i = 0; i < forwarded_signals.size(); ++i)
            ::sigaction(forwarded_signals[i], &action, &old_forwarded_[i]);
    }
    ~signal_watch() { restore(); }
    signal_watch(const signal_watch&) = delete;
    signal_watch& operator=(const signal_watch&) = delete;

    void open(pid_t child) const {
        running_child = child;
        ::sigprocmask(SIG_SETMASK, &old_mask_, nullptr);
    }

    void restore() const {
        for (std::size_t i = 0; i < ignored_signals.size(); ++i)
            ::sigaction(ignored_signals[i], &old_ignored_[i], nullptr);
        for (std::size_t i = 0; i < forwarded_signals.size(); ++i)
            ::sigaction(forwarded_signals[i], &old_forwarded_[i], nullptr);
        ::sigprocmask(SIG_SETMASK, &old_mask_, nullptr);
    }

private:
    std::array<struct sigaction, ignored_signals.size()> old_ignored_{};
    std::array<struct sigaction, forwarded_signals.size()> old_forwarded_{};
    sigset_t old_mask_{};
};

std::vector<char*> pointers(const std::vector<std::string>& strings) {
    std::vector<char*> out;
    for (const std::string& s : strings) out.push_back(const_cast<char*>(s.c_str()));
    out.push_back(nullptr);
    return out;
}

[[noreturn]] void fail_to_run(const std::string& program, int reason) {
    if (reason == ENOENT && find_program(program).empty())
        throw failure(
            fmt::format("there is no program {}; check its name, or give its path", printable(program)), 127);
    if (reason == ENOENT)
        throw failure(
            fmt::format("{} names an interpreter that does not exist; install it, or look at the program's "
                        "first line",
                        printable(program)),
            127);
    if (reason == ENOEXEC)
        throw failure(fmt::format("{} is no program that this machine can run", printable(program)), 126);
    throw failure(fmt::format("cannot run {}: {}; check that it is executable", printable(program),
                              std::strerror(reason)),
                  126);
}

int wait_for(pid_t child) {
    int status = 0;
    while (::waitpid(child, &status, 0) < 0 && errno == EINTR) {
    }
    return status;
}

} // namespace

run_result run_program(const std::vector<std::string>& command, const std::vector<std::string>& variables) {
    std::array<int, 2> report{};
    if (::pipe2(report.data(), O_CLOEXEC) != 0)
        throw failure(fmt::format("no pipe: {}", std::strerror(errno)), 125);
    const std::vector<char*> arguments = pointers(command);
    const signal_watch watch;
    const auto start = std::chrono::steady_clock::now();
    const pid_t child = ::fork();
    if (child < 0)
        throw failure(fmt::format("cannot start a process: {}; try again later", std::strerror(errno)), 125);
    if (child == 0) {
        watch.restore();
        for (const std::string& v : variables) ::putenv(const_cast<char*>(v.c_str()));
        ::execvp(arguments[0], arguments.data());
        const int reason = errno;
        (void)!::write(report[1], &reason, sizeof reason);
        ::_exit(127);
    }
    watch.open(child);
    ::close(report[1]);
    int reason = 0;
    ssize_t told = 0;
    while ((told = ::read(report[0], &reason, sizeof reason)) < 0 && errno == EINTR) {
    }
    ::close(report[0]);
    const int status = wait_for(child);
    running_child = 0;
    if (told == sizeof reason) fail_to_run(command[0], reason);
    run_result result;
    result.seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
    result.signal = WIFSIGNALED(status) ? WTERMSIG(status) : 0;
    result.status = result.signal != 0 ? 128 + result.signal : WEXITSTATUS(status);
    return result;
}

} // namespace cenote::tool
