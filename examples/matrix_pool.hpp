// cenote: SPDX-License-Identifier: MIT
//
// A pool of equal matrices of any number type over fixed_pool, with handles that know whether their matrix is
// still theirs: a handle of a freed matrix, or one whose memory went to another, refuses to be used; so does
// a write that does not fit. Every use costs a look-up in the pool. One thread at a time.
#pragma once

#include <cenote/pool/fixed_pool.hpp>

#include <algorithm>
#include <cstdint>
#include <span>
#include <stdexcept>
#include <type_traits>

namespace example {

struct wrong_matrix : std::logic_error {
    using std::logic_error::logic_error;
};

/// Of `Element`s, whose zero is all bytes zero: numbers.
template<class Element>
class matrix_pool {
    static_assert(std::is_arithmetic_v<Element>);

public:
    class handle;

    /// Throws `wrong_matrix` for an empty shape or one that memory cannot hold. `most` = 0: no maximum.
    matrix_pool(std::size_t rows, std::size_t columns, std::size_t most = 0)
        : rows_(rows), columns_(columns), pool_(options_for(rows, columns, most)) {}

    /// A matrix of zeroes. Throws `cenote::out_of_memory` when there are as many as there may be.
    [[nodiscard]] handle make();
    /// Takes a matrix back. Throws `wrong_matrix` when it was back already, or is another pool's.
    void free(const handle& matrix);

    [[nodiscard]] std::size_t rows() const noexcept { return rows_; }
    [[nodiscard]] std::size_t columns() const noexcept { return columns_; }
    [[nodiscard]] std::size_t live() const noexcept { return pool_.stats().live; }

private:
    // In front of the elements: which of all matrices ever made stands here; 0: none.
    struct alignas(64) stamp {
        std::uint64_t number = 0;
    };

    static cenote::fixed_pool_options options_for(std::size_t rows, std::size_t columns, std::size_t most) {
        constexpr std::size_t limit = (static_cast<std::size_t>(-1) / 2 - sizeof(stamp)) / sizeof(Element);
        if (rows == 0 || columns == 0) throw wrong_matrix("a matrix needs a row and a column");
        if (columns > limit / rows) throw wrong_matrix("such a matrix is more than memory can hold");
        cenote::fixed_pool_options options{.block_size = sizeof(stamp) + rows * columns * sizeof(Element),
                                           .alignment = alignof(stamp),
                                           .name = "matrices"};
        if (most != 0) options.maximum_blocks = most;
        return options;
    }

    std::size_t rows_;
    std::size_t columns_;
    std::uint64_t made_ = 0;
    cenote::fixed_pool pool_;
};

/// Names a matrix; copying it copies the name. Every use throws `wrong_matrix` once the matrix is freed.
template<class Element>
class matrix_pool<Element>::handle {
public:
    handle() = default;

    [[nodiscard]] bool is_live() const noexcept {
        return pool_ != nullptr && pool_->pool_.is_live(stamp_) && stamp_->number == number_;
    }
    [[nodiscard]] Element& at(std::size_t row, std::size_t column) const {
        if (row >= pool().rows_ || column >= pool().columns_) throw wrong_matrix("no such element");
        return elements()[row * pool().columns_ + column];
    }
    /// All elements, row by row. Throws when there are more or fewer values than elements.
    void set(std::span<const Element> values) const {
        const std::span<Element> own = elements();
        if (values.size() != own.size()) throw wrong_matrix("the values do not fit the matrix");
        std::copy(values.begin(), values.end(), own.begin());
    }
    [[nodiscard]] std::size_t rows() const { return pool().rows_; }
    [[nodiscard]] std::size_t columns() const { return pool().columns_; }
    [[nodiscard]] std::span<Element> elements() const {
        return {reinterpret_cast<Element*>(stamp_ + 1), pool().rows_ * pool().columns_};
    }

    /// The elements of one matrix into another, maybe of another pool. Throws when their shapes differ.
    friend void copy(const handle& to, const handle& from) {
        if (to.rows() != from.rows() || to.columns() != from.columns())
            throw wrong_matrix("the matrices differ in shape");
        to.set(from.elements());
    }

private:
    friend class matrix_pool;
    handle(matrix_pool& pool, stamp* place, std::uint64_t number) noexcept
        : pool_(&pool), stamp_(place), number_(number) {}
    [[nodiscard]] matrix_pool& pool() const {
        if (!is_live()) throw wrong_matrix("the matrix was freed, or never made");
        return *pool_;
    }

    matrix_pool* pool_ = nullptr;
    stamp* stamp_ = nullptr;
    std::uint64_t number_ = 0;
};

template<class Element>
typename matrix_pool<Element>::handle matrix_pool<Element>::make() {
    auto* const place = ::new (pool_.allocate_zeroed()) stamp{++made_};
    return {*this, place, place->number};
}

template<class Element>
void matrix_pool<Element>::free(const handle& matrix) {
    if (matrix.pool_ != this || !matrix.is_live()) throw wrong_matrix("not a live matrix of this pool");
    matrix.stamp_->number = 0;
    pool_.deallocate(matrix.stamp_);
}

} // namespace example
