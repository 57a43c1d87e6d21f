// cenote: SPDX-License-Identifier: MIT
//
// DPDK's mempool: objects in a ring, and before it a cache for each registered thread. It needs DPDK's
// environment, here without huge pages and devices, and as many objects as will ever be live, made in
// advance. Linked statically, as DPDK recommends; linked dynamically it would load all its drivers.
#include "patterns/measure.hpp"

#include <fmt/format.h>
#include <rte_eal.h>
#include <rte_errno.h>
#include <rte_lcore.h>
#include <rte_mempool.h>

namespace cenote::bench {
namespace {

constexpr unsigned cached = RTE_MEMPOOL_CACHE_MAX_SIZE; // by each thread
constexpr std::size_t pool_bytes = RTE_MAX_LCORE * sizeof(rte_mempool_cache);

[[noreturn]] void give_up(const char* what, int error) {
    fmt::print(stderr, "DPDK: {}: {}\n", what, rte_strerror(error));
    std::_Exit(1);
}

// Once a process, with memory for what will be asked for.
void start_environment(std::size_t bytes) {
    static bool is_started = false;
    if (is_started) return;
    is_started = true;
    std::vector<std::string> arguments{
        "bench",       "--no-huge",         "--no-pci", "--no-telemetry",
        "--no-shconf", "--log-level=error", "-m",       fmt::format("{}", (bytes >> 20) + 64)};
    std::string cores = "--lcores=0@(";
    for (const int core : usable_cores()) cores += fmt::format("{}{}", cores.back() == '(' ? "" : ",", core);
    arguments.push_back(cores + ")");
    std::vector<char*> pointers;
    for (std::string& one : arguments) pointers.push_back(one.data());
    if (rte_eal_init(static_cast<int>(pointers.size()), pointers.data()) < 0)
        give_up("no environment", rte_errno);
}

struct contestant {
    rte_mempool* pool;

    // A pool of one thread says so, and saves the atomic operations.
    contestant(std::size_t block_size, std::size_t most, unsigned flags) : pool(nullptr) {
        const std::size_t objects = most + caches * 2 * cached;
        const std::size_t object_bytes = block_size + 2 * RTE_CACHE_LINE_SIZE;
        start_environment(pools * (objects * (object_bytes + 2 * sizeof(void*)) + pool_bytes));
        static unsigned number = 0;
        const std::string name = fmt::format("pool{}", number++);
        pool = rte_mempool_create(name.c_str(), static_cast<unsigned>(objects),
                                  static_cast<unsigned>(block_size), cached, 0, nullptr, nullptr, nullptr,
                                  nullptr, SOCKET_ID_ANY, flags);
        if (pool == nullptr) give_up("no pool", rte_errno);
    }
    contestant(const contestant&) = delete;
    contestant& operator=(const contestant&) = delete;
    ~contestant() { rte_mempool_free(pool); }

    void* get() {
        void* block = nullptr;
        if (rte_mempool_get(pool, &block) != 0) give_up("no object left", ENOMEM);
        return block;
    }
    void put(void* block) { rte_mempool_put(pool, block); }
    void get_many(void** blocks, std::size_t count) {
        if (rte_mempool_get_bulk(pool, blocks, static_cast<unsigned>(count)) != 0)
            give_up("no objects left", ENOMEM);
    }
    void put_many(void** blocks, std::size_t count) {
        rte_mempool_put_bulk(pool, blocks, static_cast<unsigned>(count));
    }

    // Of the case: how many pools there will be, and threads that have objects in their caches.
    static inline unsigned pools = 1;
    static inline unsigned caches = 1;
};

struct alone : contestant {
    alone(std::size_t block_size, std::size_t most)
        : contestant(block_size, most, RTE_MEMPOOL_F_SP_PUT | RTE_MEMPOOL_F_SC_GET) {}
};

struct shared : contestant {
    shared(std::size_t block_size, std::size_t most) : contestant(block_size, most, 0) {}

    // Registered, a thread has a cache.
    struct local {
        shared& all;
        explicit local(shared& pool) : all(pool) {
            if (rte_thread_register() != 0) give_up("a thread could not be registered", rte_errno);
        }
        ~local() { rte_thread_unregister(); }
        local(const local&) = delete;
        local& operator=(const local&) = delete;
        void* get() { return all.get(); }
        void put(void* block) { all.put(block); }
    };
};

outcome run(const job& what) {
    constexpr unsigned abilities = abilities_of("dpdk");
    contestant::pools = what.which.pools;
    contestant::caches = what.which.threads + 2;
    return is_for_sharing(what.which.what) ? run_shared<shared, abilities>(what)
                                           : run_alone<alone, abilities>(what);
}

} // namespace
} // namespace cenote::bench

// Called where DPDK's start sleeps a tenth of a second to learn the clock's rate, which no pool needs.
extern "C" int __wrap_nanosleep(const timespec* /*wanted*/, timespec* /*rest*/) {
    return 0;
}

int main(int argc, char** argv) {
    return cenote::bench::be_child({{"dpdk", cenote::bench::run}}, argc, argv);
}
