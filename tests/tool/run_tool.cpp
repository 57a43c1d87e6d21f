// cenote: SPDX-License-Identifier: MIT
#include "run_tool.hpp"

#include "trace/reader.hpp"

#include <algorithm>
#include <array>
#include <cstdlib>
#include <fcntl.h>
#include <fstream>
#include <gtest/gtest.h>
#include <sstream>
#include <sys/wait.h>
#include <unistd.h>

namespace cenote::test {
namespace {

namespace fs = std::filesystem;

std::string contents(const std::string& path) {
    std::ifstream in(path, std::ios::binary);
    std::ostringstream out;
    out << in.rdbuf();
    return out.str();
}

} // namespace

ran run(const std::vector<std::string>& command, const std::vector<std::string>& variables) {
    const scratch here;
    const std::string out = here.path("out");
    const std::string err = here.path("err");
    std::vector<char*> arguments;
    for (const std::string& a : command) arguments.push_back(const_cast<char*>(a.c_str()));
    arguments.push_back(nullptr);
    const pid_t child = ::fork();
    if (child == 0) {
        ::dup2(::open("/dev/null", O_RDONLY), 0);
        ::dup2(::open(out.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600), 1);
        ::dup2(::open(err.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600), 2);
        for (int fd = 3; fd < 256; ++fd) ::close(fd);
        for (const std::string& v : variables) ::putenv(const_cast<char*>(v.c_str()));
        ::execvp(arguments[0], arguments.data());
        ::_exit(127);
    }
    int status = 0;
    ::waitpid(child, &status, 0);
    ran result;
    result.status = WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
    result.out = contents(out);
    result.err = contents(err);
    return result;
}

ran run_tool(std::vector<std::string> arguments, const std::vector<std::string>& variables) {
    arguments.insert(arguments.begin(), CENOTE_TOOL);
    return run(arguments, variables);
}

scratch::scratch() {
    std::string name = (fs::temp_directory_path() / "cenote-test-XXXXXX").string();
    if (::mkdtemp(name.data()) == nullptr) std::abort();
    folder_ = name;
}

scratch::~scratch() {
    std::error_code ignored;
    fs::remove_all(folder_, ignored);
}

std::vector<std::string> scratch::names() const {
    std::vector<std::string> out;
    for (const fs::directory_entry& entry : fs::directory_iterator(folder_))
        out.push_back(entry.path().filename());
    std::sort(out.begin(), out.end());
    return out;
}

std::size_t recording::count(trace::event_kind kind, std::uint64_t size) const {
    return static_cast<std::size_t>(std::count_if(events.begin(), events.end(), [&](const trace::event& e) {
        return e.kind == kind && (kind == trace::event_kind::deallocate ? e.old_size : e.size) == size;
    }));
}

std::vector<trace::event> recording::of_size(std::uint64_t size) const {
    std::vector<trace::event> out;
    for (const trace::event& e : events)
        if (e.kind == trace::event_kind::allocate && e.size == size) out.push_back(e);
    return out;
}

std::size_t recording::process_with(std::uint64_t size) const {
    const std::vector<trace::event> found = of_size(size);
    return found.empty() ? SIZE_MAX : found.front().process;
}

std::uint64_t recording::unknown_frees() const {
    std::uint64_t sum = 0;
    for (const trace::process& p : processes) sum += p.unknown_frees;
    return sum;
}

recording read_recording(const std::string& file) {
    trace::file_source source(file);
    trace::reader reader(source);
    recording out;
    for (trace::event e; reader.next(e);) out.events.push_back(e);
    out.processes = reader.processes();
    out.truncated = reader.truncated();
    return out;
}

recording record_victim(const std::vector<std::string>& what, int status, const std::string& victim) {
    const scratch here;
    std::vector<std::string> arguments{"record", "-o", here.path("trace"), "--", victim};
    arguments.insert(arguments.end(), what.begin(), what.end());
    const ran result = run_tool(arguments);
    EXPECT_EQ(result.status, status) << result.err;
    EXPECT_EQ(result.err.find("warning"), std::string::npos) << result.err;
    EXPECT_EQ(here.names(), std::vector<std::string>{"trace"}) << "something was left behind";
    return read_recording(here.path("trace"));
}

} // namespace cenote::test
