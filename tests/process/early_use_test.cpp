// cenote: SPDX-License-Identifier: MIT
//
// Uses the static pools of another translation unit as early as a program can: in .preinit_array, in a
// constructor of high priority, in the constructor of a static. static_pools_test.cpp looks at what came of
// it.
#include "sanitized.hpp"
#include "static_pools.hpp"

namespace {

using cenote::test::use_early;

__attribute__((constructor(101))) void in_a_constructor() {
    use_early('c');
}

struct in_a_static {
    in_a_static() { use_early('s'); }
};
in_a_static here __attribute__((init_priority(110)));

// A sanitizer's runtime is not ready as early as this.
#if !CENOTE_TEST_SANITIZED
void before_all_constructors() {
    use_early('p');
}
__attribute__((section(".preinit_array"), used)) void (*const preinit)() = before_all_constructors;
#endif

} // namespace
