// cenote: SPDX-License-Identifier: MIT
//
// The process's memory: how much is in RAM, and a heap cut up beforehand.
#pragma once

#include <cstddef>
#include <cstdint>

namespace cenote::bench {

// Memory of its own in RAM, files that live in memory alone included (DPDK has its pools there).
[[nodiscard]] std::uint64_t resident_bytes();

// How much of it the kernel has on huge pages; 0 where it does not tell.
[[nodiscard]] std::uint64_t huge_page_bytes();

// The most that was in RAM at once since it was made, less what was then; on kernels that do not tell, what
// is there when asked.
class peak_watch {
public:
    peak_watch();
    [[nodiscard]] std::uint64_t bytes() const;

private:
    bool is_exact_;
    std::uint64_t before_;
};

// Gets 100,000 blocks of 16 to 1,024 bytes and puts a random half of them back.
void fragment_heap(void* (*get)(std::size_t), void (*put)(void*));

} // namespace cenote::bench
