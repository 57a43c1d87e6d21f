// cenote: SPDX-License-Identifier: MIT
#include <cenote/source/budget.hpp>

#include "support/test_sources.hpp"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>
#include <vector>

namespace {

using namespace cenote;

RC_GTEST_PROP(budget, is_never_exceeded_by_one_byte, ()) {
    const auto limit = *rc::gen::inRange<std::size_t>(1, 5000);
    test::counting_source upstream;
    budget limited(upstream, limit);
    std::vector<std::pair<void*, std::size_t>> held;
    const auto steps = *rc::gen::container<std::vector<std::pair<bool, std::size_t>>>(
        rc::gen::pair(rc::gen::arbitrary<bool>(), rc::gen::inRange<std::size_t>(1, 1500)));
    std::size_t sum = 0;
    for (const auto& [give_back, number] : steps) {
        if (give_back && !held.empty()) {
            const std::size_t which = number % held.size();
            limited.release(held[which].first, {held[which].second, 1});
            sum -= held[which].second;
            held.erase(held.begin() + static_cast<std::ptrdiff_t>(which));
        } else {
            upstream.refuse_reserve = number % 7 == 0;
            void* const region = limited.reserve({number, 1});
            RC_ASSERT((region != nullptr) == (number % 7 != 0 && sum + number <= limit));
            if (region != nullptr) {
                held.emplace_back(region, number);
                sum += number;
            }
        }
        RC_ASSERT(limited.used() == sum);
        RC_ASSERT(upstream.reserved == sum);
        RC_ASSERT(limited.available() == limit - sum);
    }
    RC_ASSERT(upstream.peak <= limit);
    for (const auto& [region, bytes] : held) limited.release(region, {bytes, 1});
}

} // namespace
