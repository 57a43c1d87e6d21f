// cenote: SPDX-License-Identifier: MIT
#include <cenote/slab/depot.hpp>
#include <cenote/slab/slab_finder.hpp>

#include <algorithm>
#include <cstring>
#include <new>

namespace cenote::inline v0_1::engine {

void depot::adopt(const region_header& region) noexcept {
    if (capacity_ == 0) return;
    const std::size_t magazines = region.room_bytes / magazine_bytes(capacity_);
    if (magazines != 0) empty_ = ::new (region.room) spare{empty_, magazines - 1};
}

void depot::abandon(const region_header& region) noexcept {
    const auto stands_in = [&](const spare* magazine) {
        const auto address = reinterpret_cast<std::uintptr_t>(magazine);
        return address - reinterpret_cast<std::uintptr_t>(region.room) < region.room_bytes;
    };
    last_full_ = nullptr;
    for (spare** link = &full_; *link != nullptr;) {
        spare& full = **link;
        if (stands_in(&full)) {
            *link = full.next;
            --full_count_;
            cached_ -= full.count;
            drain_one(full);
        } else {
            last_full_ = &full;
            link = &full.next;
        }
    }
    spare** link = &empty_;
    while (*link != nullptr) {
        if (stands_in(*link)) {
            *link = (*link)->next;
        } else {
            link = &(*link)->next;
        }
    }
    heap_.give_surplus_slabs();
}

std::size_t depot::fetch(void** begin, std::size_t want) noexcept {
    if (spare* const magazine = pop_full()) {
        const std::size_t count = magazine->count;
        hand_out(magazine->blocks(), count, begin);
        push_empty(*magazine);
        return count;
    }
    const std::size_t taken = heap_.take(begin + want, want);
    if (taken < want) std::memmove(begin, begin + (want - taken), taken * sizeof(void*));
    return taken;
}

namespace {

// 1 or its negative when the next eight of [numbers, end) rise or fall by it, and are of one word of a
// bitmap: alike in the bits of `word_bits`. Else 0.
CENOTE_INLINE std::uint32_t step_of_eight(const std::uint32_t* numbers, const std::uint32_t* end,
                                          std::uint32_t word_bits) noexcept {
    if (end - numbers < 8) return 0;
    const std::uint32_t step = numbers[1] - numbers[0];
    if (step != 1 && step != 0 - 1u) return 0;
    if (((numbers[0] ^ (numbers[0] + 7 * step)) & word_bits) != 0) return 0;
    return base::rises_by(numbers, numbers[0], step) ? step : 0;
}

} // namespace

// Eight neighbours, in either order, are marked and written at once, as `withdraw` takes them. What another
// thread has freed lies in that one's cache: all lines are asked for at once, and not one after the other
// when the blocks are written to.
void depot::hand_out(const std::uint32_t* numbers, std::size_t count, void** into) noexcept {
    const int bits = index_bits();
    const std::uint32_t mask = index_mask();
    const std::uint32_t word_bits = ~(mask & (slab::word_bits - 1));
    const std::uintptr_t stride = heap_.layout().stride;
    const slab_table::finder table = heap_.regions().table().look();
    const std::uint32_t* const end = numbers + count;
    const auto mark = [&](std::uint32_t number, slab::word some) { // the lowest of them
        const std::uint32_t index = number & mask;
        const slab_table::entry& entry = table.at(number >> bits);
        entry.record->out()[index / slab::word_bits] |= some << index % slab::word_bits;
        return reinterpret_cast<std::uintptr_t>(entry.begin) + index * stride;
    };
    // The stack is read from its end: there the block stands that was freed first.
    const bool turns = order_ == order::oldest_first;
    void** at = turns ? into + count : into;
    while (numbers != end) {
        if (const std::uint32_t step = step_of_eight(numbers, end, word_bits); step != 0) {
            const std::uintptr_t lowest = mark(step == 1 ? numbers[0] : numbers[7], 0xff);
            const bool falls = (step == 1) == turns;
            if (turns) {
                at -= 8;
                for (std::size_t i = 0; i < 8; ++i)
                    base::prefetch_to_own(reinterpret_cast<const void*>(lowest + i * stride));
            }
            base::store_eight(at, falls ? lowest + 7 * stride : lowest, falls ? 0 - stride : stride);
            if (!turns) at += 8;
            numbers += 8;
            continue;
        }
        for (const std::uint32_t* const next = end - numbers < 4 ? end : numbers + 4; numbers != next;
             ++numbers) {
            void* const block = reinterpret_cast<void*>(mark(*numbers, 1));
            if (turns) base::prefetch_to_own(block);
            *(turns ? --at : at++) = block;
        }
    }
    heap_.handed_out(count);
}

namespace {

// Where the blocks of a flush go once they are no longer out: their numbers into a magazine.
class number_sink {
public:
    number_sink(std::uint32_t* numbers, int bits) noexcept : next_(numbers), bits_(bits) {}
    CENOTE_INLINE void take(const position& at) noexcept { *next_++ = number_of(at); }
    /// Eight neighbours from `at` on, upwards or downwards.
    CENOTE_INLINE void take_eight(const position& at, bool upwards) noexcept {
        base::store_eight(next_, number_of(at), upwards);
        next_ += 8;
    }

private:
    [[nodiscard]] std::uint32_t number_of(const position& at) const noexcept {
        return at.id << bits_ | at.index;
    }
    std::uint32_t* next_;
    int bits_;
};

// Or straight to the bitmaps.
class slab_sink {
public:
    explicit slab_sink(slab_heap& heap) noexcept : heap_(heap) {}
    CENOTE_INLINE void take(const position& at) noexcept { heap_.give_bits(at, slab::bit(at.index), 1); }
    CENOTE_INLINE void take_eight(const position& at, bool /*upwards*/) noexcept {
        heap_.give_bits(at, slab::word{0xff} << at.index % slab::word_bits, 8);
    }

private:
    slab_heap& heap_;
};

// Or nowhere: nobody will look for them again.
struct no_sink {
    CENOTE_INLINE void take(const position& /*at*/) noexcept {}
    CENOTE_INLINE void take_eight(const position& /*at*/, bool /*upwards*/) noexcept {}
};

} // namespace

// Eight blocks that stand side by side, in either order, are checked and marked at once: freed in the order
// in which they were allocated, most are. Where they do not, four go one by one before the next look.
template<class Sink>
void* const* depot::withdraw(void* const* block, void* const* end, std::size_t& count, Sink& sink) noexcept {
    const slab_heap::finder heap = heap_.look();
    slab_heap::place of_eight;
    std::size_t bad = 0;
    void* const* const begin = block;
    while (block != end) {
        if (const std::ptrdiff_t step = heap.step_of_eight(block, end); step != 0) {
            if (heap.withdraw_eight(step > 0 ? block[0] : block[7], of_eight)) [[likely]] {
                sink.take_eight(of_eight.block, step > 0);
                block += 8;
                continue;
            }
        }
        for (void* const* const next = end - block < 4 ? end : block + 4; block != next; ++block) {
            position at;
            if (heap.withdraw_one(*block, at)) [[likely]] {
                sink.take(at);
                continue;
            }
            if (heap_.regions().reports_are_crowded()) {
                end = block;
                break;
            }
            report(heap_.diagnose(*block), *block);
            ++bad;
        }
    }
    count = static_cast<std::size_t>(block - begin) - bad;
    heap_.withdrew(count);
    return block;
}

namespace {

constexpr std::ptrdiff_t least_in_order = 2 * slab::word_bits;

// Whether [begin, end) are neighbours for the most part, as far as three looks tell.
bool are_in_order(const slab_heap::finder& heap, void* const* begin, void* const* end) noexcept {
    const std::ptrdiff_t count = end - begin;
    return count >= least_in_order && heap.step_of_eight(begin, end) != 0 &&
           heap.step_of_eight(begin + count / 2, end) != 0 && heap.step_of_eight(end - 8, end) != 0;
}

} // namespace

// A thread's own neighbours go to the bitmaps: a word holds 64 of them, slabs hand them out side by side,
// too, and no page of magazines is touched that never was, which costs more than all else. Another thread's
// are better asked for as a magazine.
void* const* depot::put(void* const* begin, void* const* end) noexcept {
    if (empty_ == nullptr) return put_in_slabs(begin, end);
    if (order_ == order::newest_first && are_in_order(heap_.look(), begin, end))
        return put_in_slabs(begin, end);
    spare& magazine = *pop_empty();
    number_sink sink(magazine.blocks(), index_bits());
    begin = withdraw(begin, end, magazine.count, sink);
    magazine.count != 0 ? push_full(magazine) : push_empty(magazine);
    return begin;
}

// By itself: beside the other, its loop would have too few registers.
CENOTE_NOINLINE void* const* depot::put_in_slabs(void* const* begin, void* const* end) noexcept {
    std::size_t count = 0;
    slab_sink sink(heap_);
    begin = withdraw(begin, end, count, sink);
    heap_.gave(count);
    heap_.give_surplus_slabs();
    return begin;
}

void depot::discard(void* const* begin, void* const* end) noexcept {
    std::size_t count = 0;
    no_sink sink;
    (void)withdraw(begin, end, count, sink);
}

// Neighbours go a bitmap word at a time.
void depot::give(const std::uint32_t* first, const std::uint32_t* last) noexcept {
    const int bits = index_bits();
    const std::uint32_t mask = index_mask();
    word_run run;
    for (; first != last; ++first) {
        const std::uint32_t id = *first >> bits;
        const std::uint32_t index = *first & mask;
        if (run.add(id, index)) continue;
        if (run.mask != 0) heap_.give(run);
        run = word_run({id, index, &heap_.regions().record(id)});
    }
    if (run.mask != 0) heap_.give(run);
}

bool depot::put_exact(void* block) noexcept {
    if (try_put_exact(block)) return true;
    report(heap_.diagnose(block), block);
    return false;
}

bool depot::try_put_exact(void* block) noexcept {
    position at;
    if (!heap_.find_near(block, at)) return false;
    if (is_queue()) return put_in_queue(at);
    if (!heap_.put_one(at)) return false;
    heap_.give_surplus_slabs();
    return true;
}

bool depot::put_in_queue(const position& at) noexcept {
    const word_run one(at);
    if (!heap_.withdraw(one)) return false;
    if (!queue_up(at)) heap_.give(one);
    return true;
}

// What is in a slab has been free longer than anything in the queue: it never was out, or was drained.
void* depot::take_exact() noexcept {
    if (cached_ == 0) [[likely]]
        return heap_.take_one();
    if (is_queue() && heap_.idle() == 0) return take_first(); // not from the source
    if (void* const block = heap_.take_one()) return block;
    drain(1); // during a walk the depot may hold what the slabs lack
    return heap_.take_one();
}

// Blocks join the last magazine of a queue, and leave the first one, which is turned before, so that its
// count is that of its blocks.
bool depot::queue_up(const position& at) noexcept {
    if (full_ == nullptr || last_full_ == turned_ || last_full_->count == capacity_) {
        if (empty_ == nullptr) return false;
        spare& magazine = *pop_empty();
        magazine.count = 0;
        push_full(magazine);
    }
    last_full_->blocks()[last_full_->count++] = at.id << index_bits() | at.index;
    ++cached_;
    return true;
}

void* depot::take_first() noexcept {
    spare& front = *full_;
    if (turned_ != &front) {
        std::reverse(front.blocks(), front.blocks() + front.count);
        turned_ = &front;
    }
    const std::uint32_t number = front.blocks()[--front.count];
    --cached_;
    if (front.count == 0) push_empty(*pop_full());
    const std::uint32_t id = number >> index_bits();
    const std::uint32_t index = number & index_mask();
    const slab_table::entry& entry = heap_.regions().table().at(id);
    heap_.hand_out(word_run({id, index, entry.record}));
    return entry.begin + index * heap_.layout().stride;
}

void depot::write_off(void* const* begin, void* const* end) noexcept {
    for (; begin != end; ++begin) {
        position at;
        if (heap_.find(*begin, at) && heap_.withdraw(word_run(at))) ++written_off_;
    }
}

void depot::drain(std::size_t most) noexcept {
    if (most == 0) return;
    if (most > full_count_) most = full_count_;
    spare** link = &full_;
    if (order_ == order::newest_first) { // the oldest are at the end
        for (std::size_t skip = full_count_ - most; skip != 0; --skip) link = &(*link)->next;
    }
    for (; most != 0; --most) {
        spare& magazine = **link;
        *link = magazine.next;
        --full_count_;
        cached_ -= magazine.count;
        drain_one(magazine);
        push_empty(magazine);
    }
    heap_.give_surplus_slabs();
}

void depot::drain_one(spare& full) noexcept {
    give(full.blocks(), full.blocks() + full.count);
}

void depot::forget_blocks() noexcept {
    while (spare* const magazine = pop_full()) push_empty(*magazine);
    written_off_ = 0;
}

void depot::forget_magazines() noexcept {
    full_ = nullptr;
    last_full_ = nullptr;
    empty_ = nullptr;
    full_count_ = 0;
    cached_ = 0;
}

void depot::push_full(spare& magazine) noexcept {
    if (turned_ == &magazine) turned_ = nullptr;
    if (order_ != order::newest_first && full_ != nullptr) {
        magazine.next = nullptr;
        last_full_->next = &magazine;
        last_full_ = &magazine;
    } else {
        magazine.next = full_;
        full_ = &magazine;
        last_full_ = &magazine;
    }
    ++full_count_;
    cached_ += magazine.count;
}

depot::spare* depot::pop_full() noexcept {
    spare* const magazine = full_;
    if (magazine == nullptr) return nullptr;
    full_ = magazine->next;
    cached_ -= magazine->count;
    --full_count_;
    return magazine;
}

// Those that were never used stand behind the first of them and are not touched.
depot::spare* depot::pop_empty() noexcept {
    spare* const magazine = empty_;
    empty_ = magazine->next;
    if (const std::size_t behind = magazine->count; behind != 0) {
        std::byte* const next = reinterpret_cast<std::byte*>(magazine) + magazine_bytes(capacity_);
        empty_ = ::new (next) spare{empty_, behind - 1};
    }
    return magazine;
}

void depot::push_empty(spare& magazine) noexcept {
    magazine.next = empty_;
    magazine.count = 0;
    empty_ = &magazine;
}

void depot::report(misuse kind, const void* pointer) const noexcept {
    heap_.regions().report({kind, pool_, pointer, heap_.layout().block_size});
}

bool depot::is_valid() const noexcept {
    std::size_t cached = 0;
    std::size_t full = 0;
    for (const spare* magazine = full_; magazine != nullptr; magazine = magazine->next) {
        cached += magazine->count;
        ++full;
    }
    return cached == cached_ && full == full_count_ && heap_.is_valid() &&
           heap_.blocks() == heap_.out() + heap_.idle() + cached + written_off_;
}

} // namespace cenote::inline v0_1::engine
