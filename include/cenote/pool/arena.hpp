// cenote: SPDX-License-Identifier: MIT
//
// Bump allocation for one thread: any size and alignment, freed as a whole or back to a mark. Use it for what
// dies together: a request, a frame, a parse. `allocate` is align, compare, add, inline at the end of the
// class; `allocate_slow` goes on to the next chunk. Freeing gives back the last allocation only and ignores
// others. The rest of a chunk, too small for a request, is lost until the next reset: less than that request.
// `reset` keeps the chunks; its cost is that of the destructors it runs. The caller's buffer is used first,
// then the source. One thread at a time; no signal handlers.
#pragma once

#include <cenote/base/arith.hpp>
#include <cenote/pool/chunk_list.hpp>
#include <cenote/source/os_pages.hpp>

#include <new>
#include <type_traits>
#include <utility>

namespace cenote::inline v0_1 {

class arena;
struct arena_options {
    std::size_t chunk_size = std::size_t{64} << 10; ///< bytes of the first chunk from the source
    /// Of the later ones, counted in bytes; none is smaller than the first, but for `constant`.
    cenote::growth growth = growth::geometric(2, std::size_t{4} << 20);
    std::size_t maximum_bytes = unlimited; ///< never more than this from the source; 0: the buffer only
    void* buffer = nullptr;                ///< used before the source; must outlive the arena
    std::size_t buffer_bytes = 0;
    cenote::source* source = nullptr; ///< null: `default_source()`
    /// Finds wrong frees (see there); every call takes the slow path, blocks start on eight bytes, and where
    /// they start and end takes a 33rd of each chunk, of the buffer too.
    bool checks = false;
    bool stats = false;            ///< counts calls; every call takes the slow path
    bool zero_on_allocate = false; ///< bytes come zeroed; every call takes the slow path
    bool erase_on_free = false;    ///< bytes are zeroed when they return; every call takes the slow path
    bool sanitizers = true;        ///< under ASan or memcheck: tell them of every call, by the slow path
    const char* name = "unnamed";  ///< for messages; not copied
    exhaustion_handler on_exhaustion{};

    /// What is wrong with these options, or null. The one place where they are judged.
    [[nodiscard]] constexpr const char* flaw() const noexcept;
};

/// What an arena holds, exact at the time of the call.
struct arena_stats {
    std::size_t live_bytes =
        0; ///< handed out and not freed, padding, marks and notes of destructors included
    std::size_t peak_bytes = 0;       ///< the most ever live
    std::size_t held_bytes = 0;       ///< that its chunks and its buffer can hold
    std::size_t reserved_bytes = 0;   ///< taken from the source
    std::optional<call_counts> calls; ///< absent without the option `stats`
};

/// A place in an arena to go back to.
class arena_mark {
public:
    constexpr arena_mark() noexcept = default;

private:
    friend class arena;
    struct record; // stands in the arena
    constexpr arena_mark(const arena* home, const record* at, std::uint64_t number) noexcept
        : home_(home), at_(at), number_(number) {}

    const arena* home_ = nullptr;
    const record* at_ = nullptr; // null: the beginning
    std::uint64_t number_ = 0;
};

class CENOTE_API arena {
public:
    using options = arena_options;
    class scope;
    /// The alignment of allocations for which none is asked.
    static constexpr std::size_t default_alignment = 16;

    /// Throws `bad_options`. Takes no memory until the first call.
    constexpr explicit arena(const arena_options& wanted = {})
        : is_exact_(wanted.checks || wanted.stats || wanted.zero_on_allocate || wanted.erase_on_free),
          options_(wanted) {
        if (const char* const flaw = wanted.flaw()) base::raise_bad_options(wanted.name, flaw);
    }
    constexpr explicit arena(defaults) : arena(arena_options{}) {}
    arena(const arena&) = delete;
    arena& operator=(const arena&) = delete;
    /// Runs the destructors that `make` noted, the last first; then everything goes back to the source.
    ~arena();

