// cenote: SPDX-License-Identifier: MIT
//
// Files made to harm: each gets a sentence that says what is wrong with it, and none a crash or much memory.
#include "trace/crc32.hpp"
#include "trace_sample.hpp"

#include <fstream>
#include <gtest/gtest.h>
#include <limits>
#include <random>
#include <zstd.h>

int cenote_trace_fuzz(const std::uint8_t* data, std::size_t size);

namespace cenote::test {
namespace {

using trace::bytes;
using trace::frame_kind;

bytes numbers(std::initializer_list<std::uint64_t> values) {
    bytes out;
    for (const std::uint64_t v : values) trace::append_varint(out, v);
    return out;
}

bytes operator+(bytes a, const bytes& b) {
    a.insert(a.end(), b.begin(), b.end());
    return a;
}

bytes process_frame(std::uint64_t number = 0, std::uint64_t parent = 0) {
    return trace::pack_frame(frame_kind::process, numbers({number, 1, parent, 0, 0, 1}) + bytes{'p'});
}

// Frame head: process 0, first event and block 0, thread 0, `count` events; then `events`.
bytes events_frame(std::uint64_t count, const bytes& events) {
    return trace::pack_frame(frame_kind::events, numbers({0, 0, 0, 0, count}) + events);
}

std::string error_of_events(std::uint64_t count, const bytes& events, trace::limits limits = {}) {
    return read_all(file_of({process_frame(), events_frame(count, events)}), limits).error;
}

void expect_error(const std::string& error, const char* part) {
    EXPECT_NE(error.find(part), std::string::npos) << "got: " << (error.empty() ? "no error" : error);
}

const bytes allocate_10{0, 10, 0, 1, 2, 3, 4}; // with the first call site of its frame
const bytes next_allocate_10{0, 10, 0};
const bytes free_last{1, 1, 0};

TEST(hostile_trace, a_well_formed_one_is_read) {
    const read_result r = read_all(file_of({process_frame(), events_frame(2, allocate_10 + free_last)}));
    EXPECT_EQ(r.error, "");
    EXPECT_EQ(r.events.size(), 2U);
}

TEST(hostile_trace, empty_short_and_foreign_files) {
    expect_error(read_all({}).error, "too short");
    expect_error(read_all(trace::pack_file_header().data() == nullptr ? bytes{} : bytes{0xC7, 'c'}).error,
                 "too short");
    expect_error(read_all(bytes{'P', 'K', 3, 4}).error, "not a cenote recording");
    const bytes zeros(100'000);
    expect_error(read_all(zeros).error, "not a cenote recording");
}

TEST(hostile_trace, a_newer_version) {
    bytes file = trace::pack_file_header();
    file[8] = 2;
    const std::uint32_t sum = trace::crc32(std::span(file).first(12));
    for (std::size_t i = 0; i < 4; ++i) file[12 + i] = static_cast<unsigned char>(sum >> (8 * i));
    expect_error(read_all(file).error, "newer cenote (format 2");
}

TEST(hostile_trace, varints_that_overflow_or_run_off) {
    expect_error(error_of_events(1, bytes{0} + bytes(11, 0xFF)), "no whole number");
    expect_error(error_of_events(1, bytes{0, 0x80, 0x80}), "no whole number");
    expect_error(error_of_events(1, bytes{0, 0x80, 0x00, 0}), "no whole number");
}

TEST(hostile_trace, blocks_out_of_range) {
    expect_error(error_of_events(1, {1, 1, 0, 1, 2, 3, 4}), "never allocated");
    expect_error(error_of_events(2, allocate_10 + bytes{1, 0, 0}), "never allocated");
    expect_error(error_of_events(2, allocate_10 + bytes{1, 2, 0}), "never allocated");
    expect_error(
        error_of_events(2, allocate_10 + bytes{1} + numbers({std::numeric_limits<std::uint64_t>::max(), 0})),
        "never allocated");
    expect_error(error_of_events(3, allocate_10 + free_last + free_last), "no longer live");
    expect_error(error_of_events(3, allocate_10 + free_last + bytes{2, 1, 20, 0}), "no longer live");
}

TEST(hostile_trace, sizes_near_the_end_of_numbers) {
    for (const std::uint64_t size : {std::numeric_limits<std::uint64_t>::max(), trace::max_block_bytes + 1}) {
        expect_error(error_of_events(1, bytes{0} + numbers({size, 0}) + bytes{1, 2, 3, 4}), "out of range");
        expect_error(error_of_events(2, allocate_10 + bytes{2, 1} + numbers({size, 0})), "out of range");
    }
}

// 2^17 resizes to 2^47 bytes; the requested bytes no longer fit 64 bits.
TEST(hostile_trace, sums_that_overflow) {
    constexpr std::uint64_t each = 50'000;
    const bytes resize = bytes{2, 1} + numbers({trace::max_block_bytes, 0});
    bytes resizes = resize + bytes{7, 7, 7, 7};
    for (std::uint64_t i = 1; i < each; ++i) resizes.insert(resizes.end(), resize.begin(), resize.end());
    std::vector<bytes> frames{process_frame(), events_frame(1, allocate_10)};
    for (std::uint64_t f = 0; f < 3; ++f)
        frames.push_back(
            trace::pack_frame(frame_kind::events, numbers({0, 1 + f * each, 1, 0, each}) + resizes));
    expect_error(read_all(file_of(frames)).error, "impossible size");
}

TEST(hostile_trace, impossible_alignments_kinds_threads_and_sites) {
    expect_error(error_of_events(1, {8, 41, 10, 0, 1, 2, 3, 4}), "alignment");
    expect_error(error_of_events(1, {8, 4, 10, 0, 1, 2, 3, 4}), "alignment");
    expect_error(error_of_events(1, {8}), "room for");
    expect_error(error_of_events(1, {16, 10, 0, 1, 2, 3, 4}), "unknown kind");
    expect_error(error_of_events(2, allocate_10 + bytes{5, 1, 0}), "unknown kind");
    expect_error(error_of_events(1, bytes{3} + numbers({trace::max_threads}) + allocate_10), "a thread");
    expect_error(error_of_events(1, bytes{3, 0} + allocate_10), "to itself");
    expect_error(error_of_events(1, bytes{3, 1, 3, 2, 0, 0}), "unknown kind");
    expect_error(error_of_events(1, {0, 10, 5, 1, 2, 3, 4}), "call site");
    expect_error(error_of_events(1, {0, 10, 0, 1, 2}), "within an event");
}

TEST(hostile_trace, counts_that_do_not_fit) {
    expect_error(error_of_events(0, allocate_10), "more events than");
    expect_error(error_of_events(std::numeric_limits<std::uint64_t>::max(), allocate_10), "more events than");
    expect_error(error_of_events(3, allocate_10 + next_allocate_10), "within an event");
    expect_error(error_of_events(1, allocate_10 + next_allocate_10), "left over");
}

TEST(hostile_trace, more_live_blocks_than_allowed) {
    bytes events = allocate_10;
    for (int i = 1; i < 1000; ++i) events = std::move(events) + next_allocate_10;
    expect_error(error_of_events(1000, events, {.live_blocks = 999}), "more blocks live at once");
    EXPECT_EQ(error_of_events(1000, events, {.live_blocks = 1000}), "");
}

TEST(hostile_trace, processes_out_of_order) {
    const bytes totals = trace::pack_frame(frame_kind::totals, numbers({0, 0, 0, 0, 0, 0, 0, 0, 0, 0}));
    const bytes end = trace::pack_frame(frame_kind::end, numbers({1}));
    expect_error(read_all(file_of({process_frame(1)})).error, "out of order");
    expect_error(read_all(file_of({process_frame(0, 1)})).error, "parent");
    expect_error(read_all(file_of({process_frame(), process_frame(1)})).error, "before the last one ended");
    expect_error(read_all(file_of({events_frame(1, allocate_10)})).error, "no process");
    expect_error(read_all(file_of({totals})).error, "never began");
    expect_error(read_all(file_of({process_frame(), end})).error, "within a process");
    expect_error(read_all(file_of({process_frame(), totals, totals})).error, "never began");
    EXPECT_EQ(read_all(file_of({process_frame(), totals, end})).error, "");
    expect_error(read_all(file_of({process_frame(), totals, end, end})).error, "more behind it");
    expect_error(read_all(file_of({end})).error, "another number of processes");
    expect_error(read_all(file_of({process_frame(), totals, process_frame(1)}), {.processes = 1}).error,
                 "more processes");
}

TEST(hostile_trace, missing_repeated_and_lying_frames) {
    const bytes first = events_frame(1, allocate_10);
    const bytes second = trace::pack_frame(frame_kind::events, numbers({0, 1, 1, 0, 1}) + allocate_10);
    EXPECT_EQ(read_all(file_of({process_frame(), first, second})).error, "");
    expect_error(read_all(file_of({process_frame(), second})).error, "one is missing");
    expect_error(read_all(file_of({process_frame(), first, first})).error, "one is missing");
    const bytes totals = trace::pack_frame(frame_kind::totals, numbers({0, 2, 0, 0, 10, 10, 10, 1, 1, 0}));
    expect_error(read_all(file_of({process_frame(), first, totals})).error, "do not add up");
}

TEST(hostile_trace, giant_program_names) {
    const bytes frame =
        trace::pack_frame(frame_kind::process, numbers({0, 1, 0, 0, 0, 1'000'000}) + bytes{'p'});
    expect_error(read_all(file_of({frame})).error, "program's name");
}

// `stored` under a frame header whose checksums are right.
bytes raw_frame(std::uint32_t plain, const bytes& stored) {
    bytes out = trace::pack_frame(frame_kind::events, bytes{1});
    out.resize(trace::frame_header_bytes);
    const auto put = [&](std::size_t at, std::uint64_t value) {
        for (std::size_t i = 0; i < 4; ++i) out[at + i] = static_cast<unsigned char>(value >> (8 * i));
    };
    put(4, stored.size());
    put(8, plain);
    put(12, trace::crc32(stored));
    put(16, trace::crc32(std::span(out).first(16)));
    return out + stored;
}

bytes compressed_zeros(std::size_t size) {
    const bytes zeros(size);
    bytes out(ZSTD_compressBound(size));
    out.resize(ZSTD_compress(out.data(), out.size(), zeros.data(), zeros.size(), 3));
    return out;
}

TEST(hostile_trace, decompression_bombs) {
    const bytes bomb = compressed_zeros(std::size_t{64} << 20);
    ASSERT_LT(bomb.size(), std::size_t{1} << 16);
    expect_error(read_all(file_of({raw_frame(64U << 20, bomb)})).error, "impossible size");
    expect_error(read_all(file_of({raw_frame(1000, bomb)})).error, "not as large as it claims");
    expect_error(read_all(file_of({raw_frame(1000, bytes(50, 7))})).error, "not as large as it claims");
}

TEST(hostile_trace, random_bytes_behind_good_headers_never_crash) {
    std::mt19937 random(11);
    const sample s = make_sample(40);
    for (int i = 0; i < 20'000; ++i) {
        bytes input(2 + random() % 200);
        for (unsigned char& b : input) b = static_cast<unsigned char>(i % 2 == 0 ? random() : random() % 5);
        ASSERT_EQ(cenote_trace_fuzz(input.data(), input.size()), 0);
        bytes file = s.file;
        file[trace::file_header_bytes + random() % (file.size() - trace::file_header_bytes)] ^= 0x55;
        (void)read_all(file);
    }
}

} // namespace
} // namespace cenote::test
