// cenote: SPDX-License-Identifier: MIT
//
// Catches what goes to the misuse and the leak handler while the object lives.
#pragma once

#include <cenote/base/error.hpp>

#include <vector>

namespace cenote::test {

class misuse_watch {
public:
    misuse_watch() : before_(set_misuse_handler(&note)) { seen_.clear(); }
    ~misuse_watch() { set_misuse_handler(before_); }
    misuse_watch(const misuse_watch&) = delete;
    misuse_watch& operator=(const misuse_watch&) = delete;

    [[nodiscard]] const std::vector<misuse_report>& seen() const noexcept { return seen_; }
    [[nodiscard]] std::size_t count() const noexcept { return seen_.size(); }
    void clear() noexcept { seen_.clear(); }

private:
    static void note(const misuse_report& report) noexcept { seen_.push_back(report); }

    static inline std::vector<misuse_report> seen_;
    misuse_handler before_;
};

class leak_watch {
public:
    leak_watch() : before_(set_leak_handler(&note)) { seen_.clear(); }
    ~leak_watch() { set_leak_handler(before_); }
    leak_watch(const leak_watch&) = delete;
    leak_watch& operator=(const leak_watch&) = delete;

    [[nodiscard]] const std::vector<leak_report>& seen() const noexcept { return seen_; }

private:
    static void note(const leak_report& report) noexcept { seen_.push_back(report); }

    static inline std::vector<leak_report> seen_;
    leak_handler before_;
};

} // namespace cenote::test
