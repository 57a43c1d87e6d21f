// cenote: SPDX-License-Identifier: MIT
//
// Blocks of any size from one set of regions, for one thread: split to what is asked, merged with free
// neighbours at once, so that memory freed in small blocks serves large ones. For sizes that are not known
// beforehand, or too many for multi_pool's classes; that is faster where its classes fit. Every pointer is
// judged exactly at every call, in O(1): freeing what is no live block of this pool is reported and changes
// nothing (what has gone back to the source is foreign), and nothing is ever written into a free block. Good
// fit costs O(1), in the worst case too, but for a call that goes to the source: it may also copy the numbers
// of all free blocks, or look at all regions; none does after `reserve` with `trim::manual`. See
// docs/decisions/0011. For many threads: `locked<variable_pool>`. Source: M. Masmano, I. Ripoll, A. Crespo,
// J. Real, "TLSF: a New Dynamic Memory Allocator for Real-Time Systems", ECRTS 2004.
#pragma once

#include <cenote/base/arith.hpp>
#include <cenote/pool/large_blocks.hpp>
#include <cenote/pool/options.hpp>
#include <cenote/slab/span_heap.hpp>
#include <cenote/source/budget.hpp>
#include <cenote/source/os_pages.hpp>

#include <concepts>
#include <type_traits>

namespace cenote::inline v0_1 {

struct variable_pool_options {
    std::size_t initial_bytes = 0;                ///< of blocks, reserved by the constructor
    std::size_t maximum_bytes = unlimited;        ///< never more than this from the source
    std::size_t grow_size = std::size_t{1} << 20; ///< bytes taken from the source at a time; 0: no growth
    cenote::fit fit = cenote::fit::good;
    std::uint32_t tolerance_percent = 0; ///< `fit::best` is content with a block so much too large
    cenote::source* source = nullptr;    ///< null: `default_source()`
    bool checks = false;                 ///< also finds writes to freed memory, when it is handed out again
    bool stats = false;                  ///< counts calls
    bool zero_on_allocate = false;       ///< blocks come zeroed
    bool erase_on_free = false;          ///< blocks are zeroed when they return
    bool sanitizers = true;              ///< under ASan or memcheck: tell them of every block
    cenote::trim trim = cenote::trim::automatic;
    const char* name = "unnamed"; ///< for messages; not copied
    exhaustion_handler on_exhaustion{};

    /// What is wrong with these options, or null. The one place where they are judged.
    [[nodiscard]] constexpr const char* flaw() const noexcept;
};

class CENOTE_API variable_pool {
public:
    using options = variable_pool_options;
    /// The alignment of blocks for which none is asked.
    static constexpr std::size_t default_alignment = engine::granule_bytes;

    /// Throws `bad_options`, and `out_of_memory` when `initial_bytes` cannot be had.
    constexpr explicit variable_pool(const variable_pool_options& wanted = {})
        : variable_pool(wanted, unopened{}) {
        if (!std::is_constant_evaluated() && wanted.initial_bytes != 0) reserve_initial();
    }
    constexpr explicit variable_pool(defaults) : variable_pool(variable_pool_options{}) {}
    /// Without the initial bytes until `try_open()`.
    constexpr variable_pool(const variable_pool_options& wanted, unopened)
        : options_(wanted),
          limit_(wanted.source != nullptr ? *wanted.source : default_source(), wanted.maximum_bytes) {
        if (const char* const flaw = wanted.flaw()) base::raise_bad_options(wanted.name, flaw);
    }
    variable_pool(const variable_pool&) = delete;
    variable_pool& operator=(const variable_pool&) = delete;
    /// Live blocks are told to the leak handler, then everything goes back to the source.
    ~variable_pool();

    /// A block of at least `size` bytes (0 counts as 1) at a power of two `alignment`. Throws
    /// `out_of_memory`.
    [[nodiscard]] void* allocate(std::size_t size, std::size_t alignment = default_alignment);
    /// The same, or null; also null for an alignment that is no power of two.
    [[nodiscard]] void* try_allocate(std::size_t size, std::size_t alignment = default_alignment) noexcept;

