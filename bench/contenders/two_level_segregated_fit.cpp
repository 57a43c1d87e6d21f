// cenote: SPDX-License-Identifier: MIT
#include "contenders/runners.hpp"
#include "patterns/measure.hpp"

#include <bit>
#include <cstdint>
#include <cstdlib>
#include <utility>

namespace cenote::bench {
namespace {

/// The textbook: boundary tags in a header before every block, links in the free ones, a list for each of 32
/// classes of each power of two, and a bit for each list. Regions are added as they are needed.
/// Source: M. Masmano, I. Ripoll, A. Crespo, J. Real, "TLSF: a New Dynamic Memory Allocator for Real-Time
/// Systems", ECRTS 2004.
class two_level_segregated_fit {
public:
    two_level_segregated_fit() = default;
    two_level_segregated_fit(const two_level_segregated_fit&) = delete;
    two_level_segregated_fit& operator=(const two_level_segregated_fit&) = delete;
    ~two_level_segregated_fit() {
        while (regions_ != nullptr) std::free(std::exchange(regions_, regions_->next));
    }

    void* allocate(std::size_t bytes) {
        const std::size_t size = bytes <= least ? least : (bytes + head + unit - 1) / unit * unit;
        tag* block = find(size);
        if (block == nullptr) block = add_region(size);
        remove(block);
        if (block->bytes() - size >= least) {
            tag* const rest = after(block, size);
            rest->size = (block->bytes() - size) | free_bit;
            rest->before = block;
            after(rest, rest->bytes())->before = rest;
            block->size = size;
            insert(rest);
        }
        block->size &= ~free_bit;
        return block + 1;
    }

    void deallocate(void* pointer) {
        tag* block = static_cast<tag*>(pointer) - 1;
        tag* const behind = after(block, block->bytes());
        if (behind->is_free()) {
            remove(behind);
            block->size += behind->bytes();
        }
        tag* const before = block->before;
        if (before != nullptr && before->is_free()) {
            remove(before);
            before->size += block->bytes();
            block = before;
        }
        after(block, block->bytes())->before = block;
        block->size |= free_bit;
        insert(block);
    }

    [[nodiscard]] std::size_t reserved() const { return reserved_; }

private:
    static constexpr std::size_t unit = 16;
    static constexpr std::size_t free_bit = 1;
    static constexpr unsigned second_bits = 5;
    static constexpr unsigned seconds = 1u << second_bits;
    static constexpr unsigned firsts = 32;
    static constexpr unsigned linear_bits = second_bits + 4; // below, classes are a unit wide
    static constexpr std::size_t region_bytes = std::size_t{1} << 20;

    struct tag {          // in front of every block
        tag* before;      // its neighbour there
        std::size_t size; // with the tag itself
        [[nodiscard]] std::size_t bytes() const { return size & ~free_bit; }
        [[nodiscard]] bool is_free() const { return (size & free_bit) != 0; }
    };
    struct free_block : tag {
        free_block* next;
        free_block* previous;
    };
    struct region {
        region* next;
    };
    struct place {
        unsigned first, second;
    };
    static constexpr std::size_t head = sizeof(tag);
    static constexpr std::size_t least = sizeof(free_block);

    static tag* after(tag* block, std::size_t bytes) {
        return reinterpret_cast<tag*>(reinterpret_cast<std::byte*>(block) + bytes);
    }
    static place place_of(std::size_t size) {
        if (size < std::size_t{1} << linear_bits) return {0, static_cast<unsigned>(size / unit)};
        const auto top = static_cast<unsigned>(std::bit_width(size)) - 1;
        return {top - linear_bits + 1, static_cast<unsigned>(size >> (top - second_bits)) - seconds};
    }

    tag* find(std::size_t size) {
        if (size >= std::size_t{1} << linear_bits)
            size += (std::size_t{1} << (std::bit_width(size) - 1 - second_bits)) - 1;
        auto [first, second] = place_of(size);
        std::uint32_t lists = second_map_[first] & ~std::uint32_t{0} << second;
        if (lists == 0) {
            const std::uint32_t above = first_map_ & ~std::uint32_t{1} << first;
            if (above == 0) return nullptr;
            first = static_cast<unsigned>(std::countr_zero(above));
            lists = second_map_[first];
        }
        return heads_[first][std::countr_zero(lists)];
    }

    void insert(tag* freed) {
        auto* const block = static_cast<free_block*>(freed);
        const auto [first, second] = place_of(block->bytes());
        free_block*& list = heads_[first][second];
        block->previous = nullptr;
        block->next = list;
        if (list != nullptr) list->previous = block;
        list = block;
        first_map_ |= std::uint32_t{1} << first;
        second_map_[first] |= std::uint32_t{1} << second;
    }

    void remove(tag* found) {
        auto* const block = static_cast<free_block*>(found);
        const auto [first, second] = place_of(block->bytes());
        if (block->next != nullptr) block->next->previous = block->previous;
        if (block->previous != nullptr) {
            block->previous->next = block->next;
            return;
        }
        heads_[first][second] = block->next;
        if (block->next != nullptr) return;
        second_map_[first] &= ~(std::uint32_t{1} << second);
        if (second_map_[first] == 0) first_map_ &= ~(std::uint32_t{1} << first);
    }

    // One free block, and a live tag behind it.
    __attribute__((noinline)) tag* add_region(std::size_t size) {
        constexpr std::size_t ends = 2 * unit + head;
        const std::size_t bytes = size + ends > region_bytes ? size + ends : region_bytes;
        auto* const made = static_cast<region*>(std::aligned_alloc(unit, bytes));
        if (made == nullptr) std::abort();
        made->next = regions_;
        regions_ = made;
        reserved_ += bytes;
        auto* const block = reinterpret_cast<tag*>(reinterpret_cast<std::byte*>(made) + unit);
        block->before = nullptr;
        block->size = (bytes - ends) / unit * unit | free_bit;
        tag* const end = after(block, block->bytes());
        end->before = block;
        end->size = head;
        insert(block);
        return block;
    }

    std::uint32_t first_map_ = 0;
    std::uint32_t second_map_[firsts] = {};
    free_block* heads_[firsts][seconds] = {};
    region* regions_ = nullptr;
    std::size_t reserved_ = 0;
};

struct contestant {
    two_level_segregated_fit pool;
    std::size_t block_size;
    contestant(std::size_t size, std::size_t /*most*/) : block_size(size) {}
    void* get() { return pool.allocate(block_size); }
    void put(void* block) { pool.deallocate(block); }
    void* get(std::size_t size) { return pool.allocate(size); }
    void put(void* block, std::size_t /*size*/) { pool.deallocate(block); }
    [[nodiscard]] std::size_t reserved() const { return pool.reserved(); }
};

} // namespace

outcome run_two_level_segregated_fit(const job& what) {
    return run_case<contestant, abilities_of("two_level_segregated_fit")>(what);
}

} // namespace cenote::bench
