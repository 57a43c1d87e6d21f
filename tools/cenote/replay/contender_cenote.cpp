// cenote: SPDX-License-Identifier: MIT
#include <cenote/pool/multi_pool.hpp>

#include "replay/contenders.hpp"
#include "replay/loop.hpp"

#include <cstring>

namespace cenote::tool {
namespace {

// `sized`: gives the size and alignment back with the block, as C++ containers do and C's free cannot.
template<bool sized>
class cenote_contender {
public:
    static constexpr bool has_blocks = true;

    void* allocate(std::size_t size, std::size_t alignment) { return pool_.try_allocate(size, alignment); }
    void* allocate_zeroed(std::size_t size, std::size_t alignment) {
        void* p = pool_.try_allocate(size, alignment);
        if (p != nullptr) std::memset(p, 0, size);
        return p;
    }
    void* reallocate(void* old, std::size_t old_size, std::size_t old_alignment, std::size_t size) {
        void* p = pool_.try_allocate(size, 16);
        if (p == nullptr) return nullptr;
        std::memcpy(p, old, std::min(old_size, size));
        deallocate(old, old_size, old_alignment);
        return p;
    }
    void deallocate(void* p, std::size_t size, std::size_t alignment) {
        if constexpr (sized)
            pool_.deallocate(p, size, alignment);
        else
            pool_.deallocate(p);
    }
    [[nodiscard]] std::uint64_t reserved_bytes() const { return pool_.stats().reserved_bytes; }

private:
    multi_pool pool_;
};

} // namespace

outcome run_cenote(const job& j) {
    cenote_contender<false> contender;
    return run_job(contender, j);
}

outcome run_cenote_sized(const job& j) {
    cenote_contender<true> contender;
    return run_job(contender, j);
}

} // namespace cenote::tool
