// cenote: SPDX-License-Identifier: MIT
//
// A group of processes with a limit of memory, for tests of what the system takes back when it must.
#pragma once

#include <fcntl.h>
#include <filesystem>
#include <fstream>
#include <string>
#include <system_error>
#include <unistd.h>

namespace cenote::test {

/// Where the machine lets one be made below this process's own.
class memory_group {
public:
    explicit memory_group(std::size_t limit) {
        const std::string name = "/cenote-test-" + std::to_string(::getpid());
        std::ifstream groups("/proc/self/cgroup");
        for (std::string line; std::getline(groups, line) && folder_.empty();) {
            const std::size_t path = line.find(':', line.find(':') + 1) + 1;
            const bool is_unified = line.starts_with("0::");
            if (!is_unified && line.find(":memory:") == std::string::npos) continue;
            const std::string at =
                (is_unified ? "/sys/fs/cgroup" : "/sys/fs/cgroup/memory") + line.substr(path) + name;
            const char* const file = is_unified ? "/memory.max" : "/memory.limit_in_bytes";
            std::error_code problem;
            if (!std::filesystem::create_directory(at, problem)) continue;
            folder_ = at;
            if (put(file, std::to_string(limit))) return;
            std::filesystem::remove(at, problem);
            folder_.clear();
        }
    }
    ~memory_group() {
        std::error_code problem;
        if (!folder_.empty()) std::filesystem::remove(folder_, problem);
    }
    [[nodiscard]] bool is_there() const { return !folder_.empty(); }
    [[nodiscard]] bool enter() const { return put("/cgroup.procs", std::to_string(::getpid())); }
    /// Has `event`, an eventfd, counted up whenever memory of the group is looked through for what can go; as
    /// the first version of groups does it.
    [[nodiscard]] bool tell_of_pressure(int event) const {
        const int level = ::open((folder_ + "/memory.pressure_level").c_str(), O_RDONLY | O_CLOEXEC);
        const bool is_told = level >= 0 && put("/cgroup.event_control",
                                               std::to_string(event) + " " + std::to_string(level) + " low");
        if (level >= 0) ::close(level);
        return is_told;
    }

private:
    [[nodiscard]] bool put(const char* file, const std::string& text) const {
        std::ofstream out(folder_ + file);
        out << text << std::flush;
        return static_cast<bool>(out);
    }
    std::string folder_;
};

/// One of the second version without a limit, which tells of pressure in a file of its own; also beside
/// groups of the first version.
class telling_group {
public:
    telling_group() {
        for (const char* const mount : {"/sys/fs/cgroup/unified", "/sys/fs/cgroup"}) {
            const std::string at = mount + ("/" + name());
            std::error_code problem;
            if (std::filesystem::exists(std::string(mount) + "/cgroup.procs") &&
                std::filesystem::create_directory(at, problem)) {
                folder_ = at;
                return;
            }
        }
    }
    telling_group(const telling_group&) = delete;
    telling_group& operator=(const telling_group&) = delete;
    ~telling_group() {
        std::error_code problem;
        if (!folder_.empty()) std::filesystem::remove(folder_, problem);
    }
    /// A part of the names of its files, while the process that made it lives.
    [[nodiscard]] static std::string name() { return "cenote-test-telling"; }
    [[nodiscard]] bool is_there() const { return std::filesystem::exists(folder_ + "/memory.pressure"); }
    [[nodiscard]] bool enter() const {
        std::ofstream out(folder_ + "/cgroup.procs");
        out << ::getpid() << std::flush;
        return static_cast<bool>(out);
    }

private:
    std::string folder_;
};

} // namespace cenote::test
