// cenote: SPDX-License-Identifier: MIT
#include <cenote/buffer/buffer_pool.hpp>

#include "contenders/runners.hpp"
#include "patterns/measure.hpp"

namespace cenote::bench {
namespace {

struct contestant {
    struct local {
        buffer_pool& pool;
        explicit local(contestant& shared) : pool(shared.pool) {}
    };
    struct held {
        buffer one;
        template<class Local>
        void get(Local& from, std::size_t size) {
            one = from.pool.acquire(size);
        }
        template<class Local>
        void put(Local& /*to*/) {
            one.release();
        }
        [[nodiscard]] void* data() const { return one.data(); }
    };
    buffer_pool pool{{.name = "bench"}};
    contestant(std::size_t /*largest*/, std::size_t /*most*/) {}
};

// Its time is the bench's.
struct timed_contestant {
    struct local {
        buffer_pool& pool;
        explicit local(timed_contestant& shared) : pool(shared.pool) {}
    };
    using held = contestant::held;
    buffer_pool pool{{.trim = trim::manual, .name = "bench"}};
    buffer_pool::clock::time_point now = buffer_pool::clock::now();
    timed_contestant(std::size_t /*largest*/, std::size_t /*most*/) {}
    void pass(std::chrono::seconds length) {
        const buffer_pool::clock::time_point end = now + length;
        while (now <= end) now = pool.tick(now);
    }
};

} // namespace

outcome run_buffer_pool(const job& what) {
    if (what.which.what == pattern::buffers_hour) return measure<buffers_hour_loop<timed_contestant>>(what);
    return run_buffers<contestant>(what);
}

} // namespace cenote::bench
