// cenote: SPDX-License-Identifier: MIT
#include "trace_sample.hpp"

#include <gtest/gtest.h>

namespace cenote::test {
namespace {

TEST(varint, round_trips_and_is_shortest) {
    for (const std::uint64_t value :
         {std::uint64_t{0}, std::uint64_t{1}, std::uint64_t{127}, std::uint64_t{128}, std::uint64_t{16383},
          std::uint64_t{16384}, ~std::uint64_t{0} - 1, ~std::uint64_t{0}}) {
        trace::bytes out;
        trace::append_varint(out, value);
        std::span<const unsigned char> in = out;
        EXPECT_EQ(trace::take_varint(in), std::optional(value));
        EXPECT_TRUE(in.empty());
    }
}

TEST(varint, refuses_what_is_too_long_too_large_or_cut_off) {
    const std::vector<trace::bytes> bad{
        {}, {0x80}, {0x80, 0x00}, trace::bytes(11, 0x80), trace::bytes(10, 0xFF)};
    for (const trace::bytes& b : bad) {
        std::span<const unsigned char> in = b;
        EXPECT_FALSE(trace::take_varint(in).has_value());
    }
}

TEST(trace, gives_back_what_was_written) {
    const sample s = make_sample(20'000);
    const read_result r = read_all(s.file);
    EXPECT_EQ(r.error, "");
    EXPECT_FALSE(r.truncated);
    EXPECT_TRUE(r.events == s.events);
    ASSERT_EQ(r.processes.size(), 2U);
    EXPECT_EQ(r.processes[0].pid, 100U);
    EXPECT_EQ(r.processes[1].parent, std::optional<std::uint32_t>(0));
    EXPECT_TRUE(r.processes[1].forked);
    EXPECT_EQ(r.processes[1].lost_events, 1U);
    EXPECT_EQ(r.processes[1].unknown_frees, 1U);
    EXPECT_EQ(r.processes[0].program, "/bin/sample");
    EXPECT_EQ(r.processes[0].counts.allocations, 40'000U);
    EXPECT_EQ(r.processes[0].counts.deallocations, 30'000U);
    EXPECT_EQ(r.processes[0].counts.reallocations, 20'000U);
    EXPECT_EQ(r.processes[0].counts.threads, 3U);
}

TEST(trace, an_empty_recording_is_a_recording) {
    trace::memory_sink sink;
    trace::writer(sink).finish();
    const read_result r = read_all(sink.data());
    EXPECT_EQ(r.error, "");
    EXPECT_FALSE(r.truncated);
    EXPECT_TRUE(r.processes.empty());
}

TEST(trace, peak_is_exact) {
    trace::memory_sink sink;
    trace::writer out(sink);
    out.begin_process({.program = "p"});
    const auto a = out.allocate({.size = 100});
    const auto b = out.allocate({.size = 50});
    out.deallocate(a, 0, 0);
    out.reallocate(b, 120, 0, 0);
    out.reallocate(b, 10, 0, 0);
    const trace::totals t = out.end_process(0);
    EXPECT_EQ(t.peak_live_bytes, 150U);
    EXPECT_EQ(t.peak_live_blocks, 2U);
    EXPECT_EQ(t.live_bytes, 10U);
    EXPECT_EQ(t.requested_bytes, 280U);
}

TEST(trace, cut_anywhere_reads_up_to_the_last_whole_frame) {
    const sample s = make_sample(60);
    std::size_t most = 0;
    for (std::size_t length = 0; length < s.file.size(); ++length) {
        const read_result r = read_all(std::span(s.file).first(length));
        if (length < trace::file_header_bytes) {
            EXPECT_NE(r.error, "") << length;
            continue;
        }
        ASSERT_EQ(r.error, "") << length;
        ASSERT_TRUE(r.truncated) << length;
        ASSERT_GE(r.events.size(), most) << "a longer file must not read shorter";
        most = r.events.size();
        ASSERT_TRUE(std::equal(r.events.begin(), r.events.end(), s.events.begin())) << length;
    }
    EXPECT_EQ(most, s.events.size());
}

TEST(trace, a_long_file_cut_in_the_middle_reads_its_first_frames) {
    const sample s = make_sample(50'000);
    const read_result r = read_all(std::span(s.file).first(s.file.size() / 3));
    EXPECT_TRUE(r.truncated);
    EXPECT_GT(r.events.size(), 10'000U);
    EXPECT_LT(r.events.size(), s.events.size());
}

TEST(trace, any_flipped_bit_is_noticed) {
    const sample s = make_sample(10);
    for (std::size_t bit = 0; bit < s.file.size() * 8; ++bit) {
        trace::bytes file = s.file;
        file[bit / 8] = static_cast<unsigned char>(file[bit / 8] ^ 1U << bit % 8);
        const read_result r = read_all(file);
        ASSERT_NE(r.error, "") << "bit " << bit;
    }
}

TEST(trace, the_writer_refuses_blocks_that_are_not_live) {
    trace::memory_sink sink;
    trace::writer out(sink);
    out.begin_process({.program = "p"});
    const auto a = out.allocate({.size = 100});
    out.deallocate(a, 0, 0);
    EXPECT_THROW(out.deallocate(a, 0, 0), trace::error);
    EXPECT_THROW(out.reallocate(a, 5, 0, 0), trace::error);
}

} // namespace
} // namespace cenote::test
