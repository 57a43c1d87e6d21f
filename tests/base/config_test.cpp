// cenote: SPDX-License-Identifier: MIT
#include <cenote/base/config.hpp>

#include "support/pages.hpp"

#include <cstdint>
#include <gtest/gtest.h>

namespace {

CENOTE_NOINLINE int twice(int n) {
    return 2 * n;
}
CENOTE_INLINE int thrice(int n) {
    return 3 * n;
}

TEST(config, the_inlining_marks_leave_functions_usable) {
    EXPECT_EQ(twice(21), 42);
    EXPECT_EQ(thrice(14), 42);
}

TEST(config, a_prefetch_never_faults_and_never_writes) {
    for (const std::uintptr_t address : {std::uintptr_t{0}, std::uintptr_t{1}, ~std::uintptr_t{0}}) {
        cenote::base::prefetch_for_write(reinterpret_cast<const void*>(address));
    }
    std::byte* const page = cenote::test::forbidden_pages(4096);
    ASSERT_NE(page, nullptr);
    cenote::base::prefetch_for_write(page);
    cenote::test::release_pages(page, 4096);
    static const int constant = 7;
    cenote::base::prefetch_for_write(&constant);
    EXPECT_EQ(constant, 7);
}

} // namespace
