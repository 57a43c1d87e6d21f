// cenote: SPDX-License-Identifier: MIT
//
// The C face in the conformance suite: a line each.
#include "conformance/c_subjects.hpp"
#include "conformance/kind_of.hpp"

namespace cenote::test {

std::vector<kind> c_kinds() {
    return {
        kind_of<c_fixed>("c_fixed"),
        kind_of<c_fixed_tiny>("c_fixed_tiny"),
        kind_of<c_fixed_unchecked>("c_fixed_unchecked"),
        kind_of<c_fixed_stats>("c_fixed_stats"),
        kind_of<c_fixed_zeroing>("c_fixed_zeroing"),
        kind_of<c_fixed_erasing>("c_fixed_erasing"),
        kind_of<c_fixed_oldest>("c_fixed_oldest"),
        kind_of<c_shared>("c_shared"),
        kind_of<c_shared_unchecked>("c_shared_unchecked"),
        kind_of<c_shared_stats>("c_shared_stats"),
        kind_of<c_variable>("c_variable"),
        kind_of<c_variable_best>("c_variable_best"),
        kind_of<c_variable_first>("c_variable_first"),
        kind_of<c_variable_checks>("c_variable_checks"),
        kind_of<c_variable_erasing>("c_variable_erasing"),
        kind_of<c_variable_shared>("c_variable_shared"),
        kind_of<c_allocator_of_fixed>("c_allocator_of_fixed"),
        kind_of<c_allocator_of_shared>("c_allocator_of_shared"),
        kind_of<c_allocator_of_variable>("c_allocator_of_variable"),
    };
}

} // namespace cenote::test
