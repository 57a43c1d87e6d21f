// cenote: SPDX-License-Identifier: MIT
#include "record/spool_folder.hpp"

#include "text.hpp"

#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fmt/format.h>
#include <unistd.h>

namespace cenote::tool {
namespace {

namespace fs = std::filesystem;
constexpr const char* prefix = ".cenote-spool-";

} // namespace

spool_folder::spool_folder(const std::string& parent) {
    std::error_code error;
    const fs::path absolute = fs::absolute(parent, error);
    std::string name = fmt::format("{}/{}{}.XXXXXX", absolute.string(), prefix, ::getpid());
    if (error || ::mkdtemp(name.data()) == nullptr)
        throw failure(fmt::format("cannot make a temporary folder in {}: {}; choose another with --spool",
                                  printable(parent), std::strerror(errno)),
                      125);
    path_ = name;
}

spool_folder::~spool_folder() {
    std::error_code ignored;
    fs::remove_all(path_, ignored);
}

std::vector<std::string> abandoned_spools(const std::string& parent) {
    std::vector<std::string> found;
    std::error_code ignored;
    for (const fs::directory_entry& entry : fs::directory_iterator(parent, ignored)) {
        const std::string name = entry.path().filename();
        if (name.rfind(prefix, 0) != 0) continue;
        const long pid = std::strtol(name.c_str() + std::strlen(prefix), nullptr, 10);
        if (pid > 0 && ::kill(static_cast<pid_t>(pid), 0) != 0 && errno == ESRCH)
            found.push_back(entry.path());
    }
    return found;
}

} // namespace cenote::tool
