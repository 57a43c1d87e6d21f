// cenote: SPDX-License-Identifier: MIT
//
// A plan for as many workers as threads were recorded: each thread's operations in a row, in 16-byte steps
// that say where one worker waits for another. A slot has turns: a step that takes a slot over from another
// worker waits until it is its turn, and the step before it passes the turn on. Slots go back to the worker
// that freed them, so that hardly a wait comes from the reuse of slots.
//
// Threads that come and go: a thread takes the place ("lane") of one that had ended by then, from their first
// operation to their last; there are as many lanes as threads were alive at a time. It is started by the
// thread that did the last operation before its first, of those still alive then, and once its lane is free.
// The first thread is the process's main thread, and its lane stays its own. So whatever is waited for came
// earlier in the recording, and the replay comes to its end.
#pragma once

#include "replay/plan.hpp"

#include <cstdint>
#include <optional>
#include <span>

namespace cenote::tool {

struct step {
    std::uint64_t size : size_bits;
    op_kind kind : 2;
    std::uint8_t waits : 1;  // until the slot's turn is `turn`
    std::uint8_t passes : 1; // the slot's turn on to `turn + 1`
    std::uint8_t starts : 1; // afterwards, the next thread that this one starts
    std::uint8_t log2_alignment;
    std::uint32_t slot;
    std::uint32_t turn;
};
static_assert(sizeof(step) == 16);

inline constexpr std::uint32_t no_thread = ~std::uint32_t{0};

struct recorded_thread {
    std::uint64_t first = 0; // its first step
    std::uint64_t count = 0;
    std::uint32_t after = no_thread;         // whose end its start waits for
    std::uint32_t first_started = no_thread; // the first thread that it starts
    std::uint32_t next_started = no_thread;  // what its own starter starts after it
    std::uint16_t followed = 0;              // another thread's start waits for this one's end
    std::uint16_t next_at_once = 0;          // `next_started` is started after the same step
};
static_assert(sizeof(recorded_thread) == 32);

inline constexpr std::uint32_t most_lanes = 1024; // more threads alive at a time are not replayed as such

struct thread_plan {
    thread_plan(std::uint64_t steps, std::uint32_t threads)
        : steps_file("cenote-steps", steps * sizeof(step)),
          threads_file("cenote-threads", threads * sizeof(recorded_thread)) {}

    shared_file steps_file;
    shared_file threads_file;
    std::uint64_t slots = 0;
    std::uint64_t peak_step = 0;  // after which the most bytes were live
    std::uint64_t crossing = 0;   // operations on blocks that another thread allocated
    std::uint32_t most_alive = 0; // threads at a time, which is the number of lanes

    [[nodiscard]] std::span<step> steps() const {
        return {reinterpret_cast<step*>(steps_file.data().data()), steps_file.data().size() / sizeof(step)};
    }
    [[nodiscard]] std::span<recorded_thread> threads() const {
        return {reinterpret_cast<recorded_thread*>(threads_file.data().data()),
                threads_file.data().size() / sizeof(recorded_thread)};
    }
};

// How many threads of the plan are alive at a time.
[[nodiscard]] std::uint32_t count_lanes(const plan& p);

// Throws `failure` when a worker would wait for what never comes.
[[nodiscard]] thread_plan make_thread_plan(const plan& p);

// Walks all threads as the workers will, each as far as it gets: the first step that waits for ever, if there
// is one.
[[nodiscard]] std::optional<std::uint64_t> first_stuck_step(const thread_plan& p);

} // namespace cenote::tool
