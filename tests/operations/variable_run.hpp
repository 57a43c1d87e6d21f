// cenote: SPDX-License-Identifier: MIT
//
// A variable_pool under an operation program, and the map that knows what it should do.
#pragma once

#include <cenote/pool/variable_pool.hpp>

#include "operations/ground.hpp"
#include "operations/program.hpp"

#include <functional>

namespace cenote::test {

class variable_run {
public:
    [[nodiscard]] static variable_pool_options options_of(const program& script);
    variable_run(const program& script, const variable_pool_options& options);
    void run(const program& script);

private:
    static bool free_one(void* context, const shortage& what);

    void step(operation how);
    void check(bool whole) const;

    // Verbs.
    void allocate(operation how);
    void allocate_many(operation how);
    void allocate_burst(operation how);
    void free_some(operation how);
    void free_burst(operation how);
    void reallocate(operation how);
    void resize(operation how);
    void ask(operation how);
    void walk(operation how);
    void walk_on(operation how);
    void reset(operation how);
    void trim_all(operation how);
    void reserve(operation how);
    void misuse_one(operation how);
    void refuse(operation how);

    // What they share.
    [[nodiscard]] std::size_t size_of(operation how) const;
    bool tries(const std::function<bool()>& verb);
    void enter(void* block, std::size_t size, std::size_t alignment);
    void* leave(std::size_t number);
    void free(std::size_t number);
    void change(const block_ledger::entry& was, std::byte filled, void* now, std::size_t size);
    void misuse_free(void* pointer, misuse kind, misuse or_kind, std::size_t size = unlimited);

    ground ground_;
    variable_pool_options options_;
    chronicle map_;
    std::set<void*> throughout_;          // live since the walk under way began
    bool was_short_ = false;              // the handler was called
    std::unique_ptr<variable_pool> pool_; // last: goes first
};

} // namespace cenote::test
