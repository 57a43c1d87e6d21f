// cenote: SPDX-License-Identifier: MIT
#include "patterns/memory.hpp"

#include "patterns/basics.hpp"
#include "replay/memory_use.hpp"

#include <cstdlib>
#include <fstream>
#include <string>

namespace cenote::bench {
namespace {

std::uint64_t shared_memory_bytes() {
    std::ifstream status("/proc/self/status");
    constexpr std::string_view label = "RssShmem:";
    for (std::string line; std::getline(status, line);)
        if (line.starts_with(label)) return std::strtoull(line.c_str() + label.size(), nullptr, 10) * 1024;
    return 0;
}

} // namespace

std::uint64_t resident_bytes() {
    return tool::resident_bytes() + shared_memory_bytes();
}

void fragment_heap() {
    dice random(7);
    std::vector<void*> blocks(random_blocks);
    for (void*& block : blocks) {
        block = std::malloc(random.size());
        if (block == nullptr) std::abort();
        touch(block);
    }
    for (void* block : blocks)
        if (random.below(2) == 0) std::free(block);
}

} // namespace cenote::bench
