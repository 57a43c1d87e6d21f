// cenote: SPDX-License-Identifier: MIT
//
// The pools of any size in the conformance suite: a line each.
#include "conformance/kind_of.hpp"
#include "conformance/variable_subjects.hpp"

namespace cenote::test {

std::vector<kind> variable_kinds() {
    return {
        kind_of<variable_good>("variable_good"),       kind_of<variable_best>("variable_best"),
        kind_of<variable_first>("variable_first"),     kind_of<variable_watched>("variable_watched"),
        kind_of<variable_checks>("variable_checks"),   kind_of<variable_stats>("variable_stats"),
        kind_of<variable_zeroing>("variable_zeroing"), kind_of<variable_erasing>("variable_erasing"),
        kind_of<locked_variable>("locked_variable"),
    };
}

} // namespace cenote::test
