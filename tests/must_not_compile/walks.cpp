// cenote: SPDX-License-Identifier: MIT
//
// A visit takes what the pool holds.
#include <cenote/pool/fixed_pool.hpp>

void use(cenote::fixed_pool& pool) {
    pool.for_each([](void*) {});
    pool.for_each([](void*) { return false; });
    pool.for_each([](const void*) {});
#if CASE == 1
    // expect: (invocable|no matching)
    pool.for_each([](int) {});
#elif CASE == 2
    // expect: (invocable|no matching)
    pool.for_each([] {});
#elif CASE == 3
    // expect: (invocable|no matching)
    pool.for_each(nullptr);
#endif
}
