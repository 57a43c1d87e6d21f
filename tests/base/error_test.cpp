// cenote: SPDX-License-Identifier: MIT
#include <cenote/base/error.hpp>

#include "support/heap_calls.hpp"
#include "support/misuse_watch.hpp"

#include <gtest/gtest.h>
#include <new>
#include <set>
#include <string>

namespace {

using namespace cenote;

constexpr misuse all_kinds[] = {misuse::foreign_pointer, misuse::interior_pointer, misuse::past_the_end,
                                misuse::never_allocated, misuse::double_free,      misuse::wrong_size,
                                misuse::not_quiet,       misuse::use_after_free,   misuse::bad_mark};

TEST(error, out_of_memory_names_pool_request_use_and_limit) {
    const out_of_memory error({"nodes", 64, 6400, 8192, 12800});
    EXPECT_STREQ(error.what(),
                 "cenote: pool 'nodes' is out of memory: requested 64 bytes, in use 6400, reserved 8192, "
                 "limit 12800");
    EXPECT_EQ(error.details().requested, 64u);
    EXPECT_EQ(error.details().limit, 12800u);
}

TEST(error, out_of_memory_says_when_there_is_no_limit) {
    const std::string text = out_of_memory({"nodes", 64, 0, 0, unlimited}).what();
    EXPECT_NE(text.find("no limit"), std::string::npos);
}

TEST(error, out_of_memory_does_not_call_a_limit_that_it_does_not_know_none) {
    EXPECT_STREQ(out_of_memory({"face", 64, 0, 0, unknown_limit}).what(),
                 "cenote: pool 'face' is out of memory: requested 64 bytes, in use 0, reserved 0, "
                 "limit unknown");
}

TEST(error, out_of_memory_says_what_the_source_has_left_where_it_knows) {
    const out_of_memory error({"nodes", 64, 6400, 8192, unlimited, 100});
    EXPECT_STREQ(error.what(),
                 "cenote: pool 'nodes' is out of memory: requested 64 bytes, in use 6400, reserved 8192, "
                 "no limit; its source has 100 left");
}

TEST(error, out_of_memory_is_a_bad_alloc_and_survives_copying) {
    try {
        base::raise_out_of_memory({"copied", 1, 2, 3, 4});
    } catch (const std::bad_alloc& error) {
        EXPECT_NE(std::string(error.what()).find("copied"), std::string::npos);
        return;
    }
    FAIL() << "nothing was thrown";
}

TEST(error, the_largest_numbers_and_the_longest_name_fit_the_text) {
    const std::string name(300, 'n');
    const std::string text =
        out_of_memory({name.c_str(), unlimited, unlimited, unlimited, unlimited - 2, unlimited - 2}).what();
    EXPECT_NE(text.find(name.substr(0, 64) + "'"), std::string::npos);
    EXPECT_TRUE(text.ends_with("its source has 18446744073709551613 left")) << text;
    EXPECT_NE(text.find("limit 18446744073709551613"), std::string::npos) << text;
}

TEST(error, bad_options_names_pool_and_reason) {
    try {
        base::raise_bad_options("nodes", "alignment is not a power of two");
        FAIL() << "nothing was thrown";
    } catch (const bad_options& error) {
        EXPECT_STREQ(error.what(), "cenote: pool 'nodes': alignment is not a power of two");
    }
}

TEST(error, pool_closed_names_the_pool) {
    const std::string name(300, 'n');
    EXPECT_STREQ(pool_closed("links").what(), "cenote: pool 'links' is closed");
    EXPECT_NE(std::string(pool_closed(name.c_str()).what()).find("is closed"), std::string::npos);
    EXPECT_THROW(base::raise_pool_closed("links"), pool_closed);
}

TEST(error, every_misuse_has_a_name_of_its_own) {
    std::set<std::string> names;
    for (const misuse kind : all_kinds) names.insert(misuse_text(kind));
    EXPECT_EQ(names.size(), std::size(all_kinds));
    EXPECT_EQ(names.count("unknown misuse"), 0u);
    EXPECT_STREQ(misuse_text(misuse::double_free), "double free");
    EXPECT_STREQ(misuse_text(static_cast<misuse>(99)), "unknown misuse");
}

TEST(error, a_misuse_goes_to_the_handler_whole) {
    test::misuse_watch watch;
    int somewhere = 0;
    base::report_misuse({misuse::interior_pointer, "nodes", &somewhere, 64});
    ASSERT_EQ(watch.count(), 1u);
    EXPECT_EQ(watch.seen()[0].kind, misuse::interior_pointer);
    EXPECT_STREQ(watch.seen()[0].pool, "nodes");
    EXPECT_EQ(watch.seen()[0].pointer, &somewhere);
    EXPECT_EQ(watch.seen()[0].block_size, 64u);
}

void ignore_misuse(const misuse_report&) noexcept {}
void ignore_leak(const leak_report&) noexcept {}

TEST(error, setting_a_handler_returns_the_one_before) {
    const misuse_handler misuse_before = set_misuse_handler(&ignore_misuse);
    EXPECT_EQ(set_misuse_handler(nullptr), &ignore_misuse);
    EXPECT_EQ(set_misuse_handler(misuse_before), nullptr);
    const leak_handler leak_before = set_leak_handler(&ignore_leak);
    EXPECT_EQ(set_leak_handler(nullptr), &ignore_leak);
    EXPECT_EQ(set_leak_handler(leak_before), nullptr);
}

TEST(error_death, the_default_handler_names_the_misuse_and_the_pool_and_aborts) {
    EXPECT_DEATH(base::report_misuse({misuse::double_free, "nodes", nullptr, 64}),
                 "cenote: double free: .* was given to pool 'nodes' \\(blocks of 64 bytes\\)");
    EXPECT_DEATH(base::report_misuse({misuse::not_quiet, "mixed", nullptr, 0}),
                 "pool not quiet: .* pool 'mixed'\n");
}

TEST(error, the_default_leak_handler_speaks_of_checked_pools_only) {
    testing::internal::CaptureStderr();
    base::report_leak({"quiet", 3, 192}, false);
    EXPECT_EQ(testing::internal::GetCapturedStderr(), "");
    testing::internal::CaptureStderr();
    base::report_leak({"orders", 3, 192}, true);
    EXPECT_EQ(testing::internal::GetCapturedStderr(),
              "cenote: pool 'orders' was destroyed with 3 blocks (192 bytes) still live\n");
}

TEST(error, a_leak_handler_of_ones_own_is_told_of_every_pool) {
    test::leak_watch watch;
    base::report_leak({"unchecked", 3, 192}, false);
    base::report_leak({"checked", 1, 8}, true);
    ASSERT_EQ(watch.seen().size(), 2u);
    EXPECT_STREQ(watch.seen()[0].pool, "unchecked");
    EXPECT_EQ(watch.seen()[1].bytes, 8u);
}

TEST(error, nothing_is_allocated_to_say_that_memory_is_short) {
    const std::size_t calls = test::heap_calls();
    const out_of_memory first({"nodes", 1, 2, 3, 4});
    const out_of_memory copy = first;
    const bad_options other("nodes", copy.what());
    const misuse_handler before = set_misuse_handler(&ignore_misuse);
    base::report_misuse({misuse::double_free, "nodes", nullptr, 64});
    set_misuse_handler(before);
    EXPECT_NE(other.what()[0], '\0');
    EXPECT_EQ(test::heap_calls(), calls);
}

} // namespace
