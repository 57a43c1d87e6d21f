// cenote: SPDX-License-Identifier: MIT
//
// Finds out what a subject's pool can do, and puts it behind `any_subject`.
#pragma once

#include "conformance/any_subject.hpp"

#include <stdexcept>
#include <type_traits>
#include <utility>

namespace cenote::test {

/// Faces allocate and free; the other verbs are those of the pool behind, which has been here itself.
template<class S>
concept is_face = requires(S s) { s.face; };

template<class Pool>
concept makes_objects = requires(Pool& pool) { pool.make(); };

template<subject S>
constexpr abilities abilities_of() {
    using pool = decltype(S::pool);
    abilities can;
    can.tries = requires(S s) { s.try_allocate(shape{}); };
    can.serves_any_size = requires { S::serves_any_size; };
    can.counts_blocks = requires { S::counts_blocks; };
    can.walks_freely = !requires(pool& p) { p.with([](auto&) {}); };
    can.is_for_one_thread = std::is_same_v<decltype(std::declval<pool&>().trim()), std::size_t>;
    can.reserves = requires(pool& p) { p.reserve(1); };
    can.batches = !is_face<S> && requires(pool& p, void** blocks) { p.allocate_n(blocks, 1); };
    can.zeroes = !is_face<S> && requires(pool& p) { p.allocate_zeroed(); };
    can.sized_batches = !is_face<S> && requires(pool& p, void** blocks) { p.allocate_n(1, blocks, 1); };
    can.zeroes_sized = !is_face<S> && requires(pool& p) { p.allocate_zeroed(1); };
    can.makes = requires(pool& p) { p.make_unique(); };
    can.frees_batches = requires(pool& p, void** blocks) { p.deallocate_n(blocks, 1); };
    can.erases = requires(pool& p, void* block) { p.deallocate_erased(block); };
    can.asks_as_sources_want = !requires(pool& p) { p.handle(); };
    return can;
}

[[noreturn]] inline void cannot() {
    throw std::logic_error("asked of a pool that cannot do this");
}

/// Bytes that a trim gave back.
[[nodiscard]] inline std::size_t returned_by(std::size_t trimmed) noexcept {
    return trimmed;
}
template<class Result>
[[nodiscard]] std::size_t returned_by(const Result& trimmed) noexcept {
    return trimmed.returned_bytes;
}

// Calls `visit(void*)` for each block, whatever the pool gives its visitors.
template<class Pool, class Visit>
void walk_blocks(Pool& pool, const Visit& visit) {
    if constexpr (requires { pool.for_each([](void*, std::size_t) {}); }) {
        pool.for_each([&](void* block, std::size_t size) {
            if (size == 0) throw std::logic_error("a walk visits a block of no bytes");
            return visit(block);
        });
    } else if constexpr (makes_objects<Pool>) {
        pool.for_each([&](auto& object) { return visit(static_cast<void*>(&object)); });
    } else if constexpr (requires { pool.for_each([](void*) {}); }) {
        pool.for_each([&](void* block) { return visit(block); });
    } else {
        pool.with([&](auto& inside) { walk_blocks(inside, visit); });
    }
}

// What a pool is asked for a pointer: pools of objects take no other.
template<class Pool>
auto pointer_for(const Pool&, const void* block) {
    if constexpr (makes_objects<Pool>) {
        return static_cast<decltype(std::declval<Pool&>().make())>(const_cast<void*>(block));
    } else {
        return block;
    }
}

template<subject S>
class subject_behind final : public any_subject {
public:
    explicit subject_behind(const wish& wanted) : made_(wanted) {}

    void* allocate(shape form) override { return made_.allocate(form); }
    void* try_allocate(shape form) override {
        if constexpr (can.tries) return made_.try_allocate(form);
        cannot();
    }
    void deallocate(void* block, shape form) override { made_.deallocate(block, form); }

    pool_stats stats() override { return std::as_const(made_.pool).stats(); }
    bool is_valid() override { return std::as_const(made_.pool).is_valid(); }
    const char* name() override { return made_.pool.name(); }
    bool owns(const void* block) override { return made_.pool.owns(pointer_for(made_.pool, block)); }
    bool is_live(const void* block) override { return made_.pool.is_live(pointer_for(made_.pool, block)); }
    void reset() override { made_.pool.reset(); }
    std::size_t trim() override { return returned_by(made_.pool.trim()); }
    void walk(const std::function<bool(void*)>& visit) override { walk_blocks(made_.pool, visit); }
    void walk_all(const std::function<void(void*)>& visit) override { walk_blocks(made_.pool, visit); }

