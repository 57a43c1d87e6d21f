// cenote: SPDX-License-Identifier: MIT
#include "matrix/child.hpp"
#include "matrix/makers.hpp"
#include "matrix/shares.hpp"

#include <gtest/gtest.h>
#include <set>

namespace cenote::matrices {
namespace {

constexpr plan in_order{.matrices = 130, .live = 64};
constexpr plan shuffled{.matrices = 130, .live = 50, .shuffled = true};

TEST(matrix_work, is_done_right_by_everybody) {
    for (const char* const word : {"slots", "malloc", "new", "fixed_pool", "arena", "arena_pool"}) {
        for (const plan& what : {in_order, shuffled}) {
            const std::optional<outcome> done = work_of(word, what);
            ASSERT_TRUE(done) << word;
            EXPECT_EQ(done->wrong, 0u) << word;
        }
    }
    EXPECT_FALSE(work_of("nobody", in_order));
}

TEST(matrix_work, notices_who_gives_all_matrices_one_address) {
    struct one_for_all {
        std::vector<double> memory = std::vector<double>(elements);
        double* get(std::size_t) { return memory.data(); }
        void put(double*, std::size_t) {}
        void end_round() {}
    } cheat;
    const outcome done = work(cheat, in_order);
    EXPECT_GE(done.wrong, 127u); // all but the last of each of the three rounds
}

TEST(matrix_work, makes_each_matrix_once_and_drops_it_once) {
    struct careful : slots {
        using slots::slots;
        std::set<std::size_t> live;
        std::size_t made = 0;
        std::size_t rounds = 0;
        bool is_shuffled = false;
        std::size_t last = 0;
        double* get(std::size_t slot) {
            EXPECT_TRUE(live.insert(slot).second);
            ++made;
            return slots::get(slot);
        }
        void put(double* matrix, std::size_t slot) {
            EXPECT_EQ(live.erase(slot), 1u);
            EXPECT_EQ(matrix, slots::get(slot));
            is_shuffled = is_shuffled || slot < last;
            last = slot;
        }
        void end_round() {
            EXPECT_TRUE(live.empty());
            ++rounds;
            last = 0;
        }
    };
    for (const plan& what : {in_order, shuffled}) {
        careful maker(what);
        EXPECT_EQ(work(maker, what).wrong, 0u);
        EXPECT_EQ(maker.made, 130u);
        EXPECT_EQ(maker.rounds, 3u);
        EXPECT_EQ(maker.is_shuffled, what.shuffled);
    }
}

TEST(matrix_shares, memory_is_all_but_the_arithmetic) {
    const row arithmetic{2.0, 0};
    const row of_malloc{3.0, 0};
    const shares own = shares_of({2.5, 0}, arithmetic, of_malloc, 100'000);
    EXPECT_DOUBLE_EQ(own.memory, 0.5);
    EXPECT_DOUBLE_EQ(own.microseconds_a_matrix, 5.0);
    ASSERT_TRUE(own.of_malloc);
    EXPECT_DOUBLE_EQ(*own.of_malloc, 0.5);
    EXPECT_DOUBLE_EQ(*shares_of(of_malloc, arithmetic, of_malloc, 1).of_malloc, 1.0);
    EXPECT_DOUBLE_EQ(shares_of({1.5, 0}, arithmetic, of_malloc, 1).memory, -0.5); // noise is told
    EXPECT_FALSE(shares_of({2.5, 0}, arithmetic, arithmetic, 1).of_malloc);
}

TEST(matrix_shares, best_of_the_rounds_counts_and_the_most_memory) {
    row best;
    note_round(best, true, 3.0, 100);
    note_round(best, false, 2.0, 300);
    note_round(best, false, 4.0, 200);
    EXPECT_EQ(best.seconds, 2.0);
    EXPECT_EQ(best.most_resident, 300u);
}

} // namespace
} // namespace cenote::matrices
