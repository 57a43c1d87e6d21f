// cenote: SPDX-License-Identifier: MIT
//
// The chunks of an arena, in the order in which they are used: those in front of the current one hold what is
// live, those behind it are kept for later. The caller's buffer, if there is one, is the first and never
// goes. A chunk from the source has its header in front of its bytes, so that a chunk hardly used touches one
// page. Going on to a chunk that is kept looks at 16 of them at most. With `checked` every chunk, the buffer
// too, has an edge_map in front of its bytes. One thread at a time.
#pragma once

#include <cenote/base/arith.hpp>
#include <cenote/pool/edge_map.hpp>
#include <cenote/pool/options.hpp>

namespace cenote::inline v0_1::engine {

struct chunk {
    chunk* next = nullptr;
    chunk* previous = nullptr;
    std::byte* begin = nullptr; ///< of what can be handed out
    std::byte* end = nullptr;
    std::byte* top = nullptr; ///< where what is handed out ends; the current chunk's may stand elsewhere
    std::size_t below = 0;    ///< bytes handed out in the chunks before this one
    std::size_t floor = 0;    ///< bytes that those hold
    source::request reserved; ///< of the source; no bytes for the caller's buffer

    [[nodiscard]] std::size_t size() const noexcept { return static_cast<std::size_t>(end - begin); }
    [[nodiscard]] bool fits(std::size_t bytes, std::size_t alignment) const noexcept;
    /// Where there is one.
    [[nodiscard]] edge_map edges() const noexcept { return {begin, end}; }
};

/// What an arena wants of its chunks.
struct chunk_plan {
    source* from = nullptr;
    std::size_t first_bytes = 0; ///< from the source, header included
    cenote::growth growth{};     ///< of the later ones, in bytes
    std::size_t maximum = unlimited;
    bool watched = false; ///< a sanitizer is told
    bool checked = false; ///< chunks have edges
};

class chunk_list {
public:
    static constexpr std::size_t alignment = 16; ///< of the first byte of a chunk

    constexpr chunk_list() noexcept = default;
    chunk_list(const chunk_list&) = delete;
    chunk_list& operator=(const chunk_list&) = delete;

    void configure(const chunk_plan& plan, void* buffer, std::size_t buffer_bytes) noexcept;

    /// The chunk that is bumped at present; null when there is none.
    [[nodiscard]] chunk* current() const noexcept { return current_; }
    [[nodiscard]] chunk* first() const noexcept { return first_; }
    [[nodiscard]] bool is_empty() const noexcept {
        return current_ == nullptr || (current_ == first_ && current_->top == current_->begin);
    }

    /// Makes a chunk current in which so many bytes fit, one that is kept or a new one. False when there is
    /// none: nothing has changed then. The `top` of the current chunk must be right.
    [[nodiscard]] bool advance(std::size_t bytes, std::size_t alignment) noexcept;
    /// One in use becomes the current one; all behind it are kept.
    void go_back_to(chunk& earlier) noexcept { current_ = &earlier; }

    /// Gives chunks behind the current one back to the source, the last first, as long as what is left holds
    /// `keep` bytes; of an empty list the current one, too. Returns bytes of the source.
    std::size_t trim(std::size_t keep) noexcept;
    /// All of them, in use or not.
    void release_all() noexcept;

    /// Bytes that all chunks can hold, and those taken from the source.
    [[nodiscard]] std::size_t held() const noexcept { return held_; }
    [[nodiscard]] std::size_t reserved() const noexcept { return reserved_; }
    [[nodiscard]] bool is_valid() const noexcept;

    /// Bytes of the first chunk of such a list as its source sees them; false when that does not fit.
    [[nodiscard]] static bool first_request(const source& from, std::size_t bytes, bool checked,
                                            std::size_t& rounded) noexcept;
    /// Bytes that a caller's buffer can hold; and those of one, at `alignment`, that can hold so many and no
    /// more, known to fit.
    [[nodiscard]] static std::size_t held_by(const void* buffer, std::size_t bytes, bool checked) noexcept;
    [[nodiscard]] static constexpr std::size_t bytes_to_hold(std::size_t bytes, bool checked) noexcept {
        return checked ? bytes + base::rounded_up(edge_map::bytes_for(bytes), alignment) : bytes;
    }

private:
    [[nodiscard]] chunk* find_kept(std::size_t bytes, std::size_t alignment) const noexcept;
    [[nodiscard]] chunk* reserve(std::size_t bytes, std::size_t alignment) noexcept;
    [[nodiscard]] chunk* reserve_exactly(std::size_t bytes) noexcept;
    void link_behind(chunk* before, chunk& one) noexcept;
    void unlink(chunk& one) noexcept;
    void enter(chunk& one) noexcept;
    void release(chunk& idle) noexcept;

    chunk_plan plan_;
    chunk buffer_; // the caller's
    chunk* first_ = nullptr;
    chunk* last_ = nullptr;
    chunk* current_ = nullptr;
    std::size_t held_ = 0;
    std::size_t reserved_ = 0;
};

} // namespace cenote::inline v0_1::engine
