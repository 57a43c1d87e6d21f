// cenote: SPDX-License-Identifier: MIT
//
// Reports of misuse that wait until no lock is held: handlers are the user's code. Lives on the stack of one
// call; a flush that finds more wrong than fits stops early and is continued.
#pragma once

#include <cenote/base/error.hpp>
#include <cenote/slab/slab.hpp>

namespace cenote::inline v0_1::engine {

class misuse_list {
public:
    misuse_list() noexcept {} // the entries need no value
    misuse_list(const misuse_list&) = delete;
    misuse_list& operator=(const misuse_list&) = delete;

    /// There must be room.
    void add(const misuse_report& report) noexcept { entries_[count_++] = report; }

    /// Whether one more word of a bitmap may not fit, and what a call itself finds wrong after it.
    [[nodiscard]] bool is_crowded() const noexcept { return count_ + slab::word_bits + of_a_call > most; }
    [[nodiscard]] bool is_empty() const noexcept { return count_ == 0; }

    /// Tells the handler all, in order, and is empty then. No lock may be held.
    void deliver() noexcept {
        for (std::size_t i = 0; i < count_; ++i) base::report_misuse(entries_[i]);
        count_ = 0;
    }

private:
    static constexpr std::size_t of_a_call = 8;
    static constexpr std::size_t most = slab::word_bits + of_a_call + 16;

    std::size_t count_ = 0;
    union {
        misuse_report entries_[most];
    };
};

} // namespace cenote::inline v0_1::engine
