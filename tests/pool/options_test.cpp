// cenote: SPDX-License-Identifier: MIT
#include <cenote/base/arith.hpp>
#include <cenote/pool/arena.hpp>
#include <cenote/pool/multi_pool.hpp>
#include <cenote/pool/object_pool.hpp>
#include <cenote/pool/options.hpp>
#include <cenote/pool/variable_pool.hpp>

#include <cmath>
#include <gtest/gtest.h>
#include <limits>

namespace {

using namespace cenote;

constexpr double infinity = std::numeric_limits<double>::infinity();

// Compilers asked whether they might not be a pool to be copied.
TEST(options, empty_braces_are_the_defaults) {
    arena scratch({});
    arena other{{}};
    variable_pool any({});
    multi_pool sizes({});
    object_pool<int> numbers({});
    EXPECT_NE(scratch.try_allocate(1), nullptr);
    EXPECT_EQ(other.stats().reserved_bytes + any.stats().reserved_bytes + sizes.stats().reserved_bytes, 0u);
    EXPECT_EQ(numbers.stats().live, 0u);
}

TEST(options, a_growth_that_adds_nothing_is_not_sound) {
    EXPECT_TRUE(growth{}.is_sound());
    EXPECT_TRUE(growth::none().is_sound());
    EXPECT_TRUE(growth::constant(1).is_sound());
    EXPECT_TRUE(growth::constant(base::size_max).is_sound());
    EXPECT_FALSE(growth::constant(0).is_sound());
    EXPECT_TRUE(growth::geometric(1.0001).is_sound());
    EXPECT_TRUE(growth::geometric(2, 1).is_sound());
    EXPECT_FALSE(growth::geometric(2, 0).is_sound());
    for (const double factor : {1.0, 0.5, 0.0, -2.0, infinity, -infinity, std::nan(""), 1e7}) {
        EXPECT_FALSE(growth::geometric(factor).is_sound()) << factor;
    }
}

TEST(options, a_factor_multiplies_and_a_cap_caps) {
    EXPECT_EQ(growth::geometric(2).step(1000), 1000u);
    EXPECT_EQ(growth::geometric(1.5).step(1000), 500u);
    EXPECT_EQ(growth::geometric(3, 700).step(1000), 700u);
    EXPECT_EQ(growth::geometric(1.001).step(10), 1u);
    EXPECT_EQ(growth::geometric(2).step(0), 1u);
    EXPECT_EQ(growth::geometric(1e6).step(base::size_max), unlimited);
    EXPECT_EQ(growth::constant(64).step(0), 64u);
    EXPECT_EQ(growth::constant(64).step(100000), 64u);
    EXPECT_EQ(growth::none().step(0), 0u);
    EXPECT_EQ(growth::none().step(1000), 0u);
}

TEST(options, the_defaults_are_the_quiet_ones) {
    const exhaustion_handler handler;
    EXPECT_EQ(handler.call, nullptr);
    EXPECT_EQ(handler.retries, 1u);
    const pool_stats stats;
    EXPECT_FALSE(stats.calls.has_value());
    EXPECT_EQ(growth{}.how, growth::kind::geometric);
}

TEST(options_death, abort_on_exhaustion_says_what_is_short) {
    EXPECT_DEATH(
        (void)abort_on_exhaustion(nullptr, {"nodes", 64, 640, 4096, 640}),
        "cenote: pool 'nodes' is out of memory: requested 64 bytes, in use 640, reserved 4096, limit 640");
}

} // namespace
