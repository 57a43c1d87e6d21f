// cenote: SPDX-License-Identifier: MIT
//
// The C face over fixed_pool: what a call through it costs, without and with its exact checks.
#include <cenote/cenote.h>

#include "contenders/runners.hpp"
#include "patterns/measure.hpp"

#include <cstdlib>

namespace cenote::bench {
namespace {

template<int Unchecked>
struct contestant {
    cenote_fixed* pool = nullptr;
    contestant(std::size_t block_size, std::size_t /*most*/) {
        cenote_fixed_options options = CENOTE_FIXED_OPTIONS_INIT;
        options.block_size = block_size;
        options.unchecked = Unchecked;
        options.name = "bench";
        if (cenote_fixed_create(&options, &pool) != CENOTE_OK) std::abort();
    }
    contestant(const contestant&) = delete;
    contestant& operator=(const contestant&) = delete;
    ~contestant() { cenote_fixed_destroy(pool); }
    void* get() { return cenote_fixed_allocate(pool); }
    void put(void* block) {
        if (cenote_fixed_free(pool, block) != CENOTE_OK) std::abort();
    }
};

} // namespace

outcome run_c_unchecked(const job& what) {
    return run_case<contestant<1>, abilities_of("c_unchecked")>(what);
}
outcome run_c_checked(const job& what) {
    return run_case<contestant<0>, abilities_of("c_checked")>(what);
}

} // namespace cenote::bench
