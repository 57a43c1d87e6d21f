// cenote: SPDX-License-Identifier: MIT
#include <cenote/source/budget.hpp>

namespace cenote::inline v0_1 {

void* budget::reserve(const request& wanted) noexcept {
    std::size_t used = used_.load(sync::memory_order_relaxed);
    do {
        if (wanted.bytes > limit_ - used) return nullptr;
    } while (!used_.compare_exchange_weak(used, used + wanted.bytes, sync::memory_order_relaxed));
    void* const region = upstream_->reserve(wanted);
    if (region == nullptr) used_.fetch_sub(wanted.bytes, sync::memory_order_relaxed);
    return region;
}

void budget::release(void* region, const request& given) noexcept {
    upstream_->release(region, given);
    used_.fetch_sub(given.bytes, sync::memory_order_relaxed);
}

bool budget::commit(void* data, std::size_t bytes) noexcept {
    return upstream_->commit(data, bytes);
}
void budget::purge(void* data, std::size_t bytes) noexcept {
    upstream_->purge(data, bytes);
}
std::size_t budget::decommit(void* data, std::size_t bytes) noexcept {
    return upstream_->decommit(data, bytes);
}
void budget::populate(void* data, std::size_t bytes) noexcept {
    upstream_->populate(data, bytes);
}
void budget::trim() noexcept {
    upstream_->trim();
}
std::size_t budget::granularity() const noexcept {
    return upstream_->granularity();
}

std::size_t budget::best_granularity() const noexcept {
    return upstream_->best_granularity();
}

bool budget::is_prepaid() const noexcept {
    return upstream_->is_prepaid();
}

std::size_t budget::available() const noexcept {
    const std::size_t upstream = upstream_->available();
    if (limit_ == unlimited) return upstream;
    const std::size_t left = limit_ - used();
    return left < upstream ? left : upstream;
}

} // namespace cenote::inline v0_1
