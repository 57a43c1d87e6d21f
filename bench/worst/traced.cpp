// cenote: SPDX-License-Identifier: MIT
//
// The traffic in a library of which every basic block tells that it is entered. It has a namespace of its
// own.
#include "traffic.hpp"

namespace {

std::uint64_t way = 0; // the blocks entered and their order, as a hash

} // namespace

extern "C" void __sanitizer_cov_trace_pc() {
    way = (way ^ reinterpret_cast<std::uintptr_t>(__builtin_return_address(0))) * 0x9e3779b97f4a7c15u;
    way ^= way >> 29;
}

namespace worst {

trace trace_ways(const ground& on, std::size_t calls, std::size_t live) {
    trace seen;
    seen.ways.reserve(calls);
    const auto watch_tide = [&](const auto& call, const auto& used_source) {
        call();
        seen.tide.push_back(used_source());
    };
    run_traffic(on, calls, live, watch_tide, [&](const auto& call, const auto& used_source) {
        way = 1;
        call();
        const std::uint64_t taken = way | 1;
        seen.ways.push_back(used_source() ? 0 : taken);
    });
    return seen;
}

} // namespace worst
