// cenote: SPDX-License-Identifier: MIT
//
// Who is measured, seen from the loops. A contender is made with a block size and the most blocks that will
// be live at once; it gets and puts blocks, one at a time or, when it can, many, or of any size. What a
// thread of it needs for itself is its `local`, made by that thread.
#pragma once

#include "job.hpp"

#include <concepts>
#include <cstddef>
#include <cstdlib>
#include <string_view>
#include <vector>

namespace cenote::bench {

template<class C>
concept gives_blocks = requires(C& pool, void* block) {
    { pool.get() } -> std::same_as<void*>;
    pool.put(block);
};

template<class C>
concept contender = std::constructible_from<C, std::size_t, std::size_t> && gives_blocks<C>;

template<class C>
concept gets_many = requires(C& pool, void** blocks, std::size_t count) {
    pool.get_many(blocks, count);
    pool.put_many(blocks, count);
};

template<class C>
concept gives_sizes = requires(C& pool, void* block, std::size_t size) {
    { pool.get(size) } -> std::same_as<void*>;
    pool.put(block, size);
};

// A thread's way to a contender that needs none of its own.
template<class C>
struct plain_local {
    C& pool;
    explicit plain_local(C& shared) : pool(shared) {}
    void* get() { return pool.get(); }
    void put(void* block) { pool.put(block); }
    void* get(std::size_t size)
        requires gives_sizes<C>
    {
        return pool.get(size);
    }
    void put(void* block, std::size_t size)
        requires gives_sizes<C>
    {
        pool.put(block, size);
    }
};

template<class C>
struct local_type {
    using type = plain_local<C>;
};
template<class C>
    requires requires { typename C::local; }
struct local_type<C> {
    using type = typename C::local;
};
template<class C>
using local_of = typename local_type<C>::type;

// What a program can run, by the names that the roster uses.
struct runner {
    std::string_view name;
    outcome (*run)(const job& what);
    // Whose heap is cut up beforehand, where that is wanted.
    void* (*get)(std::size_t) = std::malloc;
    void (*put)(void*) = std::free;
};

// Measures one case in this process and prints one line: what main does when it is told to be a child.
// Returns the status to exit with.
int be_child(const std::vector<runner>& runners, int argc, char** argv);

} // namespace cenote::bench
