// cenote: SPDX-License-Identifier: MIT
//
// The C face in the conformance suite: its handles dressed as pools of C++, so that what is asked of those is
// asked of them, call by call. Every code is looked at.
#pragma once

#include <cenote/cenote.h>
#include <cenote/pool/options.hpp>
#include <cenote/source/source.hpp>

#include "conformance/subject.hpp"

#include <concepts>
#include <exception>
#include <gtest/gtest.h>
#include <type_traits>

namespace cenote::test {

/// A source as the parent of a pool in C. What is asked for first is the place of the handle: it stands in
/// the subject, as a pool of C++ does, so that the suite counts what the pool draws and nothing else.
class parent_in_c {
public:
    explicit parent_in_c(source* from) noexcept : from_(from) {}
    parent_in_c(const parent_in_c&) = delete;
    parent_in_c& operator=(const parent_in_c&) = delete;
    ~parent_in_c() { EXPECT_FALSE(stands_); }

    /// Null where the pool draws from pages of the system.
    [[nodiscard]] const cenote_allocator* face() const noexcept {
        return from_ != nullptr ? &face_ : nullptr;
    }

private:
    static void* allocate(void* context, std::size_t size, std::size_t alignment, unsigned options) noexcept {
        auto& self = *static_cast<parent_in_c*>(context);
        EXPECT_EQ(options, unsigned{CENOTE_NONE});
        if (!self.stands_) {
            EXPECT_LE(size, sizeof(self.place_));
            EXPECT_LE(alignment, place_alignment);
            self.stands_ = true;
            return self.place_;
        }
        void* const data = self.from_->reserve({.bytes = size, .alignment = alignment});
        if (data == nullptr || self.from_->commit(data, size)) return data;
        self.from_->release(data, {.bytes = size, .alignment = alignment});
        return nullptr;
    }
    static cenote_status deallocate(void* context, void* block, std::size_t size,
                                    std::size_t alignment) noexcept {
        auto& self = *static_cast<parent_in_c*>(context);
        if (block == self.place_) {
            self.stands_ = false;
        } else {
            self.from_->release(block, {.bytes = size, .alignment = alignment});
        }
        return CENOTE_OK;
    }

    static constexpr std::size_t place_alignment = 128;
    alignas(place_alignment) std::byte place_[8192];
    bool stands_ = false; // the handle, in `place_`
    source* from_;
    cenote_allocator face_{this, allocate, nullptr, deallocate, nullptr};
};

// The calls that a kind of pool has.

struct c_fixed_calls {
    using handle = cenote_fixed;
    using options = cenote_fixed_options;
    static constexpr auto flaw = cenote_fixed_flaw;
    static constexpr auto required_bytes = cenote_fixed_required_bytes;
    static constexpr auto create = cenote_fixed_create;
    static constexpr auto destroy = cenote_fixed_destroy;
    static constexpr auto owns = cenote_fixed_owns;
    static constexpr auto is_live = cenote_fixed_is_live;
    static constexpr auto for_each = cenote_fixed_for_each;
    static constexpr auto reset = cenote_fixed_reset;
    static constexpr auto trim = cenote_fixed_trim;
    static constexpr auto stats = cenote_fixed_stats;
    static constexpr auto allocator = cenote_fixed_allocator;
    static std::size_t limit(const options& of) noexcept {
        return of.maximum_blocks != 0 ? of.maximum_blocks * of.block_size : unlimited;
    }
};

struct c_variable_calls {
    using handle = cenote_variable;
    using options = cenote_variable_options;
    static constexpr auto flaw = cenote_variable_flaw;
    static constexpr auto required_bytes = cenote_variable_required_bytes;
    static constexpr auto create = cenote_variable_create;
    static constexpr auto destroy = cenote_variable_destroy;
    static constexpr auto owns = cenote_variable_is_live; // there is no other
    static constexpr auto is_live = cenote_variable_is_live;
    static constexpr auto for_each = cenote_variable_for_each;
    static constexpr auto reset = cenote_variable_reset;
    static constexpr auto trim = cenote_variable_trim;
    static constexpr auto stats = cenote_variable_stats;
    static constexpr auto allocator = cenote_variable_allocator;
    static std::size_t limit(const options& of) noexcept {
        return of.maximum_bytes != 0 ? of.maximum_bytes : unlimited;
    }
};

/// A handle of the C face. What C answers with null or with a code is thrown.
template<class Calls>
class c_pool {
public:
    using options = typename Calls::options;
    struct trimmed {
        std::size_t returned_bytes;
    };

