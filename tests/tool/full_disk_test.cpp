// cenote: SPDX-License-Identifier: MIT
//
// A disk that is full harms neither the recorded program nor an older recording. Needs a small file system of
// its own.
#include "run_tool.hpp"

#include <cerrno>
#include <cstring>
#include <fstream>
#include <gtest/gtest.h>
#include <sys/mount.h>

namespace cenote::test {
namespace {

class full_disk : public ::testing::Test {
protected:
    void SetUp() override {
        std::filesystem::create_directory(disk());
        mounted_ = ::mount("cenote-test", disk().c_str(), "tmpfs", 0, "size=1m") == 0;
        if (!mounted_)
            GTEST_SKIP() << "cannot mount a small file system: " << std::strerror(errno) << "; needs root";
    }
    void TearDown() override {
        if (mounted_) ::umount2(disk().c_str(), MNT_DETACH);
    }
    [[nodiscard]] std::string disk() const { return here_.path("disk"); }
    [[nodiscard]] std::string path(const std::string& name) const { return here_.path(name); }
    void fill() const {
        std::ofstream out(disk() + "/ballast", std::ios::binary);
        const std::string block(4096, 'x');
        while (out.write(block.data(), static_cast<std::streamsize>(block.size())).flush()) {
        }
    }

private:
    scratch here_;
    bool mounted_ = false;
};

TEST_F(full_disk, under_the_spool_cuts_the_recording_short_and_says_so) {
    const ran r =
        run_tool({"record", "-o", path("trace"), "--spool", disk(), "--", CENOTE_VICTIM, "many", "100000"});
    EXPECT_EQ(r.status, 0) << r.err;
    EXPECT_NE(r.err.find("the recording is incomplete"), std::string::npos) << r.err;
    const recording recorded = read_recording(path("trace"));
    EXPECT_FALSE(recorded.truncated);
    EXPECT_GT(recorded.of_size(49001).size(), 1000U);
    EXPECT_LT(recorded.of_size(49001).size(), 100'000U);
    EXPECT_GT(recorded.processes.at(0).lost_events, 1000U);
}

TEST_F(full_disk, from_the_start_leaves_the_program_unharmed) {
    fill();
    const ran r =
        run_tool({"record", "-o", path("trace"), "--spool", disk(), "--", CENOTE_VICTIM, "exits", "7"});
    EXPECT_TRUE(r.status == 7 || r.status == 125) << r.status << r.err;
    EXPECT_TRUE(r.err.find("could not be recorded") != std::string::npos ||
                r.err.find("temporary folder") != std::string::npos)
        << r.err;
}

TEST_F(full_disk, under_the_recording_is_an_error_that_leaves_no_partial_file) {
    fill();
    const std::string file = disk() + "/trace";
    const ran r = run_tool({"record", "-o", file, "--spool", path(""), "--", CENOTE_VICTIM, "many", "1000"});
    EXPECT_EQ(r.status, 125) << r.err;
    EXPECT_NE(r.err.find("cannot write"), std::string::npos) << r.err;
    for (const auto& entry : std::filesystem::directory_iterator(disk()))
        EXPECT_EQ(entry.path().filename(), "ballast");
}

TEST_F(full_disk, under_both_still_yields_what_was_recorded) {
    const std::string file = disk() + "/trace";
    const ran r = run_tool({"record", "-o", file, "--", CENOTE_VICTIM, "many", "100000"});
    EXPECT_EQ(r.status, 0) << r.err;
    EXPECT_NE(r.err.find("incomplete"), std::string::npos) << r.err;
    EXPECT_GT(read_recording(file).of_size(49001).size(), 1000U);
}

} // namespace
} // namespace cenote::test