    /// Takes back a live block. Anything else is reported as misuse and changes nothing. Null is ignored.
    void deallocate(void* block) noexcept;
    /// With the size that was asked for last. Misuse is one that is larger than the block, or smaller by 32
    /// bytes or more (of a block larger than half of `grow_size`: any other). Smaller ones pass once a
    /// reallocation to fewer bytes has found no memory to cut its block.
    void deallocate(void* block, std::size_t size, std::size_t alignment = default_alignment) noexcept;

    /// A block of `size` with the contents of `block` as far as they fit, which is the same block where its
    /// neighbour allows it. Null is allocated, what is no live block is reported as misuse and answered with
    /// null. When there is no memory, `block` stays as it was. `alignment` is kept when it is asked for
    /// again.
    [[nodiscard]] void* reallocate(void* block, std::size_t size, std::size_t alignment = default_alignment);
    [[nodiscard]] void* try_reallocate(void* block, std::size_t size,
                                       std::size_t alignment = default_alignment) noexcept;
    /// Makes a live block one of `size` bytes where it is, or returns false and leaves it as it was.
    [[nodiscard]] bool try_resize(void* block, std::size_t size) noexcept;

    [[nodiscard]] void* allocate_zeroed(std::size_t size, std::size_t alignment = default_alignment);
    /// A block and the bytes of it that may be used, at least `size`.
    [[nodiscard]] allocation allocate_at_least(std::size_t size, std::size_t alignment = default_alignment);
    /// `count` blocks of `size` into `blocks`, all or none. Throws `out_of_memory`.
    void allocate_n(std::size_t size, void** blocks, std::size_t count);
    [[nodiscard]] bool try_allocate_n(std::size_t size, void** blocks, std::size_t count) noexcept;
    void deallocate_n(void* const* blocks, std::size_t count) noexcept;
    /// Zeroes a live block and takes it back.
    void deallocate_erased(void* block) noexcept;

    /// Whether a block of this pool starts here, live or free. O(1); reads nothing behind the pointer.
    [[nodiscard]] bool owns(const void* pointer) const noexcept;
    /// Whether a live block starts here. O(1), exact.
    [[nodiscard]] bool is_live(const void* pointer) const noexcept;
    /// The usable bytes of a live block, 0 for anything else. (A sanitizer lets those be touched that were
    /// asked for; `allocate_at_least` asks for all.)
    [[nodiscard]] std::size_t size_of(const void* block) const noexcept;

    /// Calls `visit(void*, std::size_t)` with every live block and its usable bytes; a visit that returns
    /// false ends the walk. `visit` may allocate and free: blocks live throughout are visited exactly once.
    template<std::invocable<void*, std::size_t> Visit>
    void for_each(Visit&& visit);

    /// All blocks are free, memory is kept. During a walk it is misuse, told with `checks`.
    void reset() noexcept;
    /// Gives regions without a live block back to the source, and returns how many bytes. Nothing during a
    /// walk.
    std::size_t trim() noexcept;
    enum class touch { no, yes };
    /// Makes sure that `blocks` of `size` can be live without another call to the source. Throws
    /// `out_of_memory`.
    void reserve(std::size_t size, std::size_t blocks, touch pages = touch::no);
    /// The same; false when they cannot be had.
    [[nodiscard]] bool try_reserve(std::size_t size, std::size_t blocks) noexcept;
    /// Reserves the initial bytes; false when they cannot be had.
    [[nodiscard]] bool try_open() noexcept { return options_.initial_bytes == 0 || try_reserve_initial(); }

    /// Bytes of the largest block, of the default alignment, that is allocated without another call to the
    /// source. For a larger one the source is asked, or it is refused. 0 before the first block.
    [[nodiscard]] std::size_t largest_free() const noexcept;
    /// 0 when all free bytes are one block; near 1 when none of the free blocks holds much of them.
    [[nodiscard]] double fragmentation() const noexcept;

