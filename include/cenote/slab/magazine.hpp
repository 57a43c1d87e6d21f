// cenote: SPDX-License-Identifier: MIT
//
// The hot path: a stack of block addresses with a moving top, and a second one to exchange it with. Below
// the first entry stands a null, so that a look at the block also tells that there is none: nothing but `top`
// is read to take one. Full is one compare; a magazine of capacity zero is empty and full at once, so every
// call takes the slow path: that is how checks, statistics and walks switch on without a test in the fast
// one.
// Source: J. Bonwick, J. Adams, "Magazines and Vmem", USENIX ATC 2001, section 3. One thread.
#pragma once

#include <cenote/base/config.hpp>

#include <cstddef>
#include <cstring>

namespace cenote::inline v0_1::engine {

/// What stands below the first entry of a magazine without entries.
extern CENOTE_API void* const no_block[1];

struct magazine {
    void** top = const_cast<void**>(no_block) + 1;
    void** begin = const_cast<void**>(no_block) + 1;
    void** end = const_cast<void**>(no_block) + 1;

    /// Entries, and the null below them.
    [[nodiscard]] static constexpr std::size_t words_for(std::size_t capacity) noexcept {
        return capacity != 0 ? capacity + 1 : 0;
    }
    /// An empty one in `words_for(capacity)` words.
    [[nodiscard]] static magazine in(void** words, std::size_t capacity) noexcept {
        if (capacity == 0) return {};
        *words = nullptr;
        return {words + 1, words + 1, words + 1 + capacity};
    }

    [[nodiscard]] CENOTE_INLINE bool is_empty() const noexcept { return top == begin; }
    [[nodiscard]] CENOTE_INLINE bool is_full() const noexcept { return top == end; }
    [[nodiscard]] CENOTE_INLINE void* pop() noexcept { return *--top; }
    /// The same, or null when it is empty (or when a null was pushed: who takes null looks whether it is).
    [[nodiscard]] CENOTE_INLINE void* take() noexcept {
        void* const block = top[-1];
        if (block != nullptr) [[likely]]
            --top;
        return block;
    }
    CENOTE_INLINE void push(void* block) noexcept { *top++ = block; }
    /// The same for a magazine that a fork may find between any two instructions: what lies below `top` is
    /// always what was put there.
    CENOTE_INLINE void push_in_order(void* block) noexcept {
        void** const at = top;
        *const_cast<void* volatile*>(at) = block;
        *const_cast<void** volatile*>(&top) = at + 1;
    }

    /// As many as `count` from the top, which must be there; the last of them was next.
    void pop_many(void** into, std::size_t count) noexcept {
        top -= count;
        std::memcpy(into, top, count * sizeof(void*));
    }
    /// As many, for which there must be room; in order, as above.
    void push_many(void* const* from, std::size_t count) noexcept {
        std::memcpy(top, from, count * sizeof(void*));
        base::keep_order();
        top += count;
    }

    [[nodiscard]] std::size_t count() const noexcept { return static_cast<std::size_t>(top - begin); }
    [[nodiscard]] std::size_t room() const noexcept { return static_cast<std::size_t>(end - top); }
    [[nodiscard]] std::size_t capacity() const noexcept { return static_cast<std::size_t>(end - begin); }
};

/// A thread of a concurrent pool caches at most this many bytes of one block size, in two magazines: what it
/// holds nobody else can have.
inline constexpr std::size_t most_cached_by_a_thread = std::size_t{64} << 10;

/// In a pool of one thread a magazine keeps nothing from anybody, so the bound is larger: batches of a
/// thousand blocks of a kilobyte stay in front of the depot.
inline constexpr std::size_t most_cached_alone = std::size_t{1} << 20;

inline constexpr std::size_t most_in_magazine = 1024;

/// Entries of a magazine for blocks of `stride` bytes, two of which may cache `bytes`: `most_in_magazine` at
/// most; 0 for blocks so large that the slow path does not matter.
[[nodiscard]] constexpr std::size_t magazine_capacity(std::size_t stride, std::size_t bytes) noexcept {
    const std::size_t fitting = bytes / 2 / stride;
    return fitting < most_in_magazine ? fitting : most_in_magazine;
}

} // namespace cenote::inline v0_1::engine