    explicit c_pool(options wanted, source* from = nullptr)
        : parent_(from), name_(wanted.name), limit_(Calls::limit(wanted)) {
        wanted.memory.parent = parent_.face();
        const cenote_status status = Calls::create(&wanted, &handle_);
        EXPECT_EQ(handle_ != nullptr, status == CENOTE_OK);
        if (status == CENOTE_BAD_OPTIONS) throw bad_options(name_, Calls::flaw(&wanted));
        if (status == CENOTE_NO_MEMORY) throw out_of_memory({.pool = name_, .limit = limit_});
    }
    c_pool(const c_pool&) = delete;
    c_pool& operator=(const c_pool&) = delete;
    ~c_pool() { Calls::destroy(handle_); }

    [[nodiscard]] static std::size_t required_bytes(const options& wanted) {
        const std::size_t bytes = Calls::required_bytes(&wanted);
        if (bytes == 0) throw bad_options(wanted.name, Calls::flaw(&wanted));
        return bytes;
    }

    /// The block, which is not null.
    [[nodiscard]] void* found(void* block, std::size_t requested) const {
        if (block != nullptr) return block;
        const pool_stats now = stats();
        throw out_of_memory({.pool = name_,
                             .requested = requested,
                             .live = now.live_bytes,
                             .reserved = now.reserved_bytes,
                             .limit = limit_});
    }
    [[nodiscard]] typename Calls::handle* handle() const noexcept { return handle_; }
    [[nodiscard]] const char* name() const noexcept { return name_; }
    [[nodiscard]] bool owns(const void* pointer) const { return Calls::owns(handle_, pointer) != 0; }
    [[nodiscard]] bool is_live(const void* pointer) const { return Calls::is_live(handle_, pointer) != 0; }
    void reset() { EXPECT_EQ(Calls::reset(handle_), CENOTE_OK); }
    trimmed trim() { return {Calls::trim(handle_)}; }

    [[nodiscard]] pool_stats stats() const {
        cenote_stats now = CENOTE_STATS_INIT;
        EXPECT_EQ(Calls::stats(handle_, &now), CENOTE_OK);
        pool_stats result;
        result.live = now.live_blocks;
        result.idle = now.free_blocks; // C does not tell those in magazines apart
        result.blocks = now.blocks;
        result.peak_live = now.peak_blocks;
        result.live_bytes = now.live_bytes;
        result.reserved_bytes = now.reserved_bytes;
        return result;
    }
    /// As far as C can ask: the numbers fit each other, and the allocator interface says the same.
    [[nodiscard]] bool is_valid() const {
        cenote_stats now = CENOTE_STATS_INIT;
        const cenote_allocator face = Calls::allocator(handle_);
        const pool_stats here = stats();
        return cenote_allocator_stats(&face, &now) == CENOTE_OK && now.live_blocks == here.live &&
               now.blocks == here.blocks && now.live_bytes == here.live_bytes &&
               here.live + here.idle == here.blocks && here.peak_live >= here.live &&
               here.reserved_bytes >= here.live_bytes;
    }

    template<class Visit>
        requires(std::invocable<const Visit&, void*> && std::same_as<Calls, c_fixed_calls>)
    void for_each(const Visit& visit) {
        walk(walk_of<Visit>{visit});
    }
    template<class Visit>
        requires(std::invocable<const Visit&, void*, std::size_t> && std::same_as<Calls, c_variable_calls>)
    void for_each(const Visit& visit) {
        walk(walk_of<Visit>{visit});
    }

private:
    /// Nothing may be thrown across the face: what a visitor throws waits here until the walk has ended.
    template<class Visit>
    struct walk_of {
        const Visit& visit;
        std::exception_ptr thrown = nullptr;
        bool stopped = false;

