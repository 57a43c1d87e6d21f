// cenote: SPDX-License-Identifier: MIT
//
// The faces in the conformance suite: blocks come and go through the face, questions go to the pool behind
// it.
#pragma once

#include <cenote/face/allocator.hpp>
#include <cenote/face/resource.hpp>

#include "conformance/concurrent_subjects.hpp"
#include "conformance/variable_subjects.hpp"

namespace cenote::test {

/// A std::pmr resource over the pool of another subject.
template<subject Below>
struct resource_subject : Below {
    explicit resource_subject(const wish& wanted) : Below(wanted), face(this->pool) {}
    void* allocate(shape form) { return face.allocate(form.size, form.alignment); }
    void* try_allocate(shape) = delete;
    void deallocate(void* block, shape form) { face.deallocate(block, form.size, form.alignment); }
    resource<decltype(Below::pool)> face;
};

/// The same, which counts and asks nobody: no call is simply passed on.
template<subject Below>
struct counting_subject : Below {
    explicit counting_subject(const wish& wanted) : Below(wanted), face(this->pool, {.stats = true}) {}
    void* allocate(shape form) { return face.allocate(form.size, form.alignment, memory_options::none); }
    void* try_allocate(shape form) noexcept { return face.try_allocate(form.size, form.alignment); }
    void deallocate(void* block, shape form) { face.deallocate(block, form.size, form.alignment); }
    resource<decltype(Below::pool)> face;
};

/// A standard allocator over the pool of another subject, which allocates arrays of `T`.
template<class T, subject Below>
struct allocator_subject : Below {
    static std::vector<shape> shapes() {
        std::vector<shape> result = {{sizeof(T), alignof(T)}};
        if constexpr (requires { Below::serves_any_size; }) {
            for (const std::size_t count : {3u, 50u, 700u}) result.push_back({count * sizeof(T), alignof(T)});
        }
        return result;
    }
    explicit allocator_subject(const wish& wanted) : Below(wanted), face(this->pool) {}
    void* allocate(shape form) { return face.allocate(form.size / sizeof(T)); }
    void* try_allocate(shape) = delete;
    void deallocate(void* block, shape form) {
        face.deallocate(static_cast<T*>(block), form.size / sizeof(T));
    }
    allocator<T, decltype(Below::pool)> face;
};

struct alignas(64) line {
    std::byte bytes[64];
};

using resource_of_multi = resource_subject<multi_plain>;
using resource_of_checked_multi = resource_subject<multi_checks>;
using resource_of_fixed = resource_subject<fixed_plain>;
using allocator_of_multi = allocator_subject<double, multi_plain>;
using allocator_of_aligned = allocator_subject<line, multi_watched>;
using allocator_of_fixed = allocator_subject<line, fixed_checks>;
using resource_of_concurrent = resource_subject<concurrent_multi_plain>;
using resource_of_variable = resource_subject<variable_good>;
using counting_resource_of_multi = counting_subject<multi_plain>;
using allocator_of_concurrent = allocator_subject<double, concurrent_multi_unsized>;

static_assert(subject<resource_of_multi> && subject<allocator_of_fixed>);

} // namespace cenote::test