    /// `size` bytes (0 counts as 1) at a power of two `alignment`. Throws `out_of_memory`.
    [[nodiscard]] void* allocate(std::size_t size, std::size_t alignment = default_alignment);
    /// The same, or null; also null for an alignment that is no power of two.
    [[nodiscard]] void* try_allocate(std::size_t size, std::size_t alignment = default_alignment) noexcept;
    [[nodiscard]] void* allocate_zeroed(std::size_t size, std::size_t alignment = default_alignment);

    /// Gives the bytes back when they are the last that were allocated; otherwise they stay until the next
    /// reset. With `checks`, what is not the start of a live block is misuse, and so is a size that ends in
    /// other eight bytes than the block does; O(chunks, size / 32). Null is ignored.
    void deallocate(void* block, std::size_t size, std::size_t alignment = default_alignment) noexcept;

    /// `size` bytes that begin with the contents of the old ones: in place when those were the last or when
    /// there are fewer, otherwise elsewhere. Throws `out_of_memory`; the old bytes stay then. Null is no
    /// bytes.
    [[nodiscard]] void* reallocate(void* block, std::size_t old_size, std::size_t size,
                                   std::size_t alignment = default_alignment);
    [[nodiscard]] void* try_reallocate(void* block, std::size_t old_size, std::size_t size,
                                       std::size_t alignment = default_alignment) noexcept;
    /// Makes the last allocation larger or smaller where it stands; false when it is not the last, or does
    /// not fit.
    [[nodiscard]] bool try_extend(void* block, std::size_t old_size, std::size_t size) noexcept;
    /// The same, and makes any block smaller.
    [[nodiscard]] bool try_resize(void* block, std::size_t old_size, std::size_t size) noexcept;
    /// With `checks`: whether a block of this size is live here, which is otherwise told as misuse, as at its
    /// free. True without.
    [[nodiscard]] bool check(const void* block, std::size_t size) const noexcept;

    /// Constructs an object, which `reset` and `rewind` destruct; types without destructors cost no note of
    /// it. Throws `out_of_memory`, and what the constructor throws: its bytes are free again then.
    template<class T, class... Args>
    [[nodiscard]] T* make(Args&&... args) {
        return build<T>([this](std::size_t size, std::size_t align) { return allocate(size, align); },
                        std::forward<Args>(args)...);
    }
    /// The same, or null when there is no memory. Throws only what the constructor throws.
    template<class T, class... Args>
    [[nodiscard]] T* try_make(Args&&... args) {
        return build<T>([this](std::size_t size, std::size_t align) { return try_allocate(size, align); },
                        std::forward<Args>(args)...);
    }

    /// The place where the arena stands, which takes 32 bytes of it unless it is empty. Throws
    /// `out_of_memory`.
    [[nodiscard]] arena_mark mark();
    /// The same into `here`; false when there is no memory.
    [[nodiscard]] bool try_mark(arena_mark& here) noexcept;
    /// Frees all that came after the mark, which stays: destructors first, the last made first. A mark of
    /// another arena, or one that was rewound past, is misuse, and changes nothing.
    void rewind(const arena_mark& to) noexcept;
    /// Frees everything, as `rewind` to the beginning; the chunks are kept.
    void reset() noexcept;
    /// Gives chunks that are not in use back to the source, the last first, as long as the arena can still
    /// hold `keep` bytes. Returns how many bytes.
    std::size_t trim(std::size_t keep = 0) noexcept;

    /// Whether this is in bytes that the arena has handed out and not freed. O(chunks).
    [[nodiscard]] bool owns(const void* pointer) const noexcept { return holds(pointer, 1); }
    [[nodiscard]] const char* name() const noexcept { return options_.name; }
    [[nodiscard]] bool is_instrumented() const noexcept { return is_exact_; }
    [[nodiscard]] arena_stats stats() const noexcept;
    /// Bytes of the chunks that were in use at once since the last `forget_extent`, up to the last byte.
    [[nodiscard]] std::size_t extent() const noexcept;
    void forget_extent() noexcept;
    /// The arena's own invariants. O(chunks, marks and notes); for tests.
    [[nodiscard]] bool is_valid() const noexcept;

    /// How large a `region` must be for the first chunk, wherever it starts. Throws `bad_options`.
    [[nodiscard]] static std::size_t required_bytes(const arena_options& options);

private:
    friend class arena_pool;
    struct note { // of an object to be destructed; stands behind it
        note* previous;
        void* object;
        void (*destruct)(void*) noexcept;
    };

