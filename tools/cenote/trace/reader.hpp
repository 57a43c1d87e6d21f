// cenote: SPDX-License-Identifier: MIT
//
// Reads a trace and believes nothing in it: every number is checked before it is used, every event against
// the blocks live at that moment. Memory is bounded by one frame and the live blocks of one process (at most
// `limits::live_blocks`). Anything wrong throws `error` with a sentence; a file that simply ends early is
// read to its last whole frame.
//
//     trace::file_source file{"app.trace"};
//     trace::reader reader{file};
//     for (trace::event e; reader.next(e);) …
#pragma once

#include "trace/flat_map.hpp"
#include "trace/format.hpp"
#include "trace/frame.hpp"

#include <cstdint>
#include <optional>
#include <span>
#include <vector>

namespace cenote::trace {

struct limits {
    std::uint64_t live_blocks = std::uint64_t{1} << 25;
    std::uint64_t processes = std::uint64_t{1} << 20;
};

class reader {
public:
    // Throws `error` when the source is no trace.
    explicit reader(byte_source& source, limits limits = {});

    // The next event, of whichever process; false at the end.
    [[nodiscard]] bool next(event& out);

    // The processes met so far; complete, with their totals, once `next` has said false.
    [[nodiscard]] const std::vector<process>& processes() const { return processes_; }
    // The file ended before its end mark: it was cut off, or its recorder was.
    [[nodiscard]] bool truncated() const { return truncated_; }

private:
    struct live_block {
        std::uint64_t size = 0;
        std::uint8_t log2_alignment = default_log2_alignment;
    };

    [[nodiscard]] bool next_frame();
    void open_process();
    void open_events();
    void close_process();
    void close_file();
    void parse(event& out);
    void parse_allocation(event& out, unsigned char first);
    void parse_known(event& out, unsigned char first);
    [[nodiscard]] std::uint32_t take_site();
    [[nodiscard]] std::uint64_t take(const char* what);
    [[nodiscard]] std::uint64_t take_at_most(std::uint64_t limit, const char* what);
    [[noreturn]] void fail(const char* what) const;

    byte_source& source_;
    limits limits_;
    std::uint64_t offset_ = file_header_bytes;
    frame frame_;
    std::span<const unsigned char> rest_; // of the frame's payload
    std::uint64_t events_left_ = 0;       // in the frame
    std::uint32_t thread_ = 0;
    std::vector<std::uint32_t> sites_;
    flat_map<live_block> live_;
    std::vector<process> processes_;
    bool process_open_ = false;
    bool ended_ = false;
    bool truncated_ = false;
};

} // namespace cenote::trace
