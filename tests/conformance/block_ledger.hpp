// cenote: SPDX-License-Identifier: MIT
//
// What a pool has handed out, kept in a plain map beside it: blocks that overlap, are not aligned, or do not
// keep their contents are found here. Each block is filled with bytes of its own when it is entered, and
// looked at when it leaves. Sentences say what is wrong; "" is good news.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <string>
#include <vector>

namespace cenote::test {

/// Whether so many bytes are all `value`; by the C library, because unoptimised builds run this most of the
/// time.
[[nodiscard]] bool all_are(std::byte value, const std::byte* begin, std::size_t bytes);

class block_ledger {
public:
    struct entry {
        std::byte* data = nullptr;
        std::size_t size = 0; // bytes the caller may use
        std::size_t alignment = 1;
    };

    /// Enters a block and fills it.
    [[nodiscard]] std::string add(void* block, std::size_t size, std::size_t alignment);
    /// Looks at block number `at` and forgets it; the last takes its number.
    [[nodiscard]] std::string remove(std::size_t at);
    /// Forgets a block without a look: its contents may have moved on.
    void forget(const void* block);
    /// The number of a live block, or `size()`.
    [[nodiscard]] std::size_t number_of(const void* block) const;
    [[nodiscard]] bool holds(const void* block) const { return number_of(block) != entries_.size(); }

    [[nodiscard]] std::string look_at_all() const;
    void clear() {
        entries_.clear();
        places_.clear();
    }
    [[nodiscard]] std::size_t size() const { return entries_.size(); }
    [[nodiscard]] bool empty() const { return entries_.empty(); }
    [[nodiscard]] const entry& operator[](std::size_t at) const { return entries_[at]; }
    [[nodiscard]] auto begin() const { return entries_.begin(); }
    [[nodiscard]] auto end() const { return entries_.end(); }
    [[nodiscard]] std::size_t bytes() const;

private:
    std::vector<entry> entries_;
    std::map<std::uintptr_t, std::size_t> places_; // address → number
};

} // namespace cenote::test
