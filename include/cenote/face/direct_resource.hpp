// cenote: SPDX-License-Identifier: MIT
//
// A source as an allocator: every request goes straight to it, as a region of its own. For the heap, for
// whole pages, and as the parent at the end of every line: a budget, a caller's buffer, shared memory. Sizes
// are rounded up to the source's granularity, so small requests to pages waste most of a page. Costs what the
// source costs, over OS pages a system call. As thread-safe as the source, which it does not own.
#pragma once

#include <cenote/face/memory_resource.hpp>
#include <cenote/source/source.hpp>

namespace cenote::inline v0_1 {

class CENOTE_API direct_resource final : public memory_resource {
public:
    /// Whether the source's regions are zero when they come, as fresh pages are.
    enum class fresh { unknown, zero };

    explicit direct_resource(source& from, const memory_resource_options& options = {},
                             fresh regions = fresh::unknown) noexcept
        : memory_resource(options), from_(&from), regions_(regions) {}

protected:
    [[nodiscard]] void* take(std::size_t size, std::size_t alignment) noexcept override;
    [[nodiscard]] void* take_zeroed(std::size_t size, std::size_t alignment) noexcept override;
    void give(void* block, std::size_t size, std::size_t alignment) noexcept override;
    [[nodiscard]] bool resize(void* block, std::size_t old_size, std::size_t new_size,
                              std::size_t alignment) noexcept override;
    [[nodiscard]] levels look() const noexcept override;

private:
    source* from_;
    fresh regions_;
    sync::atomic<std::size_t> live_{0};
    sync::atomic<std::size_t> reserved_{0};
};

/// The C++ heap. Lives as long as the process; any thread.
[[nodiscard]] CENOTE_API memory_resource& heap_resource() noexcept;
/// Pages of the operating system. Lives as long as the process; any thread.
[[nodiscard]] CENOTE_API memory_resource& pages_resource() noexcept;

} // namespace cenote::inline v0_1
