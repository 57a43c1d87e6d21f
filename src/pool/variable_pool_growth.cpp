// cenote: SPDX-License-Identifier: MIT
//
// How a pool of any size takes memory from its source and gives it back, and what else is seldom called.
#include <cenote/base/sanitizer.hpp>
#include <cenote/pool/retention.hpp>
#include <cenote/pool/variable_pool.hpp>
#include <cenote/source/region.hpp>

#include <cstring>

namespace cenote::inline v0_1 {
namespace {

// Numbers of granules have 32 bits, one of which tells spans apart at least.
constexpr std::size_t most_granules = std::size_t{1} << 31;

} // namespace

// Numbers stand in the first region where there will be no other: for every block that it can ever hold.
engine::region_plan variable_pool::plan_for(source& from, std::uint32_t granules, bool is_only) noexcept {
    engine::region_plan plan;
    plan.from = &from;
    plan.alignment = default_alignment;
    plan.slab_bytes = granules * engine::granule_bytes;
    plan.record_bytes = engine::span_heap::record_bytes(granules);
    if (is_only) plan.home_bytes = engine::free_index::bytes_for(engine::span_heap::most_nodes(granules));
    plan.most_slabs = static_cast<std::size_t>((std::uint64_t{1} << 32) >> std::bit_width(granules - 1));
    return plan;
}

// The most granules whose region, with all that belongs to it, takes no more than `bytes`.
std::uint32_t variable_pool::granules_within(source& from, std::size_t bytes, bool is_only) noexcept {
    std::size_t none = 0;
    std::size_t most = bytes / engine::granule_bytes;
    if (most > most_granules) most = most_granules;
    while (none < most) {
        const std::size_t middle = most - (most - none) / 2;
        engine::region_list regions;
        std::size_t need = 0;
        regions.configure(plan_for(from, static_cast<std::uint32_t>(middle), is_only));
        if (regions.bytes_for(middle * engine::granule_bytes, is_only, need) && need <= bytes) {
            none = middle;
        } else {
            most = middle - 1;
        }
    }
    return none < engine::smallest_run ? 0 : static_cast<std::uint32_t>(none);
}

bool variable_pool::granules_of(std::size_t bytes, std::uint32_t& granules) noexcept {
    std::size_t rounded = 0;
    if (!base::round_up(bytes, engine::granule_bytes, rounded)) return false;
    rounded /= engine::granule_bytes;
    if (rounded > most_granules) return false;
    granules = rounded < engine::smallest_run ? engine::smallest_run : static_cast<std::uint32_t>(rounded);
    return true;
}

std::size_t variable_pool::required_bytes(const variable_pool_options& wanted) {
    std::size_t bytes = 0;
    if (const char* const flaw = try_required_bytes(wanted, bytes)) {
        base::raise_bad_options(wanted.name, flaw);
    }
    return bytes;
}

const char* variable_pool::try_required_bytes(const variable_pool_options& wanted,
                                              std::size_t& bytes) noexcept {
    if (const char* const flaw = wanted.flaw()) return flaw;
    if (wanted.initial_bytes == 0) return "required_bytes needs initial_bytes";
    region somewhere(nullptr, 0);
    engine::region_list regions;
    std::uint32_t granules = 0;
    if (granules_of(wanted.initial_bytes, granules)) {
        regions.configure(plan_for(somewhere, granules, true));
        if (regions.bytes_to_grow(granules * engine::granule_bytes, bytes) &&
            base::add(bytes, default_alignment - 1, bytes)) {
            return nullptr;
        }
    }
    return "so many bytes are more than memory can hold";
}

void variable_pool::configure(std::uint32_t granules, bool is_only) noexcept {
    regions_.configure(plan_for(limit_, granules, is_only));
    heap_.configure(granules, regions_, options_.fit, watched_);
    largest_ = granules * engine::granule_bytes;
    if (!is_only) largest_ /= 2; // more would leave holes that only small blocks fill
    quick_largest_ = !is_exact_ && options_.fit == fit::good ? largest_ : 0;
}

// One region only, of what there is, in a caller's buffer, without growth, or below a small maximum, which
// would not hold another.
bool variable_pool::open() noexcept {
    watched_ = options_.sanitizers && base::watched();
    is_exact_ =
        options_.checks || options_.stats || options_.zero_on_allocate || options_.erase_on_free || watched_;
    const std::size_t available = limit_.available();
    const bool may_grow =
        options_.grow_size != 0 && !limit_.is_prepaid() && options_.grow_size <= available / 2;
    std::uint32_t granules = 0;
    if (may_grow) {
        std::size_t bytes = options_.grow_size;
        if (!base::round_up(bytes, limit_.granularity(), bytes)) return false;
        granules = granules_within(limit_, bytes, false);
    } else if (options_.initial_bytes != 0 && (limit_.is_prepaid() || options_.grow_size == 0)) {
        if (!granules_of(options_.initial_bytes, granules)) return false;
    } else {
        granules = granules_within(limit_, available, true);
    }
    if (granules == 0) return false;
    is_only_ = !may_grow;
    large_.configure(limit_, options_.trim == trim::manual, watched_);
    configure(granules, is_only_);
    is_open_ = true;
    return true;
}

bool variable_pool::add_span() noexcept {
    if (!heap_.add_span()) return false;
    if (options_.checks && !watched_)
        std::memset(heap_.newest(), free_pattern(), heap_.granules() * engine::granule_bytes);
    note_spans();
    return true;
}

void variable_pool::note_spans() noexcept {
    const bool settles = options_.trim == trim::automatic;
    settle_at_ = settles ? engine::usual_window * heap_.granules() * heap_.spans() : base::size_max;
}

// Whether the source would be asked for another span at all.
bool variable_pool::may_grow() const noexcept {
    std::size_t bytes = 0;
    return options_.grow_size != 0 && heap_.spans() < regions_.plan().most_slabs &&
           regions_.bytes_to_grow(heap_.granules() * engine::granule_bytes, bytes) &&
           bytes <= limit_.available();
}

// A buffer that does not start on a granule holds one less.
bool variable_pool::grow() noexcept {
    if (options_.grow_size == 0 && heap_.spans() != 0) return false;
    if (add_span()) return true;
    if (!is_only_ || heap_.spans() != 0 || options_.initial_bytes != 0) return false;
    const std::size_t available = limit_.available();
    if (available < default_alignment || available == unlimited) return false;
    const std::uint32_t granules = granules_within(limit_, available - (default_alignment - 1), true);
    if (granules == 0 || granules >= heap_.granules()) return false;
    configure(granules, true);
    return add_span();
}

bool variable_pool::try_reserve_spans(std::size_t spans) noexcept {
    const std::size_t before = heap_.spans();
    while (heap_.spans() < spans) {
        if (grow()) continue;
        give_back(heap_.spans() - before);
        return false;
    }
    return true;
}

void variable_pool::give_back(std::size_t spans) noexcept {
    if (spans != 0 && spans == heap_.spans()) {
        (void)heap_.trim();
    } else {
        (void)heap_.release_idle(spans);
    }
    note_spans();
}

bool variable_pool::try_reserve_initial() noexcept {
    if (!is_open_ && !open()) return false;
    const std::size_t span = heap_.granules() * engine::granule_bytes;
    const std::size_t spans = is_only_ ? 1 : (options_.initial_bytes - 1) / span + 1;
    return spans * span >= options_.initial_bytes && try_reserve_spans(spans);
}

void variable_pool::reserve_initial() {
    (void)insist(options_.initial_bytes, [this] { return try_reserve_initial(); }, false);
}

// Spans without a block are counted on only: what is free between others may not be where it is wanted.
bool variable_pool::try_reserve(std::size_t size, std::size_t blocks) noexcept {
    if (!is_open_ && !open()) return false;
    if (size > largest_) return false;
    const std::uint32_t planned = heap_.granules();
    const std::size_t in_span = planned / engine::granules_for(size);
    const std::size_t needed = blocks / in_span + (blocks % in_span != 0 ? 1 : 0);
    const std::size_t idle = heap_.idle_spans();
    const std::size_t before = heap_.spans();
    if (needed > idle && !try_reserve_spans(before + needed - idle)) return false;
    // Below a maximum the only span may have come out shorter than planned.
    const bool is_enough =
        heap_.granules() == planned || blocks <= heap_.granules() / engine::granules_for(size);
    if (is_enough && heap_.ensure_numbers(blocks)) return true;
    give_back(heap_.spans() - before);
    return false;
}

void variable_pool::reserve(std::size_t size, std::size_t blocks, touch pages) {
    std::size_t bytes = unlimited;
    (void)base::multiply(size, blocks, bytes);
    (void)insist(bytes, [&] { return try_reserve(size, blocks); }, false);
    if (pages == touch::yes && !watched_) regions_.populate(); // a watcher forbids what is free
}

// Idle spans that nobody needed for a window of traffic go back.
void variable_pool::settle() noexcept {
    freed_ = 0;
    if (walks_ != 0) return;
    (void)heap_.release_idle(heap_.fewest_idle());
    heap_.forget_fewest();
    note_spans();
}

std::size_t variable_pool::trim() noexcept {
    if (!is_open_ || walks_ != 0) return 0;
    const std::size_t before = limit_.used();
    (void)large_.release_kept();
    (void)heap_.trim();
    note_spans();
    return before - limit_.used();
}

void variable_pool::reset() noexcept {
    if (!is_open_) return;
    if (walks_ != 0 && options_.checks)
        return regions_.report({misuse::not_quiet, options_.name, nullptr, 0});
    if (is_exact_) {
        cursor at{.span_end = heap_.end_id(), .large_end = 0};
        std::size_t size = 0;
        while (void* const block = next_live(at, size)) {
            if (at.large == 0) mark_free(block, size);
        }
        if (options_.erase_on_free) erase_large();
    }
    heap_.reset();
    large_.reset();
    note_peak();
}

void variable_pool::erase_large() noexcept {
    std::uint32_t id = 0;
    void* block = nullptr;
    while (const auto* const live = large_.next_live(id, block)) std::memset(block, 0, live->requested);
}

// Reallocation.

// In place, by the neighbour behind. What is new of the block is checked and zeroed as when it is handed out.
bool variable_pool::resize_block(const engine::span_heap::place& at, void* block, std::size_t size) noexcept {
    const std::uint32_t has = heap_.granules_at(at);
    const std::size_t had = has * engine::granule_bytes;
    if (size > largest_) return false;
    if (!heap_.has_numbers(1)) (void)heap_.ensure_numbers(0);
    const std::size_t usable = watched_ ? base::permitted(block, had) : had;
    const std::uint32_t wanted = engine::granules_for(size);
    if (!heap_.resize(at, has, wanted)) return false;
    if (heap_.granules_at(at) - wanted >= engine::smallest_run) keeps_more_ = true;
    if (!is_exact_) return true;
    auto* const bytes = static_cast<std::byte*>(block);
    const std::size_t now = heap_.granules_at(at) * engine::granule_bytes;
    if (now < had) mark_free(bytes + now, had - now);
    if (options_.checks && now > had) check_untouched(block, had, now);
    const std::size_t asked = size != 0 ? size : 1;
    if (watched_ && asked > usable) base::permit(bytes + usable, asked - usable);
    if (watched_ && asked < now) base::forbid(bytes + asked, now - asked);
    if (!options_.zero_on_allocate) return true;
    const std::size_t from = size < usable ? size : usable;
    std::memset(bytes + from, 0, (watched_ ? asked : now) - from);
    return true;
}

bool variable_pool::resize_large(const engine::large_blocks::record& live, void* block,
                                 std::size_t size) noexcept {
    const std::size_t had = live.requested;
    if (size <= largest_ || !large_.resize(live, size)) return false;
    if (options_.zero_on_allocate && size > had)
        std::memset(static_cast<std::byte*>(block) + had, 0, size - had);
    if (options_.erase_on_free && size < had) {
        std::byte* const cut = static_cast<std::byte*>(block) + size;
        if (watched_) base::permit(cut, had - size);
        std::memset(cut, 0, had - size);
        if (watched_) base::forbid(cut, had - size);
    }
    return true;
}

bool variable_pool::try_resize(void* block, std::size_t size) noexcept {
    engine::span_heap::place at;
    if (heap_.find(block, at) && heap_.is_live(at)) return resize_block(at, block, size);
    if (const auto* const found = large_.find(block)) return resize_large(*found, block, size);
    report_stray(block);
    return false;
}

// What is live may also be too large for its size when there is no memory for a smaller block.
void* variable_pool::take_again(void* block, std::size_t size, std::size_t alignment) noexcept {
    const bool is_aligned = base::padding_to(block, alignment) == 0;
    if (is_aligned && try_resize(block, size)) return block;
    const std::size_t has = size_of(block);
    void* const fresh = take(size, alignment);
    if (fresh == nullptr) {
        if (!is_aligned || size > has) return nullptr;
        keeps_more_ = true;
        if (options_.zero_on_allocate) {
            const std::size_t usable = watched_ ? base::permitted(block, has) : has;
            std::memset(static_cast<std::byte*>(block) + size, 0, usable - size);
        }
        return block;
    }
    const std::size_t usable = watched_ ? base::permitted(block, has) : has;
    std::memcpy(fresh, block, size < usable ? size : usable);
    deallocate(block);
    return fresh;
}

void* variable_pool::try_reallocate(void* block, std::size_t size, std::size_t alignment) noexcept {
    if (block == nullptr) return try_allocate(size, alignment);
    if (!is_live(block)) return report_stray(block), nullptr;
    void* const result = base::is_power_of_two(alignment) ? take_again(block, size, alignment) : nullptr;
    if (result == nullptr) ++calls_.failures;
    return result;
}

void* variable_pool::reallocate(void* block, std::size_t size, std::size_t alignment) {
    if (block == nullptr) return allocate(size, alignment);
    if (!base::is_power_of_two(alignment)) {
        base::raise_bad_options(options_.name, "the alignment of a request is not a power of two");
    }
    bool is_stray = false; // also when a handler has freed it
    void* const result = insist(size, [&] {
        is_stray = !is_live(block);
        return is_stray ? block : take_again(block, size, alignment);
    });
    if (!is_stray) return result;
    report_stray(block);
    return nullptr;
}

} // namespace cenote::inline v0_1