    CENOTE_NOINLINE void* allocate_slow(std::size_t size, std::size_t alignment);
    CENOTE_NOINLINE void* try_allocate_slow(std::size_t size, std::size_t alignment) noexcept;
    CENOTE_NOINLINE void deallocate_slow(void* block, std::size_t size) noexcept;

    template<class Get>
    [[nodiscard]] bool set_mark(arena_mark& here, const Get& get);
    [[nodiscard]] bool bump(std::size_t size, std::size_t alignment, void*& block) noexcept;
    void open() noexcept;
    [[nodiscard]] void* take(std::size_t size, std::size_t alignment) noexcept;
    [[nodiscard]] void* cut(std::size_t size, std::size_t alignment) noexcept;
    [[nodiscard]] void* move_to(void* block, std::size_t old_size, void* place, std::size_t size) noexcept;
    [[nodiscard]] bool stays(void* block, std::size_t old_size, std::size_t size,
                             std::size_t alignment) noexcept;
    void free_from(engine::chunk& home, std::byte* top) noexcept;
    void wipe(std::byte* begin, const std::byte* end) noexcept;
    void destruct_down_to(const note* until) noexcept;
    void note_peak() noexcept;
    /// What `get()` finds, or the end of it; `counts`: as a failure.
    template<class Get>
    auto insist(std::size_t size, const Get& get, bool counts = true) {
        return engine::insist(
            options_.on_exhaustion, this, get, [&] { return shortage_of(size); },
            [&] { calls_.failures += counts ? 1 : 0; });
    }
    [[nodiscard]] shortage shortage_of(std::size_t size) const noexcept;
    [[nodiscard]] const engine::chunk* home_of(const void* pointer, std::size_t bytes) const noexcept;
    [[nodiscard]] bool holds(const void* pointer, std::size_t bytes) const noexcept {
        return home_of(pointer, bytes) != nullptr;
    }
    [[nodiscard]] bool is_last(const std::byte* begin, std::size_t size) const noexcept;
    [[nodiscard]] bool is_misuse(const void* block, std::size_t size) const noexcept;
    void keep(const void* block) noexcept;
    void report(misuse kind, const void* pointer) const noexcept;

    [[nodiscard]] source& from() const noexcept {
        return options_.source != nullptr ? *options_.source : default_source();
    }
    /// The current chunk's top, wherever it is kept: between calls of the slow path in `top_`, unless every
    /// call takes it.
    [[nodiscard]] std::byte* top() const noexcept {
        const engine::chunk* const current = chunks_.current();
        return current == nullptr ? nullptr : is_exact_ ? current->top : top_;
    }
    [[nodiscard]] std::byte* top_of(const engine::chunk& one) const noexcept {
        return &one == chunks_.current() ? top() : one.top;
    }
    void set_top(std::byte* top) noexcept;
    void go_to_current() noexcept;

    template<class T, class Get, class... Args>
    [[nodiscard]] T* build(const Get& get, Args&&... args);

