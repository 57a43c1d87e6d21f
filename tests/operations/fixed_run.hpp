// cenote: SPDX-License-Identifier: MIT
//
// A fixed_pool under an operation program, and the map that knows what it should do.
#pragma once

#include <cenote/pool/fixed_pool.hpp>

#include "operations/pool_run.hpp"

#include <algorithm>

namespace cenote::test {

class fixed_run final : pool_run<fixed_pool, fixed_pool_options> {
public:
    [[nodiscard]] static fixed_pool_options options_of(const program& script);
    fixed_run(const program& script, const fixed_pool_options& options);
    void run(const program& script);

private:
    static void require_zero(const void* block, std::size_t bytes);

    void step(operation how);
    void check(bool whole) const;

    // Verbs.
    void allocate(operation how);
    void allocate_many(operation how);
    void allocate_burst(operation how);
    void free_some(operation how);
    void free_many(operation how) { free_burst(how, 1500); }
    void ask(operation how);
    void walk(operation how);
    void walk_on(operation how);
    void reset(operation how);
    void trim_all(operation how);
    void reserve(operation how);
    void misuse_one(operation how);

    // What they share.
    bool tries(std::size_t blocks, bool in_all, const std::function<bool()>& verb);
    void enter(void* block, std::size_t bytes);
    void free(std::size_t number) override;
    void refused(std::size_t blocks, bool in_all);
    void allowed(std::size_t blocks) const;
    void misuse_free(void* pointer, misuse kind, bool is_certain);
    [[nodiscard]] void* never_allocated(std::size_t from) const;
    [[nodiscard]] void* past_the_end(std::size_t from) const;
    /// Whether what is known of free blocks stays true until memory goes back on demand.
    [[nodiscard]] bool addresses_last() const noexcept { return options_.trim == trim::manual; }

    std::size_t limit_ = unlimited; // the most that can be live
    std::size_t most_live_ = 0;     // the most that a run wants
};

} // namespace cenote::test
