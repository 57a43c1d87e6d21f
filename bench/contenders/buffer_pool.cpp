// cenote: SPDX-License-Identifier: MIT
#include <cenote/buffer/byte_buffer.hpp>

#include "contenders/runners.hpp"
#include "patterns/measure.hpp"

namespace cenote::bench {
namespace {

// The tier is told by the size.
struct sized {
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

// A buffer of the smallest tier, which then grows to the size.
struct unsized {
    std::optional<byte_buffer> one;
    template<class Local>
    void get(Local& from, std::size_t size) {
        one.emplace(from.pool.acquire());
        one->resize(size);
    }
    template<class Local>
    void put(Local& /*to*/) {
        one.reset();
    }
    [[nodiscard]] void* data() const { return one ? one->data() : nullptr; }
};

template<class Held>
struct contestant {
    struct local {
        buffer_pool& pool;
        explicit local(contestant& shared) : pool(shared.pool) {}
    };
    using held = Held;
    buffer_pool pool{{.name = "bench"}};
    contestant(std::size_t /*largest*/, std::size_t /*most*/) {}
};

// Its time is the bench's.
template<class Held>
struct timed_contestant {
    struct local {
        buffer_pool& pool;
        explicit local(timed_contestant& shared) : pool(shared.pool) {}
    };
    using held = Held;
    buffer_pool pool{{.trim = trim::manual, .name = "bench"}};
    buffer_pool::clock::time_point now = buffer_pool::clock::now();
    timed_contestant(std::size_t /*largest*/, std::size_t /*most*/) {}
    void pass(std::chrono::seconds length) {
        const buffer_pool::clock::time_point end = now + length;
        while (now <= end) now = pool.tick(now);
    }
};

template<class Held>
outcome run_held(const job& what) {
    if (what.which.what == pattern::buffers_hour)
        return measure<buffers_hour_loop<timed_contestant<Held>>>(what);
    return run_buffers<contestant<Held>>(what);
}

} // namespace

outcome run_buffer_pool(const job& what) {
    return run_held<sized>(what);
}

outcome run_unsized_buffers(const job& what) {
    return run_held<unsized>(what);
}

} // namespace cenote::bench
