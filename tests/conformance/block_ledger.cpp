// cenote: SPDX-License-Identifier: MIT
#include "conformance/block_ledger.hpp"

#include <algorithm>
#include <cstring>
#include <iterator>

namespace cenote::test {
namespace {

constexpr std::size_t most_filled = 4096; // of each end of a large block

std::byte sign_of(const block_ledger::entry& one) {
    const auto mixed = reinterpret_cast<std::uintptr_t>(one.data) * 0x9e3779b97f4a7c15u + one.size;
    return static_cast<std::byte>(mixed >> 56 | 1);
}

void fill(const block_ledger::entry& one) {
    const std::size_t part = std::min(one.size, most_filled);
    std::memset(one.data, static_cast<int>(sign_of(one)), part);
    std::memset(one.data + one.size - part, static_cast<int>(sign_of(one)), part);
}

std::string look(const block_ledger::entry& one) {
    const std::size_t part = std::min(one.size, most_filled);
    if (!all_are(sign_of(one), one.data, part)) return "a live block whose first bytes have changed";
    if (!all_are(sign_of(one), one.data + one.size - part, part))
        return "a live block whose last bytes have changed";
    return "";
}

} // namespace

bool all_are(std::byte value, const std::byte* begin, std::size_t bytes) {
    return bytes == 0 || (*begin == value && std::memcmp(begin, begin + 1, bytes - 1) == 0);
}

std::string block_ledger::add(void* block, std::size_t size, std::size_t alignment) {
    auto* const data = static_cast<std::byte*>(block);
    const auto address = reinterpret_cast<std::uintptr_t>(data);
    if (data == nullptr) return "a null block";
    if (address % alignment != 0) return "a block that is not aligned to " + std::to_string(alignment);
    const std::size_t width = size == 0 ? 1 : size;
    const auto after = places_.lower_bound(address);
    if (after != places_.end() && after->first - address < width) return "a block over the next live one";
    if (after != places_.begin()) {
        const entry& before = entries_[std::prev(after)->second];
        const std::size_t before_width = before.size == 0 ? 1 : before.size;
        if (address - reinterpret_cast<std::uintptr_t>(before.data) < before_width)
            return "a block inside a live one";
    }
    places_[address] = entries_.size();
    entries_.push_back({data, size, alignment});
    fill(entries_.back());
    return "";
}

std::string block_ledger::remove(std::size_t at) {
    std::string wrong = look(entries_[at]);
    forget(entries_[at].data);
    return wrong;
}

void block_ledger::forget(const void* block) {
    const std::size_t at = number_of(block);
    places_.erase(reinterpret_cast<std::uintptr_t>(block));
    if (at + 1 != entries_.size()) {
        entries_[at] = entries_.back();
        places_[reinterpret_cast<std::uintptr_t>(entries_[at].data)] = at;
    }
    entries_.pop_back();
}

std::size_t block_ledger::number_of(const void* block) const {
    const auto found = places_.find(reinterpret_cast<std::uintptr_t>(block));
    return found == places_.end() ? entries_.size() : found->second;
}

std::string block_ledger::look_at_all() const {
    for (const entry& one : entries_) {
        if (std::string wrong = look(one); !wrong.empty()) return wrong;
    }
    return "";
}

std::size_t block_ledger::bytes() const {
    std::size_t sum = 0;
    for (const entry& one : entries_) sum += one.size;
    return sum;
}

} // namespace cenote::test
