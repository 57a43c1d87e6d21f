// cenote: SPDX-License-Identifier: MIT
//
// Random programs on pools that threads share, against what the threads hold, contents included. RC_PARAMS
// sets the number of tests and the seed.
#include "concurrent/threads_run.hpp"
#include "operations/random_program.hpp"

#include <gtest/gtest.h>

namespace {

using namespace cenote;
using namespace cenote::test;

template<class Shared>
std::string told(const program& script, std::size_t threads) {
    try {
        threads_run<Shared>(script, threads).run();
    } catch (const disagreement& wrong) {
        return wrong.what();
    }
    return "";
}

TEST(operations_with_threads, concurrent_pool_hands_no_block_out_twice_and_loses_none) {
    EXPECT_TRUE(rc::check([](const program& script) {
        RC_ASSERT(told<shared_blocks>(script, 1 + script.choices[0] % 4) == "");
    }));
}

TEST(operations_with_threads, concurrent_multi_pool_hands_no_block_out_twice_and_loses_none) {
    EXPECT_TRUE(rc::check([](const program& script) {
        RC_ASSERT(told<shared_sizes>(script, 1 + script.choices[0] % 4) == "");
    }));
}

} // namespace
