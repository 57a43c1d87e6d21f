// cenote: SPDX-License-Identifier: MIT
#include <cenote/base/sync_word.hpp>
#include <cenote/concurrent/arena_pool.hpp>

#include <algorithm>
#include <new>

namespace cenote::inline v0_1 {
namespace {

constexpr std::size_t cache_line = 64;

struct alignas(cache_line) slot { // no two arenas on a line: their holders write to them all the time
    explicit slot(const arena_options& wanted) : lent(wanted) {}
    arena lent;
    std::uint32_t next = engine::waiting_line::none; // while `trim` has it
    std::uint64_t loans = 0;                         // that have ended, with the option `stats`
};

slot& slot_at(std::byte* memory, std::uint32_t number) noexcept {
    return *std::launder(reinterpret_cast<slot*>(memory + number * sizeof(slot)));
}

std::size_t rank_of_60_percent(std::size_t count) noexcept {
    return (count * 60 + 99) / 100;
}

arena_options options_of_an_arena(const arena_pool_options& wanted, source& from, void* buffer) noexcept {
    arena_options result{.chunk_size = wanted.arena_size,
                         .growth = wanted.growth,
                         .buffer = buffer,
                         .buffer_bytes = engine::chunk_list::bytes_to_hold(wanted.arena_size, wanted.checks),
                         .source = &from,
                         .checks = wanted.checks,
                         .stats = wanted.stats,
                         .zero_on_allocate = wanted.zero_on_allocate,
                         .erase_on_free = wanted.erase_on_free,
                         .sanitizers = wanted.sanitizers,
                         .name = wanted.name,
                         .on_exhaustion = wanted.on_exhaustion};
    if (wanted.growth.how == growth::kind::none) result.maximum_bytes = 0;
    return result;
}

} // namespace

// In the order in which they stand in memory.
bool arena_pool::parts_for(const arena_pool_options& options, parts& sizes) noexcept {
    std::size_t buffers = 0;
    const std::size_t buffer = engine::chunk_list::bytes_to_hold(options.arena_size, options.checks);
    if (!base::round_up(buffer, cache_line, sizes.pitch)) return false;
    if (!base::multiply(options.arenas, sizes.pitch, buffers) || buffers > base::size_max / 4) return false;
    if (!base::multiply(options.arenas, sizeof(entry), sizes.entries)) return false;
    if (!base::multiply(options.arenas, sizeof(slot), sizes.slots)) return false;
    if (sizes.slots > base::size_max / 4) return false;
    sizes.entries = base::rounded_up(sizes.entries, cache_line);
    sizes.bytes = sizes.slots + sizes.entries + buffers;
    return true;
}

arena_pool::arena_pool(const arena_pool_options& wanted, unopened)
    : options_(wanted),
      limit_(wanted.source != nullptr ? *wanted.source : default_source(), wanted.maximum_bytes) {
    if (const char* const flaw = wanted.flaw()) base::raise_bad_options(wanted.name, flaw);
}

arena_pool::arena_pool(const arena_pool_options& wanted) : arena_pool(wanted, unopened{}) {
    if (try_open()) return;
    base::raise_out_of_memory({.pool = wanted.name,
                               .requested = reserved_.bytes,
                               .limit = wanted.maximum_bytes,
                               .available = limit_.available()});
}

bool arena_pool::try_open() noexcept {
    const arena_pool_options& wanted = options_;
    parts sizes;
    reserved_ = {unlimited, cache_line, source::any_node};
    if (!parts_for(wanted, sizes) || !base::round_up(sizes.bytes, limit_.granularity(), reserved_.bytes)) {
        return false;
    }
    memory_ = static_cast<std::byte*>(limit_.reserve(reserved_));
    if (memory_ == nullptr) return false;
    if (!limit_.commit(memory_, reserved_.bytes)) {
        limit_.release(memory_, reserved_);
        memory_ = nullptr;
        return false;
    }
    auto* const entries = reinterpret_cast<entry*>(memory_ + sizes.slots);
    std::byte* const buffers = memory_ + sizes.slots + sizes.entries;
    for (std::size_t i = 0; i < wanted.arenas; ++i) {
        auto* const made = ::new (memory_ + i * sizeof(slot))
            slot(options_of_an_arena(wanted, limit_, buffers + i * sizes.pitch));
        (::new (entries + i) entry)->what = &made->lent;
    }
    line_.adopt(entries, static_cast<std::uint32_t>(wanted.arenas));
    return true;
}

arena_pool::~arena_pool() {
    close();
    if (memory_ == nullptr) return;
    const engine::line_levels now = line_.levels();
    const std::size_t lent = now.all - now.free;
    if (lent != 0) base::report_leak({options_.name, lent, lent * options_.arena_size}, true);
    for (std::uint32_t i = 0; i < now.all; ++i) static_cast<arena*>(line_.at(i))->~arena();
    limit_.release(memory_, reserved_);
}

arena_pool::lease arena_pool::try_acquire() noexcept {
    std::uint32_t number = line_.take();
    if (number != engine::waiting_line::none) return {*this, number};
    const bool got = !line_.seems_empty() &&
                     line_.wait(number, 1, engine::waiting_line::at_once) == engine::wait_result::got;
    if (got) return {*this, number};
    note_refusal();
    return {};
}

arena_pool::lease arena_pool::wait(std::int64_t deadline) {
    lease got;
    if (!wait(deadline, got)) base::raise_pool_closed(options_.name);
    return got;
}

bool arena_pool::wait(std::int64_t deadline, lease& into) noexcept {
    std::uint32_t number = 0;
    const engine::wait_result result = line_.wait(number, 1, deadline);
    const bool got = result == engine::wait_result::got;
    into = got ? lease(*this, number) : lease();
    if (!got) note_refusal();
    return result != engine::wait_result::closed;
}

void arena_pool::note_refusal() noexcept {
    if (options_.stats) refused_.fetch_add(1, sync::memory_order_relaxed);
}

// Stores delay the exchange that follows: none is done that changes nothing.
CENOTE_INLINE void arena_pool::note_loan(arena& back) noexcept {
    const std::size_t extent = back.extent_;
    if (extent != 0) back.extent_ = 0;
    const std::size_t loan = sync::load_relaxed(loans_);
    sync::store_relaxed(recent_[loan % most_recent], extent);
    sync::store_relaxed(loans_, loan + 1);
}

void arena_pool::take_back(std::uint32_t number, arena& back) noexcept {
    if (back.chunks_.current() != nullptr) back.reset(); // else nothing was taken of it yet
    note_loan(back);
    if (back.chunks_.reserved() != 0) [[unlikely]]
        (void)back.trim(kept_bytes());
    if (options_.stats) [[unlikely]] { // the arena is its holder's until the next line
        slot& home = slot_at(memory_, number);
        sync::store_relaxed(home.loans, sync::load_relaxed(home.loans) + 1);
    }
    line_.give(number);
}

std::size_t arena_pool::kept_bytes() const noexcept {
    std::size_t used[most_recent];
    const std::size_t count = std::min(sync::load_relaxed(loans_), most_recent);
    if (count == 0) return options_.arena_size;
    for (std::size_t i = 0; i < count; ++i) used[i] = sync::load_relaxed(recent_[i]);
    std::size_t* const ranked = used + rank_of_60_percent(count) - 1;
    std::nth_element(used, ranked, used + count);
    return std::max(*ranked, options_.arena_size);
}

// All that were ever lent and are free, at once, or the same one would come again and again.
std::size_t arena_pool::trim() noexcept {
    constexpr std::uint32_t none = engine::waiting_line::none;
    const engine::line_levels now = line_.levels();
    std::size_t bytes = 0;
    std::uint32_t taken = none;
    for (std::uint32_t left = now.peak - (now.all - now.free); left != 0; --left) {
        const std::uint32_t number = line_.take();
        if (number == none) break;
        slot& one = slot_at(memory_, number);
        bytes += one.lent.trim(options_.arena_size);
        one.next = std::exchange(taken, number);
    }
    while (taken != none) line_.give(std::exchange(taken, slot_at(memory_, taken).next));
    return bytes;
}

arena_pool_stats arena_pool::stats() noexcept {
    const engine::line_levels now = line_.levels();
    arena_pool_stats result{.arenas = now.all,
                            .free = now.free,
                            .peak_out = now.peak,
                            .waiting = now.waiting,
                            .reserved_bytes = limit_.used(),
                            .calls = {}};
    if (!options_.stats) return result;
    call_counts& calls = result.calls.emplace();
    for (std::uint32_t i = 0; i < now.all; ++i)
        calls.deallocations += sync::load_relaxed(slot_at(memory_, i).loans);
    calls.allocations = calls.deallocations + (now.all - now.free);
    calls.failures = refused_.load(sync::memory_order_relaxed);
    return result;
}

std::size_t arena_pool::required_bytes(const arena_pool_options& options) {
    std::size_t bytes = 0;
    if (const char* const flaw = try_required_bytes(options, bytes)) {
        base::raise_bad_options(options.name, flaw);
    }
    return bytes;
}

const char* arena_pool::try_required_bytes(const arena_pool_options& options, std::size_t& bytes) noexcept {
    if (const char* const flaw = options.flaw()) return flaw;
    parts sizes;
    if (!parts_for(options, sizes)) return "so many arenas are more than memory can hold";
    bytes = sizes.bytes + cache_line - 1;
    return nullptr;
}

} // namespace cenote::inline v0_1
