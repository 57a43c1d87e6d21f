// cenote: SPDX-License-Identifier: MIT
//
// `cenote replay` from end to end, on small recordings.
#include "replay/plan.hpp"
#include "run_tool.hpp"
#include "text.hpp"
#include "trace_sample.hpp"

#include <fstream>
#include <gtest/gtest.h>
#include <sstream>

namespace cenote::test {
namespace {

using tool::op_kind;

void save(const std::string& path, std::span<const unsigned char> data) {
    std::ofstream(path, std::ios::binary)
        .write(reinterpret_cast<const char*>(data.data()), static_cast<std::streamsize>(data.size()));
}

// Blocks of small and middling sizes, some zeroed, some aligned, some resized, half of them freed.
trace::bytes small_recording(std::uint32_t rounds, std::uint32_t threads = 1) {
    trace::memory_sink sink;
    trace::writer out(sink);
    out.begin_process({.pid = 42, .program = "/bin/small"});
    for (std::uint32_t i = 0; i < rounds; ++i) {
        const auto a = out.allocate({.thread = i % threads, .site = i % 7, .size = i * 37 % 3000});
        const auto b = out.allocate({.zeroed = true, .site = 1, .size = 5000 + i % 5000});
        const auto c = out.allocate({.log2_alignment = 8, .site = 2, .size = 100});
        out.reallocate(a, i * 61 % 9000, 0, 3);
        out.deallocate(b, 0, 4);
        out.deallocate(i % 2 == 0 ? a : c, 0, 5);
    }
    (void)out.end_process(0);
    out.begin_process({.pid = 43, .program = "/bin/other"});
    out.deallocate(out.allocate({.size = 77}), 0, 0);
    (void)out.end_process(0);
    out.finish();
    return sink.data();
}

TEST(plan, reuses_slots_and_keeps_exact_totals) {
    const scratch here;
    save(here.path("trace"), small_recording(1000));
    const tool::plan p = tool::make_plan(here.path("trace"), std::nullopt);
    EXPECT_EQ(p.process.pid, 42U);
    EXPECT_EQ(p.count, 6000U);
    EXPECT_EQ(p.processes, 2U);
    EXPECT_EQ(p.slots, p.process.counts.peak_live_blocks);
    std::vector<bool> live(p.slots);
    std::vector<std::uint64_t> sizes(p.slots);
    std::uint64_t bytes = 0;
    std::uint64_t peak = 0;
    std::uint64_t peak_at = 0;
    for (std::size_t i = 0; i < p.view().size(); ++i) {
        const tool::op& o = p.view()[i];
        const bool fresh = o.kind == op_kind::allocate || o.kind == op_kind::allocate_zeroed;
        ASSERT_EQ(live[o.slot], !fresh) << i;
        live[o.slot] = o.kind != op_kind::deallocate;
        bytes = bytes - sizes[o.slot] + o.size;
        sizes[o.slot] = o.size;
        if (bytes > peak) peak_at = i;
        peak = std::max(peak, bytes);
    }
    EXPECT_EQ(peak, p.process.counts.peak_live_bytes);
    EXPECT_EQ(peak_at, p.peak_op);
}

TEST(plan, shortened_totals_are_those_of_what_is_left) {
    const scratch here;
    save(here.path("trace"), small_recording(1000));
    tool::plan p = tool::make_plan(here.path("trace"), std::nullopt);
    p.shorten(600);
    save(here.path("short"), small_recording(100));
    const tool::plan expected = tool::make_plan(here.path("short"), std::nullopt);
    EXPECT_EQ(p.process.counts.peak_live_bytes, expected.process.counts.peak_live_bytes);
    EXPECT_EQ(p.process.counts.allocations, expected.process.counts.allocations);
    EXPECT_EQ(p.peak_op, expected.peak_op);
    EXPECT_EQ(p.recorded_ops, 6000U);
}

TEST(replay, prints_a_row_for_every_contender_and_a_sentence) {
    const scratch here;
    save(here.path("trace"), small_recording(2000, 3));
    const ran r = run_tool({"replay", here.path("trace"), "--rounds", "2", "--threads", "one", "--json",
                            here.path("numbers.json")});
    ASSERT_EQ(r.status, 0) << r.err;
    for (const char* part : {"small (process 42)", "12,000 operations", "malloc (C library)", "std::pmr pool",
                             "cenote::multi_pool", "the same, sized free", "no-op", "live data alone",
                             "On this recording cenote::multi_pool took", "3 threads; one thread replays",
                             "2 processes; --process"})
        EXPECT_NE(r.out.find(part), std::string::npos) << part << "\n" << r.out;
    for (const char* part : {"crashed", "could not run", "refused"})
        EXPECT_EQ(r.out.find(part), std::string::npos) << part << "\n" << r.out;
    if (!is_sanitized) {
        EXPECT_EQ(r.out.find("could not be put"), std::string::npos) << r.out;
    }
    std::stringstream json;
    json << std::ifstream(here.path("numbers.json")).rdbuf();
    EXPECT_NE(json.str().find("\"operations\": 12000"), std::string::npos) << json.str();
    EXPECT_NE(json.str().find("\"name\": \"cenote::multi_pool\""), std::string::npos);
}

TEST(replay, chooses_the_process_asked_for) {
    const scratch here;
    save(here.path("trace"), small_recording(100));
    const ran r = run_tool({"replay", here.path("trace"), "--rounds", "1", "--process", "43"});
    EXPECT_EQ(r.status, 0) << r.err;
    EXPECT_NE(r.out.find("other (process 43): 2 operations"), std::string::npos) << r.out;
    const ran none = run_tool({"replay", here.path("trace"), "--process", "44"});
    EXPECT_EQ(none.status, 1);
    EXPECT_NE(none.err.find("no process 44; it holds 42 (small), 43 (other)"), std::string::npos) << none.err;
}

TEST(replay, a_cut_recording_is_replayed_as_far_as_it_goes) {
    const scratch here;
    trace::bytes data = small_recording(100'000);
    data.resize(data.size() / 2);
    save(here.path("trace"), data);
    const ran r = run_tool({"replay", here.path("trace"), "--rounds", "1"});
    EXPECT_EQ(r.status, 0) << r.err;
    EXPECT_NE(r.out.find("breaks off"), std::string::npos) << r.out;
}

TEST(replay, damaged_foreign_missing_and_empty_files_are_told_apart) {
    const scratch here;
    trace::bytes data = small_recording(100);
    data[data.size() / 2] ^= 1;
    save(here.path("damaged"), data);
    save(here.path("foreign"),
         trace::bytes{'h', 'e', 'l', 'l', 'o', ' ', 't', 'h', 'e', 'r', 'e', '.', '.', '.', '.', '.', '.'});
    save(here.path("empty"), {});
    trace::memory_sink nothing;
    trace::writer(nothing).finish();
    save(here.path("nothing"), nothing.data());
    const auto error_of = [&](const std::string& name) {
        const ran r = run_tool({"replay", here.path(name)});
        EXPECT_EQ(r.status, 1) << name;
        return r.err;
    };
    EXPECT_NE(error_of("damaged").find("is damaged"), std::string::npos);
    EXPECT_NE(error_of("foreign").find("not a cenote recording"), std::string::npos);
    EXPECT_NE(error_of("empty").find("too short"), std::string::npos);
    EXPECT_NE(error_of("nothing").find("no allocation"), std::string::npos);
    EXPECT_NE(error_of("missing").find("No such file"), std::string::npos);
    EXPECT_NE(error_of("").find("is a directory"), std::string::npos);
}

TEST(replay, more_memory_than_the_machine_has_is_refused_beforehand) {
    const scratch here;
    trace::memory_sink sink;
    trace::writer out(sink);
    out.begin_process({.pid = 1, .program = "glutton"});
    out.allocate({.size = std::uint64_t{1} << 46});
    (void)out.end_process(0);
    out.finish();
    save(here.path("trace"), sink.data());
    const ran r = run_tool({"replay", here.path("trace")});
    EXPECT_EQ(r.status, 1);
    EXPECT_NE(r.err.find("64.0 TiB live at once"), std::string::npos) << r.err;
}

TEST(replay, a_json_file_that_cannot_be_written_is_an_error) {
    const scratch here;
    save(here.path("trace"), small_recording(10));
    const ran r =
        run_tool({"replay", here.path("trace"), "--rounds", "1", "--json", "/no/such/folder/x.json"});
    EXPECT_EQ(r.status, 1);
    EXPECT_NE(r.err.find("cannot write"), std::string::npos) << r.err;
}

} // namespace
} // namespace cenote::test
