// cenote: SPDX-License-Identifier: MIT
//
// The file a recording goes to: written beside its final name and renamed when it is whole, so that a failure
// leaves neither a broken file nor a lost older one. Holds back up to 64 MiB, because the spool on the same
// full disk may yet make room.
#pragma once

#include "trace/varint.hpp"
#include "trace/writer.hpp"

#include <cstdint>
#include <span>
#include <string>

namespace cenote::tool {

class trace_file final : public trace::byte_sink {
public:
    // Throws `failure` when there can be no such file.
    explicit trace_file(const std::string& path);
    ~trace_file() override; // without `commit`: removes what there is
    trace_file(const trace_file&) = delete;
    trace_file& operator=(const trace_file&) = delete;

    void write(std::span<const unsigned char> data) override;
    // Returns the file's size.
    std::uint64_t commit();

private:
    void flush();

    std::string path_;
    std::string part_;
    int fd_ = -1;
    trace::bytes held_;
    std::uint64_t written_ = 0;
};

// The folder that holds `path`.
[[nodiscard]] std::string folder_of(const std::string& path);

} // namespace cenote::tool
