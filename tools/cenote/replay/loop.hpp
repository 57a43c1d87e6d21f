// cenote: SPDX-License-Identifier: MIT
//
// The replay itself: every contender walks the same operations through this one loop and touches the same
// bytes of its blocks, the first and last word and one byte a page. A contender has
//     allocate(size, alignment), allocate_zeroed(size, alignment), reallocate(p, old_size, old_alignment,
//     size), deallocate(p, size, alignment), reserved_bytes(), and `has_blocks`: whether what it returns may
//     be written to.
#pragma once

#include "replay/job.hpp"
#include "replay/memory_use.hpp"
#include "replay/ticks.hpp"

#include <algorithm>
#include <cstring>
#include <limits>
#include <sys/mman.h>

namespace cenote::tool {

struct slot {
    void* block;
    std::uint64_t size : 56;
    std::uint64_t log2_alignment : 8;
};
static_assert(sizeof(slot) == 16);

// The replay's own table, from the kernel: no contender's allocator shall hold it.
class slot_table {
public:
    explicit slot_table(std::uint64_t count)
        : bytes_(static_cast<std::size_t>(std::max<std::uint64_t>(count, 1)) * sizeof(slot)) {
        void* where = ::mmap(nullptr, bytes_, PROT_READ | PROT_WRITE,
                             MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE, -1, 0);
        if (where == MAP_FAILED) throw std::bad_alloc();
        slots_ = static_cast<slot*>(where);
    }
    ~slot_table() { ::munmap(slots_, bytes_); }
    slot_table(const slot_table&) = delete;
    slot_table& operator=(const slot_table&) = delete;
    [[nodiscard]] slot* begin() const { return slots_; }
    [[nodiscard]] slot* end() const { return slots_ + bytes_ / sizeof(slot); }

private:
    std::size_t bytes_;
    slot* slots_ = nullptr;
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

// Observers hear of every operation, right before and right after the contender's own work.
struct no_observer {
    void before() {}
    void after(std::size_t) {}
    void done(std::size_t) {}
};

template<class Contender, class Observer>
class replay_pass {
public:
    replay_pass(Contender& contender, slot* slots, Observer& observer)
        : contender_(contender), slots_(slots), observer_(observer) {}

    // Returns how many allocations were refused.
    std::uint64_t run(std::span<const op> ops) {
        for (std::size_t i = 0; i < ops.size(); ++i) {
            const op o = ops[i];
            slot& s = slots_[o.slot];
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
            observer_.done(i);
        }
        return refused_;
    }

private:
    void allocate(std::size_t i, const op& o, slot& s, bool zeroed) {
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

    void reallocate(std::size_t i, const op& o, slot& s) {
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

    void keep(slot& s, void* p, std::uint64_t old, const op& o) {
        s.block = p;
        s.size = o.size & ((std::uint64_t{1} << 56) - 1);
        s.log2_alignment = o.log2_alignment;
        if (p == nullptr)
            ++refused_;
        else if constexpr (Contender::has_blocks)
            touch(p, old, o.size);
    }

    Contender& contender_;
    slot* slots_;
    Observer& observer_;
    std::uint64_t refused_ = 0;
};

// Keeps for each operation the least time it took in any round: what the machine adds now and then falls
// away.
class latency_observer {
public:
    explicit latency_observer(std::span<std::uint32_t> out) : out_(out) {}
    void before() { start_ = ticks(); }
    void after(std::size_t i) {
        const std::uint64_t took = ticks() - start_;
        if (i >= out_.size()) return;
        const auto kept = static_cast<std::uint32_t>(
            std::min<std::uint64_t>(took, std::numeric_limits<std::uint32_t>::max()));
        out_[i] = std::min(out_[i], kept);
    }
    void done(std::size_t) {}

private:
    std::span<std::uint32_t> out_;
    std::uint64_t start_ = 0;
};

// Looks at the memory some 200 times in a pass, and where the most is live.
template<class Contender>
class memory_observer {
public:
    memory_observer(Contender& contender, const job& j, outcome& out)
        : contender_(contender), step_(std::max<std::size_t>(1, j.ops.size() / 200)), peak_op_(j.peak_op),
          out_(out) {
        out_.mapped_before = mapped_bytes();
        out_.resident_before = resident_bytes();
        out_.resident_bytes = out_.resident_before;
        out_.reserved_bytes = contender_.reserved_bytes();
    }
    void before() {}
    void after(std::size_t) {}
    void done(std::size_t i) {
        if (i % step_ != 0 && i != peak_op_) return;
        raise(out_.resident_bytes, resident_bytes());
        raise(out_.reserved_bytes, contender_.reserved_bytes());
    }

private:
    static void raise(std::uint64_t& peak, std::uint64_t now) {
        if (now != unknown_value && peak != unknown_value) peak = std::max(peak, now);
    }

    Contender& contender_;
    std::size_t step_;
    std::uint64_t peak_op_;
    outcome& out_;
};

template<class Contender>
void free_all(Contender& contender, const slot_table& slots) {
    for (slot& s : slots) {
        if (s.block != nullptr) contender.deallocate(s.block, s.size, std::size_t{1} << s.log2_alignment);
        s.block = nullptr;
    }
}

void measure_clock(outcome& out);

template<class Contender>
[[nodiscard]] outcome run_job(Contender& contender, const job& j) {
    outcome out;
    const slot_table slots(j.slots);
    if (j.mode == job_mode::time) {
        no_observer nobody;
        const std::uint64_t start = processor_ns();
        out.refused = replay_pass(contender, slots.begin(), nobody).run(j.ops);
        out.first_ns = processor_ns() - start;
        free_all(contender, slots);
        const std::uint64_t restart = processor_ns();
        (void)replay_pass(contender, slots.begin(), nobody).run(j.ops);
        out.again_ns = processor_ns() - restart;
    } else if (j.mode == job_mode::latency) {
        latency_observer observer(j.latency_ticks);
        out.refused = replay_pass(contender, slots.begin(), observer).run(j.ops);
        measure_clock(out);
    } else {
        memory_observer<Contender> observer(contender, j, out);
        out.refused = replay_pass(contender, slots.begin(), observer).run(j.ops);
    }
    free_all(contender, slots);
    return out;
}

} // namespace cenote::tool
