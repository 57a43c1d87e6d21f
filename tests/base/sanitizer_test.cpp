// cenote: SPDX-License-Identifier: MIT
#include <cenote/base/sanitizer.hpp>

#include <cstddef>
#include <gtest/gtest.h>

#if defined(__SANITIZE_ADDRESS__)
#define UNDER_ASAN 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define UNDER_ASAN 1
#endif
#endif

#if defined(UNDER_ASAN)
extern "C" int __asan_address_is_poisoned(const volatile void*);
#endif

namespace {

using namespace cenote;

alignas(64) std::byte data[128];

#if defined(UNDER_ASAN)

TEST(sanitizer, address_sanitizer_is_noticed) {
    EXPECT_TRUE(base::watched());
}

TEST(sanitizer, forbidden_bytes_are_poisoned_and_permitted_ones_are_not) {
    base::forbid(data, 64);
    EXPECT_NE(__asan_address_is_poisoned(data), 0);
    EXPECT_NE(__asan_address_is_poisoned(data + 63), 0);
    EXPECT_EQ(__asan_address_is_poisoned(data + 64), 0);
    base::permit(data, 24);
    EXPECT_EQ(__asan_address_is_poisoned(data + 23), 0);
    EXPECT_NE(__asan_address_is_poisoned(data + 24), 0);
    EXPECT_EQ(base::permitted(data, 64), 24u);
    EXPECT_EQ(base::permitted(data, 20), 20u);
    base::permit_kept(data + 24, 16);
    EXPECT_EQ(base::permitted(data, 64), 40u);
    base::permit(data, 64);
    EXPECT_EQ(__asan_address_is_poisoned(data + 63), 0);
}

#else

// Under memcheck the same bytes would be unreadable in between.
TEST(sanitizer, without_a_watcher_bytes_keep_their_contents) {
    if (base::watched()) GTEST_SKIP() << "memcheck is watching";
    data[5] = std::byte{42};
    base::forbid(data, sizeof data);
    EXPECT_EQ(data[5], std::byte{42});
    base::permit(data, sizeof data);
    base::permit_kept(data, sizeof data);
    EXPECT_EQ(data[5], std::byte{42});
}

#endif

TEST(sanitizer, the_answer_does_not_change) {
    const bool first = base::watched();
    for (int i = 0; i < 100; ++i) EXPECT_EQ(base::watched(), first);
}

TEST(sanitizer, says_how_many_bytes_may_be_touched) {
    EXPECT_EQ(base::permitted(data, 0), 0u);
    EXPECT_EQ(base::permitted(data, sizeof data), sizeof data);
    base::forbid(data + 40, 24);
    EXPECT_EQ(base::permitted(data, 64), base::watched() ? 40u : 64u);
    base::permit(data + 40, 24);
}

TEST(sanitizer, no_bytes_are_nothing_to_do) {
    base::forbid(nullptr, 0);
    base::permit(nullptr, 0);
    base::forbid(data, 0);
    data[0] = std::byte{1};
    EXPECT_EQ(data[0], std::byte{1});
}

} // namespace
