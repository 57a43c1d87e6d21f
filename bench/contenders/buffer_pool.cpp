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
        void get(local& from, std::size_t size) { one = from.pool.acquire(size); }
        void put(local& /*to*/) { one.release(); }
        [[nodiscard]] void* data() const { return one.data(); }
    };
    buffer_pool pool{{.name = "bench"}};
    contestant(std::size_t /*largest*/, std::size_t /*most*/) {}
};

} // namespace

outcome run_buffer_pool(const job& what) {
    return run_buffers<contestant>(what);
}

} // namespace cenote::bench
