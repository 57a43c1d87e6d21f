// cenote: SPDX-License-Identifier: MIT
#include <cenote/slab/free_index.hpp>

#include <cstring>

namespace cenote::inline v0_1::engine {

void free_index::move_to(void* memory, std::size_t nodes) noexcept {
    if (nodes_ != nullptr) std::memcpy(memory, nodes_, bytes_for(used_ + std::size_t{1}));
    nodes_ = static_cast<free_node*>(memory);
    nodes_[0] = {};
    capacity_ = nodes;
}

void free_index::clear() noexcept {
    for (std::uint64_t& word : map_) word = 0;
    for (std::uint32_t& head : heads_) head = 0;
    summary_ = 0;
    used_ = 0;
    spare_ = 0;
}

void free_index::forget() noexcept {
    clear();
    nodes_ = nullptr;
    capacity_ = 0;
}

std::uint32_t free_index::highest_class() const noexcept {
    if (summary_ == 0) return 0;
    const auto word = static_cast<std::uint32_t>(std::bit_width(summary_)) - 1;
    return word * 64 + static_cast<std::uint32_t>(std::bit_width(map_[word])) - 1;
}

bool free_index::is_valid(std::size_t& blocks) const noexcept {
    blocks = 0;
    for (std::uint32_t c = 0; c < run_classes; ++c) {
        const bool has_bit = (map_[c / 64] >> c % 64 & 1) != 0;
        if (has_bit != (heads_[c] != 0)) return false;
        std::uint32_t before = 0;
        for (std::uint32_t n = heads_[c]; n != 0; before = n, n = nodes_[n].next) {
            if (n > used_ || nodes_[n].previous != before) return false;
            ++blocks;
        }
    }
    for (std::uint32_t w = 0; w < words; ++w) {
        if ((summary_ >> w & 1) != (map_[w] != 0)) return false;
    }
    std::size_t spare = 0;
    for (std::uint32_t n = spare_; n != 0; n = nodes_[n].next) ++spare;
    return used_ < capacity_ ? blocks + spare == used_ : used_ == 0;
}

} // namespace cenote::inline v0_1::engine