        template<class... Size>
        static int show(void* context, void* block, Size... size) noexcept {
            auto& self = *static_cast<walk_of*>(context);
            EXPECT_FALSE(self.stopped) << "a visitor that has said no is asked again";
            try {
                if constexpr (std::is_void_v<std::invoke_result_t<const Visit&, void*, Size...>>) {
                    self.visit(block, size...);
                } else {
                    self.stopped = !self.visit(block, size...);
                }
            } catch (...) {
                self.thrown = std::current_exception();
                self.stopped = true;
            }
            return self.stopped ? 0 : 1;
        }
    };
    template<class Walk>
    void walk(Walk state) {
        cenote_status status = CENOTE_OK;
        if constexpr (std::same_as<Calls, c_fixed_calls>) {
            status = Calls::for_each(handle_, &Walk::template show<>, &state);
        } else {
            status = Calls::for_each(handle_, &Walk::template show<std::size_t>, &state);
        }
        EXPECT_EQ(status, state.stopped ? CENOTE_STOPPED : CENOTE_OK);
        if (state.thrown != nullptr) std::rethrow_exception(state.thrown);
    }

    parent_in_c parent_;
    const char* name_;
    std::size_t limit_;
    typename Calls::handle* handle_ = nullptr;
};

using c_variable_pool = c_pool<c_variable_calls>;

class c_fixed_pool : public c_pool<c_fixed_calls> {
public:
    using c_pool::c_pool;
    void allocate_n(void** blocks, std::size_t count) {
        if (!try_allocate_n(blocks, count)) (void)found(nullptr, 0);
    }
    [[nodiscard]] bool try_allocate_n(void** blocks, std::size_t count) {
        const cenote_status status = cenote_fixed_allocate_many(handle(), blocks, count);
        EXPECT_TRUE(status == CENOTE_OK || status == CENOTE_NO_MEMORY) << cenote_status_text(status);
        return status == CENOTE_OK;
    }
    void deallocate_n(void** blocks, std::size_t count) {
        EXPECT_EQ(cenote_fixed_free_many(handle(), blocks, count), CENOTE_OK);
    }
};

/// Of one thread: as the suite tells them apart, by what their trim answers.
template<class Pool>
class c_alone : public Pool {
public:
    using Pool::Pool;
    std::size_t trim() { return Pool::trim().returned_bytes; }
};

/// Equal blocks, checked exactly unless that is switched off.
template<class Pool, std::size_t Size, std::size_t Alignment, auto Option = nullptr>
struct c_fixed_subject {
    static cenote_fixed_options options(const wish& wanted) {
        cenote_fixed_options result = CENOTE_FIXED_OPTIONS_INIT;
        result.block_size = Size;
        result.alignment = Alignment;
        result.initial_blocks = wanted.initial_blocks;
        result.maximum_blocks = wanted.maximum_blocks == unlimited ? 0 : wanted.maximum_blocks;
        result.thread_safe = std::same_as<Pool, c_fixed_pool> ? 1 : 0;
        result.manual_trim = wanted.when == trim::manual ? 1 : 0;
        result.name = "blocks in C";
        if (Size == 1) result.blocks_per_slab = 300; // as in pool_subjects.hpp
        if constexpr (std::same_as<decltype(Option), cenote_hand_out>) {
            result.order = Option;
        } else if constexpr (Option != nullptr) {
            result.*Option = 1;
        }
        return result;
    }
    static constexpr bool counts_blocks = true;
    static std::vector<shape> shapes() { return {{Size, Alignment}}; }
    explicit c_fixed_subject(const wish& wanted) : pool(options(wanted), wanted.from) {}
    void* allocate(shape form) { return pool.found(try_allocate(form), form.size); }
    void* try_allocate(shape) noexcept { return cenote_fixed_allocate(pool.handle()); }
    void deallocate(void* block, shape) { EXPECT_EQ(cenote_fixed_free(pool.handle(), block), CENOTE_OK); }
    Pool pool;
};

/// Blocks of any size.
template<class Pool, cenote_fit Fit = CENOTE_FIT_GOOD, auto Option = nullptr>
struct c_variable_subject {
    static cenote_variable_options options(const wish& wanted) {
        cenote_variable_options result = CENOTE_VARIABLE_OPTIONS_INIT;
        result.grow_size = 32 << 10;
        result.initial_bytes = wanted.initial_blocks * result.grow_size;
        if (wanted.maximum_blocks != unlimited)
            result.maximum_bytes = 2 * wanted.maximum_blocks * result.grow_size;
        result.fit = Fit;
        if (Fit == CENOTE_FIT_BEST) result.tolerance_percent = 10;
        result.thread_safe = std::same_as<Pool, c_variable_pool> ? 1 : 0;
        result.manual_trim = wanted.when == trim::manual ? 1 : 0;
        result.name = "any size in C";
        if constexpr (Option != nullptr) result.*Option = 1;
        return result;
    }
    static constexpr bool serves_any_size = true;
    static std::vector<shape> shapes() {
        return {{1, 1}, {8, 8}, {17, 16}, {100, 4}, {128, 128}, {1000, 16}, {4096, 256}, {20'000, 16}};
    }
    explicit c_variable_subject(const wish& wanted) : pool(options(wanted), wanted.from) {}
    void* allocate(shape form) { return pool.found(try_allocate(form), form.size); }
    void* try_allocate(shape form) noexcept {
        if (form.alignment <= 16) return cenote_variable_allocate(pool.handle(), form.size);
        return cenote_variable_allocate_with(pool.handle(), form.size, form.alignment, CENOTE_NONE);
    }
    void deallocate(void* block, shape form) {
        EXPECT_EQ(form.alignment <= 16 ? cenote_variable_free_sized(pool.handle(), block, form.size)
                                       : cenote_variable_free(pool.handle(), block),
                  CENOTE_OK);
    }
    Pool pool;
};

/// The struct of functions over the handle of another subject, by its checked calls.
template<subject Below>
struct c_allocator_subject : Below {
    using Below::Below;
    void* allocate(shape form) { return this->pool.found(try_allocate(form), form.size); }
    void* try_allocate(shape form) noexcept {
        return cenote_allocate(&face, form.size, form.alignment, CENOTE_NONE);
    }
    void deallocate(void* block, shape form) {
        EXPECT_EQ(cenote_deallocate(&face, block, form.size, form.alignment), CENOTE_OK);
    }
    cenote_allocator face = allocator_of(this->pool.handle());

private:
    static cenote_allocator allocator_of(cenote_fixed* pool) { return cenote_fixed_allocator(pool); }
    static cenote_allocator allocator_of(cenote_variable* pool) { return cenote_variable_allocator(pool); }
};

using c_fixed = c_fixed_subject<c_alone<c_fixed_pool>, 64, 16>;
using c_fixed_tiny = c_fixed_subject<c_alone<c_fixed_pool>, 1, 1>;
using c_fixed_unchecked = c_fixed_subject<c_alone<c_fixed_pool>, 64, 64, &cenote_fixed_options::unchecked>;
using c_fixed_stats = c_fixed_subject<c_alone<c_fixed_pool>, 40, 8, &cenote_fixed_options::stats>;
using c_fixed_zeroing =
    c_fixed_subject<c_alone<c_fixed_pool>, 24, 8, &cenote_fixed_options::zero_on_allocate>;
using c_fixed_erasing = c_fixed_subject<c_alone<c_fixed_pool>, 72, 8, &cenote_fixed_options::erase_on_free>;
using c_fixed_oldest = c_fixed_subject<c_alone<c_fixed_pool>, 56, 8, CENOTE_OLDEST>;
using c_shared = c_fixed_subject<c_fixed_pool, 64, 16>;
using c_shared_unchecked = c_fixed_subject<c_fixed_pool, 64, 64, &cenote_fixed_options::unchecked>;
using c_shared_stats = c_fixed_subject<c_fixed_pool, 40, 8, &cenote_fixed_options::stats>;

using c_variable = c_variable_subject<c_alone<c_variable_pool>>;
using c_variable_best = c_variable_subject<c_alone<c_variable_pool>, CENOTE_FIT_BEST>;
using c_variable_first = c_variable_subject<c_alone<c_variable_pool>, CENOTE_FIT_FIRST>;
using c_variable_checks =
    c_variable_subject<c_alone<c_variable_pool>, CENOTE_FIT_GOOD, &cenote_variable_options::checks>;
using c_variable_erasing =
    c_variable_subject<c_alone<c_variable_pool>, CENOTE_FIT_GOOD, &cenote_variable_options::erase_on_free>;
using c_variable_shared = c_variable_subject<c_variable_pool>;

using c_allocator_of_fixed = c_allocator_subject<c_fixed>;
using c_allocator_of_shared = c_allocator_subject<c_shared_unchecked>;
using c_allocator_of_variable = c_allocator_subject<c_variable>;

static_assert(subject<c_fixed> && subject<c_shared> && subject<c_variable> && subject<c_allocator_of_fixed>);

} // namespace cenote::test
