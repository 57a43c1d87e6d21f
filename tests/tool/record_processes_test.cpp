// cenote: SPDX-License-Identifier: MIT
//
// Programs that start others, are killed, or live oddly are recorded and not disturbed.
#include "run_tool.hpp"

#include <csignal>
#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

namespace cenote::test {
namespace {

using trace::event_kind;

TEST(record, a_forked_child_has_a_stream_of_its_own) {
    const recording r = record_victim({"fork"});
    ASSERT_EQ(r.processes.size(), 2U);
    const std::size_t parent = r.process_with(41001);
    const std::size_t child = r.process_with(41003);
    ASSERT_EQ(parent, 0U);
    ASSERT_EQ(child, 1U);
    EXPECT_EQ(r.of_size(41003).size(), 10U);
    EXPECT_EQ(r.processes[child].parent, std::optional<std::uint32_t>(0));
    EXPECT_TRUE(r.processes[child].forked);
    EXPECT_FALSE(r.processes[parent].forked);
    EXPECT_EQ(r.processes[child].unknown_frees, 1U) << "the child frees a block it inherited";
    EXPECT_EQ(r.processes[parent].unknown_frees, 0U);
    EXPECT_EQ(r.count(event_kind::deallocate, 41001), 1U) << "the parent's own free";
}

TEST(record, a_child_made_by_a_bare_clone_does_not_write_into_its_parents_stream) {
    const recording r = record_victim({"clone"});
    ASSERT_EQ(r.processes.size(), 2U);
    EXPECT_EQ(r.of_size(45003).size(), 10U);
    EXPECT_EQ(r.of_size(45001).size(), 10U);
    EXPECT_NE(r.process_with(45001), r.process_with(45003));
    EXPECT_TRUE(r.processes[r.process_with(45001)].forked);
}

TEST(record, vfork_and_exec_leave_the_parents_stream_whole) {
    const recording r = record_victim({"vfork"});
    ASSERT_EQ(r.processes.size(), 2U);
    EXPECT_EQ(r.of_size(46001).size(), 14U);
    EXPECT_EQ(r.of_size(42001).size(), 5U);
    EXPECT_EQ(r.processes[r.process_with(42001)].parent, std::optional<std::uint32_t>(0));
}

TEST(record, spawned_programs_are_recorded) {
    const recording r = record_victim({"spawn"});
    ASSERT_EQ(r.processes.size(), 2U);
    EXPECT_EQ(r.of_size(42001).size(), 5U);
}

TEST(record, a_program_that_becomes_another_is_recorded_as_both) {
    const recording r = record_victim({"exec"});
    ASSERT_EQ(r.processes.size(), 2U);
    EXPECT_EQ(r.processes[0].pid, r.processes[1].pid);
    EXPECT_EQ(r.processes[1].parent, std::optional<std::uint32_t>(0));
    EXPECT_FALSE(r.processes[1].forked);
    EXPECT_EQ(r.process_with(42001), 1U);
}

TEST(record, a_program_is_known_by_the_name_it_was_called) {
    const scratch here;
    std::filesystem::create_symlink(CENOTE_VICTIM, here.path("other-name"));
    const recording r = record_victim({"leaf"}, 0, here.path("other-name"));
    ASSERT_EQ(r.processes.size(), 1U);
    EXPECT_EQ(r.processes[0].program, here.path("other-name"));
}

TEST(record, a_killed_program_loses_nothing) {
    const recording r = record_victim({"killed", "20000"}, 128 + SIGKILL);
    EXPECT_EQ(r.of_size(43001).size(), 20000U);
    EXPECT_EQ(r.processes.at(0).counts.live_blocks() >= 20000U, true);
    EXPECT_FALSE(r.truncated);
}

TEST(record, errno_is_kept) {
    EXPECT_FALSE(record_victim({"errno"}).events.empty());
}

TEST(record, a_program_that_closes_all_descriptors_is_recorded_and_sees_no_new_ones) {
    EXPECT_EQ(record_victim({"closes"}).of_size(44001).size(), 100'000U);
}

TEST(record, a_file_size_limit_stops_the_recording_and_not_the_program) {
    const scratch here;
    const std::string command = std::string("ulimit -f 300; exec ") + CENOTE_VICTIM + " many";
    const ran r = run_tool({"record", "-o", here.path("trace"), "--", "/bin/bash", "-c", command});
    EXPECT_EQ(r.status, 0) << r.err;
    EXPECT_NE(r.err.find("incomplete"), std::string::npos) << r.err;
    EXPECT_GT(read_recording(here.path("trace")).of_size(49001).size(), 1000U);
}

TEST(record, a_term_signal_reaches_the_program) {
    const scratch here;
    int pipe[2];
    ASSERT_EQ(::pipe(pipe), 0);
    const std::string file = here.path("trace");
    const pid_t tool = ::fork();
    if (tool == 0) {
        ::dup2(pipe[1], 1);
        ::dup2(::open("/dev/null", O_WRONLY), 2);
        ::execl(CENOTE_TOOL, "cenote", "record", "-o", file.c_str(), "--", CENOTE_VICTIM, "waits", nullptr);
        ::_exit(127);
    }
    ::close(pipe[1]);
    char ready = 0;
    EXPECT_EQ(::read(pipe[0], &ready, 1), 1);
    ::close(pipe[0]);
    ::kill(tool, SIGTERM);
    int status = 0;
    ::waitpid(tool, &status, 0);
    ASSERT_TRUE(WIFEXITED(status));
    EXPECT_EQ(WEXITSTATUS(status), 5) << "what the victim's handler exits with";
    EXPECT_FALSE(read_recording(file).truncated);
}

} // namespace
} // namespace cenote::test
