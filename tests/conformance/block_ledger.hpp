// cenote: SPDX-License-Identifier: MIT
//
// What a pool has handed out, kept in a plain map beside it: blocks that overlap, are not aligned, or do not
// keep their contents are found here. Each block is filled with bytes of its own when it is entered, and
// looked at when it leaves. Sentences say what is wrong; "" is good news.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <iterator>
#include <map>
#include <string>
#include <vector>

namespace cenote::test {

/// Whether so many bytes are all `value`; by the C library, because unoptimised builds run this most of the
/// time.
[[nodiscard]] inline bool all_are(std::byte value, const std::byte* begin, std::size_t bytes) {
    return bytes == 0 || (*begin == value && std::memcmp(begin, begin + 1, bytes - 1) == 0);
}

class block_ledger {
public:
    struct entry {
        std::byte* data = nullptr;
        std::size_t size = 0; // bytes the caller may use
        std::size_t alignment = 1;
    };

    /// Enters a block and fills it.
    [[nodiscard]] std::string add(void* block, std::size_t size, std::size_t alignment) {
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

    /// Looks at block number `at` and forgets it; the last takes its number.
    [[nodiscard]] std::string remove(std::size_t at) {
        std::string wrong = look(entries_[at]);
        forget(entries_[at].data);
        return wrong;
    }

    /// Forgets a block without a look: its contents may have moved on.
    void forget(const void* block) {
        const std::size_t at = number_of(block);
        places_.erase(reinterpret_cast<std::uintptr_t>(block));
        if (at + 1 != entries_.size()) {
            entries_[at] = entries_.back();
            places_[reinterpret_cast<std::uintptr_t>(entries_[at].data)] = at;
        }
        entries_.pop_back();
    }

    /// The number of a live block, or `size()`.
    [[nodiscard]] std::size_t number_of(const void* block) const {
        const auto found = places_.find(reinterpret_cast<std::uintptr_t>(block));
        return found == places_.end() ? entries_.size() : found->second;
    }
    [[nodiscard]] bool holds(const void* block) const { return number_of(block) != entries_.size(); }

    [[nodiscard]] std::string look_at_all() const {
        for (const entry& one : entries_) {
            if (std::string wrong = look(one); !wrong.empty()) return wrong;
        }
        return "";
    }

    void clear() {
        entries_.clear();
        places_.clear();
    }
    [[nodiscard]] std::size_t size() const { return entries_.size(); }
    [[nodiscard]] bool empty() const { return entries_.empty(); }
    [[nodiscard]] const entry& operator[](std::size_t at) const { return entries_[at]; }
    [[nodiscard]] auto begin() const { return entries_.begin(); }
    [[nodiscard]] auto end() const { return entries_.end(); }
    [[nodiscard]] std::size_t bytes() const {
        std::size_t sum = 0;
        for (const entry& one : entries_) sum += one.size;
        return sum;
    }

private:
    static constexpr std::size_t most_filled = 4096; // of each end of a large block

    [[nodiscard]] static std::byte sign_of(const entry& one) {
        const auto mixed = reinterpret_cast<std::uintptr_t>(one.data) * 0x9e3779b97f4a7c15u + one.size;
        return static_cast<std::byte>(mixed >> 56 | 1);
    }
    static void fill(const entry& one) {
        const std::size_t part = std::min(one.size, most_filled);
        std::memset(one.data, static_cast<int>(sign_of(one)), part);
        std::memset(one.data + one.size - part, static_cast<int>(sign_of(one)), part);
    }
    [[nodiscard]] static std::string look(const entry& one) {
        const std::size_t part = std::min(one.size, most_filled);
        if (!all_are(sign_of(one), one.data, part)) return "a live block whose first bytes have changed";
        if (!all_are(sign_of(one), one.data + one.size - part, part))
            return "a live block whose last bytes have changed";
        return "";
    }

    std::vector<entry> entries_;
    std::map<std::uintptr_t, std::size_t> places_; // address → number
};

} // namespace cenote::test
