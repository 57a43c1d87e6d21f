// cenote: SPDX-License-Identifier: MIT
//
// How a pool joins the conformance suite: a subject makes it from a `wish`, says which shapes of block it
// serves, and allocates and frees them, as in pool_subjects.hpp; and it has a line in pool_kinds.cpp.
// Whatever else its pool can do is found out in kind_of.hpp.
#pragma once

#include <cenote/pool/options.hpp>

#include <concepts>
#include <cstddef>
#include <ostream>
#include <vector>

namespace cenote::test {

/// What the suite asks of every pool it makes.
struct wish {
    cenote::source* from = nullptr;
    std::size_t initial_blocks = 0;
    std::size_t maximum_blocks = unlimited;
    trim when = trim::automatic;
};

/// A size and an alignment that are allocated together.
struct shape {
    std::size_t size = 0;
    std::size_t alignment = 1;
};

// clang-format off
template<class S>
concept subject = requires(S s, void* block, shape form) {
    S(wish{});
    { S::options(wish{}) };
    { S::shapes() } -> std::same_as<std::vector<shape>>;
    { s.allocate(form) } -> std::same_as<void*>;
    { s.deallocate(block, form) } -> std::same_as<void>;
    { s.pool.stats() } -> std::same_as<pool_stats>;
};
// clang-format on

/// Whether two looks at a pool saw the same; how often it refused and was called is left out.
[[nodiscard]] inline bool same(const pool_stats& a, const pool_stats& b) {
    return a.live == b.live && a.cached == b.cached && a.idle == b.idle && a.blocks == b.blocks &&
           a.peak_live == b.peak_live && a.live_bytes == b.live_bytes && a.reserved_bytes == b.reserved_bytes;
}

} // namespace cenote::test

namespace cenote {

inline std::ostream& operator<<(std::ostream& out, const pool_stats& s) {
    return out << "live " << s.live << ", cached " << s.cached << ", idle " << s.idle << ", blocks "
               << s.blocks << ", peak " << s.peak_live << ", live bytes " << s.live_bytes
               << ", reserved bytes " << s.reserved_bytes;
}

} // namespace cenote