    void allocate_n(void** blocks, std::size_t count) override {
        if constexpr (can.batches) return made_.pool.allocate_n(blocks, count);
        cannot();
    }
    bool try_allocate_n(void** blocks, std::size_t count) override {
        if constexpr (can.batches) return made_.pool.try_allocate_n(blocks, count);
        cannot();
    }
    void* allocate_zeroed() override {
        if constexpr (can.zeroes) return made_.pool.allocate_zeroed();
        cannot();
    }
    allocation allocate_at_least() override {
        if constexpr (can.zeroes) return made_.pool.allocate_at_least();
        cannot();
    }
    void reserve(std::size_t blocks) override {
        if constexpr (can.reserves) return made_.pool.reserve(blocks);
        cannot();
    }
    void reserve_touched(std::size_t blocks) override {
        if constexpr (can.zeroes) return made_.pool.reserve(blocks, pool::touch::yes);
        cannot();
    }
    void allocate_n(std::size_t size, void** blocks, std::size_t count) override {
        if constexpr (can.sized_batches) return made_.pool.allocate_n(size, blocks, count);
        cannot();
    }
    bool try_allocate_n(std::size_t size, void** blocks, std::size_t count) override {
        if constexpr (can.sized_batches) return made_.pool.try_allocate_n(size, blocks, count);
        cannot();
    }
    void* allocate_sized(std::size_t size, std::size_t alignment) override {
        if constexpr (can.sized_batches)
            return alignment == 0 ? made_.pool.allocate(size) : made_.pool.allocate(size, alignment);
        cannot();
    }
    void* allocate_zeroed(std::size_t size) override {
        if constexpr (can.zeroes_sized) return made_.pool.allocate_zeroed(size);
        cannot();
    }
    allocation allocate_at_least(std::size_t size) override {
        if constexpr (can.zeroes_sized) return made_.pool.allocate_at_least(size);
        cannot();
    }
    void reserve(std::size_t size, std::size_t blocks) override {
        if constexpr (can.zeroes_sized) return made_.pool.reserve(size, blocks);
        cannot();
    }
    void reserve_touched(std::size_t size, std::size_t blocks) override {
        if constexpr (can.zeroes_sized) return made_.pool.reserve(size, blocks, pool::touch::yes);
        cannot();
    }
    void* make_unique() override {
        if constexpr (can.makes) return made_.pool.make_unique().release();
        cannot();
    }
    void deallocate_n(void** blocks, std::size_t count) override {
        if constexpr (can.frees_batches) return made_.pool.deallocate_n(blocks, count);
        cannot();
    }
    void deallocate_erased(void* block) override {
        if constexpr (can.erases) return made_.pool.deallocate_erased(block);
        cannot();
    }

private:
    using pool = decltype(S::pool);
    static constexpr abilities can = abilities_of<S>();
    S made_;
};

template<subject S>
kind kind_of(const char* name) {
    using pool = decltype(S::pool);
    kind made{.name = name, .can = abilities_of<S>(), .shapes = S::shapes()};
    made.size = sizeof(subject_behind<S>);
    made.alignment = alignof(subject_behind<S>);
    made.make_in = [](void* memory, const wish& wanted) -> any_subject* {
        return ::new (memory) subject_behind<S>(wanted);
    };
    made.required_bytes = [](const wish& wanted) { return pool::required_bytes(S::options(wanted)); };
    if constexpr (!requires { S::counts_blocks; })
        made.maximum_bytes = [](const wish& wanted) { return S::options(wanted).maximum_bytes; };
    if constexpr (requires { S::options(wish{}).block_size; }) {
        static constexpr auto none = [] {
            auto options = S::options({});
            options.block_size = 0;
            return options;
        };
        made.make_with_no_bytes = [] { const pool never(none()); };
        made.ask_for_no_bytes = [] { (void)pool::required_bytes(none()); };
    }
    return made;
}

} // namespace cenote::test
