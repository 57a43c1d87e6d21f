// cenote: SPDX-License-Identifier: MIT
#include "process.hpp"

#include "text.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <cstring>
#include <fcntl.h>
#include <fmt/format.h>
#include <iterator>
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

// What the caller has set for an allocator must neither help nor hinder one.
constexpr std::string_view of_allocators[] = {"LD_PRELOAD=", "GLIBC_TUNABLES=", "MALLOC_",
                                              "MIMALLOC_",   "TCMALLOC_",       "TBB_MALLOC_"};

std::vector<std::string> environment_with(const std::string& preload) {
    std::vector<std::string> all;
    for (char** one = environ; *one != nullptr; ++one) {
        const std::string_view setting = *one;
        if (std::none_of(std::begin(of_allocators), std::end(of_allocators),
                         [&](std::string_view name) { return setting.starts_with(name); }))
            all.emplace_back(setting);
    }
    if (!preload.empty()) all.push_back("LD_PRELOAD=" + preload);
    return all;
}

std::vector<char*> pointers(std::vector<std::string>& texts) {
    std::vector<char*> all;
    for (std::string& text : texts) all.push_back(text.data());
    all.push_back(nullptr);
    return all;
}

std::vector<std::string> arguments_for(const participant& who, const job& what) {
    return {"cenote_bench",
            "child",
            what.which.name(),
            std::string(who.who.runner),
            fmt::format("{}", what.window_ns / 1e6),
            fmt::format("{}", what.windows)};
}

pid_t spawn(const participant& who, const job& what, int output) {
    std::vector<std::string> arguments = arguments_for(who, what);
    std::vector<std::string> environment = environment_with(who.preload);
    posix_spawn_file_actions_t actions;
    ::posix_spawn_file_actions_init(&actions);
    ::posix_spawn_file_actions_adddup2(&actions, output, STDOUT_FILENO);
    pid_t child = -1;
    const int error = ::posix_spawn(&child, who.program.c_str(), &actions, nullptr,
                                    pointers(arguments).data(), pointers(environment).data());
    ::posix_spawn_file_actions_destroy(&actions);
    return error == 0 ? child : -1;
}

std::string how_it_ended(pid_t child, int status) {
    if (child < 0) return "could not be started";
    if (WIFSIGNALED(status) && WTERMSIG(status) == SIGALRM) return "did not finish in time";
    if (WIFSIGNALED(status)) return fmt::format("crashed: {}", ::strsignal(WTERMSIG(status)));
    return fmt::format("ended with status {} and without numbers", WEXITSTATUS(status));
}

std::string command_line(const participant& who, const job& what) {
    std::string line = who.preload.empty() ? "" : fmt::format("LD_PRELOAD={} ", who.preload);
    line += who.who.program.empty() ? "cenote_bench" : who.who.program;
    for (const std::string& word : arguments_for(who, what))
        if (word != "cenote_bench") line += " " + word;
    return line;
}

} // namespace

outcome parse_line(const std::string& line) {
    outcome numbers;
    std::istringstream in(line);
    std::size_t figures = 0;
    if (!(in >> numbers.peak_bytes >> numbers.discarded >> numbers.is_clean >> numbers.window_ns >> figures))
        return {};
    for (double figure = 0; numbers.figures.size() < figures && in >> figure;)
        numbers.figures.push_back(figure);
    for (double ns = 0, trip = 0; in >> ns >> trip;) {
        numbers.ns.push_back(ns);
        numbers.trips_ns.push_back(trip);
    }
    return numbers;
}

child_result run_child(const participant& who, const job& what) {
    std::array<int, 2> pipe{};
    if (::pipe2(pipe.data(), O_CLOEXEC) != 0)
        throw tool::failure(fmt::format("no pipe for a child: {}", std::strerror(errno)));
    const pid_t child = spawn(who, what, pipe[1]);
    ::close(pipe[1]);
    const std::string line = child < 0 ? std::string() : read_all(pipe[0]);
    ::close(pipe[0]);
    int status = 0;
    while (child > 0 && ::waitpid(child, &status, 0) < 0 && errno == EINTR) {
    }
    outcome numbers = parse_line(line);
    if (child > 0 && status == 0 && !numbers.ns.empty()) return {numbers, ""};
    return {{},
            fmt::format("{} in {} {}; to see it alone: {}", who.who.name, what.which.name(),
                        how_it_ended(child, status), command_line(who, what))};
}

} // namespace cenote::bench