    std::byte* top_ = nullptr; // the hot words come first
    std::byte* end_ = nullptr;
    std::byte* high_ = nullptr; // the highest `top` in the current chunk since its peak was noted
    note* notes_ = nullptr;     // the last first
    arena_mark::record* marks_ = nullptr;
    engine::chunk_list chunks_;
    std::uint64_t marks_made_ = 0;
    std::size_t peak_ = 0;
    std::size_t extent_ = 0;
    bool is_open_ = false;
    bool watched_ = false;
    bool is_exact_;           // every call takes the slow path
    bool is_freeing_ = false; // destructors run
    call_counts calls_;
    arena_options options_;
};

/// Rewinds when it goes. Scopes nest.
class [[nodiscard]] arena::scope {
public:
    explicit scope(arena& of) : arena_(of), begin_(of.mark()) {}
    scope(const scope&) = delete;
    scope& operator=(const scope&) = delete;
    ~scope() { arena_.rewind(begin_); }

private:
    arena& arena_;
    arena_mark begin_;
};

constexpr const char* arena_options::flaw() const noexcept {
    if (chunk_size == 0) return "chunk_size is 0; give the bytes of the first chunk";
    if (chunk_size > base::size_max / 4) return "chunk_size is more than memory can hold";
    if (!growth.is_sound()) return "growth adds nothing: the factor must be above 1, the bytes above 0";
    if (buffer == nullptr && buffer_bytes != 0) return "buffer_bytes is given, but no buffer";
    if (maximum_bytes == 0 && buffer_bytes == 0) {
        return "maximum_bytes is 0 and there is no buffer; leave it out for no maximum";
    }
    return nullptr;
}

template<class T, class Get, class... Args>
T* arena::build(const Get& get, Args&&... args) {
    static_assert(std::is_object_v<T> && !std::is_array_v<T> && !std::is_const_v<T>,
                  "cenote::arena::make<T>: T must be an object type, neither const nor an array");
    static_assert(std::is_nothrow_destructible_v<T>,
                  "cenote::arena::make<T>: the destructor of T must be noexcept, because reset is");
    static_assert(std::is_constructible_v<T, Args...>,
                  "cenote::arena::make<T>: T has no constructor for these arguments");
    constexpr bool is_noted = !std::is_trivially_destructible_v<T>;
    constexpr std::size_t note_offset = base::rounded_up(sizeof(T), alignof(note));
    constexpr std::size_t size = is_noted ? note_offset + sizeof(note) : sizeof(T);
    constexpr std::size_t align = is_noted && alignof(T) < alignof(note) ? alignof(note) : alignof(T);
    void* const block = get(size, align);
    if (block == nullptr) return nullptr;
    struct giving_back { // also without exceptions, where it does nothing
        arena* home;
        void* block;
        ~giving_back() {
            if (home != nullptr) home->deallocate(block, size, align);
        }
    } guard{this, block};
    T* const object = ::new (block) T(std::forward<Args>(args)...);
    guard.home = nullptr;
    if constexpr (is_noted) {
        notes_ = ::new (static_cast<std::byte*>(block) + note_offset)
            note{notes_, object, [](void* gone) noexcept { static_cast<T*>(gone)->~T(); }};
        if (is_exact_) keep(block);
    }
    return object;
}

// The hot path. When size and alignment are constants, what depends on them alone is, too. That nothing is to
// be skipped is foretold more often than not, and then the next call need not wait for this one's arithmetic.
// A size of 0 is too large when 1 is taken from it: the slow path knows it as 1.

CENOTE_INLINE bool arena::bump(std::size_t size, std::size_t alignment, void*& block) noexcept {
    const std::size_t padding = base::padding_to(top_, alignment);
    const auto room = static_cast<std::size_t>(end_ - top_);
    if ((alignment & (alignment - 1)) != 0) return false;
    if (padding == 0) [[likely]] {
        if (size - 1 >= room) return false;
        block = top_;
        top_ += size;
        return true;
    }
    if (padding >= room || size - 1 >= room - padding) return false;
    block = top_ + padding;
    top_ += padding + size;
    return true;
}

CENOTE_INLINE void* arena::allocate(std::size_t size, std::size_t alignment) {
    void* block = nullptr;
    if (bump(size, alignment, block)) [[likely]]
        return block;
    return allocate_slow(size, alignment);
}

CENOTE_INLINE void* arena::try_allocate(std::size_t size, std::size_t alignment) noexcept {
    void* block = nullptr;
    if (bump(size, alignment, block)) [[likely]]
        return block;
    return try_allocate_slow(size, alignment);
}

CENOTE_INLINE void arena::deallocate(void* block, std::size_t size, std::size_t /*alignment*/) noexcept {
    size += size == 0;
    std::size_t end = 0; // a sum behind all memory would wrap to null, where a checked arena's top is
    if (!base::add(reinterpret_cast<std::uintptr_t>(block), size, end) ||
        end != reinterpret_cast<std::uintptr_t>(top_)) [[unlikely]]
        return deallocate_slow(block, size);
    if (top_ > high_) high_ = top_;
    top_ = static_cast<std::byte*>(block);
}

} // namespace cenote::inline v0_1
