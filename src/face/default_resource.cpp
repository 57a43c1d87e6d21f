// cenote: SPDX-License-Identifier: MIT
#include <cenote/face/default_resource.hpp>
#include <cenote/face/direct_resource.hpp>

namespace cenote::inline v0_1 {
namespace {

sync::atomic<memory_resource*> of_process{nullptr};
constinit thread_local memory_resource* of_thread = nullptr;

} // namespace

memory_resource& default_resource() noexcept {
    if (of_thread != nullptr) return *of_thread;
    memory_resource* const set = of_process.load(sync::memory_order_acquire);
    return set != nullptr ? *set : heap_resource();
}

memory_resource* set_process_resource(memory_resource* resource) noexcept {
    return of_process.exchange(resource, sync::memory_order_acq_rel);
}

memory_resource* set_thread_resource(memory_resource* resource) noexcept {
    memory_resource* const before = of_thread;
    of_thread = resource;
    return before;
}

use_by_default::use_by_default(memory_resource& resource, reach within) noexcept
    : before_(within == reach::thread ? set_thread_resource(&resource) : set_process_resource(&resource)),
      reach_(within) {}

use_by_default::~use_by_default() {
    (void)(reach_ == reach::thread ? set_thread_resource(before_) : set_process_resource(before_));
}

} // namespace cenote::inline v0_1
