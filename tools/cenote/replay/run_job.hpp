// cenote: SPDX-License-Identifier: MIT
//
// One job of a contender, by one worker or with the recorded threads: time, the latency of single operations,
// or memory.
#pragma once

#include "replay/crew.hpp"
#include "replay/loop.hpp"
#include "replay/observers.hpp"

namespace cenote::tool {

inline void forget_turn(slot&) {}
inline void forget_turn(turn_slot& s) {
    s.turn.reset();
}

template<class Contender, class Slot>
void free_all(Contender& contender, const kernel_table<Slot>& slots) {
    for (Slot& s : slots) {
        if (s.block != nullptr) contender.deallocate(s.block, s.size, std::size_t{1} << s.log2_alignment);
        s.block = nullptr;
        forget_turn(s);
    }
}

// How a pass is run, by one worker or by many: `pass(make_observer, refused)` returns its times.
template<class Contender>
class one_worker {
public:
    one_worker(Contender& contender, const job& j) : contender_(contender), job_(j), slots_(j.slots) {}

    template<class MakeObserver>
    pass_times pass(MakeObserver make_observer, std::uint64_t& refused) {
        auto observer = make_observer(0);
        const std::uint64_t wall = wall_ns();
        const std::uint64_t start = processor_ns();
        refused += replay_pass(contender_, slots_.begin(), observer).run(job_.ops);
        const std::uint64_t processor = processor_ns() - start;
        const std::uint64_t lived = wall_ns() - wall;
        return {.processor_ns = processor, .wall_ns = lived, .lived_ns = lived};
    }
    void clear() { free_all(contender_, slots_); }

private:
    Contender& contender_;
    const job& job_;
    kernel_table<slot> slots_;
};

template<class Contender>
class many_workers {
public:
    many_workers(Contender& contender, const job& j) : contender_(contender), job_(j), slots_(j.slots) {}

    template<class MakeObserver>
    pass_times pass(MakeObserver make_observer, std::uint64_t& refused) {
        return crew<Contender, MakeObserver>(contender_, job_, slots_.begin(), make_observer).run(refused);
    }
    void clear() { free_all(contender_, slots_); }

private:
    Contender& contender_;
    const job& job_;
    kernel_table<turn_slot> slots_;
};

void measure_clock(outcome& out);

template<class Contender, class Workers>
[[nodiscard]] outcome run_with(Contender& contender, const job& j, Workers workers) {
    outcome out;
    if (j.mode == job_mode::time) {
        const auto nobody = [](std::uint64_t) { return no_observer{}; };
        std::uint64_t refused_again = 0;
        out.first = workers.pass(nobody, out.refused);
        workers.clear();
        out.again = workers.pass(nobody, refused_again);
    } else if (j.mode == job_mode::latency) {
        (void)workers.pass([&](std::uint64_t first) { return latency_observer(j.latency_ticks, first); },
                           out.refused);
        measure_clock(out);
    } else {
        memory_watch<Contender> watch(contender, j, out);
        (void)workers.pass([&](std::uint64_t first) { return memory_observer<Contender>(watch, first); },
                           out.refused);
    }
    workers.clear();
    return out;
}

template<class Contender>
[[nodiscard]] outcome run_job(Contender& contender, const job& j) {
    if constexpr (Contender::for_threads)
        if (!j.threads.empty()) return run_with(contender, j, many_workers<Contender>(contender, j));
    return run_with(contender, j, one_worker<Contender>(contender, j));
}

} // namespace cenote::tool
