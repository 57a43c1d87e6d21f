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
    enum class then { keep, pass_on };

    /// With `pass_on` it only notes what goes to the trap around it, or to the handler, as if it were not
    /// here.
    explicit misuse_trap(then reports = then::keep) noexcept;
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
    then reports_;
    unsigned count_ = 0;
    misuse_report first_;
};

} // namespace cenote::inline v0_1
