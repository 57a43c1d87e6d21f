// cenote: SPDX-License-Identifier: MIT
#include "record/trace_file.hpp"

#include "text.hpp"

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

namespace cenote::tool {
namespace {

constexpr std::size_t most_held = std::size_t{64} << 20;

} // namespace

std::string folder_of(const std::string& path) {
    const std::size_t slash = path.rfind('/');
    if (slash == std::string::npos) return ".";
    return slash == 0 ? "/" : path.substr(0, slash);
}

trace_file::trace_file(const std::string& path)
    : path_(path), part_(fmt::format("{}.part-{}", path, ::getpid())) {
    struct stat info{};
    const bool exists = ::stat(path.c_str(), &info) == 0;
    if (exists && S_ISDIR(info.st_mode))
        throw failure(fmt::format("{} is a directory; give -o the name of a file", printable(path)), 125);
    if (exists && !S_ISREG(info.st_mode))
        throw failure(fmt::format("{} is not an ordinary file; give -o another name", printable(path)), 125);
    if (exists && ::access(path.c_str(), W_OK) != 0)
        throw failure(fmt::format("{} is write-protected; give -o another name", printable(path)), 125);
    fd_ = ::open(part_.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
    if (fd_ < 0)
        throw failure(fmt::format("cannot write to {}: {}; give -o a name in a folder you may write to",
                                  printable(path), std::strerror(errno)),
                      125);
}

trace_file::~trace_file() {
    if (fd_ < 0) return;
    ::close(fd_);
    ::unlink(part_.c_str());
}

void trace_file::write(std::span<const unsigned char> data) {
    held_.insert(held_.end(), data.begin(), data.end());
    if (held_.size() >= most_held) flush();
}

std::uint64_t trace_file::commit() {
    flush();
    // Some file systems report a full disk only here.
    const int closed = ::fsync(fd_) != 0 && errno != EINVAL && errno != EROFS ? errno : 0;
    if (closed != 0)
        throw failure(fmt::format("cannot write {}: {}", printable(path_), std::strerror(closed)), 125);
    if (std::rename(part_.c_str(), path_.c_str()) != 0)
        throw failure(fmt::format("cannot write {}: {}", printable(path_), std::strerror(errno)), 125);
    ::close(fd_);
    fd_ = -1;
    return written_;
}

void trace_file::flush() {
    for (std::size_t done = 0; done < held_.size();) {
        const ssize_t n = ::write(fd_, held_.data() + done, held_.size() - done);
        if (n < 0 && errno == EINTR) continue;
        if (n <= 0)
            throw failure(fmt::format("cannot write {}: {}; make room, or give -o a file on another disk",
                                      printable(path_), std::strerror(errno)),
                          125);
        done += static_cast<std::size_t>(n);
    }
    written_ += held_.size();
    held_.clear();
}

} // namespace cenote::tool
