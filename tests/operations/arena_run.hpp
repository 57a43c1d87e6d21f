// cenote: SPDX-License-Identifier: MIT
//
// An arena under an operation program, and what it should hold: the live blocks in the order they came, the
// marks that still hold, and how many objects wait for their destructors.
#pragma once

#include <cenote/pool/arena.hpp>

#include "operations/ground.hpp"
#include "operations/program.hpp"

namespace cenote::test {

class arena_run {
public:
    [[nodiscard]] static arena_options options_of(const program& script);
    arena_run(const program& script, const arena_options& options);
    void run(const program& script);

private:
    struct place {
        arena_mark mark;
        std::size_t blocks = 0;  // that came before it
        std::size_t objects = 0; // to be destructed, then
        std::size_t live = 0;    // bytes, with the mark itself
    };
    struct block {
        void* data;
        std::size_t size;
        std::size_t alignment;
    };
    struct counted {
        arena_run* home;
        ~counted() { --home->objects_; }
    };

    void step(operation how);
    void check();

    // Verbs.
    void allocate(operation how);
    void free_some(operation how);
    void resize(operation how);
    void make(operation how);
    void mark(operation how);
    void rewind(operation how);
    void rewind_past(operation how);
    void reset(operation how);
    void trim(operation how);
    void misuse_one(operation how);
    void refuse(operation how);

    // What they share.
    [[nodiscard]] std::size_t size_of(operation how) const;
    template<class Verb>
    bool tries(const Verb& verb);
    void enter(void* data, std::size_t size, std::size_t alignment);
    void leave(std::size_t number);
    void drop_down_to(std::size_t blocks);

    ground ground_;
    std::vector<std::byte> buffer_;
    arena_options options_;
    block_ledger live_;
    std::vector<block> order_;
    std::vector<place> marks_; // that hold
    std::vector<arena_mark> past_;
    std::size_t objects_ = 0;
    std::size_t peak_ = 0;
    std::unique_ptr<arena> arena_; // last: goes first
};

} // namespace cenote::test
