// cenote: SPDX-License-Identifier: MIT
//
// A multi_pool under an operation program, and the map that knows what it should do.
#pragma once

#include <cenote/pool/multi_pool.hpp>

#include "operations/ground.hpp"
#include "operations/program.hpp"

#include <functional>
#include <map>

namespace cenote::test {

class multi_run {
public:
    [[nodiscard]] static multi_pool_options options_of(const program& script);
    multi_run(const program& script, const multi_pool_options& options);
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
    void ask(operation how);
    void walk(operation how);
    void walk_on(operation how);
    void reset(operation how);
    void trim_all(operation how);
    void reserve(operation how);
    void misuse_one(operation how);
    void refuse(operation how);

    // What they share.
    [[nodiscard]] bool is_exact() const noexcept {
        return options_.checks || options_.stats || options_.zero_on_allocate || options_.erase_on_free;
    }
    [[nodiscard]] std::size_t size_of(operation how) const;
    bool tries(bool is_possible, const std::function<bool()>& verb);
    void enter(void* block, std::size_t size, std::size_t alignment);
    void* leave(std::size_t number);
    void free(std::size_t number);
    void misuse_free(void* pointer, misuse kind, bool is_certain, std::size_t size = unlimited);

    ground ground_;
    multi_pool_options options_;
    chronicle map_;
    std::map<void*, std::size_t> index_; // of some live blocks, as first told
    std::set<void*> throughout_;         // live since the walk under way began
    bool is_armed_ = false;
    bool was_short_ = false;           // the handler was called
    std::unique_ptr<multi_pool> pool_; // last: goes first
};

} // namespace cenote::test
