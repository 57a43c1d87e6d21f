// cenote: SPDX-License-Identifier: MIT
//
// A pool of one thread made a pool of many: the core's depot, slabs and memory behind one lock, and before it
// a cache for each thread. `take` and `give` are what lies behind the hot paths of the concurrent pools. The
// lock is held once a magazine; reports of misuse are delivered when it is free again. Any thread, except
// where a call says that it needs quiet.
#pragma once

#include <cenote/base/sync_word.hpp>
#include <cenote/concurrent/crew.hpp>
#include <cenote/pool/options.hpp>
#include <cenote/slab/misuse_list.hpp>
#include <cenote/source/source.hpp>

namespace cenote::inline v0_1 {

/// What `trim` of a concurrent pool did.
struct trim_result {
    std::size_t returned_bytes = 0; ///< given back to the source
    /// In other threads' caches, which are asked to flush at their next exchange, as of their last one: what
    /// a thread has put there since counts as live.
    std::size_t pinned_bytes = 0;
};

/// Says that no other thread is in a call of the pool, or will be before this one returns.
struct quiet_t {
    explicit constexpr quiet_t() noexcept = default;
};
inline constexpr quiet_t quiet{};

namespace engine {

template<class Core>
class CENOTE_API shared {
public:
    template<class... Options> // of the core
    constexpr explicit shared(const Options&... options) : core_(options...) {}
    shared(const shared&) = delete;
    shared& operator=(const shared&) = delete;
    ~shared();

    /// Holds the lock; what threads have left is drained by then.
    class section;
    /// A walk: every call takes the slow path meanwhile, so that what the visitor does is exact at once.
    class walk;

    [[nodiscard]] CENOTE_INLINE std::uint64_t id() const noexcept { return crew_.id(); }

    /// Makes the pool ready at its first call; false when it cannot. In a section.
    [[nodiscard]] bool open() noexcept;
    [[nodiscard]] bool is_open() const noexcept { return sync::load_acquire(state_) != closed; }

    /// The calling thread's cache, or null: it has none yet, or the pool works without.
    [[nodiscard]] thread_cache* cache_here() noexcept;
    /// Gives the calling thread a cache when there is memory for one; `may_buy`: or when the source gives
    /// some.
    thread_cache* join(bool may_buy) noexcept;

    /// A block for the thread whose cache is `mine`, or null when there is none.
    [[nodiscard]] void* take(thread_cache& mine, std::uint32_t size_class) noexcept;
    void give(thread_cache& mine, std::uint32_t size_class, void* block) noexcept;
    /// Up to `want` blocks; less only when there are no more.
    [[nodiscard]] std::size_t take_many(thread_cache& mine, std::uint32_t size_class, void** blocks,
                                        std::size_t want) noexcept;
    void give_many(thread_cache& mine, std::uint32_t size_class, void* const* blocks,
                   std::size_t count) noexcept;

    /// Whether `block` lies in a magazine of the calling thread.
    [[nodiscard]] bool holds(const void* block, std::uint32_t size_class) noexcept;

    void release_cache() noexcept;
    /// For who was in a section and comes again at once: lets a thread that sleeps for the lock have it
    /// before, which needs longer to wake than its holder to come again. Not in a section.
    void give_way() noexcept;
    [[nodiscard]] trim_result trim() noexcept;
    /// The caller's magazines counted anew, or with `all` everybody's, which needs quiet.
    [[nodiscard]] pool_stats levels(bool all) noexcept;
    void count_failure() noexcept;

    // Quiet only.

    /// All caches at capacity zero and empty until `resume`.
    void suspend() noexcept;
    void resume() noexcept;
    void reset() noexcept;
    [[nodiscard]] bool is_valid() noexcept;

