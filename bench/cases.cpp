// cenote: SPDX-License-Identifier: MIT
#include "cases.hpp"

#include <array>
#include <fmt/format.h>

namespace cenote::bench {
namespace {

struct description {
    pattern what;
    const char* name;
    const char* operation;
    bool only_64;
};

constexpr std::array<description, 9> descriptions{{
    {pattern::pair, "pair", "get and put", false},
    {pattern::batch_reverse, "batch_reverse", "get and put", false},
    {pattern::batch_in_order, "batch_in_order", "get and put", false},
    {pattern::batch_shuffled, "batch_shuffled", "get and put", false},
    {pattern::random_replacement, "random_replacement", "get and put", false},
    {pattern::random_free_first, "random_free_first", "put and get", false},
    {pattern::bulk_32, "bulk_32", "block got and put", false},
    {pattern::drop_in_order, "drop_in_order", "put", true},
    {pattern::drop_shuffled, "drop_shuffled", "put", true},
}};

const description& describe(pattern what) {
    return descriptions[static_cast<std::size_t>(what)];
}

} // namespace

std::string test_case::name() const {
    return fmt::format("{}/{}", describe(what).name, block_size);
}

const char* test_case::operation() const {
    return describe(what).operation;
}

const std::vector<test_case>& all_cases() {
    static const std::vector<test_case> cases = [] {
        std::vector<test_case> all;
        for (const description& d : descriptions)
            for (const std::size_t size : {16, 64, 256, 1024})
                if (!d.only_64 || size == 64) all.push_back({d.what, size});
        return all;
    }();
    return cases;
}

std::optional<test_case> find_case(std::string_view name) {
    for (const test_case& one : all_cases())
        if (one.name() == name) return one;
    return std::nullopt;
}

} // namespace cenote::bench
