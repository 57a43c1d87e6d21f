// cenote: SPDX-License-Identifier: MIT
#include "record/spool_reader.hpp"

#include "text.hpp"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <fcntl.h>
#include <fmt/format.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

namespace cenote::tool {
namespace {

// The process may be writing at this moment, when it outlives the program that was recorded.
std::uint64_t stamp_of(const spool::event* e) {
    return std::atomic_ref<std::uint64_t>(const_cast<std::uint64_t&>(e->stamp))
        .load(std::memory_order_acquire);
}

} // namespace

spool_stream::spool_stream(const std::string& path) {
    const int fd = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
    struct stat info{};
    if (fd < 0 || ::fstat(fd, &info) != 0)
        throw failure(fmt::format("cannot read {}: {}", path, std::strerror(errno)), 125);
    bytes_ = static_cast<std::size_t>(info.st_size) / spool::unit_bytes * spool::unit_bytes;
    if (bytes_ > 0) mapped_ = ::mmap(nullptr, bytes_, PROT_READ, MAP_SHARED, fd, 0);
    const int reason = errno;
    ::close(fd);
    if (mapped_ == MAP_FAILED)
        throw failure(fmt::format("cannot map {}: {}", path, std::strerror(reason)), 125);
    if (mapped_ == nullptr) return;
    const auto* header = static_cast<const spool::header*>(mapped_);
    if (header->magic != spool::magic) return;
    header_ = header;
    find_runs();
}

spool_stream::~spool_stream() {
    if (mapped_ != nullptr && mapped_ != MAP_FAILED) ::munmap(mapped_, bytes_);
}

void spool_stream::find_runs() {
    const auto* at =
        reinterpret_cast<const spool::event*>(static_cast<const char*>(mapped_) + spool::unit_bytes);
    const auto* end = reinterpret_cast<const spool::event*>(static_cast<const char*>(mapped_) + bytes_);
    std::uint64_t last = 0;
    for (; at != end; ++at) {
        const std::uint64_t stamp = stamp_of(at);
        if (stamp == 0) continue;
        if (runs_.empty() || stamp < last) runs_.push_back({stamp, at, at});
        runs_.back().end = at + 1;
        last = stamp;
    }
    std::make_heap(runs_.begin(), runs_.end(), later);
}

bool spool_stream::next(spool::event& out) {
    if (runs_.empty()) return false;
    std::pop_heap(runs_.begin(), runs_.end(), later);
    run& earliest = runs_.back();
    out = *earliest.at;
    out.stamp = earliest.stamp;
    // A thread's events ascend, so the earliest run usually stays the earliest: the heap is small all the
    // same.
    while (++earliest.at != earliest.end && (earliest.stamp = stamp_of(earliest.at)) == 0) {
    }
    if (earliest.at == earliest.end)
        runs_.pop_back();
    else
        std::push_heap(runs_.begin(), runs_.end(), later);
    return true;
}

} // namespace cenote::tool
