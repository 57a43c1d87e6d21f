// cenote: SPDX-License-Identifier: MIT
//
// A multi_pool under an operation program, and the map that knows what it should do.
#pragma once

#include <cenote/pool/multi_pool.hpp>

#include "operations/sized_run.hpp"

namespace cenote::test {

class multi_run final : sized_run<multi_pool, multi_pool_options> {
public:
    [[nodiscard]] static multi_pool_options options_of(const program& script);
    multi_run(const program& script, const multi_pool_options& options);
    void run(const program& script);

private:
    void step(operation how);
    void check(bool whole) const;

    // Verbs.
    void ask(operation how);
    void trim_all(operation how);
    void reserve(operation how);
    void misuse_one(operation how);

    // What they share.
    [[nodiscard]] bool is_exact() const noexcept {
        return options_.checks || options_.stats || options_.zero_on_allocate || options_.erase_on_free;
    }
    [[nodiscard]] bool is_bounded() const noexcept override {
        return options_.maximum_bytes != unlimited || options_.growth.how == growth::kind::none;
    }
    /// Without instrumentation a class's live blocks are noted now and then, also by a call that is refused.
    [[nodiscard]] bool tells_peak_at_once() const noexcept override { return is_exact(); }
    void may_have_shrunk() override { map_.forget_addresses(); } // idle slabs went with it
    void misuse_free(void* pointer, misuse kind, bool is_certain, std::size_t size = unlimited);
};

} // namespace cenote::test
