// cenote: SPDX-License-Identifier: MIT
//
// A handle of an arena: one of its own, or one that an arena pool lends.
#pragma once

#include <cenote/pool/arena.hpp>

#include "c_common.hpp"

/// What all handles of arenas are used through.
struct cenote_arena {
    cenote::arena* arena; // null: it was lent, and is back
    cenote::c::asker* ask;
    bool is_lent;              // it is released, not destroyed
    std::uint64_t retried = 0; // requests that were refused at first

    [[nodiscard]] static bool is_usable(const cenote_arena* handle) noexcept {
        return handle != nullptr && handle->arena != nullptr;
    }
    /// What `get()` finds when it is tried again, or its null.
    template<class Get>
    [[nodiscard]] void* insist(const Get& get, std::size_t requested, unsigned options) noexcept {
        const auto again = [&]() -> void* {
            ++retried;
            return get();
        };
        return ask->insist(again, requested, options, [this] { return cenote::c::asker::of(*arena); });
    }
};
