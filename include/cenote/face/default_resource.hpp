// cenote: SPDX-License-Identifier: MIT
//
// The allocator that code uses which names none: the calling thread's, or else the process's, or else the
// heap. Set it for a scope with `use_by_default`, or for good with the two setters. Reading it is two loads.
// The process's may be set from any thread; what was handed out before goes back where it came from only if
// its owner remembers. Not the same as std::pmr's default, which is the process's alone; any allocator here
// can be set there too.
#pragma once

#include <cenote/face/memory_resource.hpp>

namespace cenote::inline v0_1 {

[[nodiscard]] CENOTE_API memory_resource& default_resource() noexcept;

/// Sets the process's and returns the one before, null for the heap. Null restores that.
CENOTE_API memory_resource* set_process_resource(memory_resource* resource) noexcept;
/// Sets the calling thread's and returns the one before, null for none. Null restores that.
CENOTE_API memory_resource* set_thread_resource(memory_resource* resource) noexcept;

/// Sets a default for the length of a scope.
class CENOTE_API use_by_default {
public:
    enum class reach { thread, process };

    explicit use_by_default(memory_resource& resource, reach within = reach::thread) noexcept;
    use_by_default(const use_by_default&) = delete;
    use_by_default& operator=(const use_by_default&) = delete;
    ~use_by_default();

private:
    memory_resource* before_;
    reach reach_;
};

} // namespace cenote::inline v0_1
