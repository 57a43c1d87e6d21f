// cenote: SPDX-License-Identifier: MIT
#include "child.hpp"

#include "text.hpp"

#include <array>
#include <cerrno>
#include <csignal>
#include <cstring>
#include <fcntl.h>
#include <fmt/format.h>
#include <spawn.h>
#include <sstream>
#include <sys/wait.h>
#include <unistd.h>

namespace cenote::bench {
namespace {

std::string read_all(int fd) {
    std::string text;
    std::array<char, 4096> piece{};
    for (;;) {
        const ssize_t n = ::read(fd, piece.data(), piece.size());
        if (n < 0 && errno == EINTR) continue;
        if (n <= 0) return text;
        text.append(piece.data(), static_cast<std::size_t>(n));
    }
}

pid_t spawn(std::vector<std::string>& arguments, int output) {
    std::vector<char*> pointers;
    for (std::string& argument : arguments) pointers.push_back(argument.data());
    pointers.push_back(nullptr);
    posix_spawn_file_actions_t actions;
    ::posix_spawn_file_actions_init(&actions);
    ::posix_spawn_file_actions_adddup2(&actions, output, STDOUT_FILENO);
    pid_t child = -1;
    const int error = ::posix_spawn(&child, "/proc/self/exe", &actions, nullptr, pointers.data(), environ);
    ::posix_spawn_file_actions_destroy(&actions);
    return error == 0 ? child : -1;
}

outcome parse(const std::string& line) {
    outcome numbers;
    std::istringstream in(line);
    in >> numbers.peak_bytes;
    for (double ns = 0; in >> ns;) numbers.ns.push_back(ns);
    return numbers;
}

} // namespace

outcome run_child(const roster_entry& who, const job& what) {
    std::array<int, 2> pipe{};
    if (::pipe2(pipe.data(), O_CLOEXEC) != 0)
        throw tool::failure(fmt::format("no pipe for a child: {}", std::strerror(errno)));
    std::vector<std::string> arguments{"cenote_bench",
                                       "child",
                                       what.which.name(),
                                       who.name,
                                       fmt::format("{}", what.window_ns / 1e6),
                                       fmt::format("{}", what.windows)};
    const pid_t child = spawn(arguments, pipe[1]);
    ::close(pipe[1]);
    const std::string line = child < 0 ? std::string() : read_all(pipe[0]);
    ::close(pipe[0]);
    int status = 0;
    while (child > 0 && ::waitpid(child, &status, 0) < 0 && errno == EINTR) {
    }
    outcome numbers = parse(line);
    if (child > 0 && status == 0 && numbers.ns.size() == what.windows) return numbers;
    const std::string end = child < 0             ? "could not be started"
                            : WIFSIGNALED(status) ? fmt::format("crashed: {}", ::strsignal(WTERMSIG(status)))
                                                  : fmt::format("ended with status {}", WEXITSTATUS(status));
    throw tool::failure(fmt::format("{} {} in {}; to see it alone: cenote_bench child {} '{}'", who.name, end,
                                    what.which.name(), what.which.name(), who.name));
}

std::string line_of(const outcome& numbers) {
    std::string line = fmt::format("{}", numbers.peak_bytes);
    for (const double ns : numbers.ns) line += fmt::format(" {:.4f}", ns);
    return line + "\n";
}

} // namespace cenote::bench
