// cenote: SPDX-License-Identifier: MIT
//
// Recordings with several threads, made up for tests, and their plans.
#pragma once

#include "replay/thread_plan.hpp"
#include "run_tool.hpp"
#include "trace/writer.hpp"

#include <cstdint>
#include <functional>
#include <string>

namespace cenote::test {

// A recording of one process, written by `write` to a file that `path` names.
class made_recording {
public:
    explicit made_recording(const std::function<void(trace::writer&)>& write);
    [[nodiscard]] std::string path() const { return here_.path("trace"); }
    [[nodiscard]] tool::plan plan() const { return tool::make_plan(path(), std::nullopt); }
    [[nodiscard]] recording events() const { return read_recording(path()); }

private:
    scratch here_;
};

// Threads that come and go, `alive` at a time, and allocate, resize and free each other's blocks. No two
// allocations ask for the same size, so that each operation can be told from all others.
void write_random(trace::writer& out, unsigned seed, std::uint32_t alive, unsigned operations);

// `threads` in sequence beside the first, each of which frees what the one before allocated.
void write_sequence(trace::writer& out, std::uint32_t threads);

// Two threads that answer each other.
void write_answers(trace::writer& out, unsigned rounds);

} // namespace cenote::test
