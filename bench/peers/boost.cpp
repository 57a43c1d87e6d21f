// cenote: SPDX-License-Identifier: MIT
#include "patterns/measure.hpp"

#include <boost/pool/pool.hpp>
#include <boost/pool/singleton_pool.hpp>

namespace cenote::bench {
namespace {

struct contestant {
    boost::pool<boost::default_user_allocator_malloc_free> pool;
    contestant(std::size_t block_size, std::size_t /*most*/) : pool(block_size) {}
    void* get() { return pool.malloc(); }
    void put(void* block) { pool.free(block); }
};

// The pool that Boost makes safe for threads, with its own mutex. Its size is a template argument.
template<std::size_t Size>
struct singleton {
    struct tag {};
    using pool = boost::singleton_pool<tag, Size>;
    singleton(std::size_t /*block_size*/, std::size_t /*most*/) {}
    void* get() { return pool::malloc(); }
    void put(void* block) { pool::free(block); }
};

outcome run_singleton(const job& what) {
    constexpr unsigned abilities = abilities_of("boost_singleton");
    switch (what.which.block_size) {
    case 16:
        return run_case<singleton<16>, abilities>(what);
    case 64:
        return run_case<singleton<64>, abilities>(what);
    case 256:
        return run_case<singleton<256>, abilities>(what);
    case 1024:
        return run_case<singleton<1024>, abilities>(what);
    default:
        return {};
    }
}

} // namespace
} // namespace cenote::bench

int main(int argc, char** argv) {
    using namespace cenote::bench;
    return be_child({{"boost_pool", run_case<contestant, abilities_of("boost_pool")>},
                     {"boost_singleton", run_singleton}},
                    argc, argv);
}
