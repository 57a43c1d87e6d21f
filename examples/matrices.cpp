// cenote: SPDX-License-Identifier: MIT
//
// Matrices from a pool, with handles that notice what goes wrong. Ends with success when each was noticed.
#include "matrix_pool.hpp"

#include <cstdint>
#include <cstdio>
#include <vector>

namespace {

int failures = 0;

void expect(bool holds, const char* what) {
    std::printf("  %-58s %s\n", what, holds ? "yes" : "NO");
    if (!holds) ++failures;
}

template<class Use>
bool is_refused(const Use& use) {
    try {
        use();
        return false;
    } catch (const example::wrong_matrix&) {
        return true;
    }
}

void works_as_expected() {
    example::matrix_pool<double> pool(3, 4);
    const auto a = pool.make();
    const auto b = pool.make();
    a.at(2, 3) = 1.5;
    expect(b.at(2, 3) == 0, "two matrices are two, and begin as zeroes");
    copy(b, a);
    expect(b.at(2, 3) == 1.5, "a copy has the elements");
    a.at(2, 3) = 2;
    expect(b.at(2, 3) == 1.5, "and is a copy");
    pool.free(a);
    pool.free(b);
    std::vector<example::matrix_pool<double>::handle> many;
    for (int round = 0; round < 3; ++round) {
        for (int i = 0; i < 500; ++i) many.push_back(pool.make());
        for (const auto& one : many) pool.free(one);
        many.clear();
    }
    expect(pool.live() == 0, "what is freed is allocated again, round for round");
}

void holds_any_number() {
    example::matrix_pool<float> halves(3, 4);
    example::matrix_pool<int> whole(3, 4);
    const auto a = halves.make();
    const auto b = whole.make();
    const float twelve[12] = {0.5f, 1.5f};
    a.set(twelve);
    b.at(2, 3) = -7;
    expect(a.at(0, 1) == 1.5f && a.elements().size() == 12, "matrices of float hold floats");
    expect(b.at(2, 3) == -7 && b.at(0, 0) == 0, "matrices of int hold integers");
    halves.free(a);
    expect(is_refused([&] { a.set(twelve); }) && b.is_live(), "handles of both know what was freed");
}

void notices_what_goes_wrong() {
    example::matrix_pool<double> pool(3, 4);
    example::matrix_pool<double> larger(30, 40);
    const auto a = pool.make();
    const auto old = a;
    const double thirteen[13] = {};
    expect(is_refused([&] { a.set(thirteen); }), "a write that does not fit is refused");
    expect(is_refused([&] { a.set({thirteen, 11}); }), "one that leaves elements out, too");
    expect(is_refused([&] { (void)a.at(3, 0); }), "an element outside is refused");
    expect(is_refused([&] { copy(larger.make(), a); }), "a copy into another shape is refused");
    example::matrix_pool<double> turned(4, 3);
    expect(is_refused([&] { copy(turned.make(), a); }), "also when there are as many elements");
    expect(is_refused([&] { larger.free(a); }), "another pool's matrix is not taken back");
    pool.free(a);
    expect(is_refused([&] { pool.free(a); }), "a second free is refused");
    expect(!a.is_live() && is_refused([&] { (void)a.at(0, 0); }), "a handle knows that it was freed");
    const auto next = pool.make(); // in the same place
    expect(!old.is_live() && next.is_live(), "also when its place belongs to another");
    expect(is_refused([&] { pool.free(old); }) && next.is_live(), "whom it cannot free");
    expect(is_refused([] { (void)example::matrix_pool<double>::handle().elements(); }),
           "a handle of nothing is none");
    expect(is_refused([] { const example::matrix_pool<double> none(0, 5); }), "empty matrices are refused");
    expect(is_refused([] { const example::matrix_pool<double> all(SIZE_MAX / 2, SIZE_MAX / 2); }),
           "so are endless ones");
}

void runs_out_as_asked() {
    example::matrix_pool<double> pool(10, 10, 2);
    const auto a = pool.make();
    (void)pool.make();
    bool is_full = false;
    try {
        (void)pool.make();
    } catch (const cenote::out_of_memory&) {
        is_full = true;
    }
    expect(is_full, "a pool of two gives no third");
    pool.free(a);
    expect(pool.make().is_live(), "but what came back");
}

} // namespace

int main() {
    works_as_expected();
    holds_any_number();
    notices_what_goes_wrong();
    runs_out_as_asked();
    return failures;
}
