// cenote: SPDX-License-Identifier: MIT
//
// A hard number of equal blocks for any number of threads: messages, packets, connections. A block is held by
// a handle that returns it. Taking and returning are one atomic exchange each while some are free, in a lane
// that few threads share; who finds none in any lane waits, and is served first come, first served, by
// whoever returns one: there are no caches, so a block that is free anywhere is had. `grow` adds blocks while
// others are out. All memory is taken at once; blocks are not touched before they are used. Any thread; a
// handle may end on another one than it began.
#pragma once

#include <cenote/base/arith.hpp>
#include <cenote/base/sanitizer.hpp>
#include <cenote/base/sync_word.hpp>
#include <cenote/concurrent/deadline.hpp>
#include <cenote/concurrent/waiting_line.hpp>
#include <cenote/pool/options.hpp>
#include <cenote/source/os_pages.hpp>

#include <cstring>
#include <utility>

namespace cenote::inline v0_1 {

struct bounded_pool_options {
    std::size_t block_size = 0;                ///< bytes; must be set
    std::size_t blocks = 0;                    ///< how many; must be set
    std::size_t alignment = natural_alignment; ///< a power of two
    /// What is added when a single block is wanted, none is free and nobody is in line, instead of waiting;
    /// it says how many as in `fixed_pool`. Who wants several waits for them, and who comes then waits
    /// behind.
    cenote::growth growth = growth::none();
    cenote::source* source = nullptr; ///< null: `default_source()`
    bool erase = false;               ///< blocks are zeroed when they return
    bool sanitizers = true;           ///< under ASan or memcheck: tell them of every block
    const char* name = "unnamed";     ///< for messages; not copied

    /// Bytes from block to block; false when that does not fit.
    [[nodiscard]] constexpr bool lay_out(std::size_t& stride, std::size_t& align) const noexcept;
    /// What is wrong with these options, or null. The one place where they are judged.
    [[nodiscard]] constexpr const char* flaw() const noexcept;
};

class CENOTE_API bounded_pool {
public:
    using options = bounded_pool_options;
    class block;
    class ticket;

    /// Throws `bad_options` and `out_of_memory`.
    explicit bounded_pool(const bounded_pool_options& wanted);
    bounded_pool(const bounded_pool&) = delete;
    bounded_pool& operator=(const bounded_pool&) = delete;
    /// Closes it: tickets in line are called with empty handles, and no thread may be in a call. Blocks that
    /// are still out are told to the leak handler, whose default prints; their memory goes.
    ~bounded_pool();

    /// A block; waits for one. Throws `pool_closed`.
    [[nodiscard]] block acquire();
    /// The same, or an empty handle when none is free or others wait.
    [[nodiscard]] block try_acquire() noexcept;
    /// The same, or an empty handle when none came until then. Throws `pool_closed`.
    [[nodiscard]] block acquire_until(std::chrono::steady_clock::time_point deadline);
    template<class Rep, class Period>
    [[nodiscard]] block acquire_for(std::chrono::duration<Rep, Period> length);

    /// `count` blocks into `blocks`, whose old ones return first: all or none. Nobody behind overtakes who
    /// waits for several. Throws `pool_closed`, and `out_of_memory`, with nothing changed, for more than the
    /// pool has.
    void acquire_n(block* blocks, std::size_t count);
    [[nodiscard]] bool try_acquire_n(block* blocks, std::size_t count) noexcept;
    [[nodiscard]] bool acquire_n_until(block* blocks, std::size_t count,
                                       std::chrono::steady_clock::time_point deadline);

    /// For event loops and coroutines: a block at once, or an empty handle. Then `later` stands in the one
    /// line of all who wait, and its function is called once, with a block, or with an empty handle when the
    /// pool is closed or ends: by whoever brings that about, under no lock, and maybe before this returns.
    /// Throws `pool_closed`.
    [[nodiscard]] block acquire_or_call(ticket& later);
    /// True: `waiting` has left the line, and is not called. False: it was called, will be in a moment, or
    /// never stood there. In a child of `fork` nobody stands in line: tickets that did, in the parent, are
    /// not called, and may stand again or be destroyed.
    [[nodiscard]] bool cancel(ticket& waiting) noexcept;

    /// Adds blocks, for those who wait first. Throws `out_of_memory`; nothing has changed then.
    void grow(std::size_t blocks);
    /// As many as that growth adds to those there are. Throws `bad_options`, too, when that is none.
    void grow(const cenote::growth& by);

