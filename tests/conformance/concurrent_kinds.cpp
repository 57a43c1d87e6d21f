// cenote: SPDX-License-Identifier: MIT
//
// The pools for many threads in the conformance suite: a line each.
#include "conformance/concurrent_subjects.hpp"
#include "conformance/kind_of.hpp"

namespace cenote::test {

std::vector<kind> concurrent_kinds() {
    return {
        kind_of<concurrent_plain>("concurrent_plain"),
        kind_of<concurrent_tiny>("concurrent_tiny"),
        kind_of<concurrent_large>("concurrent_large"),
        kind_of<concurrent_watched>("concurrent_watched"),
        kind_of<concurrent_checks>("concurrent_checks"),
        kind_of<concurrent_stats>("concurrent_stats"),
        kind_of<concurrent_zeroing>("concurrent_zeroing"),
        kind_of<concurrent_erasing>("concurrent_erasing"),
        kind_of<concurrent_objects>("concurrent_objects"),
        kind_of<concurrent_checked_objects>("concurrent_checked_objects"),
        kind_of<concurrent_multi_plain>("concurrent_multi_plain"),
        kind_of<concurrent_multi_unsized>("concurrent_multi_unsized"),
        kind_of<concurrent_multi_watched>("concurrent_multi_watched"),
        kind_of<concurrent_multi_checks>("concurrent_multi_checks"),
        kind_of<concurrent_multi_stats>("concurrent_multi_stats"),
        kind_of<concurrent_multi_zeroing>("concurrent_multi_zeroing"),
        kind_of<concurrent_multi_erasing>("concurrent_multi_erasing"),
        kind_of<locked_fixed>("locked_fixed"),
        kind_of<locked_multi>("locked_multi"),
    };
}

} // namespace cenote::test
