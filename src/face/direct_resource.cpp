// cenote: SPDX-License-Identifier: MIT
#include <cenote/base/arith.hpp>
#include <cenote/face/direct_resource.hpp>
#include <cenote/source/heap.hpp>
#include <cenote/source/os_pages.hpp>

#include <new>

namespace cenote::inline v0_1 {
namespace {

using sync::memory_order_relaxed;

heap plain_heap;
os_pages fresh_pages; // not the default source, which keeps pages with their contents

// Never destroyed: what was allocated may be freed by destructors of other files' objects.
template<class T>
union immortal {
    T value;
    template<class... Args>
    explicit immortal(Args&&... args) : value(static_cast<Args&&>(args)...) {}
    ~immortal() {}
};

} // namespace

void* direct_resource::take(std::size_t size, std::size_t alignment) noexcept {
    source::request wanted{.bytes = 0, .alignment = alignment};
    if (!base::round_up(size, from_->granularity(), wanted.bytes)) return nullptr;
    void* const region = from_->reserve(wanted);
    if (region == nullptr) return nullptr;
    if (!from_->commit(region, wanted.bytes)) {
        from_->release(region, wanted);
        return nullptr;
    }
    live_.fetch_add(size, memory_order_relaxed);
    reserved_.fetch_add(wanted.bytes, memory_order_relaxed);
    return region;
}

void* direct_resource::take_zeroed(std::size_t size, std::size_t alignment) noexcept {
    return regions_ == fresh::zero ? take(size, alignment) : memory_resource::take_zeroed(size, alignment);
}

void direct_resource::give(void* block, std::size_t size, std::size_t alignment) noexcept {
    const source::request given{.bytes = base::rounded_up(size, from_->granularity()),
                                .alignment = alignment};
    from_->release(block, given);
    live_.fetch_sub(size, memory_order_relaxed);
    reserved_.fetch_sub(given.bytes, memory_order_relaxed);
}

// While the region stays as long as it is.
bool direct_resource::resize(void*, std::size_t old_size, std::size_t new_size, std::size_t) noexcept {
    const std::size_t unit = from_->granularity();
    std::size_t bytes = 0;
    if (!base::round_up(new_size, unit, bytes) || bytes != base::rounded_up(old_size, unit)) return false;
    live_.fetch_add(new_size - old_size, memory_order_relaxed); // may wrap, and the sum then wraps back
    return true;
}

memory_resource::levels direct_resource::look() const noexcept {
    return {live_.load(memory_order_relaxed), reserved_.load(memory_order_relaxed), unlimited,
            from_->available()};
}

memory_resource& heap_resource() noexcept {
    static immortal<direct_resource> all(plain_heap, memory_resource_options{.name = "heap", .stats = true});
    return all.value;
}

memory_resource& pages_resource() noexcept {
    static immortal<direct_resource> all(fresh_pages, memory_resource_options{.name = "pages", .stats = true},
                                         direct_resource::fresh::zero);
    return all.value;
}

} // namespace cenote::inline v0_1
