// cenote: SPDX-License-Identifier: MIT
//
// A recording made ready for replay: one process's events as 16-byte operations on numbered slots, in memory
// that all contenders' processes share and none of their allocators sees. Slots are reused, last freed first,
// so the replay's own table is no larger than the most blocks that were live at once. This is the plan for
// one worker; thread_plan.hpp makes of it one for as many as were recorded.
#pragma once

#include "trace/format.hpp"

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <utility>

namespace cenote::tool {

enum class op_kind : std::uint8_t { allocate, allocate_zeroed, deallocate, reallocate };

inline constexpr unsigned size_bits = 48;
static_assert(trace::max_block_bytes < std::uint64_t{1} << size_bits);

struct op {
    std::uint64_t size : size_bits;
    op_kind kind;
    std::uint8_t log2_alignment;
    std::uint32_t slot;
    std::uint32_t thread; // that did it, numbered in the order of their first operations
};
static_assert(sizeof(op) == 16);

// A shared, anonymous file that child processes inherit.
class shared_file {
public:
    shared_file(const char* name, std::size_t bytes);
    ~shared_file();
    shared_file(shared_file&& other) noexcept
        : fd_(std::exchange(other.fd_, -1)), data_(std::exchange(other.data_, nullptr)),
          bytes_(other.bytes_) {}
    shared_file& operator=(shared_file&&) = delete;

    [[nodiscard]] int fd() const { return fd_; }
    [[nodiscard]] std::span<std::byte> data() const { return {data_, bytes_}; }

private:
    int fd_;
    std::byte* data_ = nullptr;
    std::size_t bytes_ = 0;
};

struct plan {
    explicit plan(std::size_t most_ops) : ops("cenote-plan", most_ops * sizeof(op)) {}

    shared_file ops;
    std::uint64_t count = 0; // of operations
    std::uint64_t slots = 0;
    std::uint32_t threads = 0;      // that have an operation
    std::uint64_t peak_op = 0;      // after which the most bytes are live
    trace::process process;         // what is replayed, with the totals of the operations in the plan
    std::uint64_t recorded_ops = 0; // of that process, which may be more than `count`
    std::uint64_t processes = 0;    // in the recording
    bool truncated = false;         // the recording breaks off

    [[nodiscard]] std::span<const op> view() const {
        return {reinterpret_cast<const op*>(ops.data().data()), static_cast<std::size_t>(count)};
    }
    // Keeps the first `n` operations and counts their totals anew.
    void shorten(std::uint64_t n);
};

// Throws `trace::error` or `failure`. Without `pid`: the process with the most allocations.
[[nodiscard]] plan make_plan(const std::string& file, std::optional<std::uint64_t> pid);

} // namespace cenote::tool
