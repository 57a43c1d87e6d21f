// cenote: SPDX-License-Identifier: MIT
//
// Every refusal of the source, one after the other, under all that is made of buffers: what was held before
// is held after, nothing is lost, and once there is memory again everything works.
#include <cenote/buffer/buffer_stream.hpp>
#include <cenote/buffer/shared_buffer.hpp>

#include "buffer/filled.hpp"
#include "conformance/failing_source.hpp"
#include "conformance/strict_source.hpp"

#include <gtest/gtest.h>
#include <string>
#include <vector>

namespace {

using namespace cenote;

constexpr std::size_t kib = 1024;

/// Appends as a connection does, with streams too, until a part of it was refused; true when nothing was.
bool append_much(buffer_pool& pool) {
    byte_buffer bytes(pool);
    byte_ostream out(bytes);
    std::string expected;
    for (int i = 0; i < 60; ++i) {
        const std::string more(1 + static_cast<std::size_t>(i) * 37, static_cast<char>('a' + i % 26));
        bool is_refused = false;
        try {
            if (i % 3 == 0)
                is_refused = !(out << more);
            else
                bytes.append(more);
        } catch (const out_of_memory&) {
            is_refused = true;
        }
        if (!is_refused) expected += more;
        EXPECT_EQ(bytes.text(), expected);
        if (is_refused) return false;
        if (i % 10 == 9) {
            bytes.consume(100);
            expected.erase(0, 100);
        }
    }
    const shared_buffer whole(bytes.release());
    const shared_buffer part = whole.slice(7);
    EXPECT_EQ(part.data(), whole.data() + 7);
    return true;
}

/// Grows buffers of every kind, beside live ones that must not change.
bool grow_some(buffer_pool& pool) {
    std::vector<std::byte> mine(100, std::byte{9});
    int returned = 0;
    bool all = true;
    {
        std::vector<buffer> held;
        for (const std::size_t size : {64u, 64u, 200u, 4096u, 5000u}) {
            held.push_back(pool.try_acquire(size));
            all = all && held.back();
            if (held.back()) test::fill(held.back(), static_cast<unsigned char>(held.size()));
        }
        held.push_back(pool.adopt(mine, [&](std::span<std::byte>) { ++returned; }));
        for (const std::size_t larger : {std::size_t{300}, 3 * kib, 9 * kib, 40 * kib}) {
            for (std::size_t i = 0; i < held.size(); ++i) {
                if (!held[i]) continue;
                const std::size_t before = held[i].size();
                const bool grown = held[i].try_reserve(larger);
                EXPECT_EQ(grown, held[i].capacity() >= larger);
                EXPECT_EQ(held[i].size(), before);
                all = all && grown;
                held[i].resize(held[i].capacity()); // all of it may be used
                if (held[i].size() > before) held[i].data()[held[i].size() - 1] = std::byte{0};
                held[i].resize(before);
                const std::size_t sign = i == 5 ? 9 : i + 1;
                EXPECT_TRUE(test::holds(held[i], static_cast<unsigned char>(sign), before));
            }
        }
    }
    EXPECT_EQ(returned, 1);
    return all;
}

template<class Work>
void refuse_each_call_of(Work work) {
    test::strict_source memory(4096);
    test::failing_source failing(memory);
    const buffer_pool_options options{
        .smallest = 64, .largest = 16 * kib, .source = &failing, .trim = trim::manual};
    std::size_t calls = 0;
    {
        buffer_pool pool(options);
        EXPECT_TRUE(work(pool));
        calls = failing.calls().refusable();
    }
    EXPECT_GT(calls, 5u);
    std::size_t told = 0;
    for (const test::refusal how : {test::refusal::once, test::refusal::from_then_on}) {
        for (std::size_t call = 1; call <= calls; ++call) {
            buffer_pool pool(options);
            failing.refuse(call, how);
            told += !work(pool);
            EXPECT_TRUE(pool.is_valid()) << call;
            EXPECT_EQ(pool.stats(quiet).live, 0u) << call;
            failing.relent();
            EXPECT_TRUE(work(pool)) << call;
            EXPECT_TRUE(pool.is_valid()) << call;
        }
    }
    EXPECT_GT(told, calls / 2); // caches can do without
    EXPECT_EQ(memory.complaint(), "");
    EXPECT_EQ(memory.reserved(), 0u);
}

TEST(buffer_refusals, leave_a_growing_buffer_and_its_streams_as_they_were) {
    refuse_each_call_of(append_much);
}

TEST(buffer_refusals, leave_buffers_that_wanted_to_grow_as_they_were) {
    refuse_each_call_of(grow_some);
}

} // namespace
