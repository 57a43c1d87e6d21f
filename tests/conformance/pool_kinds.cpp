// cenote: SPDX-License-Identifier: MIT
//
// The pools of one thread in the conformance suite: a line each.
#include "conformance/kind_of.hpp"
#include "conformance/pool_subjects.hpp"

namespace cenote::test {

std::vector<kind> pool_kinds() {
    return {
        kind_of<fixed_plain>("fixed_plain"),     kind_of<fixed_tiny>("fixed_tiny"),
        kind_of<fixed_page>("fixed_page"),       kind_of<fixed_large>("fixed_large"),
        kind_of<fixed_watched>("fixed_watched"), kind_of<fixed_checks>("fixed_checks"),
        kind_of<fixed_stats>("fixed_stats"),     kind_of<fixed_zeroing>("fixed_zeroing"),
        kind_of<fixed_erasing>("fixed_erasing"), kind_of<fixed_oldest>("fixed_oldest"),
        kind_of<fixed_lowest>("fixed_lowest"),   kind_of<object_plain>("object_plain"),
        kind_of<object_checks>("object_checks"), kind_of<multi_plain>("multi_plain"),
        kind_of<multi_unsized>("multi_unsized"), kind_of<multi_watched>("multi_watched"),
        kind_of<multi_checks>("multi_checks"),   kind_of<multi_stats>("multi_stats"),
        kind_of<multi_zeroing>("multi_zeroing"), kind_of<multi_erasing>("multi_erasing"),
    };
}

} // namespace cenote::test
