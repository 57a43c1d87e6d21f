// cenote: SPDX-License-Identifier: MIT
//
// What a pool of any size takes from its source for what is live, under the random traffic of the bench.
#include <cenote/base/sanitizer.hpp>
#include <cenote/pool/variable_pool.hpp>

#include "support/test_sources.hpp"

#include <cstdint>
#include <gtest/gtest.h>
#include <random>
#include <string>
#include <vector>

namespace cenote::test {
namespace {

TEST(variable_pool_memory, peak_reserved_is_within_a_tenth_of_the_peak_live_for_ten_million_replacements) {
    constexpr std::size_t blocks = 100'000;
    const std::size_t replacements = base::watched() ? 1'000'000 : 10'000'000; // slow under a watcher
    constexpr double most = 1.10;
    counting_source from;
    struct block {
        void* data = nullptr;
        std::size_t size = 0;
    };
    std::vector<block> live(blocks);
    std::size_t bytes = 0; // asked for
    std::size_t peak = 0;
    {
        variable_pool pool({.source = &from, .sanitizers = false});
        std::mt19937 random(1);
        const auto replace = [&](block& slot) {
            const std::size_t size = 16 + random() % 1009;
            void* const fresh = pool.allocate(size);
            bytes += size;
            if (bytes > peak) peak = bytes;
            pool.deallocate(slot.data);
            bytes -= slot.size;
            slot = {fresh, size};
        };
        for (block& slot : live) replace(slot);
        for (std::size_t i = 0; i < replacements; ++i) replace(live[random() % blocks]);
        EXPECT_LE(static_cast<double>(from.peak), most * static_cast<double>(peak));
        EXPECT_GT(from.peak, peak);
        EXPECT_TRUE(pool.is_valid());
        RecordProperty("peak_reserved_per_peak_live",
                       std::to_string(static_cast<double>(from.peak) / static_cast<double>(peak)));
        pool.reset();
    }
    EXPECT_EQ(from.reserved, 0u);
}

} // namespace
} // namespace cenote::test
