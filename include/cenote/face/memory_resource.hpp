// cenote: SPDX-License-Identifier: MIT
//
// The allocator interface: a std::pmr::memory_resource with what that lacks: zeroing, reallocation, refusal
// without an exception, a policy for exhaustion, statistics, reset and trim, and a parent. Every pool, the
// heap and OS pages can be used through it (see resource.hpp and direct_resource.hpp), and as it is a
// std::pmr::memory_resource so can every container. A pool draws from one through resource_source.hpp.
// Costs a virtual call more than what is behind it; with `stats` also a few atomic additions. As thread-safe
// as what is behind it. The default policy throws `out_of_memory`, and so do the verbs of std::pmr, which may
// not return null, under every policy but `abort`. To write one, define `take`, `give` and `look`.
#pragma once

#include <cenote/base/sync.hpp>
#include <cenote/pool/options.hpp>

#include <cstdint>
#include <memory_resource>

namespace cenote::inline v0_1 {

/// What else is asked of a single allocation.
enum class memory_options : unsigned {
    none = 0,
    zero = 1, ///< all its bytes are zero; of a reallocation: those that are new
    /// Rather aborts with a message than fails, whatever the policy. What is behind is asked once more
    /// before, as it may have a handler of its own, and says what is short.
    no_fail = 2,
};
[[nodiscard]] constexpr memory_options operator|(memory_options a, memory_options b) noexcept {
    return static_cast<memory_options>(static_cast<unsigned>(a) | static_cast<unsigned>(b));
}
[[nodiscard]] constexpr bool has(memory_options all, memory_options one) noexcept {
    return (static_cast<unsigned>(all) & static_cast<unsigned>(one)) != 0;
}

/// What `allocate` does in the end when there is no memory.
enum class when_exhausted {
    raise, ///< throws `out_of_memory`
    null,  ///< returns null
    abort, ///< prints what is short and aborts
};

struct memory_resource_options {
    const char* name = "unnamed"; ///< for messages; not copied
    bool stats = false;           ///< counts calls and the peak
    when_exhausted then = when_exhausted::raise;
    exhaustion_handler on_exhaustion{}; ///< asked before that, a bounded number of times
};

/// What an allocator holds.
struct memory_stats {
    /// Handed out and not returned: in blocks of what is behind, or with the option `stats` as asked for
    /// here. A wrong free that a pool finds only later has counted.
    std::size_t live_bytes = 0;
    std::size_t reserved_bytes = 0;        ///< taken from its parent
    std::optional<std::size_t> peak_bytes; ///< the most ever live; absent without the option `stats`
    std::optional<call_counts> calls;      ///< absent without the option `stats`
};

class CENOTE_API memory_resource : public std::pmr::memory_resource {
public:
    static constexpr std::size_t default_alignment = 16;

    memory_resource(const memory_resource&) = delete;
    memory_resource& operator=(const memory_resource&) = delete;

    /// At least `size` bytes (0 counts as 1) at a power of two `alignment`. What happens when there are none
    /// is the policy's. These two beside std::pmr's `allocate(size, alignment)` and `deallocate`.
    [[nodiscard]] void* allocate(std::size_t size, std::size_t alignment, memory_options wanted);
    using std::pmr::memory_resource::allocate;
    /// The same, or null; also null for an alignment that is no power of two. Asks no handler.
    [[nodiscard]] void* try_allocate(std::size_t size, std::size_t alignment = default_alignment,
                                     memory_options wanted = memory_options::none) noexcept;

    /// A block of `new_size` with the contents of `block`, in place where that can be; a null `block` is
    /// none. When it fails `block` is as it was. `alignment` must be that which `block` was allocated with,
    /// as for `deallocate`; no block stays where it does not stand at it. What is behind, where it judges
    /// frees exactly at the call, reports what is no live block of `old_size` as misuse, changes nothing, and
    /// answers null.
    [[nodiscard]] void* reallocate(void* block, std::size_t old_size, std::size_t new_size,
                                   std::size_t alignment = default_alignment,
                                   memory_options wanted = memory_options::none);
    [[nodiscard]] void* try_reallocate(void* block, std::size_t old_size, std::size_t new_size,
                                       std::size_t alignment = default_alignment,
                                       memory_options wanted = memory_options::none) noexcept;

