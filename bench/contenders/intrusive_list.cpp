// cenote: SPDX-License-Identifier: MIT
#include "contenders/runners.hpp"
#include "patterns/measure.hpp"

#include <cstdlib>

namespace cenote::bench {
namespace {

/// The textbook: free blocks hold the link to the next one; new ones are cut from chunks that double.
class contestant {
public:
    contestant(std::size_t block_size, std::size_t /*most*/) : block_size_(block_size) {}
    contestant(const contestant&) = delete;
    contestant& operator=(const contestant&) = delete;
    ~contestant() {
        while (chunks_ != nullptr) {
            link* const next = chunks_->next;
            std::free(chunks_);
            chunks_ = next;
        }
    }

    void* get() {
        if (free_ == nullptr) return cut();
        link* const block = free_;
        free_ = block->next;
        return block;
    }
    void put(void* block) {
        link* const freed = static_cast<link*>(block);
        freed->next = free_;
        free_ = freed;
    }

private:
    struct link {
        link* next;
    };
    static constexpr std::size_t chunk_head = 64;

    void* cut() {
        if (rest_ == end_) add_chunk();
        void* const block = rest_;
        rest_ += block_size_;
        return block;
    }
    __attribute__((noinline)) void add_chunk() {
        auto* const chunk = static_cast<std::byte*>(std::malloc(chunk_head + blocks_ * block_size_));
        if (chunk == nullptr) std::abort();
        chunks_ = new (chunk) link{chunks_};
        rest_ = chunk + chunk_head;
        end_ = rest_ + blocks_ * block_size_;
        blocks_ *= 2;
    }

    link* free_ = nullptr;
    std::byte* rest_ = nullptr;
    std::byte* end_ = nullptr;
    std::size_t block_size_;
    std::size_t blocks_ = 64;
    link* chunks_ = nullptr;
};

} // namespace

outcome run_intrusive_list(const job& what) {
    return run_case<contestant, abilities_of("intrusive_list")>(what);
}

} // namespace cenote::bench
