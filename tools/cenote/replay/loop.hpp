// cenote: SPDX-License-Identifier: MIT
//
// The replay itself: every contender walks the same operations through this one loop and touches the same
// bytes of its blocks, the first and last word and one byte a page. A contender has
//     allocate(size, alignment), allocate_zeroed(size, alignment), reallocate(p, old_size, old_alignment,
//     size), deallocate(p, size, alignment), reserved_bytes(), `has_blocks`: whether what it returns may
//     be written to, and `for_threads`: whether several may call it at once.
#pragma once

#include "replay/job.hpp"

#include <algorithm>
#include <cstring>
#include <memory>
#include <new>
#include <span>
#include <sys/mman.h>

namespace cenote::tool {

struct slot {
    void* block;
    std::uint64_t size : 56;
    std::uint64_t log2_alignment : 8;
};
static_assert(sizeof(slot) == 16);

// The replay's own tables, zeroed, from the kernel: no contender's allocator shall hold them.
template<class T>
class kernel_table {
public:
    explicit kernel_table(std::uint64_t count)
        : count_(static_cast<std::size_t>(std::max<std::uint64_t>(count, 1))) {
        void* where = ::mmap(nullptr, count_ * sizeof(T), PROT_READ | PROT_WRITE,
                             MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE, -1, 0);
        if (where == MAP_FAILED) throw std::bad_alloc();
        items_ = static_cast<T*>(where);
        std::uninitialized_default_construct_n(items_, count_);
    }
    ~kernel_table() { ::munmap(items_, count_ * sizeof(T)); }
    kernel_table(const kernel_table&) = delete;
    kernel_table& operator=(const kernel_table&) = delete;
    [[nodiscard]] T* begin() const { return items_; }
    [[nodiscard]] T* end() const { return items_ + count_; }

private:
    std::size_t count_;
    T* items_ = nullptr;
};

// Writes what a program would at the least: the first and last word, and one byte of every page behind byte
// `from`.
inline void touch(void* block, std::uint64_t from, std::uint64_t size) {
    auto* bytes = static_cast<unsigned char*>(block);
    constexpr std::uint64_t word = 0x0123456789ABCDEFU;
    if (size >= sizeof word) {
        std::memcpy(bytes, &word, sizeof word);
        std::memcpy(bytes + size - sizeof word, &word, sizeof word);
    } else if (size > 0) {
        bytes[0] = bytes[size - 1] = 1;
    }
    for (std::uint64_t at = (from / 4096 + 1) * 4096; at < size; at += 4096) bytes[at] = 1;
    asm volatile("" : : "r"(block) : "memory");
}

// A gate lets operations through one after the other: that of one worker always, that of threads when it is
// an operation's turn.
struct open_gate {
    using slot_type = slot;
    static void enter(const op&, slot&) {}
    static void leave(const op&, slot&) {}
};

// Observers hear of every operation: before and after the contender's own work, and when all is done.
struct no_observer {
    void before() {}
    void after(std::size_t) {}
    void done(std::size_t) {}
};

template<class Contender, class Observer, class Gate = open_gate>
class replay_pass {
public:
    using slot = typename Gate::slot_type;

    replay_pass(Contender& contender, slot* slots, Observer& observer, Gate gate = {})
        : contender_(contender), slots_(slots), observer_(observer), gate_(gate) {}

    // Returns how many allocations were refused.
    template<class Op>
    std::uint64_t run(std::span<const Op> ops) {
        for (std::size_t i = 0; i < ops.size(); ++i) {
            const Op o = ops[i];
            slot& s = slots_[o.slot];
            gate_.enter(o, s);
            switch (o.kind) {
            case op_kind::allocate:
                allocate(i, o, s, false);
                break;
            case op_kind::allocate_zeroed:
                allocate(i, o, s, true);
                break;
            case op_kind::deallocate:
                deallocate(i, s);
                break;
            case op_kind::reallocate:
                reallocate(i, o, s);
                break;
            }
            gate_.leave(o, s);
            observer_.done(i);
        }
        return refused_;
    }

private:
    template<class Op>
    void allocate(std::size_t i, const Op& o, slot& s, bool zeroed) {
        const std::size_t alignment = std::size_t{1} << o.log2_alignment;
        observer_.before();
        void* p =
            zeroed ? contender_.allocate_zeroed(o.size, alignment) : contender_.allocate(o.size, alignment);
        observer_.after(i);
        keep(s, p, 0, o);
    }

    void deallocate(std::size_t i, slot& s) {
        observer_.before();
        if (s.block != nullptr) contender_.deallocate(s.block, s.size, std::size_t{1} << s.log2_alignment);
        observer_.after(i);
        s.block = nullptr;
    }

    template<class Op>
    void reallocate(std::size_t i, const Op& o, slot& s) {
        if (s.block == nullptr) return allocate(i, o, s, false);
        const std::uint64_t old = s.size;
        observer_.before();
        void* p = contender_.reallocate(s.block, old, std::size_t{1} << s.log2_alignment, o.size);
        observer_.after(i);
        if (p != nullptr)
            keep(s, p, old, o);
        else
            ++refused_;
    }

    template<class Op>
    void keep(slot& s, void* p, std::uint64_t old, const Op& o) {
        s.block = p;
        s.size = o.size;
        s.log2_alignment = o.log2_alignment;
        if (p == nullptr)
            ++refused_;
        else if constexpr (Contender::has_blocks)
            touch(p, old, o.size);
    }

    Contender& contender_;
    slot* slots_;
    Observer& observer_;
    Gate gate_;
    std::uint64_t refused_ = 0;
};

} // namespace cenote::tool
