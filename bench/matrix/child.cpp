// cenote: SPDX-License-Identifier: MIT
#include "child.hpp"

#include "makers.hpp"
#include "text.hpp"

#include <array>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <fcntl.h>
#include <fmt/format.h>
#include <spawn.h>
#include <sstream>
#include <string_view>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

namespace cenote::matrices {
namespace {

template<maker C>
outcome work_by(const plan& what) {
    C maker(what);
    return work(maker, what);
}

struct entry {
    std::string_view word;
    outcome (*run)(const plan& what);
};

constexpr std::array<entry, 6> makers{{{"slots", work_by<slots>},
                                       {"malloc", work_by<by_malloc>},
                                       {"new", work_by<by_new>},
                                       {"fixed_pool", work_by<by_fixed_pool>},
                                       {"arena", work_by<by_arena>},
                                       {"arena_pool", work_by<by_arena_pool>}}};

std::string read_all(int fd) {
    std::string text;
    std::array<char, 256> piece{};
    for (;;) {
        const ssize_t n = ::read(fd, piece.data(), piece.size());
        if (n < 0 && errno == EINTR) continue;
        if (n <= 0) return text;
        text.append(piece.data(), static_cast<std::size_t>(n));
    }
}

std::vector<char*> pointers(std::vector<std::string>& texts) {
    std::vector<char*> all;
    for (std::string& text : texts) all.push_back(text.data());
    all.push_back(nullptr);
    return all;
}

pid_t spawn(const contender& who, const plan& what, int output) {
    std::vector<std::string> arguments{"cenote_matrices",
                                       "child",
                                       who.word,
                                       std::to_string(what.matrices),
                                       std::to_string(what.live),
                                       what.shuffled ? "shuffled" : "in-order"};
    std::vector<std::string> environment;
    for (char** one = environ; *one != nullptr; ++one)
        if (!std::string_view(*one).starts_with("LD_PRELOAD=")) environment.emplace_back(*one);
    if (!who.preload.empty()) environment.push_back("LD_PRELOAD=" + who.preload);
    posix_spawn_file_actions_t actions;
    ::posix_spawn_file_actions_init(&actions);
    ::posix_spawn_file_actions_adddup2(&actions, output, STDOUT_FILENO);
    pid_t child = -1;
    const int error = ::posix_spawn(&child, "/proc/self/exe", &actions, nullptr, pointers(arguments).data(),
                                    pointers(environment).data());
    ::posix_spawn_file_actions_destroy(&actions);
    return error == 0 ? child : -1;
}

} // namespace

std::optional<outcome> work_of(const std::string& word, const plan& what) {
    for (const entry& one : makers)
        if (one.word == word) return one.run(what);
    return std::nullopt;
}

int be_child(int argc, char** argv) {
    if (argc != 6) return 2;
    const plan what{.matrices = std::stoul(argv[3]),
                    .live = std::stoul(argv[4]),
                    .shuffled = std::string_view(argv[5]) == "shuffled"};
    const std::optional<outcome> done = work_of(argv[2], what);
    if (!done) return 2;
    rusage used{};
    ::getrusage(RUSAGE_SELF, &used);
    fmt::print("{} {} {}\n", done->seconds, done->wrong, static_cast<std::uint64_t>(used.ru_maxrss) * 1024);
    return 0;
}

numbers run_child(const contender& who, const plan& what) {
    std::array<int, 2> pipe{};
    if (::pipe2(pipe.data(), O_CLOEXEC) != 0)
        throw tool::failure(fmt::format("no pipe for a child: {}", std::strerror(errno)));
    const pid_t child = spawn(who, what, pipe[1]);
    ::close(pipe[1]);
    std::istringstream line(child < 0 ? std::string() : read_all(pipe[0]));
    ::close(pipe[0]);
    int status = 0;
    while (child > 0 && ::waitpid(child, &status, 0) < 0 && errno == EINTR) {
    }
    numbers result;
    std::size_t wrong = 0;
    if (child < 0 || status != 0 || !(line >> result.seconds >> wrong >> result.most_resident))
        throw tool::failure(
            fmt::format("{} ended without numbers; to see it alone: {}cenote_matrices child {} "
                        "{} {} {}",
                        who.name, who.preload.empty() ? "" : "LD_PRELOAD=" + who.preload + " ", who.word,
                        what.matrices, what.live, what.shuffled ? "shuffled" : "in-order"));
    if (wrong != 0)
        throw tool::failure(fmt::format("{} gave {} of {} matrices memory that was not theirs alone",
                                        who.name, wrong, what.matrices));
    return result;
}

} // namespace cenote::matrices
