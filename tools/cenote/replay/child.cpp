// cenote: SPDX-License-Identifier: MIT
#include "replay/child.hpp"

#include "replay/contenders.hpp"
#include "replay/crew.hpp"

#include <array>
#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <cstring>
#include <dlfcn.h>
#include <fmt/format.h>
#include <poll.h>
#include <string_view>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>
#include <vector>

namespace cenote::tool {
namespace {

constexpr const char* preload_name = "LD_PRELOAD";

// What a child is told, in this order behind its word.
struct child_arguments {
    std::string contender, mode, operations, count, slots, peak_op, latency, latency_count, result, preload,
        threads, thread_count;
};

std::vector<std::string> to_strings(const child_arguments& a) {
    return {"cenote",  replay_child_word, a.contender,     a.mode,   a.operations, a.count,   a.slots,
            a.peak_op, a.latency,         a.latency_count, a.result, a.preload,    a.threads, a.thread_count};
}

template<class T>
std::span<T> map_shared(int fd, std::size_t count, int protection) {
    if (count == 0) return {};
    void* where = ::mmap(nullptr, count * sizeof(T), protection, MAP_SHARED | MAP_POPULATE, fd, 0);
    if (where == MAP_FAILED) throw std::bad_alloc();
    return {static_cast<T*>(where), count};
}

bool malloc_comes_from(const std::string& library) {
    if (library.empty()) return true;
    Dl_info info{};
    void* here = ::dlsym(RTLD_DEFAULT, "malloc");
    if (here == nullptr || ::dladdr(here, &info) == 0) return false;
    std::array<char, 4096> mine{};
    std::array<char, 4096> wanted{};
    return ::realpath(info.dli_fname, mine.data()) != nullptr &&
           ::realpath(library.c_str(), wanted.data()) != nullptr &&
           std::strcmp(mine.data(), wanted.data()) == 0;
}

outcome dispatch(std::string_view word, const job& j) {
    if (word == contender_words::malloc) return run_malloc(j);
    if (word == contender_words::pmr) return run_pmr(j);
    if (word == contender_words::cenote) return run_cenote(j);
    if (word == contender_words::cenote_sized) return run_cenote_sized(j);
    if (word == contender_words::pmr_synchronized) return run_pmr_synchronized(j);
    if (word == contender_words::cenote_locked) return run_cenote_locked(j);
    if (word == contender_words::cenote_concurrent) return run_cenote_concurrent(j);
    if (word == contender_words::cenote_concurrent_sized) return run_cenote_concurrent_sized(j);
    return run_no_op(j);
}

std::vector<std::string> environment_with(const std::string& preload) {
    std::vector<std::string> out;
    for (char** entry = environ; *entry != nullptr; ++entry)
        if (std::string_view(*entry).rfind(std::string(preload_name) + "=", 0) != 0) out.emplace_back(*entry);
    if (!preload.empty()) out.push_back(fmt::format("{}={}", preload_name, preload));
    return out;
}

std::vector<char*> pointers(std::vector<std::string>& strings) {
    std::vector<char*> out;
    for (std::string& s : strings) out.push_back(s.data());
    out.push_back(nullptr);
    return out;
}

// Waits for the whole outcome, at most `limit`; false when it did not come.
bool receive(int fd, outcome& out, std::chrono::milliseconds limit) {
    const auto end = std::chrono::steady_clock::now() + limit;
    std::size_t got = 0;
    while (got < sizeof out) {
        const auto left =
            std::chrono::duration_cast<std::chrono::milliseconds>(end - std::chrono::steady_clock::now());
        pollfd wait{fd, POLLIN, 0};
        const int ready = ::poll(&wait, 1, static_cast<int>(std::max<std::int64_t>(0, left.count())));
        if (ready < 0 && errno == EINTR) continue;
        if (ready <= 0) return false;
        const ssize_t n = ::read(fd, reinterpret_cast<char*>(&out) + got, sizeof out - got);
        if (n < 0 && errno == EINTR) continue;
        if (n <= 0) break;
        got += static_cast<std::size_t>(n);
    }
    if (got < sizeof out) out.magic = 0;
    return true;
}

std::string describe_end(bool in_time, int status, const outcome& numbers) {
    if (!in_time) return "did not finish in time";
    if (WIFSIGNALED(status)) return fmt::format("crashed: {}", ::strsignal(WTERMSIG(status)));
    if (numbers.magic != outcome{}.magic)
        return WEXITSTATUS(status) == no_threads_status
                   ? "could not start as many threads as were recorded"
                   : fmt::format("could not run (status {})", WEXITSTATUS(status));
    if (numbers.not_preloaded != 0) return "could not be put in malloc's place";
    return "";
}

} // namespace

int replay_child(int argc, char** argv) {
    if (argc != static_cast<int>(to_strings({}).size())) return 2;
    ::prctl(PR_SET_PDEATHSIG, SIGKILL);
    const auto number = [&](int i) { return std::strtoull(argv[i], nullptr, 10); };
    job j;
    j.mode = static_cast<job_mode>(number(3));
    j.threads = map_shared<const recorded_thread>(static_cast<int>(number(12)), number(13), PROT_READ);
    if (j.threads.empty())
        j.ops = map_shared<const op>(static_cast<int>(number(4)), number(5), PROT_READ);
    else
        j.steps = map_shared<const step>(static_cast<int>(number(4)), number(5), PROT_READ);
    j.slots = number(6);
    j.peak_op = number(7);
    j.latency_ticks =
        map_shared<std::uint32_t>(static_cast<int>(number(8)), number(9), PROT_READ | PROT_WRITE);
    outcome out;
    if (malloc_comes_from(argv[11]))
        out = dispatch(argv[2], j);
    else
        out.not_preloaded = 1;
    return ::write(static_cast<int>(number(10)), &out, sizeof out) == static_cast<ssize_t>(sizeof out) ? 0
                                                                                                       : 1;
}

namespace {

std::vector<std::string> arguments_for(const contender& who, job_mode mode, const child_plan& what,
                                       const shared_file* latency, int result) {
    const auto text = [](auto value) { return fmt::format("{}", value); };
    return to_strings(
        {.contender = who.word,
         .mode = text(static_cast<unsigned>(mode)),
         .operations = text(what.operations),
         .count = text(what.count),
         .slots = text(what.slots),
         .peak_op = text(what.peak_op),
         .latency = text(latency != nullptr ? latency->fd() : -1),
         .latency_count = text(latency != nullptr ? latency->data().size() / sizeof(std::uint32_t) : 0),
         .result = text(result),
         .preload = who.preload,
         .threads = text(what.threads),
         .thread_count = text(what.thread_count)});
}

} // namespace

child_plan::child_plan(const plan& p)
    : operations(p.ops.fd()), count(p.count), slots(p.slots), peak_op(p.peak_op) {}

child_plan::child_plan(const thread_plan& p)
    : operations(p.steps_file.fd()), threads(p.threads_file.fd()), count(p.steps().size()), slots(p.slots),
      peak_op(p.peak_step), thread_count(p.threads().size()) {}

child_result run_child(const contender& who, job_mode mode, const child_plan& what,
                       const shared_file* latency, std::chrono::milliseconds limit) {
    std::array<int, 2> pipe{};
    if (::pipe(pipe.data()) != 0) return {{}, fmt::format("no pipe: {}", std::strerror(errno))};
    std::vector<std::string> arguments = arguments_for(who, mode, what, latency, pipe[1]);
    std::vector<std::string> environment = environment_with(who.preload);
    const std::vector<char*> argument_pointers = pointers(arguments);
    const std::vector<char*> environment_pointers = pointers(environment);
    const pid_t child = ::fork();
    if (child == 0) {
        ::execve("/proc/self/exe", argument_pointers.data(), environment_pointers.data());
        ::_exit(127);
    }
    ::close(pipe[1]);
    child_result result;
    const bool in_time = child > 0 && receive(pipe[0], result.numbers, limit);
    ::close(pipe[0]);
    int status = 0;
    if (child > 0 && !in_time) ::kill(child, SIGKILL);
    while (child > 0 && ::waitpid(child, &status, 0) < 0 && errno == EINTR) {
    }
    result.problem = child < 0 ? "could not be started" : describe_end(in_time, status, result.numbers);
    return result;
}

} // namespace cenote::tool
