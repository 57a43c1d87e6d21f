// cenote: SPDX-License-Identifier: MIT
//
// The workers of a replay with the recorded threads: each walks the steps of one recorded thread through the
// loop, waits where it is not its turn, and starts the threads that come after its steps. The caller is the
// first thread. A thread ends for good, with what the contender does then, before its lane's next one is
// started.
#pragma once

#include "replay/loop.hpp"
#include "replay/turn.hpp"

#include <cerrno>
#include <pthread.h>

namespace cenote::tool {

struct turn_slot {
    void* block;
    std::uint64_t size : 56;
    std::uint64_t log2_alignment : 8;
    turn_word turn;
};
static_assert(sizeof(turn_slot) == 24);

// The status of a process that cannot start as many threads as were recorded.
inline constexpr int no_threads_status = 3;

struct alignas(64) worker {
    void* crew = nullptr;
    std::uint32_t number = 0;
    turn_word started;
    pthread_t id{};
    waiting waited;
    std::uint64_t lived_ns = 0;
    std::uint64_t refused = 0;
};

// `make_observer(first)`: the observer of a worker whose first step that is.
template<class Contender, class MakeObserver>
class crew {
public:
    crew(Contender& contender, const job& j, turn_slot* slots, MakeObserver make_observer)
        : contender_(contender), job_(j), slots_(slots), make_observer_(make_observer),
          workers_(j.threads.size()) {
        pthread_attr_init(&attributes_);
        pthread_attr_setstacksize(&attributes_, stack_bytes);
    }
    ~crew() { pthread_attr_destroy(&attributes_); }
    crew(const crew&) = delete;
    crew& operator=(const crew&) = delete;

    // Runs all of it, once; `refused` is raised by the allocations that failed.
    pass_times run(std::uint64_t& refused) {
        const std::uint64_t wall = wall_ns();
        const std::uint64_t processor = processor_ns();
        work(0);
        waiting farewell; // the first thread has done its work: nothing waits for it
        for (std::uint32_t t = 1; t < job_.threads.size(); ++t)
            if (job_.threads[t].followed == 0) join(t, farewell);
        pass_times out{.processor_ns = processor_ns() - processor - farewell.processor_ns,
                       .wall_ns = wall_ns() - wall};
        for (const worker& w : workers_) {
            out.processor_ns -= w.waited.processor_ns;
            out.waiting_ns += w.waited.wall_ns;
            out.waits += w.waited.count;
            out.lived_ns += w.lived_ns;
            refused += w.refused;
        }
        return out;
    }

private:
    static constexpr std::size_t stack_bytes = std::size_t{256} << 10;

    class gate {
    public:
        using slot_type = turn_slot;
        gate(crew& c, worker& self, std::uint32_t first_started)
            : crew_(c), self_(self), to_start_(first_started) {}

        void enter(const step& s, turn_slot& slot) {
            if (s.waits != 0) slot.turn.await(s.turn, self_.waited);
        }
        void leave(const step& s, turn_slot& slot) {
            if (s.passes != 0) slot.turn.pass(s.turn + 1, self_.waited);
            if (s.starts != 0) [[unlikely]]
                to_start_ = crew_.start_next(to_start_, self_.waited);
        }

    private:
        crew& crew_;
        worker& self_;
        std::uint32_t to_start_;
    };

    void work(std::uint32_t number) {
        const recorded_thread& t = job_.threads[number];
        worker& self = workers_.begin()[number];
        const std::uint64_t start = wall_ns();
        auto observer = make_observer_(t.first);
        self.refused = replay_pass<Contender, decltype(observer), gate>(contender_, slots_, observer,
                                                                        {*this, self, t.first_started})
                           .run(job_.steps.subspan(t.first, t.count));
        self.lived_ns = wall_ns() - start;
    }

    static void* enter(void* argument) {
        auto* self = static_cast<worker*>(argument);
        static_cast<crew*>(self->crew)->work(self->number);
        return nullptr;
    }

    // Returns which thread the same starter starts at a later step.
    std::uint32_t start_next(std::uint32_t number, waiting& waited) {
        for (;; number = job_.threads[number].next_started) {
            start(number, waited);
            if (job_.threads[number].next_at_once == 0) return job_.threads[number].next_started;
        }
    }

    void start(std::uint32_t number, waiting& waited) {
        const recorded_thread& t = job_.threads[number];
        if (t.after != no_thread) join(t.after, waited);
        worker& w = workers_.begin()[number];
        w.crew = this;
        w.number = number;
        // Others wait for this one: without it the replay would not come to its end.
        if (pthread_create(&w.id, &attributes_, enter, &w) != 0) ::_exit(no_threads_status);
        w.started.pass(1, waited);
    }

    void join(std::uint32_t number, waiting& waited) {
        worker& w = workers_.begin()[number];
        w.started.await(1, waited);
        const waiting_scope time(waited);
        pthread_join(w.id, nullptr);
    }

    Contender& contender_;
    const job& job_;
    turn_slot* slots_;
    MakeObserver make_observer_;
    kernel_table<worker> workers_;
    pthread_attr_t attributes_{};
};

} // namespace cenote::tool