    /// Larger blocks come straight from the source. 0 before the first block.
    [[nodiscard]] std::size_t largest_block() const noexcept { return largest_; }
    /// The usable bytes that a request of `size` gets at least, up to `largest_block()`.
    [[nodiscard]] static constexpr std::size_t rounded_size(std::size_t size) noexcept {
        return engine::granules_for(size) * engine::granule_bytes;
    }
    [[nodiscard]] const char* name() const noexcept { return options_.name; }
    /// `idle` counts free blocks: neighbours are one.
    [[nodiscard]] pool_stats stats() const noexcept;
    /// The pool's own invariants. O(blocks); for tests.
    [[nodiscard]] bool is_valid() const noexcept;

    /// How large a caller's buffer must be for `initial_bytes` of blocks, wherever it starts: the sum of what
    /// they ask for, each rounded up by `rounded_size`. Throws `bad_options`, also when they are not given.
    [[nodiscard]] static std::size_t required_bytes(const variable_pool_options& options);
    /// The same as `bytes`, without throwing: what is wrong with the options, or null.
    [[nodiscard]] static const char* try_required_bytes(const variable_pool_options& options,
                                                        std::size_t& bytes) noexcept;

private:
    class walk;
    struct cursor {
        std::uint32_t id = 0;
        std::uint32_t granule = 0;
        std::uint32_t large = 0;
        // Not beyond what there was: a visit that allocates would never see the end.
        std::uint32_t span_end = 0;
        std::uint32_t large_end = 0;
    };

    CENOTE_NOINLINE void* allocate_listed(std::size_t size);
    CENOTE_NOINLINE void deallocate_here(void* block) noexcept;
    CENOTE_NOINLINE void deallocate_elsewhere(void* block) noexcept;
    CENOTE_NOINLINE void* allocate_slow(std::size_t size, std::size_t alignment);
    CENOTE_NOINLINE void* try_allocate_slow(std::size_t size, std::size_t alignment) noexcept;
    [[nodiscard]] void* take(std::size_t size, std::size_t alignment) noexcept;
    [[nodiscard]] void* take_block(std::size_t size, std::size_t alignment) noexcept;
    [[nodiscard]] void* take_large(std::size_t size, std::size_t alignment) noexcept;
    [[nodiscard]] bool take_n(std::size_t size, void** blocks, std::size_t count) noexcept;
    [[nodiscard]] void* take_again(void* block, std::size_t size, std::size_t alignment) noexcept;
    [[nodiscard]] bool resize_block(const engine::span_heap::place& at, void* block,
                                    std::size_t size) noexcept;
    [[nodiscard]] bool resize_large(const engine::large_blocks::record& live, void* block,
                                    std::size_t size) noexcept;
    [[nodiscard]] bool is_size_of(const void* block, std::size_t has, std::size_t size) const noexcept;
    void hand_out(void* block, std::size_t size) noexcept;
    CENOTE_NOINLINE void deallocate_exactly(void* block) noexcept;
    CENOTE_NOINLINE void deallocate_stray(void* block) noexcept;
    void report_stray(const void* pointer) const noexcept;
    void note_peak() noexcept {
        if (const std::size_t now = heap_.live() + large_.live(); now > peak_) peak_ = now;
        quick_peak_ = peak_ - large_.live();
    }
    /// The same, of seldom calls, for `block`, which need not be kept at hand then.
    [[nodiscard]] CENOTE_NOINLINE void* noted(void* block) noexcept;
    [[nodiscard]] unsigned char free_pattern() const noexcept { return options_.erase_on_free ? 0 : 0xdf; }
    void check_untouched(const void* block, std::size_t from, std::size_t to) const noexcept;
    void mark_free(void* block, std::size_t bytes) noexcept;
    void wipe_live() noexcept;
    void erase_large() noexcept;
    /// What `get()` finds, or the end of it; `counts`: as a failure.
    template<class Get>
    auto insist(std::size_t size, const Get& get, bool counts = true) {
        return engine::insist(
            options_.on_exhaustion, this, get, [&] { return shortage_of(size); },
            [&] { calls_.failures += counts ? 1 : 0; });
    }
    [[nodiscard]] shortage shortage_of(std::size_t size) const noexcept;
    [[nodiscard]] void* next_live(cursor& at, std::size_t& size) const noexcept;

