// cenote: SPDX-License-Identifier: MIT
#include "run_tool.hpp"

#include <gtest/gtest.h>

namespace cenote::test {
namespace {

TEST(cli, help_names_the_commands_and_the_exit_statuses) {
    const ran r = run_tool({"--help"});
    EXPECT_EQ(r.status, 0);
    for (const char* part : {"record", "replay", "Exit status", "127"})
        EXPECT_NE(r.out.find(part), std::string::npos) << part;
    EXPECT_NE(run_tool({"record", "--help"}).out.find("--output"), std::string::npos);
    for (const char* part : {"--rounds", "--threads one|recorded"})
        EXPECT_NE(run_tool({"replay", "--help"}).out.find(part), std::string::npos) << part;
}

TEST(cli, version) {
    const ran r = run_tool({"--version"});
    EXPECT_EQ(r.status, 0);
    EXPECT_EQ(r.out.rfind("cenote ", 0), 0U) << r.out;
}

TEST(cli, what_is_not_understood_is_said_with_a_hint) {
    for (const std::vector<std::string>& bad : std::vector<std::vector<std::string>>{
             {}, {"frobnicate"}, {"replay"}, {"replay", "x", "--rounds", "0"}, {"--no"}}) {
        const ran r = run_tool(bad);
        EXPECT_EQ(r.status, 2);
        EXPECT_NE(r.err.find("--help"), std::string::npos) << r.err;
    }
}

TEST(cli, record_without_a_file_or_a_program_exits_125) {
    EXPECT_EQ(run_tool({"record", "--", "/bin/true"}).status, 125);
    const ran r = run_tool({"record", "-o", "/tmp/x.trace"});
    EXPECT_EQ(r.status, 125);
    EXPECT_NE(r.err.find("which program?"), std::string::npos) << r.err;
}

} // namespace
} // namespace cenote::test
