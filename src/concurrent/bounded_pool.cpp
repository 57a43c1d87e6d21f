// cenote: SPDX-License-Identifier: MIT
#include <cenote/concurrent/bounded_pool.hpp>
#include <cenote/source/region.hpp>

#include <new>

namespace cenote::inline v0_1 {
namespace {

constexpr std::size_t unit = alignof(std::max_align_t);

class [[nodiscard]] growing {
public:
    explicit growing(engine::crew& lock) noexcept : lock_(lock) {
        if (!lock_.is_listed()) engine::enter_registry(lock_);
        lock_.lock();
    }
    growing(const growing&) = delete;
    growing& operator=(const growing&) = delete;
    ~growing() { lock_.unlock(); }

private:
    engine::crew& lock_;
};

std::size_t alignment_of_region(std::size_t alignment) noexcept {
    return alignment > unit ? alignment : unit;
}

} // namespace

bool bounded_pool::parts_for(std::size_t stride, std::size_t count, std::size_t entries,
                             parts& sizes) noexcept {
    if (!base::multiply(stride, count, sizes.blocks) || sizes.blocks > base::size_max / 4) return false;
    if (!base::multiply(entries, sizeof(entry), sizes.entries) || sizes.entries > base::size_max / 4)
        return false;
    sizes.blocks = base::rounded_up(sizes.blocks, unit);
    sizes.header = base::rounded_up(sizeof(region_header), unit);
    sizes.bytes = sizes.blocks + sizes.header + sizes.entries;
    return true;
}

bounded_pool::bounded_pool(const bounded_pool_options& wanted) : options_(wanted) {
    if (const char* const flaw = wanted.flaw()) base::raise_bad_options(wanted.name, flaw);
    (void)wanted.lay_out(stride_, alignment_);
    watched_ = wanted.sanitizers && base::watched();
    if (!try_grow(wanted.blocks)) base::raise_out_of_memory(shortage_of(wanted.blocks));
}

bounded_pool::~bounded_pool() {
    close();
    const engine::line_levels now = line_.levels();
    const std::size_t out = now.all - now.free;
    if (out != 0) base::report_leak({options_.name, out, out * options_.block_size}, true);
    while (regions_ != nullptr) {
        const region_header gone = *regions_;
        std::byte* const begin = reinterpret_cast<std::byte*>(regions_) - gone.offset;
        if (watched_) base::permit(begin, gone.offset);
        from().release(begin, gone.reserved);
        regions_ = gone.next;
    }
}

// Waiting.

std::uint32_t bounded_pool::try_take() noexcept {
    std::uint32_t number = none;
    do {
        if (!line_.seems_empty() &&
            line_.wait(number, 1, engine::waiting_line::at_once) != engine::wait_result::none)
            return number;
        number = line_.take(engine::own_lane());
    } while (number == none && grow_instead_of_waiting());
    return number;
}

std::uint32_t bounded_pool::take(std::int64_t deadline) {
    if (options_.growth.how != growth::kind::none) {
        if (const std::uint32_t number = try_take(); number != none) return number;
    }
    return take_n(1, deadline);
}

std::uint32_t bounded_pool::take_or_stand(ticket& later) {
    if (options_.growth.how != growth::kind::none) {
        if (const std::uint32_t number = try_take(); number != none) return number;
    }
    later.home_ = this;
    switch (line_.stand(later)) {
    case engine::wait_result::got:
        return later.given;
    case engine::wait_result::closed:
        base::raise_pool_closed(options_.name);
    default:
        return none; // and it may be gone
    }
}

std::uint32_t bounded_pool::take_n(std::size_t count, std::int64_t deadline) {
    std::uint32_t first = none;
    if (line_.wait(first, static_cast<std::uint32_t>(count), deadline) == engine::wait_result::closed)
        base::raise_pool_closed(options_.name);
    return first;
}

void bounded_pool::fill(block* blocks, std::uint32_t first, std::size_t count) noexcept {
    for (std::size_t i = 0; i < count; ++i) {
        const std::uint32_t next = line_.next_of(first);
        blocks[i] = block(*this, first);
        first = next;
    }
}

void bounded_pool::acquire_n(block* blocks, std::size_t count) {
    (void)acquire_n(blocks, count, sync::no_deadline);
}

bool bounded_pool::acquire_n_until(block* blocks, std::size_t count,
                                   std::chrono::steady_clock::time_point deadline) {
    return acquire_n(blocks, count, engine::deadline_at(deadline));
}

bool bounded_pool::acquire_n(block* blocks, std::size_t count, std::int64_t deadline) {
    if (count > this->blocks()) base::raise_out_of_memory(shortage_of(count));
    for (std::size_t i = 0; i < count; ++i) blocks[i].release();
    if (count == 0) return true;
    const std::uint32_t first = take_n(count, deadline);
    if (first != none) fill(blocks, first, count);
    return first != none;
}

bool bounded_pool::try_acquire_n(block* blocks, std::size_t count) noexcept {
    if (count > this->blocks()) return false;
    for (std::size_t i = 0; i < count; ++i) blocks[i].release();
    if (count == 0) return true;
    std::uint32_t first = none;
    const bool got = line_.wait(first, static_cast<std::uint32_t>(count), engine::waiting_line::at_once) ==
                     engine::wait_result::got;
    if (got) fill(blocks, first, count);
    return got;
}

// Growing.

bool bounded_pool::grow_instead_of_waiting() noexcept {
    const std::size_t more = options_.growth.step(blocks());
    return more != 0 && !line_.is_closed() && line_.waiting() == 0 && try_grow(more);
}

// The entries move when there is no room for more: to twice as many, so that they take little.
bool bounded_pool::try_grow(std::size_t blocks) noexcept {
    engine::waiting_line::calls later; // under no lock
    const growing here(growing_);
    if (blocks == 0 || blocks > engine::waiting_line::most - count_) return false;
    const std::size_t count = count_ + blocks;
    std::size_t capacity = 0;
    if (count > capacity_) capacity = capacity_ == 0 || count > 2 * capacity_ ? count : 2 * capacity_;
    parts sizes;
    std::size_t bytes = 0;
    if (!parts_for(stride_, blocks, capacity, sizes) ||
        !base::round_up(sizes.bytes, from().granularity(), bytes))
        return false;
    const source::request wanted{bytes, alignment_of_region(alignment_), source::any_node};
    auto* const data = static_cast<std::byte*>(from().reserve(wanted));
    if (data == nullptr) return false;
    if (!from().commit(data, bytes)) {
        from().release(data, wanted);
        return false;
    }
    regions_ = ::new (data + sizes.blocks) region_header{regions_, wanted, sizes.blocks};
    reserved_ += bytes;
    if (capacity != 0) {
        entries_ = reinterpret_cast<entry*>(data + sizes.blocks + sizes.header);
        for (std::size_t i = 0; i < capacity; ++i) ::new (entries_ + i) entry;
        capacity_ = capacity;
    }
    for (std::size_t i = 0; i < blocks; ++i) entries_[count_ + i].what = data + i * stride_;
    if (watched_) base::forbid(data, blocks * stride_);
    sync::store_relaxed(count_, count);
    line_.adopt(entries_, static_cast<std::uint32_t>(count), later);
    return true;
}

void bounded_pool::grow(std::size_t blocks) {
    if (!try_grow(blocks)) base::raise_out_of_memory(shortage_of(blocks));
}

void bounded_pool::grow(const cenote::growth& by) {
    const std::size_t blocks = by.is_sound() ? by.step(this->blocks()) : 0;
    if (blocks == 0)
        base::raise_bad_options(options_.name,
                                "it is to grow by nothing: the factor must be above 1, the blocks above 0");
    grow(blocks);
}

// Questions.

shortage bounded_pool::shortage_of(std::size_t count) noexcept {
    const pool_stats now = stats();
    std::size_t requested = unlimited;
    (void)base::multiply(count, options_.block_size, requested);
    return {.pool = options_.name,
            .requested = requested,
            .live = now.live_bytes,
            .reserved = now.reserved_bytes,
            .limit = now.blocks * options_.block_size,
            .available = from().available()};
}

pool_stats bounded_pool::stats() noexcept {
    pool_stats result;
    {
        const growing here(growing_);
        result.reserved_bytes = reserved_;
    }
    const engine::line_levels now = line_.levels();
    result.blocks = now.all;
    result.idle = now.free;
    result.live = now.all - now.free;
    result.peak_live = now.peak;
    result.live_bytes = result.live * options_.block_size;
    return result;
}

std::size_t bounded_pool::required_bytes(const bounded_pool_options& options) {
    if (const char* const flaw = options.flaw()) base::raise_bad_options(options.name, flaw);
    std::size_t stride = 0;
    std::size_t alignment = 0;
    (void)options.lay_out(stride, alignment);
    parts sizes;
    if (!parts_for(stride, options.blocks, options.blocks, sizes))
        base::raise_bad_options(options.name, "so many blocks are more than memory can hold");
    return sizes.bytes + alignment_of_region(alignment) - 1;
}

} // namespace cenote::inline v0_1
