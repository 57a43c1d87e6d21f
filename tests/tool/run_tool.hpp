// cenote: SPDX-License-Identifier: MIT
//
// Runs the built command-line tool from tests, and reads what it recorded.
#pragma once

#include "trace/format.hpp"

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

namespace cenote::test {

// Nothing can be preloaded before a sanitizer's runtime, so allocators cannot take malloc's place.
#if defined(__SANITIZE_ADDRESS__)
inline constexpr bool is_sanitized = true;
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
inline constexpr bool is_sanitized = true;
#else
inline constexpr bool is_sanitized = false;
#endif
#else
inline constexpr bool is_sanitized = false;
#endif

struct ran {
    int status = 0; // 128 + N when signal N ended it
    std::string out;
    std::string err;
};

// `variables` are "NAME=value"; `folder` is where to run, "" for here.
[[nodiscard]] ran run(const std::vector<std::string>& command,
                      const std::vector<std::string>& variables = {});
[[nodiscard]] ran run_tool(std::vector<std::string> arguments,
                           const std::vector<std::string>& variables = {});

// A folder that goes with its test.
class scratch {
public:
    scratch();
    ~scratch();
    scratch(const scratch&) = delete;
    scratch& operator=(const scratch&) = delete;
    [[nodiscard]] std::string path(const std::string& name) const { return (folder_ / name).string(); }
    [[nodiscard]] const std::filesystem::path& folder() const { return folder_; }
    // What lies in it, sorted.
    [[nodiscard]] std::vector<std::string> names() const;

private:
    std::filesystem::path folder_;
};

struct recording {
    std::vector<trace::process> processes;
    std::vector<trace::event> events;
    bool truncated = false;

    [[nodiscard]] std::size_t count(trace::event_kind kind,
                                    std::uint64_t size) const;                 // a free's size is its block's
    [[nodiscard]] std::vector<trace::event> of_size(std::uint64_t size) const; // the allocations
    [[nodiscard]] std::size_t process_with(std::uint64_t size) const; // that allocated it; SIZE_MAX: none
    [[nodiscard]] std::uint64_t unknown_frees() const;
};

[[nodiscard]] recording read_recording(const std::string& file);

// Records the victim doing `what`; expects the victim to end with `status` and the tool to say nothing is
// amiss.
[[nodiscard]] recording record_victim(const std::vector<std::string>& what, int status = 0,
                                      const std::string& victim = CENOTE_VICTIM);

} // namespace cenote::test