    /// Blocks of a size class in other threads' caches, as of their last exchange. In a section.
    [[nodiscard]] std::size_t cached_elsewhere(std::uint32_t size_class) noexcept;
    /// How many threads have caches. In a section.
    [[nodiscard]] std::size_t caches() const noexcept { return crew_.count(); }
    /// Asks every thread to flush at its next call that holds the lock. In a section.
    void ask_for_flushes() noexcept { crew_.ask_for_flushes(); }
    /// Counts the caller's magazines anew, and with `all` everybody's. In a section.
    void recount(bool all) noexcept;

    [[nodiscard]] Core& core() noexcept { return core_; }
    [[nodiscard]] std::size_t bought_bytes() const noexcept { return bought_; }
    [[nodiscard]] std::size_t walks() const noexcept { return walks_; }
    /// Whether another thread walks. In a section.
    [[nodiscard]] bool is_disturbing() const noexcept { return walks_ != 0 && walker_ != &own_slots(); }
    /// Whether anybody walks, the caller too. Not in a section.
    [[nodiscard]] bool is_walked() noexcept;

    /// Bytes that `units` caches need from a source of this granularity, and their alignment.
    [[nodiscard]] static std::size_t bytes_of_units(std::size_t unit_bytes, std::size_t units) noexcept;
    static constexpr std::size_t unit_alignment = 64;

private:
    struct chunk { // of memory for caches
        chunk* next;
        std::size_t bytes;
        std::size_t units;
        std::size_t spare;
    };

    void buy(std::size_t least) noexcept;
    [[nodiscard]] bool flush_everybody() noexcept;
    void release_chunks(bool all) noexcept;
    [[nodiscard]] static stock& stock_of(thread_cache& mine, std::uint32_t size_class) noexcept {
        return mine.stocks[size_class];
    }
    [[nodiscard]] bool equip(thread_cache& mine, std::uint32_t size_class) noexcept;
    bool widen(thread_cache& mine, std::uint32_t size_class) noexcept;
    [[nodiscard]] bool narrow_widest(thread_cache& mine, std::uint32_t size_class) noexcept;
    void recount(stock& one, std::uint32_t size_class) noexcept;
    void flush(stock& one, magazine& full, std::uint32_t size_class) noexcept;
    void flush(stock& one, magazine& full, std::size_t count, std::uint32_t size_class) noexcept;
    void flush_all(thread_cache& mine) noexcept;
    void collect() noexcept;
    [[nodiscard]] bool drain(cache_unit& unit) noexcept;
    void write_off(cache_unit& unit) noexcept;
    void end_walks() noexcept;

    crew crew_;
    Core core_;
    chunk* chunks_ = nullptr;
    std::size_t bought_ = 0;
    using state = unsigned char;
    static constexpr state closed = 0;
    static constexpr state without_caches = 1;
    static constexpr state with_caches = 2;
    state state_ = closed; // written under the lock
    std::size_t walks_ = 0;
    const void* walker_ = nullptr;       // the table of the thread that walks
    std::size_t refused_at_ = unlimited; // the core's bytes then: the source is asked again when they change
};

template<class Core>
class [[nodiscard]] shared<Core>::section {
public:
    explicit section(shared& pool) noexcept : pool_(pool) {
        if (!pool_.crew_.is_listed()) [[unlikely]]
            enter_registry(pool_.crew_);
        pool_.crew_.lock();
        pool_.core_.collect_reports(&reports_);
        if (pool_.crew_.has_gone()) pool_.collect();
    }
    section(const section&) = delete;
    section& operator=(const section&) = delete;
    ~section() {
        pool_.core_.collect_reports(nullptr);
        if (pool_.core_.wants_flushes()) pool_.crew_.ask_for_flushes();
        pool_.crew_.unlock();
        reports_.deliver();
    }

private:
    shared& pool_;
    misuse_list reports_;
};

template<class Core>
class [[nodiscard]] shared<Core>::walk {
public:
    explicit walk(shared& pool) noexcept : pool_(pool) { pool_.suspend(); }
    walk(const walk&) = delete;
    walk& operator=(const walk&) = delete;
    ~walk() { pool_.resume(); }

private:
    shared& pool_;
};

} // namespace engine
} // namespace cenote::inline v0_1