    /// Nobody gets a block any more; who waits is told so by `pool_closed`. Blocks that are out return as
    /// before.
    void close() noexcept { line_.close(); }
    [[nodiscard]] bool is_closed() noexcept { return line_.is_closed(); }

    /// How many blocks there are.
    [[nodiscard]] std::size_t blocks() const noexcept { return sync::load_relaxed(count_); }
    [[nodiscard]] std::size_t block_size() const noexcept { return options_.block_size; }
    [[nodiscard]] std::size_t alignment() const noexcept { return alignment_; }
    [[nodiscard]] const char* name() const noexcept { return options_.name; }
    /// Exact at the time of the call. The peak may be too high by the blocks that threads took for the first
    /// time while others moved some between lanes.
    [[nodiscard]] pool_stats stats() noexcept;
    /// How many threads and tickets wait.
    [[nodiscard]] std::size_t waiting() noexcept { return line_.waiting(); }

    /// How large a `region` must be for exactly `blocks`, wherever it starts. Throws `bad_options`.
    [[nodiscard]] static std::size_t required_bytes(const bounded_pool_options& options);

private:
    using entry = engine::waiting_line::entry;
    static constexpr std::uint32_t none = engine::waiting_line::none;

    struct region_header {
        region_header* next;
        source::request reserved;
        std::size_t offset; // from the region's begin
    };
    struct lock : engine::crew { // known to forks; also when the constructor throws, it goes as it must
        ~lock() { engine::leave_registry(*this); }
    };
    struct parts { // of a region, in the order in which they stand in memory
        std::size_t blocks = 0;
        std::size_t header = 0;
        std::size_t entries = 0;
        std::size_t bytes = 0;
    };
    [[nodiscard]] static bool parts_for(std::size_t stride, std::size_t count, std::size_t entries,
                                        parts& sizes) noexcept;

    [[nodiscard]] std::uint32_t take(std::int64_t deadline);
    [[nodiscard]] std::uint32_t try_take() noexcept;
    [[nodiscard]] bool acquire_n(block* blocks, std::size_t count, std::int64_t deadline);
    [[nodiscard]] std::uint32_t take_n(std::size_t count, std::int64_t deadline);
    void fill(block* blocks, std::uint32_t first, std::size_t count) noexcept;
    [[nodiscard]] std::byte* hand_out(std::uint32_t number) noexcept;
    void take_back(std::uint32_t number, void* data) noexcept;
    [[nodiscard]] bool try_grow(std::size_t blocks) noexcept;
    [[nodiscard]] bool grow_instead_of_waiting() noexcept;
    [[nodiscard]] std::uint32_t take_or_stand(ticket& later);
    [[nodiscard]] shortage shortage_of(std::size_t count) noexcept;
    [[nodiscard]] source& from() const noexcept {
        return options_.source != nullptr ? *options_.source : default_source();
    }

    engine::waiting_line line_; // the hot words come first
    bounded_pool_options options_;
    std::size_t stride_ = 0;
    std::size_t alignment_ = 1;
    bool watched_ = false;
    lock growing_; // of what follows
    region_header* regions_ = nullptr;
    entry* entries_ = nullptr;
    std::size_t capacity_ = 0; // of the entries
    std::size_t count_ = 0;
    std::size_t reserved_ = 0;
};

/// A block on loan: returns it when it goes. Movable; empty when there was none. The pool must outlive it.
class bounded_pool::block {
public:
    constexpr block() noexcept = default;
    block(block&& other) noexcept
        : home_(other.home_), data_(std::exchange(other.data_, nullptr)), number_(other.number_) {}
    block& operator=(block&& other) noexcept {
        block(std::move(other)).swap(*this);
        return *this;
    }
    ~block() { release(); }

    [[nodiscard]] std::byte* data() const noexcept { return data_; }
    [[nodiscard]] std::size_t size() const noexcept { return data_ != nullptr ? home_->block_size() : 0; }
    [[nodiscard]] explicit operator bool() const noexcept { return data_ != nullptr; }

