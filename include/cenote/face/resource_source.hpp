// cenote: SPDX-License-Identifier: MIT
//
// An allocator as a source, so that a pool can draw from any other: from another pool, from the heap, from a
// std::pmr resource of somebody else. What it gives must be large: a pool asks for regions of slabs, 64 KiB
// and more unless its options say otherwise. Costs nothing on the pool's hot path. As thread-safe as the
// allocator, which it does not own.
#pragma once

#include <cenote/face/memory_resource.hpp>
#include <cenote/source/source.hpp>

namespace cenote::inline v0_1 {

class CENOTE_API resource_source final : public source {
public:
    explicit resource_source(memory_resource& upstream) noexcept : ours_(&upstream), upstream_(&upstream) {}
    explicit resource_source(std::pmr::memory_resource& upstream) noexcept : upstream_(&upstream) {}

    [[nodiscard]] void* reserve(const request& wanted) noexcept override;
    void release(void* region, const request& given) noexcept override;

private:
    memory_resource* ours_ = nullptr; // can refuse without an exception
    std::pmr::memory_resource* upstream_;
};

namespace base {
/// A block of `from`, or null when it throws. Built without exceptions, what would be thrown ends the
/// process.
[[nodiscard]] CENOTE_API void* try_allocate_from(std::pmr::memory_resource& from, std::size_t size,
                                                 std::size_t alignment) noexcept;
} // namespace base

} // namespace cenote::inline v0_1