    [[nodiscard]] static bool is_plain(std::size_t alignment) noexcept {
        return alignment <= default_alignment && (0x10116u >> alignment & 1) != 0;
    }
    [[nodiscard]] static engine::region_plan plan_for(source& from, std::uint32_t granules,
                                                      bool is_only) noexcept;
    [[nodiscard]] static std::uint32_t granules_within(source& from, std::size_t bytes,
                                                       bool is_only) noexcept;
    [[nodiscard]] static bool granules_of(std::size_t bytes, std::uint32_t& granules) noexcept;
    void configure(std::uint32_t granules, bool is_only) noexcept;
    [[nodiscard]] bool open() noexcept;
    [[nodiscard]] bool may_grow() const noexcept;
    [[nodiscard]] bool grow() noexcept;
    [[nodiscard]] bool add_span() noexcept;
    [[nodiscard]] bool try_reserve_spans(std::size_t spans) noexcept;
    [[nodiscard]] bool try_reserve_initial() noexcept;
    void reserve_initial();
    void give_back(std::size_t spans) noexcept;
    void give_back_after(std::size_t spans) noexcept;
    void note_spans() noexcept;
    void settle() noexcept;

    engine::span_heap heap_;
    std::size_t quick_largest_ =
        0;                       // of what is served by good fit, with no option that every call must look at
    std::size_t quick_peak_ = 0; // so many live blocks are no new peak: it counts large ones too
    std::size_t largest_ = 0;
    std::size_t peak_ = 0;
    std::size_t freed_ = 0; // granules since idle memory was looked at
    std::size_t settle_at_ = base::size_max;
    bool is_exact_ = false; // such an option
    bool is_open_ = false;
    bool is_only_ = false; // its first region has room for its numbers: it is to be the only one
    bool watched_ = false;
    bool keeps_more_ = false; // some block is larger than it was asked to be: there was no memory to cut it
    std::size_t walks_ = 0;
    engine::region_list regions_;
    engine::large_blocks large_;
    variable_pool_options options_;
    budget limit_; // around the source
    call_counts calls_;
};

constexpr const char* variable_pool_options::flaw() const noexcept {
    constexpr std::size_t least = 256;
    constexpr std::uint64_t most = std::uint64_t{1} << 32;
    if (maximum_bytes == 0) return "maximum_bytes is 0; leave it out for no maximum";
    if (initial_bytes > maximum_bytes) return "initial_bytes is above maximum_bytes";
    if (grow_size == 0 && initial_bytes == 0) return "grow_size is 0, but initial_bytes is not given";
    if (grow_size != 0 && grow_size < least) return "grow_size is below 256; 0 stands for no growth";
    if (grow_size > most) return "grow_size is above 4 GiB";
    // They are taken region by region, so what no address space holds must not be tried.
    constexpr std::size_t everything = sizeof(std::size_t) == 8 ? base::size_max >> 16 : base::size_max / 4;
    if (initial_bytes > everything) return "initial_bytes is more than memory can hold";
    if (tolerance_percent != 0 && fit != cenote::fit::best) return "tolerance_percent is for fit::best only";
    return nullptr;
}

// Nothing goes back to the source while somebody walks.
class variable_pool::walk {
public:
    explicit walk(variable_pool& pool) noexcept : pool_(pool) { ++pool_.walks_; }
    walk(const walk&) = delete;
    walk& operator=(const walk&) = delete;
    ~walk() { --pool_.walks_; }

private:
    variable_pool& pool_;
};

template<std::invocable<void*, std::size_t> Visit>
void variable_pool::for_each(Visit&& visit) {
    const walk silence(*this);
    cursor at{.span_end = heap_.end_id(), .large_end = large_.end_id()};
    std::size_t size = 0;
    while (void* const block = next_live(at, size)) {
        if constexpr (std::convertible_to<std::invoke_result_t<Visit&, void*, std::size_t>, bool>) {
            if (!static_cast<bool>(visit(block, size))) return;
        } else {
            visit(block, size);
        }
    }
}

} // namespace cenote::inline v0_1
