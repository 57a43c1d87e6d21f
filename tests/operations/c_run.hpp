// cenote: SPDX-License-Identifier: MIT
//
// A pool of the C face under an operation program, beside the map of what it has handed out. Its parent is a
// strict source that can be told to refuse.
#pragma once

#include <cenote/cenote.h>

#include "operations/ground.hpp"
#include "operations/program.hpp"

#include <vector>

namespace cenote::test {

class c_run {
public:
    explicit c_run(const program& script);
    c_run(const c_run&) = delete;
    c_run& operator=(const c_run&) = delete;
    ~c_run();
    void run(const program& script);

private:
    enum class kind { fixed, shared, variable, locked, arena };

    void make(const program& script);
    void step(operation how);
    void check();

    // Verbs.
    void allocate(operation how);
    void free_one(operation how);
    void free_wrongly(operation how);
    void reallocate(operation how);
    void reset();
    void trim();
    void walk(operation how);
    void ask_impossible(operation how);

    // In c_questions.cpp.
    struct walk_for_strangers { // live blocks that the map does not know
        std::size_t count = 0;
        void* last = nullptr;
    };
    [[nodiscard]] walk_for_strangers strangers();
    void call_directly(operation how);
    void mark_and_rewind(operation how);
    void question(operation how);
    static void ask_with_nothing();
    static void work_in_a_buffer(operation how);
    void use_the_defaults(operation how);
    static void exhaust(operation how);
    static void lend_arenas(operation how);

    // What they share.
    [[nodiscard]] bool is_fixed() const noexcept { return kind_ == kind::fixed || kind_ == kind::shared; }
    [[nodiscard]] std::size_t size_of(operation how) const;
    [[nodiscard]] cenote_status free(void* block);
    [[nodiscard]] std::size_t live() const;

    recorder watch_; // nothing may reach the handlers
    strict_source strict_;
    failing_source source_;
    cenote_allocator parent_;
    kind kind_ = kind::fixed;
    std::size_t block_size_ = 0;
    cenote_fixed* fixed_ = nullptr;
    cenote_variable* variable_ = nullptr;
    cenote_arena* arena_ = nullptr;
    cenote_allocator face_{};
    block_ledger live_;
    std::vector<void*> gone_; // starts of blocks that were freed
};

} // namespace cenote::test
