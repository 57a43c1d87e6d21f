// cenote: SPDX-License-Identifier: MIT
//
// A variable_pool under an operation program, and the map that knows what it should do.
#pragma once

#include <cenote/pool/variable_pool.hpp>

#include "operations/sized_run.hpp"

namespace cenote::test {

class variable_run final : sized_run<variable_pool, variable_pool_options> {
public:
    [[nodiscard]] static variable_pool_options options_of(const program& script);
    variable_run(const program& script, const variable_pool_options& options);
    void run(const program& script);

private:
    void step(operation how);
    void check(bool whole) const;

    // Verbs.
    void reallocate(operation how);
    void resize(operation how);
    void trim_all(operation how);
    void reserve(operation how);
    void misuse_one(operation how);

    // What they share.
    [[nodiscard]] bool is_bounded() const noexcept override {
        return options_.maximum_bytes != unlimited || options_.grow_size == 0;
    }
    [[nodiscard]] std::size_t spared() const noexcept override {
        return 1;
    } // may be on its way to another place
    void change(const block_ledger::entry& was, std::byte filled, void* now, std::size_t size);
    void misuse_free(void* pointer, misuse kind, misuse or_kind, std::size_t size = unlimited);
};

} // namespace cenote::test
