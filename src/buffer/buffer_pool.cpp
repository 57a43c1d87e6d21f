// cenote: SPDX-License-Identifier: MIT
#include <cenote/base/sanitizer.hpp>
#include <cenote/buffer/buffer_pool.hpp>

#include "concurrent/shared_impl.hpp"

#include <cstring>

namespace cenote::inline v0_1 {
namespace {

const buffer_pool_options& checked(const buffer_pool_options& wanted) {
    if (const char* const flaw = wanted.flaw()) base::raise_bad_options(wanted.name, flaw);
    return wanted;
}

} // namespace

buffer_pool::buffer_pool(const buffer_pool_options& wanted)
    : smallest_bits_(static_cast<unsigned>(std::countr_zero(checked(wanted).smallest))),
      tiers_(wanted.tiers()), largest_(wanted.largest), shared_(wanted, wanted.threads) {
    if (wanted.initial_bytes == 0) return;
    bool is_open = false;
    {
        const section here(shared_);
        is_open = shared_.open();
    }
    if (!is_open) refuse(wanted.initial_bytes);
}

buffer_pool::~buffer_pool() {
    const buffer_stats last = stats(quiet);
    if (last.live != 0) base::report_leak({name(), last.live, last.live_bytes}, true);
}

// Acquiring.

void* buffer_pool::take_entry(unsigned tier) noexcept {
    if (engine::thread_cache* const mine = shared_.cache_here()) return shared_.take(*mine, tier);
    engine::buffer_tiers& core = shared_.core();
    void* entry = nullptr;
    {
        const section here(shared_);
        if (!shared_.open()) return nullptr;
        entry = core.take_one(tier);
    }
    if (entry == nullptr) return nullptr;
    if (core.is_watched()) base::permit(core.at(entry), smallest() << tier);
    (void)shared_.join(true);
    return entry;
}

buffer buffer_pool::take_oversize(std::size_t size) noexcept {
    engine::buffer_tiers& core = shared_.core();
    std::size_t bytes = 0;
    if (!core.oversize_for(size, bytes)) return {};
    const section here(shared_);
    if (!shared_.open()) return {};
    void* const data = core.take_oversize(bytes);
    if (data == nullptr) return {};
    return {*this, static_cast<std::byte*>(data), size, bytes | buffer::is_oversize};
}

buffer buffer_pool::take(std::size_t size) noexcept {
    if (size > largest_) {
        buffer found = take_oversize(size);
        if (found) return found;
        shared_.release_cache(); // what the thread itself keeps may be all that is in the way
        return take_oversize(size);
    }
    const unsigned tier = tier_for(size);
    void* const entry = take_entry(tier);
    return entry != nullptr ? make(entry, tier, size) : buffer();
}

buffer buffer_pool::try_acquire_slow(std::size_t size) noexcept {
    buffer found = take(size);
    if (!found) shared_.count_failure();
    return found;
}

buffer buffer_pool::acquire_slow(std::size_t size) {
    for (unsigned attempt = 0;; ++attempt) {
        if (buffer found = take(size)) return found;
        if (!engine::may_retry(shared_.core().options().on_exhaustion, attempt, shortage_of(size), this))
            break;
    }
    refuse(size);
}

void buffer_pool::refuse(std::size_t size) {
    shared_.count_failure();
    base::raise_out_of_memory(shortage_of(size));
}

shortage buffer_pool::shortage_of(std::size_t size) noexcept {
    const section here(shared_);
    shared_.recount(false);
    shortage what = shared_.core().shortage_of(size);
    for (unsigned tier = 0; tier < tiers_; ++tier) {
        what.cached += shared_.cached_elsewhere(tier) * (smallest() << tier);
    }
    return what;
}

void buffer_pool::refuse_null(const void* memory) const {
    if (memory == nullptr) base::raise_bad_options(name(), "the memory to adopt is null");
}

buffer buffer_pool::adopt_as(std::span<std::byte> memory, engine::foreign_memory* record) {
    if (record == nullptr) base::raise_out_of_memory(shortage_of(sizeof(engine::foreign_memory)));
    return {*this, memory.data(), memory.size(),
            reinterpret_cast<std::uintptr_t>(record) | buffer::is_foreign};
}

void buffer::move_to_larger(std::size_t size) {
    if (data_ == nullptr) base::raise_out_of_memory({.pool = "an empty buffer", .requested = size});
    if (home_->extend(*this, size)) return;
    move_to(home_->acquire(size));
}

bool buffer::try_reserve(std::size_t size) noexcept {
    if (size <= capacity()) return true;
    if (data_ == nullptr) return false;
    if (home_->extend(*this, size)) return true;
    buffer larger = home_->try_acquire(size);
    if (!larger) return false;
    move_to(std::move(larger));
    return true;
}

void buffer::move_to(buffer larger) noexcept {
    larger.size_ = size_;
    if (size_ != 0) std::memcpy(larger.data_, data_, size_);
    swap(larger);
}

bool buffer_pool::extend(buffer& one, std::size_t size) noexcept {
    const engine::place kind = one.where_ & buffer::kind_mask;
    if (kind <= buffer::is_foreign || size > largest_) return false;
    void* const entry = reinterpret_cast<void*>(one.where_ & ~buffer::kind_mask);
    const unsigned tier = static_cast<unsigned>(kind) - smallest_bits_;
    const unsigned wanted = tier_for(size);
    engine::buffer_tiers& core = shared_.core();
    const section here(shared_);
    if (wanted <= tier || !core.extend(entry, tier, wanted)) return false;
    const std::size_t had = smallest() << tier; // what stands there stays defined
    if (core.is_watched()) base::permit(one.data_ + had, (smallest() << wanted) - had);
    one.where_ += wanted - tier;
    return true;
}

/// The word that counts who shares the buffer.
std::uint32_t& buffer_pool::shares(std::byte* data, engine::place where) const noexcept {
    const engine::place kind = where & buffer::kind_mask;
    const engine::place rest = where & ~buffer::kind_mask;
    if (kind == buffer::is_foreign) return reinterpret_cast<engine::foreign_memory*>(rest)->shares;
    if (kind == buffer::is_oversize)
        return *reinterpret_cast<std::uint32_t*>(data + rest); // behind its bytes
    return shared_.core().shares(rest);
}

// Releasing.

void buffer_pool::take_back_slow(std::byte* data, engine::place where) noexcept {
    const engine::place kind = where & buffer::kind_mask;
    engine::buffer_tiers& core = shared_.core();
    if (kind == buffer::is_foreign) {
        auto* const record = reinterpret_cast<engine::foreign_memory*>(where & ~buffer::kind_mask);
        return record->release(*record, {data, record->bytes});
    }
    const std::size_t bytes = kind == buffer::is_oversize ? where : std::size_t{1} << kind;
    if (core.options().erase) std::memset(data, 0, bytes);
    if (kind == buffer::is_oversize) {
        const section here(shared_);
        return core.give_oversize(data, bytes);
    }
    const unsigned tier = static_cast<unsigned>(kind) - smallest_bits_;
    void* const entry = reinterpret_cast<void*>(where & ~buffer::kind_mask);
    engine::thread_cache* mine = shared_.cache_here();
    if (mine == nullptr) mine = shared_.join(false);
    if (mine != nullptr) return shared_.give(*mine, tier, entry);
    if (core.is_watched()) base::forbid(data, bytes);
    const section here(shared_);
    core.give_one(tier, entry);
}

// Memory.

buffer_pool::clock::time_point buffer_pool::tick(clock::time_point now) noexcept {
    const std::int64_t when = engine::deadline_at(now);
    engine::buffer_tiers& core = shared_.core();
    bool is_due = false;
    {
        const section here(shared_);
        is_due = shared_.is_open() && core.is_due(when);
    }
    if (is_due) shared_.release_cache();
    std::int64_t next = 0;
    for (;;) { // more than once for what is left of the step before, with the lock free in between
        {
            const section here(shared_);
            next = core.tick(when);
            is_due = core.is_due(when);
        }
        if (!is_due) break;
        shared_.give_way();
    }
    return clock::time_point(std::chrono::duration_cast<clock::duration>(std::chrono::nanoseconds(next)));
}

// In parts, with the lock free in between; then what came back meanwhile.
trim_result buffer_pool::trim() noexcept {
    engine::buffer_tiers& core = shared_.core();
    shared_.release_cache();
    std::size_t bytes = 0;
    for (bool is_first = true;; is_first = false) {
        {
            const section here(shared_);
            if (!shared_.is_open() || core.from().is_prepaid() || !core.trim_part(is_first, bytes)) break;
        }
        shared_.give_way();
    }
    trim_result result = shared_.trim();
    result.returned_bytes += bytes;
    return result;
}

// Questions.

buffer_stats buffer_pool::stats() const noexcept {
    const section here(shared_);
    shared_.recount(false);
    return shared_.core().stats();
}

buffer_stats buffer_pool::stats(quiet_t) const noexcept {
    const section here(shared_);
    shared_.recount(true);
    return shared_.core().stats();
}

bool buffer_pool::is_valid() const noexcept {
    return shared_.is_valid();
}

std::size_t buffer_pool::required_bytes(const buffer_pool_options& wanted) {
    if (checked(wanted).initial_bytes == 0) {
        base::raise_bad_options(wanted.name, "initial_bytes is not given; say how many bytes of buffers");
    }
    const std::size_t bytes = engine::buffer_tiers::required_bytes(wanted);
    if (bytes == base::size_max)
        base::raise_bad_options(wanted.name, "so many bytes are more than memory can hold");
    return bytes;
}

} // namespace cenote::inline v0_1
