// cenote: SPDX-License-Identifier: MIT
#include "contender.hpp"
#include "patterns/memory.hpp"
#include "text.hpp"

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <dlfcn.h>
#include <filesystem>
#include <fmt/format.h>
#include <signal.h>
#include <sys/prctl.h>
#include <system_error>
#include <unistd.h>

namespace cenote::bench {
namespace {

constexpr unsigned most_seconds = 300; // a child that takes longer hangs

std::string line_of(const outcome& numbers) {
    std::string line = fmt::format("{} {} {} {:.0f}", numbers.peak_bytes, numbers.discarded,
                                   numbers.is_clean ? 1 : 0, numbers.window_ns);
    line += fmt::format(" {}", numbers.figures.size());
    for (const double figure : numbers.figures) line += fmt::format(" {:.4f}", figure);
    for (std::size_t i = 0; i < numbers.ns.size(); ++i)
        line += fmt::format(" {:.4f} {:.1f}", numbers.ns[i],
                            i < numbers.trips_ns.size() ? numbers.trips_ns[i] : 0);
    return line + "\n";
}

int complain(const std::string& sentence) {
    fmt::print(stderr, "cenote_bench child: {}\n", sentence);
    return 2;
}

// The dynamic linker only warns when it cannot preload a library, and then malloc is still the C library's.
std::string what_was_not_preloaded() {
    const char* const wanted = std::getenv("LD_PRELOAD");
    if (wanted == nullptr || *wanted == '\0') return "";
    Dl_info here{};
    here.dli_fname = "an unknown library";
    std::error_code none;
    void* const in_use = ::dlsym(RTLD_DEFAULT, "malloc");
    if (::dladdr(in_use, &here) != 0 && std::filesystem::equivalent(here.dli_fname, wanted, none)) return "";
    return fmt::format("malloc is that of {}, not of {}, which LD_PRELOAD names", here.dli_fname, wanted);
}

} // namespace

// Arguments: child CASE RUNNER WINDOW_MS WINDOWS
int be_child(const std::vector<runner>& runners, int argc, char** argv) {
    if (argc != 6) return complain("wanted: child CASE RUNNER WINDOW_MS WINDOWS");
    if (const std::string problem = what_was_not_preloaded(); !problem.empty()) return complain(problem);
    const std::optional<test_case> which = find_case(argv[2]);
    if (!which) return complain(fmt::format("there is no case '{}'; --list names them", argv[2]));
    const auto found =
        std::find_if(runners.begin(), runners.end(), [&](const runner& one) { return one.name == argv[3]; });
    if (found == runners.end()) return complain(fmt::format("this program has no runner '{}'", argv[3]));
    const double window_ms = std::strtod(argv[4], nullptr);
    const unsigned long windows = std::strtoul(argv[5], nullptr, 10);
    if (!(window_ms > 0) || windows == 0 || windows > 1000)
        return complain("a window needs some milliseconds, and there must be 1 to 1,000 of them");
    ::prctl(PR_SET_PDEATHSIG, SIGKILL);
    ::alarm(most_seconds);
    if (which->is_fragmented) fragment_heap(found->get, found->put);
    const outcome numbers = found->run({*which, window_ms * 1e6, static_cast<unsigned>(windows)});
    if (numbers.ns.empty()) return complain(fmt::format("{} takes no part in {}", argv[3], argv[2]));
    fmt::print("{}", line_of(numbers));
    std::fflush(stdout);
    std::_Exit(0); // workers and live blocks go with the process
}

} // namespace cenote::bench
