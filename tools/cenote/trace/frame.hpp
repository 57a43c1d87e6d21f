// cenote: SPDX-License-Identifier: MIT
//
// The frames of a trace file as bytes: packing with zstd and checksums, and the strict way back.
#pragma once

#include "trace/format.hpp"
#include "trace/varint.hpp"

#include <cstddef>
#include <cstdint>
#include <span>

namespace cenote::trace {

// Where a reader's bytes come from. `read` fills as much of `out` as there is and says how much that was.
class byte_source {
public:
    virtual ~byte_source() = default;
    virtual std::size_t read(std::span<unsigned char> out) = 0;
};

class memory_source final : public byte_source {
public:
    explicit memory_source(std::span<const unsigned char> data) : rest_(data) {}
    std::size_t read(std::span<unsigned char> out) override;

private:
    std::span<const unsigned char> rest_;
};

// Throws `error` when the file cannot be opened or read.
class file_source final : public byte_source {
public:
    explicit file_source(const std::string& path);
    ~file_source() override;
    file_source(const file_source&) = delete;
    file_source& operator=(const file_source&) = delete;
    std::size_t read(std::span<unsigned char> out) override;

private:
    std::string path_;
    int fd_;
};

[[nodiscard]] bytes pack_file_header();
[[nodiscard]] bytes pack_frame(frame_kind kind, std::span<const unsigned char> payload);

// Throws `error` unless the source begins with the header of a trace this version reads.
void check_file_header(byte_source& source);

struct frame {
    frame_kind kind{};
    bytes payload;
};

enum class frame_state { whole, end_of_file, cut_off };

// Reads the next frame, whose first byte is byte `offset` of the file (advanced); throws `error` when it is
// damaged.
[[nodiscard]] frame_state read_frame(byte_source& source, frame& out, std::uint64_t& offset);

} // namespace cenote::trace
