// cenote: SPDX-License-Identifier: MIT
//
// `cenote record` itself: real programs stay as they are, failures are clear, nothing is left behind.
#include "run_tool.hpp"

#include <fstream>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

namespace cenote::test {
namespace {

using names = std::vector<std::string>;

void expect_same_with_and_without(const std::vector<std::string>& command) {
    const ran plain = run(command);
    if (plain.status == 127) GTEST_SKIP() << command[0] << " is not installed";
    const scratch here;
    std::vector<std::string> arguments{"record", "-o", here.path("trace"), "--"};
    arguments.insert(arguments.end(), command.begin(), command.end());
    const ran recorded = run_tool(arguments);
    EXPECT_EQ(recorded.status, plain.status) << recorded.err;
    EXPECT_EQ(recorded.out, plain.out);
    EXPECT_GT(read_recording(here.path("trace")).events.size(), 1000U);
}

TEST(record, sqlite_gives_the_same_answers) {
    expect_same_with_and_without(
        {"sqlite3", ":memory:",
         "CREATE TABLE t(a, b); WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n LIMIT "
         "20000) INSERT INTO t SELECT i, hex(i * 7919) FROM n; SELECT substr(b, 1, 2), count(*), "
         "sum(a) FROM t GROUP BY 1 ORDER BY 2 DESC, 1;"});
}

TEST(record, python_gives_the_same_answers) {
    expect_same_with_and_without(
        {"/usr/bin/python3", "-c",
         "import json, sys, threading\n"
         "t = [threading.Thread(target=lambda: json.dumps(list(range(5000)))) for _ in range(8)]\n"
         "[x.start() for x in t]; [x.join() for x in t]\n"
         "print(sum(len(str(i) * 100) for i in range(20000))); sys.exit(9)"});
}

TEST(record, shell_pipelines_give_the_same_answers) {
    expect_same_with_and_without(
        {"/bin/bash", "-c", "for i in 1 2 3; do ls /usr/bin | sort -r | head -n $i | wc -c; done"});
}

TEST(record, standard_output_belongs_to_the_program) {
    const scratch here;
    const ran r = run_tool({"record", "-o", here.path("trace"), "--", "/bin/echo", "hello"});
    EXPECT_EQ(r.out, "hello\n");
    EXPECT_NE(r.err.find("allocations"), std::string::npos) << r.err;
}

TEST(record, quiet_says_nothing) {
    const scratch here;
    const ran r = run_tool({"record", "-q", "-o", here.path("trace"), "--", "/bin/echo", "hello"});
    EXPECT_EQ(r.err, "");
}

TEST(record, a_missing_program_is_named_and_exits_127) {
    const scratch here;
    const ran r = run_tool({"record", "-o", here.path("trace"), "--", "no-such-program"});
    EXPECT_EQ(r.status, 127);
    EXPECT_NE(r.err.find("there is no program no-such-program"), std::string::npos) << r.err;
    EXPECT_EQ(here.names(), names{});
}

TEST(record, a_program_that_cannot_be_run_exits_126) {
    const scratch here;
    std::ofstream(here.path("data")) << "not a program";
    const ran r = run_tool({"record", "-o", here.path("trace"), "--", here.path("data")});
    EXPECT_EQ(r.status, 126);
    EXPECT_NE(r.err.find("cannot run"), std::string::npos) << r.err;
    EXPECT_EQ(here.names(), names{"data"});
}

TEST(record, a_missing_interpreter_is_called_that) {
    const scratch here;
    std::ofstream(here.path("script")) << "#!/no/such/interpreter\n";
    ::chmod(here.path("script").c_str(), 0755);
    const ran r = run_tool({"record", "-o", here.path("trace"), "--", here.path("script")});
    EXPECT_EQ(r.status, 127);
    EXPECT_NE(r.err.find("interpreter"), std::string::npos) << r.err;
}

TEST(record, a_static_program_runs_and_is_said_to_be_unrecordable) {
    const scratch here;
    const ran r = run_tool({"record", "-o", here.path("trace"), "--", CENOTE_VICTIM_STATIC, "exits", "7"});
    EXPECT_EQ(r.status, 7);
    EXPECT_NE(r.err.find("linked statically"), std::string::npos) << r.err;
    EXPECT_TRUE(read_recording(here.path("trace")).processes.empty());
}

TEST(record, a_program_that_clears_its_environment_is_said_to_hide) {
    const scratch here;
    const ran r = run_tool({"record", "-o", here.path("trace"), "--", "env", "-i", CENOTE_VICTIM, "leaf"});
    EXPECT_EQ(r.status, 0) << r.err;
    EXPECT_EQ(read_recording(here.path("trace")).of_size(42001).size(), 0U);
}

TEST(record, refuses_a_directory_a_device_and_a_missing_folder) {
    const scratch here;
    const auto record_to = [&](const std::string& file) {
        return run_tool({"record", "-o", file, "--", "/bin/true"});
    };
    for (const std::string& bad :
         {here.folder().string(), std::string("/dev/null"), here.path("no/such/folder")}) {
        const ran r = record_to(bad);
        EXPECT_EQ(r.status, 125) << bad;
        EXPECT_NE(r.err.find("give -o"), std::string::npos) << r.err;
    }
    EXPECT_EQ(here.names(), names{});
    EXPECT_TRUE(std::filesystem::is_character_file("/dev/null"));
}

TEST(record, an_older_recording_survives_a_failure) {
    const scratch here;
    std::ofstream(here.path("trace")) << "older";
    EXPECT_EQ(run_tool({"record", "-o", here.path("trace"), "--", "no-such-program"}).status, 127);
    std::string text;
    std::ifstream(here.path("trace")) >> text;
    EXPECT_EQ(text, "older");
}

TEST(record, an_abandoned_spool_is_pointed_out_and_kept) {
    const scratch here;
    const pid_t gone = ::fork();
    if (gone == 0) ::_exit(0);
    ::waitpid(gone, nullptr, 0);
    const std::string name = ".cenote-spool-" + std::to_string(gone) + ".abcdef";
    std::filesystem::create_directory(here.path(name));
    const ran r = run_tool({"record", "-o", here.path("trace"), "--", "/bin/true"});
    EXPECT_EQ(r.status, 0);
    EXPECT_NE(r.err.find(name), std::string::npos) << r.err;
    EXPECT_TRUE(std::filesystem::exists(here.path(name)));
}

TEST(record, a_missing_recorder_is_called_that) {
    const scratch here;
    const ran r = run_tool({"record", "-o", here.path("trace"), "--", "/bin/true"},
                           {"CENOTE_RECORDER=/no/such/file.so"});
    EXPECT_EQ(r.status, 125);
    EXPECT_NE(r.err.find("does not exist"), std::string::npos) << r.err;
}

} // namespace
} // namespace cenote::test
