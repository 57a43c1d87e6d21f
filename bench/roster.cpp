// cenote: SPDX-License-Identifier: MIT
#include "roster.hpp"

#include "replay/roster.hpp"

#include <algorithm>
#include <filesystem>
#include <system_error>

namespace cenote::bench {
namespace {

std::string beside_this_program(std::string_view program) {
    std::error_code problem;
    const std::filesystem::path self = std::filesystem::read_symlink("/proc/self/exe", problem);
    return (self.parent_path() / program).string();
}

// The library that the tool would preload, or nothing.
std::string preload_for(std::string_view allocator, const tool::roster& found) {
    for (const tool::contender& one : found.contenders)
        if (one.name == allocator) return one.preload;
    return "";
}

} // namespace

lineup find_participants() {
    return find_participants(tool::find_contenders(false));
}

lineup find_participants(const tool::roster& found) {
    lineup all;
    for (const entry& one : roster) {
        participant taking{one, "/proc/self/exe", ""};
        if (!one.program.empty()) taking.program = beside_this_program(one.program);
        if (!one.preload.empty()) taking.preload = preload_for(one.preload, found);
        const bool is_here =
            std::filesystem::exists(taking.program) && (one.preload.empty() || !taking.preload.empty());
        if (is_here)
            all.present.push_back(taking);
        else
            all.absent.push_back(one);
    }
    all.present.push_back({no_op, "/proc/self/exe", ""});
    return all;
}

} // namespace cenote::bench
