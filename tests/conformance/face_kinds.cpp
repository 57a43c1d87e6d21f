// cenote: SPDX-License-Identifier: MIT
//
// The faces in the conformance suite: a line each.
#include "conformance/face_subjects.hpp"
#include "conformance/kind_of.hpp"

namespace cenote::test {

std::vector<kind> face_kinds() {
    return {
        kind_of<resource_of_multi>("resource_of_multi"),
        kind_of<resource_of_checked_multi>("resource_of_checked_multi"),
        kind_of<resource_of_fixed>("resource_of_fixed"),
        kind_of<allocator_of_multi>("allocator_of_multi"),
        kind_of<allocator_of_aligned>("allocator_of_aligned"),
        kind_of<allocator_of_fixed>("allocator_of_fixed"),
        kind_of<resource_of_variable>("resource_of_variable"),
        kind_of<counting_resource_of_multi>("counting_resource_of_multi"),
        kind_of<resource_of_concurrent>("resource_of_concurrent"),
        kind_of<allocator_of_concurrent>("allocator_of_concurrent"),
    };
}

} // namespace cenote::test
