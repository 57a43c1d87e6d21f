// cenote: SPDX-License-Identifier: MIT
//
// Writes a trace: processes one after the other, each its events in order. Buffers a quarter of a MiB,
// numbers the blocks, keeps each process's totals. Throws `error` when the sink does; a writer that threw is
// of no further use.
#pragma once

#include "trace/flat_map.hpp"
#include "trace/format.hpp"
#include "trace/frame.hpp"

#include <cstdint>
#include <span>
#include <string>

namespace cenote::trace {

// Where a writer's bytes go. `write` takes all of them or throws.
class byte_sink {
public:
    virtual ~byte_sink() = default;
    virtual void write(std::span<const unsigned char> data) = 0;
};

class memory_sink final : public byte_sink {
public:
    void write(std::span<const unsigned char> data) override {
        data_.insert(data_.end(), data.begin(), data.end());
    }
    [[nodiscard]] const bytes& data() const { return data_; }

private:
    bytes data_;
};

class writer {
public:
    explicit writer(byte_sink& sink);

    // The number of the new process, from 0. Only these members of `p` are used: pid, parent, forked,
    // lost_events, program.
    std::uint32_t begin_process(const process& p);
    // Returns the new block's number. An event's `process`, `block` and `old_size` are the writer's business.
    std::uint64_t allocate(const event& e);
    void deallocate(std::uint64_t block, std::uint32_t thread, std::uint32_t site);
    void reallocate(std::uint64_t block, std::uint64_t size, std::uint32_t thread, std::uint32_t site);
    totals end_process(std::uint64_t unknown_frees);
    void finish();

private:
    void begin_event(std::uint32_t thread);
    void append_site(std::uint32_t site);
    void flush();

    byte_sink& sink_;
    std::uint32_t processes_ = 0;
    totals totals_;
    flat_map<std::uint64_t> live_; // block → size
    bytes buffer_;                 // the events of the frame being built
    std::uint64_t buffered_ = 0;
    std::uint64_t first_event_ = 0; // of the frame being built, with the next two
    std::uint64_t first_block_ = 0;
    std::uint32_t first_thread_ = 0;
    std::uint32_t thread_ = 0;
    flat_map<std::uint32_t> sites_; // site → its number in this frame
};

} // namespace cenote::trace
