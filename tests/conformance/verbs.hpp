// cenote: SPDX-License-Identifier: MIT
//
// Every public verb of a pool or face that may call its source, or promises not to, as a scenario: what to
// prepare, what to do, and which calls to expect.
#pragma once

#include "conformance/all_subjects.hpp"

#include <functional>

namespace cenote::test {

enum class calls { must, never };

template<subject S>
struct verb {
    std::string name;
    calls expected;
    trim when = trim::manual;
    std::function<void(bench<S>&)> prepare;
    std::function<bool(bench<S>&)> act; ///< false: refused, by a null or a false; throwing is another way
};

template<subject S>
bool enter(bench<S>& on, void* block, shape form) {
    if (block == nullptr) return false;
    EXPECT_EQ(on.ledger.add(block, form.size, form.alignment), "");
    return true;
}

/// Leaves the pool with live blocks, the next of shape 0 needing the source: how many that takes is tried out
/// first.
template<subject S>
void use_up(bench<S>& on) {
    static const std::size_t until_call = [] {
        bench<S> trial({.when = trim::manual});
        trial.allocate(S::shapes().size());
        std::size_t count = 0;
        for (const std::size_t before = trial.source.calls().reserve; trial.source.calls().reserve == before;
             ++count)
            (void)trial.allocate(trial.form(0));
        return count - 1;
    }();
    on.allocate(S::shapes().size());
    for (std::size_t i = 0; i < until_call; ++i) (void)on.allocate(on.form(0));
}

/// Blocks of a batch: several slabs and magazines of small ones.
template<subject S>
std::size_t batch() {
    return std::min<std::size_t>(1500, (1 << 20) / S::shapes().front().size + 3);
}

/// Bytes of a block of a batch, in a pool of many sizes.
inline constexpr std::size_t size = 200;

/// Faces allocate and free; the other verbs are those of the pool behind, which has been here itself.
template<class S>
concept is_face = requires(S s) { s.face; };

template<subject S>
void free_most(bench<S>& on) {
    while (on.ledger.size() > 5) on.free(on.ledger.size() - 1);
}

template<subject S>
std::vector<verb<S>> allocating_verbs() {
    const auto nothing = [](bench<S>&) {};
    const auto allocate = [](bench<S>& on) { return enter(on, on.made.allocate(on.form(0)), on.form(0)); };
    std::vector<verb<S>> all = {{"the first allocate", calls::must, trim::manual, nothing, allocate},
                                {"allocate that grows", calls::must, trim::manual, use_up<S>, allocate}};
    const auto add = [&](const char* name, auto act) {
        all.push_back({name, calls::must, trim::manual, nothing, act});
        all.push_back({name, calls::must, trim::manual, use_up<S>, act});
    };
    if constexpr (can_try<S>) {
        add("try_allocate",
            [](bench<S>& on) { return enter(on, on.made.try_allocate(on.form(0)), on.form(0)); });
    }
    if constexpr (!is_face<S> && requires(S s, void** blocks) { s.pool.allocate_n(blocks, 1); }) {
        add("allocate_n", [](bench<S>& on) {
            std::vector<void*> blocks(batch<S>());
            on.made.pool.allocate_n(blocks.data(), blocks.size());
            for (void* const block : blocks) enter(on, block, on.form(0));
            return true;
        });
        add("try_allocate_n", [](bench<S>& on) {
            std::vector<void*> blocks(batch<S>());
            if (!on.made.pool.try_allocate_n(blocks.data(), blocks.size())) return false;
            for (void* const block : blocks) enter(on, block, on.form(0));
            return true;
        });
    }
    if constexpr (!is_face<S> && requires(S s) { s.pool.allocate_zeroed(); }) {
        add("allocate_zeroed",
            [](bench<S>& on) { return enter(on, on.made.pool.allocate_zeroed(), on.form(0)); });
        add("allocate_at_least",
            [](bench<S>& on) { return enter(on, on.made.pool.allocate_at_least().pointer, on.form(0)); });
        add("reserve",
            [](bench<S>& on) { return on.made.pool.reserve(on.ledger.size() + batch<S>()), true; });
        add("reserve that touches", [](bench<S>& on) {
            on.made.pool.reserve(on.ledger.size() + batch<S>(),
                                 std::remove_cvref_t<decltype(on.made.pool)>::touch::yes);
            return true;
        });
    }
    if constexpr (!is_face<S> && requires(S s, void** blocks) { s.pool.allocate_n(1, blocks, 1); }) {
        add("allocate_n", [](bench<S>& on) {
            std::vector<void*> blocks(1500);
            on.made.pool.allocate_n(size, blocks.data(), blocks.size());
            for (void* const block : blocks) enter(on, block, {size, 8});
            return true;
        });
        add("try_allocate_n", [](bench<S>& on) {
            std::vector<void*> blocks(1500);
            if (!on.made.pool.try_allocate_n(size, blocks.data(), blocks.size())) return false;
            for (void* const block : blocks) enter(on, block, {size, 8});
            return true;
        });
        add("allocate of a large block",
            [](bench<S>& on) { return enter(on, on.made.pool.allocate(50'000), {50'000, 16}); });
        add("allocate of a large alignment",
            [](bench<S>& on) { return enter(on, on.made.pool.allocate(100, 8192), {100, 8192}); });
    }
    if constexpr (!is_face<S> && requires(S s) { s.pool.allocate_zeroed(1); }) {
        add("allocate_zeroed of a large block",
            [](bench<S>& on) { return enter(on, on.made.pool.allocate_zeroed(50'000), {50'000, 16}); });
        add("allocate_at_least of a large block", [](bench<S>& on) {
            const allocation got = on.made.pool.allocate_at_least(50'000);
            return enter(on, got.pointer, {got.size, 16});
        });
        add("reserve", [](bench<S>& on) { return on.made.pool.reserve(size, 2000), true; });
        add("reserve that touches", [](bench<S>& on) {
            return on.made.pool.reserve(size, 2000, std::remove_cvref_t<decltype(on.made.pool)>::touch::yes),
                   true;
        });
    }
    if constexpr (requires(S s) { s.pool.make_unique(); }) {
        add("make_unique",
            [](bench<S>& on) { return enter(on, on.made.pool.make_unique().release(), on.form(0)); });
        add("reserve",
            [](bench<S>& on) { return on.made.pool.reserve(on.ledger.size() + batch<S>()), true; });
    }
    return all;
}

template<subject S>
std::vector<verb<S>> other_verbs() {
    const auto some = [](bench<S>& on) { on.allocate(on.many(3000)); };
    const auto mostly_free = [](bench<S>& on) {
        while (on.strict.reserved() < 300 << 10 || on.ledger.size() < on.many(3000))
            on.allocate(on.many(500));
        free_most(on);
    };
    std::vector<verb<S>> all;
    all.push_back({"deallocate, trim manual", calls::never, trim::manual, some, [](bench<S>& on) {
                       on.free_all();
                       return true;
                   }});
    all.push_back({"reset, trim manual", calls::never, trim::manual, mostly_free, [](bench<S>& on) {
                       on.ledger.clear();
                       on.made.pool.reset();
                       return true;
                   }});
    all.push_back({"trim of some", calls::must, trim::manual, mostly_free, [](bench<S>& on) {
                       const std::size_t before = on.strict.reserved();
                       const std::size_t returned = returned_by(on.made.pool.trim());
                       EXPECT_GE(returned, before - on.strict.reserved());
                       return true;
                   }});
    all.push_back({"questions", calls::never, trim::manual, mostly_free, [](bench<S>& on) {
                       return on.made.pool.is_valid() && on.stats().live == on.ledger.size();
                   }});
    if constexpr (requires(S s, void** blocks) { s.pool.deallocate_n(blocks, 1); }) {
        all.push_back({"deallocate_n, trim manual", calls::never, trim::manual, some, [](bench<S>& on) {
                           std::vector<void*> blocks;
                           for (const auto& block : on.ledger) blocks.push_back(block.data);
                           on.ledger.clear();
                           on.made.pool.deallocate_n(blocks.data(), blocks.size());
                           return true;
                       }});
    }
    if constexpr (requires(S s, void* block) { s.pool.deallocate_erased(block); }) {
        all.push_back({"deallocate_erased, trim manual", calls::never, trim::manual, some, [](bench<S>& on) {
                           for (const auto& block : on.ledger) on.made.pool.deallocate_erased(block.data);
                           on.ledger.clear();
                           return true;
                       }});
    }
    return all;
}

} // namespace cenote::test
