// cenote: SPDX-License-Identifier: MIT
//
// Catches what one call reports of misuse, so that a face can answer with a code instead of calling the
// handler: a C function, a language binding, a test. Lives on the stack around the call; traps nest, the
// innermost catches. Exact for pools with `checks`, whose reports come from the call itself; of other pools
// it also catches what a flush finds of earlier calls. Only the calling thread's reports. A few instructions.
#pragma once

#include <cenote/base/error.hpp>

namespace cenote::inline v0_1 {

class CENOTE_API misuse_trap {
public:
    misuse_trap() noexcept;
    misuse_trap(const misuse_trap&) = delete;
    misuse_trap& operator=(const misuse_trap&) = delete;
    ~misuse_trap();

    /// How many reports came while it stood.
    [[nodiscard]] unsigned count() const noexcept { return count_; }
    /// The first of them, when there is one.
    [[nodiscard]] const misuse_report& first() const noexcept { return first_; }

private:
    friend void base::report_misuse(const misuse_report& report) noexcept;
    void take(const misuse_report& report) noexcept {
        if (count_++ == 0) first_ = report;
    }

    misuse_trap* outer_;
    unsigned count_ = 0;
    misuse_report first_;
};

} // namespace cenote::inline v0_1
