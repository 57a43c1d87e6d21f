// cenote: SPDX-License-Identifier: MIT
//
// Arenas of the C face, and those that its arena pool lends, dressed as arenas of C++.
#pragma once

#include <cenote/pool/arena.hpp>

#include "conformance/c_subjects.hpp"

#include <utility>

namespace cenote::test {

/// The calls of an arena in C, whoever owns it.
class c_arena_calls {
public:
    explicit c_arena_calls(cenote_arena* handle) : handle_(handle) {}
    [[nodiscard]] void* try_allocate(std::size_t size, std::size_t alignment = 1) {
        return cenote_arena_allocate(handle_, size, alignment);
    }
    [[nodiscard]] cenote_mark mark() {
        cenote_mark here;
        EXPECT_EQ(cenote_arena_mark(handle_, &here), CENOTE_OK);
        return here;
    }
    void rewind(const cenote_mark& mark) { EXPECT_EQ(cenote_arena_rewind(handle_, &mark), CENOTE_OK); }
    void reset() { EXPECT_EQ(cenote_arena_reset(handle_), CENOTE_OK); }
    [[nodiscard]] cenote_stats stats() const {
        cenote_stats now = CENOTE_STATS_INIT;
        EXPECT_EQ(cenote_arena_stats(handle_, &now), CENOTE_OK);
        return now;
    }
    /// As far as C can ask.
    [[nodiscard]] bool is_valid() const {
        const cenote_stats now = stats();
        return now.live_bytes <= now.held_bytes && now.live_bytes <= now.peak_bytes;
    }
    [[nodiscard]] cenote_arena* handle() const { return handle_; }

protected:
    cenote_arena* handle_;
};

/// An arena of its own.
class c_arena : public c_arena_calls {
public:
    c_arena(cenote_arena_options wanted, source& from) : c_arena_calls(nullptr), parent_(&from) {
        wanted.memory.parent = parent_.face();
        EXPECT_EQ(cenote_arena_create(&wanted, &handle_), CENOTE_OK);
    }
    c_arena(const c_arena&) = delete;
    c_arena& operator=(const c_arena&) = delete;
    ~c_arena() { EXPECT_EQ(cenote_arena_destroy(handle_), CENOTE_OK); }

private:
    parent_in_c parent_;
};

/// A pool of them.
class c_arena_lender {
public:
    class lease {
    public:
        lease(cenote_arena_pool* pool, cenote_arena* lent) : pool_(pool), calls_(lent) {}
        lease(const lease&) = delete;
        lease& operator=(const lease&) = delete;
        ~lease() { release(); }
        void release() {
            if (pool_ == nullptr) return;
            EXPECT_EQ(cenote_arena_pool_release(std::exchange(pool_, nullptr), calls_.handle()), CENOTE_OK);
        }
        [[nodiscard]] c_arena_calls& operator*() { return calls_; }
        [[nodiscard]] c_arena_calls* operator->() { return &calls_; }

    private:
        cenote_arena_pool* pool_;
        c_arena_calls calls_;
    };

    c_arena_lender(cenote_arena_pool_options wanted, source& from) : parent_(&from) {
        wanted.memory.parent = parent_.face();
        EXPECT_EQ(cenote_arena_pool_create(&wanted, &handle_), CENOTE_OK);
    }
    c_arena_lender(const c_arena_lender&) = delete;
    c_arena_lender& operator=(const c_arena_lender&) = delete;
    ~c_arena_lender() { cenote_arena_pool_destroy(handle_); }

    [[nodiscard]] lease acquire() {
        cenote_arena* lent = nullptr;
        EXPECT_EQ(cenote_arena_pool_acquire(handle_, &lent), CENOTE_OK);
        return {handle_, lent};
    }
    [[nodiscard]] std::size_t free() const { return cenote_arena_pool_free_arenas(handle_); }

private:
    parent_in_c parent_;
    cenote_arena_pool* handle_ = nullptr;
};

} // namespace cenote::test