    void release() noexcept {
        if (data_ != nullptr) home_->take_back(number_, std::exchange(data_, nullptr));
    }
    void swap(block& other) noexcept {
        std::swap(home_, other.home_);
        std::swap(data_, other.data_);
        std::swap(number_, other.number_);
    }

private:
    friend class bounded_pool;
    block(bounded_pool& home, std::uint32_t number) noexcept
        : home_(&home), data_(number != none ? home.hand_out(number) : nullptr), number_(number) {}

    bounded_pool* home_ = nullptr;
    std::byte* data_ = nullptr;
    std::uint32_t number_ = 0;
};

/// A place in line for who cannot wait with a thread. Belongs to the caller, stays where it is until its
/// function is called or `cancel` said true, and may then be used again or destroyed, by the function too.
/// The function should hand its block to the caller's loop and return: it runs within somebody's release.
class bounded_pool::ticket : engine::waiting_line::waiter {
    using waiter = engine::waiting_line::waiter;

public:
    using function = void (*)(ticket& self, block got) noexcept;
    explicit ticket(function when) noexcept : waiter(1, &called), function_(when) {}
    ticket(const ticket&) = delete;
    ticket& operator=(const ticket&) = delete;

private:
    friend class bounded_pool;
    static void called(waiter& one) noexcept {
        auto& self = static_cast<ticket&>(one);
        self.function_(self, block(*self.home_, self.given));
    }

    bounded_pool* home_ = nullptr;
    function function_;
};

constexpr bool bounded_pool_options::lay_out(std::size_t& stride, std::size_t& align) const noexcept {
    const std::size_t divisor = block_size & (0 - block_size);
    const std::size_t natural = divisor < 16 ? divisor : 16;
    align = alignment == natural_alignment ? natural : alignment;
    return base::round_up(block_size, align, stride);
}

constexpr const char* bounded_pool_options::flaw() const noexcept {
    if (block_size == 0) return "block_size is 0; give the bytes of a block";
    if (blocks == 0) return "blocks is 0; give how many there shall be";
    if (blocks > engine::waiting_line::most) return "blocks is above 2147483646";
    if (alignment != natural_alignment && !base::is_power_of_two(alignment)) {
        return "alignment is not a power of two; leave it out or give 8, 16, 64, ...";
    }
    if (!growth.is_sound()) return "growth adds nothing: the factor must be above 1, the blocks above 0";
    std::size_t stride = 0;
    std::size_t align = 0;
    std::size_t bytes = 0;
    if (!lay_out(stride, align) || align > base::size_max / 4 || !base::multiply(stride, blocks, bytes) ||
        bytes > base::size_max / 4) {
        return "block_size, alignment and blocks are too large together";
    }
    return nullptr;
}

inline std::byte* bounded_pool::hand_out(std::uint32_t number) noexcept {
    auto* const data = static_cast<std::byte*>(line_.at(number));
    if (watched_) [[unlikely]]
        base::permit(data, options_.block_size);
    return data;
}

inline bounded_pool::block bounded_pool::acquire() {
    const std::uint32_t number = line_.take(engine::own_lane());
    return {*this, number != none ? number : take(sync::no_deadline)};
}

inline bounded_pool::block bounded_pool::try_acquire() noexcept {
    const std::uint32_t number = line_.take(engine::own_lane());
    return {*this, number != none ? number : try_take()};
}

inline bounded_pool::block bounded_pool::acquire_until(std::chrono::steady_clock::time_point deadline) {
    const std::uint32_t number = line_.take(engine::own_lane());
    return {*this, number != none ? number : take(engine::deadline_at(deadline))};
}

inline bounded_pool::block bounded_pool::acquire_or_call(ticket& later) {
    const std::uint32_t number = line_.take(engine::own_lane());
    return {*this, number != none ? number : take_or_stand(later)};
}

inline bool bounded_pool::cancel(ticket& waiting) noexcept {
    return line_.cancel(waiting);
}

template<class Rep, class Period>
bounded_pool::block bounded_pool::acquire_for(std::chrono::duration<Rep, Period> length) {
    const std::uint32_t number = line_.take(engine::own_lane());
    return {*this, number != none ? number : take(engine::deadline_after(length, sync::steady_now()))};
}

inline void bounded_pool::take_back(std::uint32_t number, void* data) noexcept {
    if (options_.erase) [[unlikely]]
        std::memset(data, 0, options_.block_size);
    if (watched_) [[unlikely]]
        base::forbid(data, options_.block_size);
    line_.give(number, engine::own_lane());
}

} // namespace cenote::inline v0_1
