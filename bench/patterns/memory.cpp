// cenote: SPDX-License-Identifier: MIT
#include "patterns/memory.hpp"

#include "patterns/basics.hpp"
#include "replay/memory_use.hpp"

#include <cstdlib>
#include <fstream>
#include <string>

namespace cenote::bench {
namespace {

std::uint64_t in_file(const char* name, std::string_view label) {
    std::ifstream file(name);
    for (std::string line; std::getline(file, line);)
        if (line.starts_with(label)) return std::strtoull(line.c_str() + label.size(), nullptr, 10) * 1024;
    return 0;
}

std::uint64_t in_status(std::string_view label) {
    return in_file("/proc/self/status", label);
}

} // namespace

std::uint64_t resident_bytes() {
    return tool::resident_bytes() + in_status("RssShmem:");
}

std::uint64_t huge_page_bytes() {
    return in_file("/proc/self/smaps_rollup", "AnonHugePages:");
}

// The kernel keeps the most that was in RAM, and begins anew when 5 is written there.
peak_watch::peak_watch()
    : is_exact_(bool(std::ofstream("/proc/self/clear_refs") << "5" << std::flush)),
      before_(is_exact_ ? in_status("VmRSS:") : resident_bytes()) {}

std::uint64_t peak_watch::bytes() const {
    const std::uint64_t now = is_exact_ ? in_status("VmHWM:") : resident_bytes();
    return now > before_ ? now - before_ : 0;
}

void fragment_heap(void* (*get)(std::size_t), void (*put)(void*)) {
    dice random(7);
    std::vector<void*> blocks(random_blocks);
    for (void*& block : blocks) {
        block = get(random.size());
        if (block == nullptr) std::abort();
        touch(block);
    }
    for (void* block : blocks)
        if (random.below(2) == 0) put(block);
}

} // namespace cenote::bench
