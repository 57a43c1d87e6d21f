// cenote: SPDX-License-Identifier: MIT
//
// A subject behind virtual functions, and what the suite knows of its kind: the tests are compiled once, not
// once for every pool. What a pool cannot do is never asked of it: see `abilities`.
#pragma once

#include "conformance/subject.hpp"

#include <functional>
#include <new>
#include <string>
#include <utility>

namespace cenote::test {

/// What some pools can do and others cannot.
struct abilities {
    bool tries = false;               ///< try_allocate
    bool serves_any_size = false;     ///< blocks of every size, also of none
    bool counts_blocks = false;       ///< its maximum is a number of blocks
    bool walks_freely = false;        ///< visitors may use the pool that they walk
    bool is_for_one_thread = false;   ///< no thread has a cache
    bool reserves = false;            ///< reserve(blocks)
    bool batches = false;             ///< allocate_n of its one size
    bool zeroes = false;              ///< allocate_zeroed, allocate_at_least and reserve with a touch
    bool sized_batches = false;       ///< allocate_n of any size, large blocks and alignments
    bool zeroes_sized = false;        ///< as `zeroes`, with a size
    bool makes = false;               ///< make_unique
    bool frees_batches = false;       ///< deallocate_n
    bool erases = false;              ///< deallocate_erased
    bool asks_as_sources_want = true; ///< regions are multiples of a granularity: not of a parent in C
};

class any_subject {
public:
    any_subject() = default;
    any_subject(const any_subject&) = delete;
    any_subject& operator=(const any_subject&) = delete;
    virtual ~any_subject() = default;

    [[nodiscard]] virtual void* allocate(shape form) = 0;
    [[nodiscard]] virtual void* try_allocate(shape form) = 0;
    virtual void deallocate(void* block, shape form) = 0;

    [[nodiscard]] virtual pool_stats stats() = 0;
    [[nodiscard]] virtual bool is_valid() = 0;
    [[nodiscard]] virtual const char* name() = 0;
    [[nodiscard]] virtual bool owns(const void* block) = 0;
    [[nodiscard]] virtual bool is_live(const void* block) = 0;
    virtual void reset() = 0;
    /// Bytes that went back.
    virtual std::size_t trim() = 0;
    /// `visit` is called for each block, until it says false.
    virtual void walk(const std::function<bool(void*)>& visit) = 0;
    /// The same with a visitor that says nothing.
    virtual void walk_all(const std::function<void(void*)>& visit) = 0;

    // Verbs of the pool behind, which only some have.
    virtual void allocate_n(void** blocks, std::size_t count) = 0;
    [[nodiscard]] virtual bool try_allocate_n(void** blocks, std::size_t count) = 0;
    [[nodiscard]] virtual void* allocate_zeroed() = 0;
    [[nodiscard]] virtual allocation allocate_at_least() = 0;
    virtual void reserve(std::size_t blocks) = 0;
    virtual void reserve_touched(std::size_t blocks) = 0;
    virtual void allocate_n(std::size_t size, void** blocks, std::size_t count) = 0;
    [[nodiscard]] virtual bool try_allocate_n(std::size_t size, void** blocks, std::size_t count) = 0;
    [[nodiscard]] virtual void* allocate_sized(std::size_t size, std::size_t alignment) = 0;
    [[nodiscard]] virtual void* allocate_zeroed(std::size_t size) = 0;
    [[nodiscard]] virtual allocation allocate_at_least(std::size_t size) = 0;
    virtual void reserve(std::size_t size, std::size_t blocks) = 0;
    virtual void reserve_touched(std::size_t size, std::size_t blocks) = 0;
    [[nodiscard]] virtual void* make_unique() = 0;
    virtual void deallocate_n(void** blocks, std::size_t count) = 0;
    virtual void deallocate_erased(void* block) = 0;
};

/// A row of the suite: how to make a subject, and what can be known of it before.
struct kind {
    std::string name;
    abilities can;
    std::vector<shape> shapes;
    std::size_t size = 0; ///< of the memory that a subject is made in
    std::size_t alignment = 1;
    any_subject* (*make_in)(void* memory, const wish&) = nullptr;
    std::size_t (*required_bytes)(const wish&) = nullptr;
    std::size_t (*maximum_bytes)(const wish&) = nullptr; ///< null: a maximum is a number of blocks
    void (*make_with_no_bytes)() = nullptr;              ///< null: there is no block size to set
    void (*ask_for_no_bytes)() = nullptr;
};

inline std::ostream& operator<<(std::ostream& out, const kind& one) {
    return out << one.name;
}

/// Room for a subject, which is made later and without the heap.
class room {
public:
    explicit room(const kind& of)
        : of_(of), memory_(::operator new(of.size, std::align_val_t{of.alignment})) {}
    room(const kind& of, const wish& wanted) : room(of) { make(wanted); }
    room(const room&) = delete;
    room& operator=(const room&) = delete;
    ~room() {
        end();
        ::operator delete(memory_, std::align_val_t{of_.alignment});
    }

    void make(const wish& wanted) { made_ = of_.make_in(memory_, wanted); }
    void end() {
        if (made_ != nullptr) std::exchange(made_, nullptr)->~any_subject();
    }
    [[nodiscard]] any_subject& operator*() const { return *made_; }
    [[nodiscard]] any_subject* operator->() const { return made_; }

private:
    const kind& of_;
    void* memory_;
    any_subject* made_ = nullptr;
};

/// The pools, the pools for many threads, the faces, and that of C.
[[nodiscard]] std::vector<kind> pool_kinds();
[[nodiscard]] std::vector<kind> variable_kinds();
[[nodiscard]] std::vector<kind> concurrent_kinds();
[[nodiscard]] std::vector<kind> face_kinds();
[[nodiscard]] std::vector<kind> c_kinds();

} // namespace cenote::test
