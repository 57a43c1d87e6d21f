// cenote: SPDX-License-Identifier: MIT
//
// A hard number of arenas for any number of threads: each is lent to one holder at a time and comes back
// empty. Use it for requests that each want scratch memory, and to keep their number bounded. Borrowing and
// returning are two atomic exchanges while some are free; who waits is served first come, first served. What
// an arena has grown to is kept as far as recent loans needed it: of its chunks as many as hold the 60th
// percentile of what the last 64 loans used (see docs/decisions). Any thread; a lease may end on another one
// than it began. The source must be thread-safe, unless arenas do not grow.
#pragma once

#include <cenote/concurrent/deadline.hpp>
#include <cenote/concurrent/waiting_line.hpp>
#include <cenote/pool/arena.hpp>
#include <cenote/source/budget.hpp>

namespace cenote::inline v0_1 {

struct arena_pool_options {
    std::size_t arenas = 0;                         ///< how many; must be set
    std::size_t arena_size = std::size_t{64} << 10; ///< bytes that each holds from the start
    /// What an arena adds when it is full, as of `arena`; none: arenas do not grow.
    cenote::growth growth = growth::geometric(2, std::size_t{4} << 20);
    std::size_t maximum_bytes = unlimited; ///< all together never take more than this from the source
    cenote::source* source = nullptr;      ///< null: `default_source()`
    /// These are options of every arena. With checks each takes more, so that it holds its size all the same.
    bool checks = false;
    bool stats = false; ///< the pool's own calls are counted, too
    bool zero_on_allocate = false;
    bool erase_on_free = false;
    bool sanitizers = true;
    const char* name = "unnamed"; ///< for messages; not copied
    exhaustion_handler on_exhaustion{};

    /// What is wrong with these options, or null. The one place where they are judged.
    [[nodiscard]] constexpr const char* flaw() const noexcept;
};

/// What an arena pool holds, exact at the time of the call.
struct arena_pool_stats {
    std::size_t arenas = 0;
    std::size_t free = 0;
    std::size_t peak_out = 0; ///< the most that were lent at once
    std::size_t waiting = 0;  ///< threads
    std::size_t reserved_bytes = 0;
    /// Arenas lent, taken back, and refused: by a deadline, a close, or since none was free. Absent without
    /// the option `stats`. Exact while nobody borrows, returns or trims.
    std::optional<call_counts> calls;
};

class CENOTE_API arena_pool {
public:
    using options = arena_pool_options;
    class lease;

    /// Takes the memory of all arenas from the source, untouched. Throws `bad_options` and `out_of_memory`.
    explicit arena_pool(const arena_pool_options& wanted);
    /// Without an arena until `try_open()`. Throws `bad_options`.
    arena_pool(const arena_pool_options& wanted, unopened);
    arena_pool(const arena_pool&) = delete;
    arena_pool& operator=(const arena_pool&) = delete;
    /// Arenas that are still lent are told to the leak handler, whose default prints; their memory goes.
    ~arena_pool();

    /// Takes the memory; false when it cannot be had. Once, before any other call.
    [[nodiscard]] bool try_open() noexcept;

    /// An empty arena; waits for one. Throws `pool_closed`.
    [[nodiscard]] lease acquire();
    /// The same, or an empty lease when none is free or others wait.
    [[nodiscard]] lease try_acquire() noexcept;
    /// The same, or an empty lease when none came until then. Throws `pool_closed`.
    [[nodiscard]] lease acquire_until(std::chrono::steady_clock::time_point deadline);
    template<class Rep, class Period>
    [[nodiscard]] lease acquire_for(std::chrono::duration<Rep, Period> length);
    /// The same for who cannot catch: false when the pool is closed.
    [[nodiscard]] bool acquire_until(std::chrono::steady_clock::time_point deadline, lease& into) noexcept;
    template<class Rep, class Period>
    [[nodiscard]] bool acquire_for(std::chrono::duration<Rep, Period> length, lease& into) noexcept;

    /// Nobody gets an arena any more; who waits is told so by `pool_closed`. Leases end as before.
    void close() noexcept { line_.close(); }
    [[nodiscard]] bool is_closed() noexcept { return line_.is_closed(); }

    /// Gives back what free arenas have grown by. They count as lent meanwhile. Returns how many bytes; 0
    /// when the pool is closed.
    std::size_t trim() noexcept;

    /// What a grown arena may keep at present: the 60th percentile, by nearest rank, of the bytes that the
    /// last 64 loans used, and at least `arena_size`.
    [[nodiscard]] std::size_t kept_bytes() const noexcept;
    [[nodiscard]] std::size_t arena_size() const noexcept { return options_.arena_size; }
    [[nodiscard]] const char* name() const noexcept { return options_.name; }
    /// Takes time in proportion to the number of arenas when calls are counted.
    [[nodiscard]] arena_pool_stats stats() noexcept;

