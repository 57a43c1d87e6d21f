// cenote: SPDX-License-Identifier: MIT
//
// `cenote replay` of recordings with several threads, from end to end.
#include "thread_sample.hpp"

#include <fstream>
#include <gtest/gtest.h>
#include <sstream>

namespace cenote::test {
namespace {

void expect_parts(const std::string& text, std::initializer_list<const char*> parts) {
    for (const char* part : parts) EXPECT_NE(text.find(part), std::string::npos) << part << "\n" << text;
}

std::string json_of(const std::string& path) {
    std::stringstream text;
    text << std::ifstream(path).rdbuf();
    return text.str();
}

// The first number of a list of the first contender that has it.
double first_number(const std::string& json, const std::string& name) {
    const std::size_t at = json.find("\"" + name + "\": [");
    EXPECT_NE(at, std::string::npos) << name << "\n" << json;
    return at == std::string::npos ? -1 : std::strtod(json.c_str() + at + name.size() + 5, nullptr);
}

struct replayed {
    ran tool;
    std::string json;
};

replayed replay(const std::string& file, std::vector<std::string> more = {}) {
    const scratch here;
    std::vector<std::string> arguments{"replay", file, "--rounds", "1", "--json", here.path("json")};
    arguments.insert(arguments.end(), more.begin(), more.end());
    replayed out;
    out.tool = run_tool(arguments);
    EXPECT_EQ(out.tool.status, 0) << out.tool.err;
    for (const char* part : {"crashed", "could not run", "did not finish"})
        EXPECT_EQ(out.tool.out.find(part), std::string::npos) << out.tool.out;
    out.json = json_of(here.path("json"));
    return out;
}

TEST(replay_threads, a_real_program_with_threads_is_replayed_with_them) {
    const scratch here;
    const ran recorded =
        run_tool({"record", "-o", here.path("trace"), "--", CENOTE_VICTIM_THREADS, "produces", "1000"});
    ASSERT_EQ(recorded.status, 0) << recorded.err;
    const replayed r = replay(here.path("trace"));
    expect_parts(r.tool.out, {"4 threads, ", "on blocks that another thread allocated", "waiting", "share",
                              "wall", "malloc (C library)", "std::pmr synchronized", "cenote::", "no-op",
                              "by the thread that did it", "--threads one", "its wall time"});
    EXPECT_EQ(r.tool.out.find("\ncenote::multi_pool "), std::string::npos) << "no row for one thread only";
    expect_parts(r.json, {"\"replayed_with_threads\": true", "\"threads\": 4"});
    const std::size_t at = r.json.find("\"crossing_operations\": ");
    ASSERT_NE(at, std::string::npos);
    EXPECT_GE(std::strtoull(r.json.c_str() + at + 23, nullptr, 10), 1000U);
    EXPECT_GT(first_number(r.json, "wall_ns_rounds"), 0);
}

TEST(replay_threads, a_program_whose_threads_answer_each_other_waits) {
    const scratch here;
    const ran recorded =
        run_tool({"record", "-o", here.path("trace"), "--", CENOTE_VICTIM_THREADS, "asks", "500"});
    ASSERT_EQ(recorded.status, 0) << recorded.err;
    const replayed r = replay(here.path("trace"));
    EXPECT_GT(first_number(r.json, "waits_rounds"), 0) << r.tool.out;
    EXPECT_GT(first_number(r.json, "waiting_ns_rounds"), 0) << r.tool.out;
    const replayed one = replay(here.path("trace"), {"--threads", "one"});
    EXPECT_EQ(first_number(one.json, "waits_rounds"), 0) << one.tool.out;
    expect_parts(one.tool.out, {"2 threads; one thread replays them all", "\ncenote::multi_pool "});
}

TEST(replay_threads, a_program_whose_threads_come_and_go) {
    const scratch here;
    const ran recorded =
        run_tool({"record", "-o", here.path("trace"), "--", CENOTE_VICTIM_THREADS, "comes", "500"});
    ASSERT_EQ(recorded.status, 0) << recorded.err;
    const replayed r = replay(here.path("trace"));
    expect_parts(r.tool.out, {"501 threads, "});
}

TEST(replay_threads, one_thread_is_replayed_by_one_unless_asked) {
    const made_recording r([](trace::writer& out) {
        for (int i = 0; i < 1000; ++i) out.deallocate(out.allocate({.size = 10}), 0, 0);
    });
    const replayed usual = replay(r.path());
    expect_parts(usual.json, {"\"replayed_with_threads\": false"});
    const replayed asked = replay(r.path(), {"--threads", "recorded"});
    expect_parts(asked.json, {"\"replayed_with_threads\": true", "\"most_threads_alive\": 1"});
    EXPECT_EQ(first_number(asked.json, "waits_rounds"), 0);
    EXPECT_EQ(first_number(asked.json, "waiting_ns_rounds"), 0);
}

TEST(replay_threads, too_many_at_a_time_are_left_to_one_worker) {
    const made_recording r([](trace::writer& out) {
        std::vector<std::uint64_t> blocks;
        for (std::uint32_t t = 0; t < 1100; ++t) blocks.push_back(out.allocate({.thread = t, .size = 10}));
        for (std::uint32_t t = 0; t < 1100; ++t) out.deallocate(blocks[t], t, 0);
    });
    expect_parts(replay(r.path()).tool.out, {"More than 1,024 threads were alive at a time"});
    const ran asked = run_tool({"replay", r.path(), "--threads", "recorded"});
    EXPECT_EQ(asked.status, 1);
    expect_parts(asked.err, {"1,100 threads alive at a time", "--threads one"});
}

TEST(replay_threads, hundreds_of_threads_at_a_time_come_to_their_end) {
    const made_recording r([](trace::writer& out) { write_random(out, 1, 200, 1500); });
    expect_parts(replay(r.path()).tool.out, {"malloc (C library)", "no-op"});
}

TEST(replay_threads, a_recording_that_frees_what_no_thread_allocated_is_refused_at_once) {
    const scratch here;
    trace::bytes file = trace::pack_file_header();
    const auto add = [&](trace::frame_kind kind, const trace::bytes& payload) {
        const trace::bytes frame = trace::pack_frame(kind, payload);
        file.insert(file.end(), frame.begin(), frame.end());
    };
    add(trace::frame_kind::process, {0, 1, 0, 0, 0, 1, 'p'});
    // Thread 0 allocates; thread 1 frees that, and then something once more.
    add(trace::frame_kind::events, {0, 0, 0, 0, 3, 0, 10, 0, 1, 2, 3, 4, 3, 1, 1, 1, 0, 1, 1, 0});
    std::ofstream(here.path("trace"), std::ios::binary)
        .write(reinterpret_cast<const char*>(file.data()), static_cast<std::streamsize>(file.size()));
    const ran r = run_tool({"replay", here.path("trace"), "--threads", "recorded"});
    EXPECT_EQ(r.status, 1);
    expect_parts(r.err, {"no longer live"});
}

TEST(replay_threads, an_unknown_choice_is_refused) {
    const ran r = run_tool({"replay", "x", "--threads", "some"});
    EXPECT_EQ(r.status, 2);
    expect_parts(r.err, {"--threads: takes 'one' or 'recorded', not 'some'", "--help"});
}

} // namespace
} // namespace cenote::test
