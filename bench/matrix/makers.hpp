// cenote: SPDX-License-Identifier: MIT
//
// Who makes matrices. `slots` does the same work on memory that was there and touched before: the arithmetic
// alone.
#pragma once

#include <cenote/concurrent/arena_pool.hpp>
#include <cenote/pool/arena.hpp>
#include <cenote/pool/fixed_pool.hpp>

#include "work.hpp"

#include <cstdlib>
#include <memory>

namespace cenote::matrices {

struct slots {
    explicit slots(const plan& what) : all(what.live) {
        for (auto& one : all) one = std::make_unique<double[]>(elements); // zeroed, and so touched
    }
    double* get(std::size_t slot) { return all[slot].get(); }
    void put(double*, std::size_t) {}
    void end_round() {}
    std::vector<std::unique_ptr<double[]>> all;
};

struct by_malloc {
    explicit by_malloc(const plan&) {}
    double* get(std::size_t) { return static_cast<double*>(std::malloc(matrix_bytes)); }
    void put(double* matrix, std::size_t) { std::free(matrix); }
    void end_round() {}
};

struct by_new {
    explicit by_new(const plan&) {}
    double* get(std::size_t) { return new double[elements]; }
    void put(double* matrix, std::size_t) { delete[] matrix; }
    void end_round() {}
};

struct by_fixed_pool {
    explicit by_fixed_pool(const plan&)
        : pool({.block_size = matrix_bytes, .alignment = 64, .name = "matrices"}) {}
    double* get(std::size_t) { return static_cast<double*>(pool.allocate()); }
    void put(double* matrix, std::size_t) { pool.deallocate(matrix); }
    void end_round() {}
    fixed_pool pool;
};

/// The dead stay until the round is over: that is what an arena is.
struct by_arena {
    explicit by_arena(const plan&) : scratch({.chunk_size = std::size_t{1} << 20, .name = "matrices"}) {}
    double* get(std::size_t) { return static_cast<double*>(scratch.allocate(matrix_bytes, 64)); }
    void put(double*, std::size_t) {}
    void end_round() { scratch.reset(); }
    arena scratch;
};

/// An arena for each matrix, on loan while it lives.
struct by_arena_pool {
    explicit by_arena_pool(const plan& what)
        : pool({.arenas = what.live, .arena_size = matrix_bytes + 64, .name = "matrices"}),
          leases(what.live) {}
    double* get(std::size_t slot) {
        leases[slot] = pool.acquire();
        return static_cast<double*>(leases[slot]->allocate(matrix_bytes, 64));
    }
    void put(double*, std::size_t slot) { leases[slot].release(); }
    void end_round() {}
    arena_pool pool;
    std::vector<arena_pool::lease> leases;
};

static_assert(maker<slots> && maker<by_malloc> && maker<by_fixed_pool> && maker<by_arena> &&
              maker<by_arena_pool>);

} // namespace cenote::matrices
