// cenote: SPDX-License-Identifier: MIT
//
// Numbers and names as people read them.
#pragma once

#include <cstddef>
#include <cstdint>
#include <stdexcept>
#include <string>
#include <string_view>

namespace cenote::tool {

// A failure of the tool itself, as a sentence that says what to do next, and the status to exit with.
class failure : public std::runtime_error {
public:
    explicit failure(const std::string& sentence, int status = 1)
        : std::runtime_error(sentence), status_(status) {}
    [[nodiscard]] int status() const { return status_; }

private:
    int status_;
};

[[nodiscard]] std::string grouped(std::uint64_t number);    // 1,234,567
[[nodiscard]] std::string byte_count(std::uint64_t number); // 1.2 MiB
[[nodiscard]] std::string counted(std::uint64_t number, std::string_view singular, std::string_view plural);
// Names come from files and programs: control characters, which a terminal would obey, become '?'.
[[nodiscard]] std::string printable(std::string_view text);
[[nodiscard]] std::string base_name(std::string_view path);
[[nodiscard]] std::string quoted_json(std::string_view text);

} // namespace cenote::tool