    /// All its blocks are free at once, if it can do that; false when it cannot, and nothing has changed.
    bool reset() noexcept;
    /// Gives idle memory back to its parent, and returns how many bytes.
    std::size_t trim() noexcept { return do_trim(); }

    [[nodiscard]] memory_stats stats() const noexcept;
    /// What it draws from, or null: the system, or nobody knows.
    [[nodiscard]] memory_resource* parent() const noexcept { return parent_; }
    [[nodiscard]] const char* name() const noexcept { return options_.name; }

protected:
    /// What is live and reserved, and what a message says of more, as far as what is behind knows.
    struct levels {
        std::size_t live_bytes = 0;
        std::size_t reserved_bytes = 0;
        std::size_t limit = unknown_limit;
        std::size_t available = unlimited; ///< that its source could still give
    };

    explicit memory_resource(const memory_resource_options& options,
                             memory_resource* parent = nullptr) noexcept
        : options_(options), parent_(parent) {}
    ~memory_resource() override = default;

    /// A block, or null when there is none. `size` is not 0, `alignment` is a power of two.
    [[nodiscard]] virtual void* take(std::size_t size, std::size_t alignment) noexcept = 0;
    virtual void give(void* block, std::size_t size, std::size_t alignment) noexcept = 0;
    /// The same with zeroes.
    [[nodiscard]] virtual void* take_zeroed(std::size_t size, std::size_t alignment) noexcept;
    /// After `take` found nothing: throws, or finds a block in the end.
    [[nodiscard]] virtual void* insist(std::size_t size, std::size_t alignment);
    /// Whether what is behind knows that no block of `size` is live here; it has told of that then.
    [[nodiscard]] virtual bool is_misused(void* block, std::size_t size, std::size_t alignment) noexcept;
    /// Makes a block larger or smaller where it is; false when it cannot.
    [[nodiscard]] virtual bool resize(void* block, std::size_t old_size, std::size_t new_size,
                                      std::size_t alignment) noexcept;
    [[nodiscard]] virtual bool do_reset() noexcept { return false; }
    virtual std::size_t do_trim() noexcept { return 0; }
    [[nodiscard]] virtual levels look() const noexcept = 0;

    void* do_allocate(std::size_t size, std::size_t alignment) override;
    void do_deallocate(void* block, std::size_t size, std::size_t alignment) override;
    [[nodiscard]] bool do_is_equal(const std::pmr::memory_resource& other) const noexcept override {
        return this == &other;
    }

    /// Nothing to do here but to pass the call on.
    [[nodiscard]] bool is_plain() const noexcept {
        return !options_.stats && options_.then == when_exhausted::raise &&
               options_.on_exhaustion.call == nullptr;
    }
    [[nodiscard]] shortage shortage_of(std::size_t size) const noexcept;

private:
    [[nodiscard]] void* get(std::size_t size, std::size_t alignment, memory_options wanted) noexcept;
    [[nodiscard]] void* get_or_ask(std::size_t size, std::size_t alignment, memory_options wanted);
    [[nodiscard]] void* refuse(std::size_t size, std::size_t alignment, memory_options wanted,
                               when_exhausted then);
    [[nodiscard]] void* insist_or_abort(std::size_t size, std::size_t alignment) noexcept;
    [[nodiscard]] bool resized(void* block, std::size_t old_size, std::size_t new_size, std::size_t alignment,
                               memory_options wanted) noexcept;
    void* moved(void* fresh, void* block, std::size_t old_size, std::size_t new_size,
                std::size_t alignment) noexcept;
    void note_live(std::size_t bytes) noexcept;
    void note_gone(std::size_t bytes) noexcept;

    using counter = sync::atomic<std::size_t>;

    memory_resource_options options_;
    memory_resource* parent_;
    counter live_{0}; // these five only with the option `stats`
    counter peak_{0};
    counter allocations_{0};
    counter deallocations_{0};
    counter failures_{0};
};

} // namespace cenote::inline v0_1
