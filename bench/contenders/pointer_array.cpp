// cenote: SPDX-License-Identifier: MIT
#include "contenders/runners.hpp"
#include "patterns/measure.hpp"

#include <cstdlib>
#include <cstring>

namespace cenote::bench {
namespace {

/// A bare stack of addresses, made full for as many blocks as will be live: no compare, no growth, no
/// prefetch.
class contestant {
public:
    contestant(std::size_t block_size, std::size_t most)
        : blocks_(static_cast<std::byte*>(std::malloc(most * block_size))), free_(most),
          top_(free_.data() + most) {
        if (blocks_ == nullptr) std::abort();
        for (std::size_t i = 0; i < most; ++i) free_[most - 1 - i] = blocks_ + i * block_size;
    }
    contestant(const contestant&) = delete;
    contestant& operator=(const contestant&) = delete;
    ~contestant() { std::free(blocks_); }

    void* get() { return *--top_; }
    void put(void* block) { *top_++ = block; }
    void get_many(void** blocks, std::size_t count) {
        top_ -= count;
        std::memcpy(blocks, top_, count * sizeof(void*));
    }
    void put_many(void** blocks, std::size_t count) {
        std::memcpy(top_, blocks, count * sizeof(void*));
        top_ += count;
    }

private:
    std::byte* blocks_;
    std::vector<void*> free_;
    void** top_;
};

} // namespace

outcome run_pointer_array(const job& what) {
    return run_case<contestant, abilities_of("pointer_array")>(what);
}

} // namespace cenote::bench
