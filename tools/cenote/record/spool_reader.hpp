// cenote: SPDX-License-Identifier: MIT
//
// Reads one stream of a spool: its header, and its events in the order in which they happened. Works on
// whatever a killed program, a full disk or a process that is still running has left.
#pragma once

#include "recorder/spool.hpp"

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

namespace cenote::tool {

class spool_stream {
public:
    // Throws `failure` when the file cannot be opened.
    explicit spool_stream(const std::string& path);
    ~spool_stream();
    spool_stream(const spool_stream&) = delete;
    spool_stream& operator=(const spool_stream&) = delete;

    // Null when the file holds no header: the disk was full, or the process was killed that early.
    [[nodiscard]] const spool::header* header() const { return header_; }
    [[nodiscard]] bool next(spool::event& out);

private:
    // Events whose stamps ascend: what one thread wrote, or several one after the other.
    struct run {
        std::uint64_t stamp;
        const spool::event* at;
        const spool::event* end;
    };

    void find_runs();
    static bool later(const run& a, const run& b) { return a.stamp > b.stamp; }

    void* mapped_ = nullptr;
    std::size_t bytes_ = 0;
    const spool::header* header_ = nullptr;
    std::vector<run> runs_; // a heap, the earliest in front
};

} // namespace cenote::tool
