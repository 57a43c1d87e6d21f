// cenote: SPDX-License-Identifier: MIT
//
// What is recorded is what happened: every call of every kind, its size, alignment, thread and place.
#include "replay/roster.hpp"
#include "run_tool.hpp"

#include <gtest/gtest.h>
#include <set>

namespace cenote::test {
namespace {

using trace::event;
using trace::event_kind;

TEST(record, counts_every_call_of_every_kind_on_every_thread) {
    constexpr std::size_t threads = 4;
    constexpr std::size_t rounds = 5000;
    const recording r = record_victim({"counts", std::to_string(threads), std::to_string(rounds)});
    constexpr std::size_t each = threads * rounds;
    for (const std::uint64_t size : {40001U, 60003U, 30011U, 30013U, 30080U, 30017U, 30009U})
        EXPECT_EQ(r.count(event_kind::allocate, size), each) << size;
    EXPECT_EQ(r.count(event_kind::reallocate, 50021), each);
    for (const std::uint64_t size : {50021U, 60003U, 30011U, 30013U, 30080U, 30017U, 30009U})
        EXPECT_EQ(r.count(event_kind::deallocate, size), each) << size;
    EXPECT_EQ(r.count(event_kind::deallocate, 40001), 0U);
    EXPECT_EQ(r.unknown_frees(), 0U);
    std::set<std::uint32_t> seen;
    for (const event& e : r.of_size(40001)) seen.insert(e.thread);
    EXPECT_EQ(seen.size(), threads);
}

TEST(record, keeps_alignment_and_zeroing) {
    const recording r = record_victim({"counts", "1", "3"});
    const auto alignment = [&](std::uint64_t size) { return 1U << r.of_size(size).at(0).log2_alignment; };
    EXPECT_EQ(alignment(40001), 16U);
    EXPECT_EQ(alignment(30011), 64U);
    EXPECT_EQ(alignment(30013), 256U);
    EXPECT_EQ(alignment(30080), 128U);
    EXPECT_EQ(alignment(30017), 4096U);
    EXPECT_TRUE(r.of_size(60003).at(0).zeroed);
    EXPECT_FALSE(r.of_size(40001).at(0).zeroed);
}

TEST(record, call_sites_are_the_same_in_every_run_and_tell_calls_apart) {
    const recording first = record_victim({"counts", "1", "3"});
    const recording second = record_victim({"counts", "1", "3"});
    std::set<std::uint32_t> sites;
    for (const std::uint64_t size : {40001U, 60003U, 30011U, 30013U, 30080U, 30017U, 30009U}) {
        EXPECT_EQ(first.of_size(size).at(0).site, second.of_size(size).at(2).site) << size;
        sites.insert(first.of_size(size).at(0).site);
    }
    EXPECT_EQ(sites.size(), 7U);
}

TEST(record, operator_new_is_recorded_at_its_callers_site) {
    const recording r = record_victim({}, 0, CENOTE_VICTIM_CXX);
    std::set<std::uint32_t> sites;
    for (const event& e : r.of_size(51001)) sites.insert(e.site);
    EXPECT_EQ(r.of_size(51001).size(), 20U);
    EXPECT_EQ(sites.size(), 2U);
    for (const std::uint64_t size : {51003U, 51005U})
        EXPECT_EQ(r.count(event_kind::deallocate, size), 10U) << size;
    EXPECT_EQ(r.of_size(51008).size(), 10U);
    EXPECT_EQ(r.of_size(51008).at(0).log2_alignment, 6);
    EXPECT_EQ(r.unknown_frees(), 0U);
}

// They bring operator new themselves, so no malloc is called from it.
TEST(record, allocators_with_their_own_operator_new_are_recorded) {
    if (is_sanitized)
        GTEST_SKIP() << "the tool itself cannot run under a preloaded allocator with a sanitizer";
    std::size_t tried = 0;
    for (const tool::contender& c : tool::find_contenders(false).contenders) {
        if (c.preload.empty()) continue;
        const scratch here;
        const ran result = run_tool({"record", "-o", here.path("trace"), "--", CENOTE_VICTIM_CXX},
                                    {"LD_PRELOAD=" + c.preload});
        // One of them aborts where an allocation of half the address space should throw.
        const ran plain = run({CENOTE_VICTIM_CXX}, {"LD_PRELOAD=" + c.preload});
        ASSERT_EQ(result.status, plain.status) << c.name << result.err;
        const recording r = read_recording(here.path("trace"));
        EXPECT_EQ(r.of_size(51001).size(), 20U) << c.name;
        for (const std::uint64_t size : {51003U, 51005U, 51008U, 51200U}) {
            EXPECT_EQ(r.of_size(size).size(), 10U) << c.name << ' ' << size;
            EXPECT_EQ(r.count(event_kind::deallocate, size), 10U) << c.name << ' ' << size;
        }
        ++tried;
    }
    if (tried == 0) GTEST_SKIP() << "no other allocator is installed";
}

TEST(record, blocks_freed_by_other_threads_are_never_live_twice) {
    const recording r = record_victim({"crosses"});
    EXPECT_EQ(r.unknown_frees(), 0U);
    std::size_t allocated = 0;
    std::size_t freed = 0;
    for (const event& e : r.events) {
        const bool handed_over = e.kind == event_kind::deallocate ? e.old_size >= 700 && e.old_size < 900
                                                                  : e.size >= 700 && e.size < 900;
        if (!handed_over) continue;
        (e.kind == event_kind::deallocate ? freed : allocated) += 1;
    }
    EXPECT_GE(allocated, 400'000U);
    EXPECT_EQ(allocated, freed);
}

TEST(record, failed_calls_leave_no_trace_and_the_block_alive) {
    const recording r = record_victim({"fails"});
    EXPECT_EQ(r.count(event_kind::allocate, 47001), 1U);
    EXPECT_EQ(r.count(event_kind::deallocate, 47001), 1U);
    EXPECT_EQ(r.count(event_kind::deallocate, 47003), 1U) << "realloc(p, 0) frees";
    for (const event& e : r.events) EXPECT_LT(e.size, std::uint64_t{1} << 40);
}

TEST(record, threads_that_come_and_go_share_their_chunks) {
    const recording r = record_victim({"threads", "3000"});
    EXPECT_EQ(r.of_size(48001).size(), 9000U);
    EXPECT_EQ(r.count(event_kind::deallocate, 48001), 9000U);
    EXPECT_GT(r.processes.at(0).counts.threads, 3000U);
}

} // namespace
} // namespace cenote::test