    /// How large a `region` must be so that all arenas fit, wherever it starts; they cannot grow then. Throws
    /// `bad_options`.
    [[nodiscard]] static std::size_t required_bytes(const arena_pool_options& options);
    /// The same as `bytes`, without throwing: what is wrong with the options, or null.
    [[nodiscard]] static const char* try_required_bytes(const arena_pool_options& options,
                                                        std::size_t& bytes) noexcept;

private:
    static constexpr std::size_t most_recent = 64;
    static constexpr std::int64_t never = sync::no_deadline;
    using entry = engine::waiting_line::entry;

    struct parts { // of the memory
        std::size_t entries = 0;
        std::size_t slots = 0;
        std::size_t pitch = 0; // from buffer to buffer
        std::size_t bytes = 0; // of all
    };
    [[nodiscard]] static bool parts_for(const arena_pool_options& options, parts& sizes) noexcept;

    [[nodiscard]] lease wait(std::int64_t deadline);
    [[nodiscard]] bool wait(std::int64_t deadline, lease& into) noexcept;
    void take_back(std::uint32_t number, arena& back) noexcept;
    void note_loan(arena& back) noexcept;
    void note_refusal() noexcept;

    engine::waiting_line line_; // the hot words come first
    std::size_t recent_[most_recent] =
        {}; // bytes used by the last loans; written without a lock: one may be lost
    std::size_t loans_ = 0;
    sync::atomic<std::uint64_t> refused_{0}; // counted with the option `stats`
    arena_pool_options options_;
    budget limit_; // around the source
    source::request reserved_;
    std::byte* memory_ = nullptr;
};

/// An arena on loan: returns it when it goes. Movable; empty when there was none. The pool must outlive it.
class arena_pool::lease {
public:
    constexpr lease() noexcept = default;
    lease(lease&& other) noexcept
        : home_(other.home_), number_(other.number_), arena_(std::exchange(other.arena_, nullptr)) {}
    lease& operator=(lease&& other) noexcept {
        lease(std::move(other)).swap(*this);
        return *this;
    }
    ~lease() { release(); }

    [[nodiscard]] arena& operator*() const noexcept { return *arena_; }
    [[nodiscard]] arena* operator->() const noexcept { return arena_; }
    [[nodiscard]] explicit operator bool() const noexcept { return arena_ != nullptr; }

    /// Which of the pool's arenas it is, counted from 0; only while there is one.
    [[nodiscard]] std::uint32_t number() const noexcept { return number_; }
    /// Returns the arena now: its destructors run on this thread.
    void release() noexcept {
        if (arena_ != nullptr) home_->take_back(number_, *std::exchange(arena_, nullptr));
    }
    void swap(lease& other) noexcept {
        std::swap(home_, other.home_);
        std::swap(arena_, other.arena_);
        std::swap(number_, other.number_);
    }

private:
    friend class arena_pool;
    lease(arena_pool& home, std::uint32_t number) noexcept
        : home_(&home), number_(number), arena_(static_cast<arena*>(home.line_.at(number))) {}

    arena_pool* home_ = nullptr;
    std::uint32_t number_ = 0; // keeps the others apart: stored as one vector they are late to be read back
    arena* arena_ = nullptr;
};

constexpr const char* arena_pool_options::flaw() const noexcept {
    if (arenas == 0) return "arenas is 0; give how many there shall be";
    if (arenas > engine::waiting_line::most) return "arenas is above 2147483646";
    if (arena_size == 0) return "arena_size is 0; give the bytes of an arena";
    if (arena_size > base::size_max / 4) return "arena_size is more than memory can hold";
    if (!growth.is_sound()) return "growth adds nothing: the factor must be above 1, the bytes above 0";
    std::size_t bytes = 0;
    if (!base::multiply(arenas, arena_size, bytes) || bytes > base::size_max / 4)
        return "arenas of arena_size are more than memory can hold";
    if (maximum_bytes <= bytes) return "maximum_bytes is less than arenas of arena_size need";
    return nullptr;
}

inline arena_pool::lease arena_pool::acquire() {
    if (const std::uint32_t number = line_.take(); number != engine::waiting_line::none) [[likely]]
        return {*this, number};
    return wait(never);
}

inline bool arena_pool::acquire_until(std::chrono::steady_clock::time_point deadline, lease& into) noexcept {
    return wait(engine::deadline_at(deadline), into);
}

template<class Rep, class Period>
bool arena_pool::acquire_for(std::chrono::duration<Rep, Period> length, lease& into) noexcept {
    return wait(engine::deadline_after(length, sync::steady_now()), into);
}

inline arena_pool::lease arena_pool::acquire_until(std::chrono::steady_clock::time_point deadline) {
    if (const std::uint32_t number = line_.take(); number != engine::waiting_line::none) [[likely]]
        return {*this, number};
    return wait(engine::deadline_at(deadline));
}

template<class Rep, class Period>
arena_pool::lease arena_pool::acquire_for(std::chrono::duration<Rep, Period> length) {
    if (const std::uint32_t number = line_.take(); number != engine::waiting_line::none) [[likely]]
        return {*this, number};
    return wait(engine::deadline_after(length, sync::steady_now()));
}

} // namespace cenote::inline v0_1
