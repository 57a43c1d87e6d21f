// cenote: SPDX-License-Identifier: MIT
//
// The allocator interface under an operation program: an allocator of some kind that draws from one before a
// source, and what it should hold and count.
#pragma once

#include <cenote/face/direct_resource.hpp>
#include <cenote/face/resource.hpp>

#include "operations/ground.hpp"
#include "operations/program.hpp"

#include <functional>

namespace cenote::test {

class resource_run {
public:
    explicit resource_run(const program& script);
    void run(const program& script);

    /// What is put to the test. It ends before its parent.
    struct subject {
        subject() = default;
        subject(const subject&) = delete;
        subject& operator=(const subject&) = delete;
        virtual ~subject() = default;
        virtual memory_resource& face() = 0;
        bool judges = false;                  // wrong frees are told at the call
        std::size_t largest = unlimited;      // bytes of the largest request that the pool serves
        std::size_t most_aligned = unlimited; // and their alignment
        bool has_beyond = false;              // which serves the others
        bool is_bounded = false;              // by a maximum of its own
    };

private:
    [[nodiscard]] static ground::kind kind_of(const program& script);
    [[nodiscard]] memory_resource_options options_of(const program& script);
    [[nodiscard]] std::unique_ptr<subject> make(const program& script);
    void step(operation how);
    void check();

    // Verbs.
    void allocate(operation how);
    void allocate_by_default(operation how);
    void refuse_no_alignment(operation how);
    void reallocate(operation how);
    void free_some(operation how);
    void free_twice(operation how);
    void reset(operation how);
    void trim(operation how);
    void refuse(operation how);

    // What they share.
    [[nodiscard]] std::size_t size_of(operation how) const;
    [[nodiscard]] bool fits(std::size_t size, std::size_t alignment) const {
        return size <= of_->largest && alignment <= of_->most_aligned;
    }
    [[nodiscard]] void* get(operation how, std::size_t size, std::size_t alignment, memory_options wanted);
    void enter(void* data, std::size_t size, std::size_t alignment, std::size_t zero_from);
    void note_live(std::size_t bytes);
    void note_gone(std::size_t bytes) { live_bytes_ -= std::min(bytes, live_bytes_); }
    void note_refusal(std::size_t size, std::size_t alignment, bool was_armed);
    void expect_misuse();

    ground ground_;
    std::unique_ptr<direct_resource> root_; // what it draws from
    memory_resource_options options_;
    unsigned asked_ = 0; // calls of the handler for a request
    std::unique_ptr<subject> of_;
    block_ledger live_;
    std::size_t live_bytes_ = 0; // as the interface counts them
    std::size_t peak_ = 0;
    call_counts calls_;
};

} // namespace cenote::test
