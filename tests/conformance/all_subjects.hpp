// cenote: SPDX-License-Identifier: MIT
//
// Everything that must pass the conformance suite, and the fixture its tests share.
#pragma once

#include "conformance/block_ledger.hpp"
#include "conformance/face_subjects.hpp"
#include "conformance/failing_source.hpp"
#include "conformance/pool_subjects.hpp"
#include "conformance/strict_source.hpp"

#include <algorithm>
#include <gtest/gtest.h>
#include <optional>
#include <random>
#include <string>

namespace cenote::test {

using all_subjects = ::testing::Types<
    fixed_plain, fixed_tiny, fixed_page, fixed_large, fixed_watched, fixed_checks, fixed_stats, fixed_zeroing,
    fixed_erasing, object_plain, object_checks, multi_plain, multi_unsized, multi_watched, multi_checks,
    multi_stats, multi_zeroing, multi_erasing, resource_of_multi, resource_of_checked_multi,
    resource_of_fixed, allocator_of_multi, allocator_of_aligned, allocator_of_fixed, concurrent_plain,
    concurrent_tiny, concurrent_large, concurrent_watched, concurrent_checks, concurrent_stats,
    concurrent_zeroing, concurrent_erasing, concurrent_objects, concurrent_checked_objects,
    concurrent_multi_plain, concurrent_multi_unsized, concurrent_multi_watched, concurrent_multi_checks,
    concurrent_multi_stats, concurrent_multi_zeroing, concurrent_multi_erasing, locked_fixed, locked_multi,
    resource_of_concurrent, allocator_of_concurrent>;

struct subject_names {
    template<class S>
    static std::string GetName(int at) {
        static constexpr const char* names[] = {
            "fixed_plain",
            "fixed_tiny",
            "fixed_page",
            "fixed_large",
            "fixed_watched",
            "fixed_checks",
            "fixed_stats",
            "fixed_zeroing",
            "fixed_erasing",
            "object_plain",
            "object_checks",
            "multi_plain",
            "multi_unsized",
            "multi_watched",
            "multi_checks",
            "multi_stats",
            "multi_zeroing",
            "multi_erasing",
            "resource_of_multi",
            "resource_of_checked_multi",
            "resource_of_fixed",
            "allocator_of_multi",
            "allocator_of_aligned",
            "allocator_of_fixed",
            "concurrent_plain",
            "concurrent_tiny",
            "concurrent_large",
            "concurrent_watched",
            "concurrent_checks",
            "concurrent_stats",
            "concurrent_zeroing",
            "concurrent_erasing",
            "concurrent_objects",
            "concurrent_checked_objects",
            "concurrent_multi_plain",
            "concurrent_multi_unsized",
            "concurrent_multi_watched",
            "concurrent_multi_checks",
            "concurrent_multi_stats",
            "concurrent_multi_zeroing",
            "concurrent_multi_erasing",
            "locked_fixed",
            "locked_multi",
            "resource_of_concurrent",
            "allocator_of_concurrent",
        };
        return names[at];
    }
};

template<class S>
concept can_try = requires(S s) { s.try_allocate(shape{}); };
template<class S>
concept serves_any_size = requires { S::serves_any_size; };
template<class S>
concept counts_blocks = requires { S::counts_blocks; };
/// Visitors may use the pool that they walk.
template<class S>
concept has_walks = !requires(S s) { s.pool.with([](auto&) {}); };

/// Bytes that a trim gave back.
[[nodiscard]] inline std::size_t returned_by(std::size_t trimmed) noexcept {
    return trimmed;
}
[[nodiscard]] inline std::size_t returned_by(const trim_result& trimmed) noexcept {
    return trimmed.returned_bytes;
}

/// A subject on a strict source behind one that counts, with the ledger of what it has handed out.
template<subject S>
class bench {
public:
    explicit bench(wish wanted = {}, std::size_t granularity = 1, std::size_t limit = unlimited)
        : strict(granularity, limit), source(strict), made(holder_.emplace(place(wanted, source))) {}

    /// Live blocks are left to the pool's destructor, which must give every region back.
    ~bench() {
        EXPECT_TRUE(made.pool.is_valid());
        EXPECT_EQ(made.pool.stats().live, ledger.size());
        EXPECT_EQ(ledger.look_at_all(), "");
        const leak_handler before = set_leak_handler([](const leak_report&) noexcept {});
        holder_.reset();
        set_leak_handler(before);
        EXPECT_EQ(strict.regions(), 0u);
        EXPECT_EQ(strict.complaint(), "");
    }
    bench(const bench&) = delete;
    bench& operator=(const bench&) = delete;

    /// A shape by number, whatever the number.
    static shape form(std::size_t number) {
        static const std::vector<shape> all = S::shapes();
        return all[number % all.size()];
    }

    /// So many blocks, or fewer when they are large.
    static std::size_t many(std::size_t wanted) {
        std::size_t bytes = 0;
        for (const shape& one : S::shapes()) bytes += one.size;
        const std::size_t average = bytes / S::shapes().size() + 1;
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
        for (std::size_t i = 0; i < steps; ++i) {
            const bool wants_more =
                ledger.empty() || ledger.size() < most / 2 || (ledger.size() < most && chance() % 2 == 0);
            if (wants_more) {
                (void)allocate(form(chance()));
            } else {
                free(chance() % ledger.size());
            }
        }
    }
    [[nodiscard]] pool_stats stats() const { return made.pool.stats(); }

    strict_source strict;
    failing_source source;

private:
    std::optional<S> holder_;

public:
    S& made;
    block_ledger ledger;

private:
    static wish place(wish wanted, cenote::source& from) {
        wanted.from = &from;
        return wanted;
    }
};

} // namespace cenote::test
