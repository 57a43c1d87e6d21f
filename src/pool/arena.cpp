// cenote: SPDX-License-Identifier: MIT
#include <cenote/base/sanitizer.hpp>
#include <cenote/pool/arena.hpp>
#include <cenote/source/region.hpp>

#include <cstring>

namespace cenote::inline v0_1 {

// Stands in the arena where the mark was made: what is below it cannot be freed without it, so that looking
// for it among those that are left finds out whether the mark still holds.
struct arena_mark::record {
    record* previous;
    void* notes; // the arena's, then
    engine::chunk* home;
    std::uint64_t number;

    [[nodiscard]] std::byte* end() noexcept { return reinterpret_cast<std::byte*>(this) + sizeof(record); }
};

arena::~arena() {
    reset();
    chunks_.release_all();
}

void arena::open() noexcept {
    is_open_ = true;
    watched_ = options_.sanitizers && base::watched();
    is_exact_ = is_exact_ || watched_;
    chunks_.configure(
        {&from(), options_.chunk_size, options_.growth, options_.maximum_bytes, watched_, options_.checks},
        options_.buffer, options_.buffer_bytes);
}

void arena::set_top(std::byte* top) noexcept {
    (is_exact_ ? chunks_.current()->top : top_) = top;
}

// At capacity zero the hot words say that nothing fits, and that nothing is the last allocation.
CENOTE_INLINE void arena::go_to_current() noexcept {
    const engine::chunk* const current = chunks_.current();
    const bool is_hot = current != nullptr && !is_exact_;
    high_ = current != nullptr ? current->top : nullptr;
    top_ = is_hot ? current->top : nullptr;
    end_ = is_hot ? current->end : nullptr;
}

CENOTE_INLINE void arena::note_peak() noexcept {
    engine::chunk* const current = chunks_.current();
    if (current == nullptr) return;
    std::byte* const now = top();
    const auto offset = static_cast<std::size_t>((high_ > now ? high_ : now) - current->begin);
    if (current->below + offset > peak_) peak_ = current->below + offset;
    if (current->floor + offset > extent_) extent_ = current->floor + offset;
    high_ = current->top = now;
}

std::size_t arena::extent() const noexcept {
    const engine::chunk* const current = chunks_.current();
    if (current == nullptr) return extent_;
    const std::byte* const highest = high_ > top() ? high_ : top();
    const std::size_t now = current->floor + static_cast<std::size_t>(highest - current->begin);
    return now > extent_ ? now : extent_;
}

void arena::forget_extent() noexcept {
    note_peak();
    extent_ = 0;
}

arena_stats arena::stats() const noexcept {
    arena_stats result;
    result.held_bytes =
        is_open_ ? chunks_.held()
                 : engine::chunk_list::held_by(options_.buffer, options_.buffer_bytes, options_.checks);
    result.reserved_bytes = chunks_.reserved();
    result.peak_bytes = peak_;
    if (const engine::chunk* const current = chunks_.current()) {
        const std::byte* const highest = high_ > top() ? high_ : top();
        result.live_bytes = current->below + static_cast<std::size_t>(top() - current->begin);
        const std::size_t most = current->below + static_cast<std::size_t>(highest - current->begin);
        if (most > peak_) result.peak_bytes = most;
    }
    if (options_.stats) result.calls = calls_;
    return result;
}

// Allocation.

void* arena::cut(std::size_t size, std::size_t alignment) noexcept {
    const engine::chunk* const current = chunks_.current();
    if (current == nullptr) return nullptr;
    std::byte* const begin = top();
    const auto room = static_cast<std::size_t>(current->end - begin);
    if (options_.checks && alignment < engine::edge_map::unit) alignment = engine::edge_map::unit;
    const std::size_t padding = base::padding_to(begin, alignment);
    if (padding > room || size > room - padding) return nullptr;
    if (options_.checks) current->edges().enter(begin, begin + padding, size);
    set_top(begin + padding + size);
    return begin + padding;
}

void* arena::take(std::size_t size, std::size_t alignment) noexcept {
    if (!base::is_power_of_two(alignment)) return nullptr;
    if (!is_open_) open();
    size += size == 0;
    void* block = cut(size, alignment);
    if (block == nullptr) {
        note_peak();
        if (!chunks_.advance(size, alignment)) return nullptr;
        go_to_current();
        block = cut(size, alignment);
    }
    if (watched_) base::permit(block, size);
    if (options_.zero_on_allocate) std::memset(block, 0, size);
    ++calls_.allocations;
    return block;
}

void* arena::try_allocate_slow(std::size_t size, std::size_t alignment) noexcept {
    void* const block = take(size, alignment);
    if (block == nullptr) ++calls_.failures;
    return block;
}

void* arena::allocate_slow(std::size_t size, std::size_t alignment) {
    if (!base::is_power_of_two(alignment)) {
        base::raise_bad_options(options_.name, "the alignment of a request is not a power of two");
    }
    return insist(size, [&] { return take(size, alignment); });
}

shortage arena::shortage_of(std::size_t size) const noexcept {
    return {.pool = options_.name,
            .requested = size,
            .live = stats().live_bytes,
            .reserved = chunks_.reserved(),
            .limit = options_.maximum_bytes,
            .available = options_.maximum_bytes == 0 ? unlimited : from().available()};
}

void* arena::allocate_zeroed(std::size_t size, std::size_t alignment) {
    void* const block = allocate(size, alignment);
    return std::memset(block, 0, size);
}

// Freeing.

void arena::report(misuse kind, const void* pointer) const noexcept {
    base::report_misuse({kind, options_.name, pointer, 0});
}

void arena::wipe(std::byte* begin, const std::byte* end) noexcept {
    const auto bytes = static_cast<std::size_t>(end - begin);
    if (options_.erase_on_free) {
        if (watched_) base::permit(begin, bytes); // padding, too
        std::memset(begin, 0, bytes);
    }
    if (watched_) base::forbid(begin, bytes);
}

// The chunk that has all of these bytes in use, or null.
const engine::chunk* arena::home_of(const void* pointer, std::size_t bytes) const noexcept {
    const auto address = reinterpret_cast<std::uintptr_t>(pointer);
    const engine::chunk* const current = chunks_.current();
    if (current == nullptr) return nullptr;
    for (const engine::chunk* at = chunks_.first();; at = at->next) {
        const std::size_t offset = address - reinterpret_cast<std::uintptr_t>(at->begin);
        const auto used = static_cast<std::size_t>(top_of(*at) - at->begin);
        if (offset < used && bytes <= used - offset) return at;
        if (at == current) return nullptr;
    }
}

// Reports what is wrong with a block and its size.
bool arena::is_misuse(const void* block, std::size_t size) const noexcept {
    const engine::chunk* const home = home_of(block, 1);
    if (home != nullptr) {
        const engine::edge_map edges = home->edges();
        if (home_of(block, size) != nullptr && edges.holds(block, size, top_of(*home))) return false;
        report(edges.wrong_about(block), block);
        return true;
    }
    const auto address = reinterpret_cast<std::uintptr_t>(block);
    misuse kind = misuse::foreign_pointer;
    for (const engine::chunk* at = chunks_.first(); at != nullptr; at = at->next) {
        if (address - reinterpret_cast<std::uintptr_t>(at->begin) < at->size()) kind = misuse::double_free;
    }
    report(kind, block);
    return true;
}

bool arena::check(const void* block, std::size_t size) const noexcept {
    return !options_.checks || !is_misuse(block, size + (size == 0));
}

// What a mark, or an object with a destructor, stands in goes at a rewind or a reset.
void arena::keep(const void* block) noexcept {
    if (options_.checks) home_of(block, 1)->edges().keep(block);
}

// With checks blocks start on units: one whose last unit the top is in, or right behind, is the last,
// whatever came behind it and is gone.
bool arena::is_last(const std::byte* begin, std::size_t size) const noexcept {
    const std::uintptr_t end = reinterpret_cast<std::uintptr_t>(begin) + size;
    const std::uintptr_t behind = reinterpret_cast<std::uintptr_t>(top()) - end;
    return behind <= (options_.checks ? (0 - end) % engine::edge_map::unit : 0);
}

void arena::deallocate_slow(void* block, std::size_t size) noexcept {
    if (block == nullptr || !is_exact_) return;
    if (options_.checks ? is_misuse(block, size) : !holds(block, size)) return;
    auto* const begin = static_cast<std::byte*>(block);
    std::byte* end = begin + size;
    if (options_.checks) home_of(block, 1)->edges().leave(block, size);
    if (is_last(begin, size)) {
        end = top(); // up to seven bytes more: no reset comes by them any more
        if (end > high_) high_ = end;
        set_top(begin);
    }
    wipe(begin, end);
    ++calls_.deallocations;
}

bool arena::try_extend(void* block, std::size_t old_size, std::size_t size) noexcept {
    old_size += old_size == 0;
    size += size == 0;
    const engine::chunk* const current = chunks_.current();
    if (current == nullptr || block == nullptr) return false;
    auto* const begin = static_cast<std::byte*>(block);
    std::byte* const end = top();
    if (!is_last(begin, old_size) || old_size > static_cast<std::size_t>(end - current->begin)) return false;
    if (size > static_cast<std::size_t>(current->end - begin)) return false;
    if (options_.checks && is_misuse(block, old_size)) return false;
    if (end > high_) high_ = end;
    if (options_.checks) current->edges().resize(block, old_size, size);
    set_top(begin + size);
    if (size < old_size) {
        if (is_exact_) wipe(begin + size, end);
    } else {
        std::byte* const old_end = begin + old_size;
        if (watched_) base::permit(old_end, size - old_size);
        if (options_.zero_on_allocate) std::memset(old_end, 0, size - old_size);
    }
    return true;
}

// Of one that is not the last only the end moves: its tail is had again at a rewind or a reset.
bool arena::try_resize(void* block, std::size_t old_size, std::size_t size) noexcept {
    if (!check(block, old_size)) return false;
    if (try_extend(block, old_size, size)) return true;
    if (size > old_size) return false;
    const auto bytes = [](std::size_t given) { return given + (given == 0); };
    if (options_.checks) home_of(block, 1)->edges().resize(block, bytes(old_size), bytes(size));
    return true;
}

// Whether nothing needs to move, also because it is misuse.
bool arena::stays(void* block, std::size_t old_size, std::size_t size, std::size_t alignment) noexcept {
    if (block == nullptr || !base::is_power_of_two(alignment)) return false;
    if (!check(block, old_size)) return true;
    return base::padding_to(block, alignment) == 0 && try_resize(block, old_size, size);
}

void* arena::move_to(void* block, std::size_t old_size, void* place, std::size_t size) noexcept {
    if (block == nullptr) return place;
    std::memcpy(place, block, old_size < size ? old_size : size);
    deallocate(block, old_size);
    return place;
}

void* arena::reallocate(void* block, std::size_t old_size, std::size_t size, std::size_t alignment) {
    if (stays(block, old_size, size, alignment)) return block;
    return move_to(block, old_size, allocate(size, alignment), size);
}

void* arena::try_reallocate(void* block, std::size_t old_size, std::size_t size,
                            std::size_t alignment) noexcept {
    if (stays(block, old_size, size, alignment)) return block;
    void* const place = try_allocate(size, alignment);
    return place == nullptr ? nullptr : move_to(block, old_size, place, size);
}

// Marks.

// One behind which nothing has come since serves again, so that a loop that marks does not fill the arena.
template<class Get>
bool arena::set_mark(arena_mark& here, const Get& get) {
    const engine::chunk* const current = chunks_.current();
    if (current == nullptr || (current == chunks_.first() && top() == current->begin)) {
        here = {this, nullptr, 0};
        return true;
    }
    if (marks_ == nullptr || marks_->end() != top()) {
        void* const block = get(sizeof(arena_mark::record), alignof(arena_mark::record));
        if (block == nullptr) return false;
        marks_ = ::new (block) arena_mark::record{marks_, notes_, chunks_.current(), ++marks_made_};
        keep(block);
    }
    here = {this, marks_, marks_->number};
    return true;
}

arena_mark arena::mark() {
    arena_mark here;
    (void)set_mark(here, [this](std::size_t size, std::size_t align) { return allocate(size, align); });
    return here;
}

bool arena::try_mark(arena_mark& here) noexcept {
    return set_mark(here, [this](std::size_t size, std::size_t align) { return try_allocate(size, align); });
}

void arena::rewind(const arena_mark& to) noexcept {
    arena_mark::record* found = marks_;
    while (found != nullptr && found != to.at_) found = found->previous;
    const bool holds = to.at_ == nullptr || (found != nullptr && found->number == to.number_);
    if (to.home_ != this || !holds) return report(misuse::bad_mark, to.at_);
    if (found == nullptr || to.at_ == nullptr) return reset();
    if (is_freeing_) return report(misuse::not_quiet, nullptr);
    destruct_down_to(static_cast<const note*>(found->notes));
    marks_ = found;
    free_from(*found->home, found->end());
}

void arena::reset() noexcept {
    if (is_freeing_) return report(misuse::not_quiet, nullptr);
    if (notes_ != nullptr) destruct_down_to(nullptr);
    marks_ = nullptr;
    if (chunks_.current() != nullptr) free_from(*chunks_.first(), chunks_.first()->begin);
}

// A destructor may use the arena, but for the two above.
void arena::destruct_down_to(const note* until) noexcept {
    is_freeing_ = true;
    while (notes_ != until) {
        const note* const last = notes_;
        notes_ = last->previous;
        last->destruct(last->object);
    }
    is_freeing_ = false;
}

void arena::free_from(engine::chunk& home, std::byte* top) noexcept {
    note_peak();
    if (is_exact_) {
        for (engine::chunk* at = &home;; at = at->next) {
            wipe(at == &home ? top : at->begin, at->top);
            if (at == chunks_.current()) break;
        }
    }
    chunks_.go_back_to(home);
    home.top = top;
    go_to_current();
}

std::size_t arena::trim(std::size_t keep) noexcept {
    note_peak();
    const std::size_t bytes = chunks_.trim(keep);
    go_to_current();
    return bytes;
}

std::size_t arena::required_bytes(const arena_options& options) {
    if (const char* const flaw = options.flaw()) base::raise_bad_options(options.name, flaw);
    const region somewhere(nullptr, 0);
    std::size_t bytes = 0;
    (void)engine::chunk_list::first_request(somewhere, options.chunk_size, options.checks, bytes);
    return bytes + engine::chunk_list::alignment - 1;
}

bool arena::is_valid() const noexcept {
    for (const note* at = notes_; at != nullptr; at = at->previous) {
        if (!holds(at, sizeof(note))) return false;
    }
    for (const arena_mark::record* at = marks_; at != nullptr; at = at->previous) {
        if (!holds(at, sizeof *at) || (at->previous != nullptr && at->previous->number >= at->number))
            return false;
    }
    const arena_stats now = stats();
    if (now.live_bytes > now.peak_bytes || now.live_bytes > now.held_bytes) return false;
    const engine::chunk* const current = chunks_.current();
    if (current != nullptr && (top() < current->begin || top() > current->end)) return false;
    for (const engine::chunk* at = options_.checks ? current : nullptr; at != nullptr; at = at->previous) {
        if (!at->edges().is_valid(top_of(*at))) return false;
    }
    return chunks_.is_valid() && chunks_.reserved() <= options_.maximum_bytes;
}

} // namespace cenote::inline v0_1
