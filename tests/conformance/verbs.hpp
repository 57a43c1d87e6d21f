// cenote: SPDX-License-Identifier: MIT
//
// Every public verb of a pool or face that may call its source, or promises not to, as a scenario: what to
// prepare, what to do, and which calls to expect.
#pragma once

#include "conformance/all_subjects.hpp"

#include <functional>
#include <map>

namespace cenote::test {

enum class calls { must, never };

struct verb {
    std::string name;
    calls expected;
    trim when = trim::manual;
    std::function<void(bench&)> prepare;
    std::function<bool(bench&)> act; ///< false: refused, by a null or a false; throwing is another way
};

inline bool enter(bench& on, void* block, shape form) {
    if (block == nullptr) return false;
    EXPECT_EQ(on.ledger.add(block, form.size, form.alignment), "");
    return true;
}

/// Leaves the pool with live blocks, the next of shape 0 needing the source: how many that takes is tried out
/// first.
inline void use_up(bench& on) {
    static std::map<std::string, std::size_t> known;
    const auto until_call = [&] {
        bench trial(on.of, {.when = trim::manual});
        trial.allocate(on.of.shapes.size());
        std::size_t count = 0;
        for (const std::size_t before = trial.source.calls().reserve; trial.source.calls().reserve == before;
             ++count)
            (void)trial.allocate(trial.form(0));
        return count - 1;
    };
    if (known.count(on.of.name) == 0) known[on.of.name] = until_call();
    on.allocate(on.of.shapes.size());
    for (std::size_t i = known[on.of.name]; i != 0; --i) (void)on.allocate(on.form(0));
}

/// Blocks of a batch: several slabs and magazines of small ones.
inline std::size_t batch(const bench& on) {
    return std::min<std::size_t>(1500, (1 << 20) / on.form(0).size + 3);
}

/// Bytes of a block of a batch, in a pool of many sizes.
inline constexpr std::size_t size = 200;

inline void free_most(bench& on) {
    while (on.ledger.size() > 5) on.free(on.ledger.size() - 1);
}

inline std::vector<verb> allocating_verbs(const abilities& can) {
    const auto nothing = [](bench&) {};
    const auto allocate = [](bench& on) { return enter(on, on.made.allocate(on.form(0)), on.form(0)); };
    std::vector<verb> all = {{"the first allocate", calls::must, trim::manual, nothing, allocate},
                             {"allocate that grows", calls::must, trim::manual, use_up, allocate}};
    const auto add = [&](const char* name, auto act) {
        all.push_back({name, calls::must, trim::manual, nothing, act});
        all.push_back({name, calls::must, trim::manual, use_up, act});
    };
    if (can.tries) {
        add("try_allocate",
            [](bench& on) { return enter(on, on.made.try_allocate(on.form(0)), on.form(0)); });
    }
    if (can.batches) {
        add("allocate_n", [](bench& on) {
            std::vector<void*> blocks(batch(on));
            on.made.allocate_n(blocks.data(), blocks.size());
            for (void* const block : blocks) enter(on, block, on.form(0));
            return true;
        });
        add("try_allocate_n", [](bench& on) {
            std::vector<void*> blocks(batch(on));
            if (!on.made.try_allocate_n(blocks.data(), blocks.size())) return false;
            for (void* const block : blocks) enter(on, block, on.form(0));
            return true;
        });
    }
    if (can.zeroes) {
        add("allocate_zeroed", [](bench& on) { return enter(on, on.made.allocate_zeroed(), on.form(0)); });
        add("allocate_at_least",
            [](bench& on) { return enter(on, on.made.allocate_at_least().pointer, on.form(0)); });
        add("reserve", [](bench& on) { return on.made.reserve(on.ledger.size() + batch(on)), true; });
        add("reserve that touches", [](bench& on) {
            on.made.reserve_touched(on.ledger.size() + batch(on));
            return true;
        });
    }
    if (can.sized_batches) {
        add("allocate_n", [](bench& on) {
            std::vector<void*> blocks(1500);
            on.made.allocate_n(size, blocks.data(), blocks.size());
            for (void* const block : blocks) enter(on, block, {size, 8});
            return true;
        });
        add("try_allocate_n", [](bench& on) {
            std::vector<void*> blocks(1500);
            if (!on.made.try_allocate_n(size, blocks.data(), blocks.size())) return false;
            for (void* const block : blocks) enter(on, block, {size, 8});
            return true;
        });
        add("allocate of a large block",
            [](bench& on) { return enter(on, on.made.allocate_sized(50'000, 0), {50'000, 16}); });
        add("allocate of a large alignment",
            [](bench& on) { return enter(on, on.made.allocate_sized(100, 8192), {100, 8192}); });
    }
    if (can.zeroes_sized) {
        add("allocate_zeroed of a large block",
            [](bench& on) { return enter(on, on.made.allocate_zeroed(50'000), {50'000, 16}); });
        add("allocate_at_least of a large block", [](bench& on) {
            const allocation got = on.made.allocate_at_least(50'000);
            return enter(on, got.pointer, {got.size, 16});
        });
        add("reserve", [](bench& on) { return on.made.reserve(size, 2000), true; });
        add("reserve that touches", [](bench& on) { return on.made.reserve_touched(size, 2000), true; });
    }
    if (can.makes) {
        add("make_unique", [](bench& on) { return enter(on, on.made.make_unique(), on.form(0)); });
        add("reserve", [](bench& on) { return on.made.reserve(on.ledger.size() + batch(on)), true; });
    }
    return all;
}

inline std::vector<verb> other_verbs(const abilities& can) {
    const auto some = [](bench& on) { on.allocate(on.many(3000)); };
    const auto mostly_free = [](bench& on) {
        while (on.strict.reserved() < 300 << 10 || on.ledger.size() < on.many(3000))
            on.allocate(on.many(500));
        free_most(on);
    };
    std::vector<verb> all;
    all.push_back({"deallocate, trim manual", calls::never, trim::manual, some, [](bench& on) {
                       on.free_all();
                       return true;
                   }});
    all.push_back({"reset, trim manual", calls::never, trim::manual, mostly_free, [](bench& on) {
                       on.ledger.clear();
                       on.made.reset();
                       return true;
                   }});
    all.push_back({"trim of some", calls::must, trim::manual, mostly_free, [](bench& on) {
                       const std::size_t before = on.strict.reserved();
                       const std::size_t returned = on.made.trim();
                       EXPECT_GE(returned, before - on.strict.reserved());
                       return true;
                   }});
    all.push_back({"questions", calls::never, trim::manual, mostly_free,
                   [](bench& on) { return on.made.is_valid() && on.stats().live == on.ledger.size(); }});
    if (can.frees_batches) {
        all.push_back({"deallocate_n, trim manual", calls::never, trim::manual, some, [](bench& on) {
                           std::vector<void*> blocks;
                           for (const auto& block : on.ledger) blocks.push_back(block.data);
                           on.ledger.clear();
                           on.made.deallocate_n(blocks.data(), blocks.size());
                           return true;
                       }});
    }
    if (can.erases) {
        all.push_back({"deallocate_erased, trim manual", calls::never, trim::manual, some, [](bench& on) {
                           for (const auto& block : on.ledger) on.made.deallocate_erased(block.data);
                           on.ledger.clear();
                           return true;
                       }});
    }
    return all;
}

} // namespace cenote::test
