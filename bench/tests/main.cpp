// cenote: SPDX-License-Identifier: MIT
//
// The tests, and what they start: this program again, as a child of the bench.
#include "children.hpp"

#include <gtest/gtest.h>
#include <string_view>

int main(int argc, char** argv) {
    if (argc > 1 && std::string_view(argv[1]) == "child")
        return cenote::bench::be_child(cenote::bench::test_runners(), argc, argv);
    testing::InitGoogleTest(&argc, argv);
    return RUN_ALL_TESTS();
}
