// cenote: SPDX-License-Identifier: MIT
//
// Everything that must pass the conformance suite, and the fixture its tests share.
#pragma once

#include "conformance/any_subject.hpp"
#include "conformance/block_ledger.hpp"
#include "conformance/failing_source.hpp"
#include "conformance/strict_source.hpp"
#include "support/slowness.hpp"

#include <algorithm>
#include <gtest/gtest.h>
#include <random>
#include <string>

namespace cenote::test {

/// Every row of the suite.
[[nodiscard]] inline const std::vector<kind>& all_kinds() {
    static const std::vector<kind> all = [] {
        std::vector<kind> rows = pool_kinds();
        for (const auto& more : {variable_kinds(), concurrent_kinds(), face_kinds(), c_kinds()})
            rows.insert(rows.end(), more.begin(), more.end());
        return rows;
    }();
    return all;
}

/// A fixture of the suite: its tests run for every kind.
class for_every_kind : public ::testing::TestWithParam<kind> {
public:
    static const kind& of() { return GetParam(); }
};
#define CENOTE_FOR_EVERY_KIND(suite)                                                                         \
    INSTANTIATE_TEST_SUITE_P(every, suite, ::testing::ValuesIn(all_kinds()),                                 \
                             [](const auto& row) { return row.param.name; })

/// A subject on a strict source behind one that counts, with the ledger of what it has handed out.
class bench {
public:
    explicit bench(const kind& row, wish wanted = {}, std::size_t granularity = 1,
                   std::size_t limit = unlimited)
        : of(row), strict(granularity, limit), source(strict), holder_(row, place(wanted, source)),
          made(*holder_) {}

    /// Live blocks are left to the pool's destructor, which must give every region back.
    ~bench() {
        EXPECT_TRUE(made.is_valid());
        EXPECT_EQ(made.stats().live, ledger.size());
        EXPECT_EQ(ledger.look_at_all(), "");
        const leak_handler before = set_leak_handler([](const leak_report&) noexcept {});
        holder_.end();
        set_leak_handler(before);
        EXPECT_EQ(strict.regions(), 0u);
        EXPECT_EQ(strict.complaint(), "");
    }
    bench(const bench&) = delete;
    bench& operator=(const bench&) = delete;

    /// A shape by number, whatever the number.
    [[nodiscard]] shape form(std::size_t number) const { return of.shapes[number % of.shapes.size()]; }

    /// So many blocks, or fewer when they are large.
    [[nodiscard]] std::size_t many(std::size_t wanted) const {
        std::size_t bytes = 0;
        for (const shape& one : of.shapes) bytes += one.size;
        const std::size_t average = bytes / of.shapes.size() + 1;
        return std::min(wanted, std::max<std::size_t>((8 << 20) / average, 40));
    }

    void* allocate(shape wanted) {
        void* const block = made.allocate(wanted);
        EXPECT_EQ(ledger.add(block, wanted.size, wanted.alignment), "");
        return block;
    }
    void allocate(std::size_t blocks) {
        for (std::size_t i = 0; i < blocks; ++i) (void)allocate(form(i));
    }
    void free(std::size_t number) {
        const block_ledger::entry gone = ledger[number];
        EXPECT_EQ(ledger.remove(number), "");
        made.deallocate(gone.data, {gone.size, gone.alignment});
    }
    void free_all() {
        while (!ledger.empty()) free(ledger.size() - 1);
    }
    /// Allocates and frees by chance, at most `most` live; the same each time for the same `seed`.
    void churn(std::size_t steps, std::size_t most, unsigned seed) {
        std::mt19937 chance(seed);
        const std::size_t possible = scaled(steps, std::min<std::size_t>(steps, 400));
        for (std::size_t i = 0; i < possible; ++i) {
            const bool wants_more =
                ledger.empty() || ledger.size() < most / 2 || (ledger.size() < most && chance() % 2 == 0);
            if (wants_more) {
                (void)allocate(form(chance()));
            } else {
                free(chance() % ledger.size());
            }
        }
    }
    [[nodiscard]] pool_stats stats() const { return made.stats(); }

    const kind& of;
    strict_source strict;
    failing_source source;

private:
    room holder_;

public:
    any_subject& made;
    block_ledger ledger;

private:
    static wish place(wish wanted, cenote::source& from) {
        wanted.from = &from;
        return wanted;
    }
};

} // namespace cenote::test
