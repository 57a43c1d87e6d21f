// cenote: SPDX-License-Identifier: MIT
//
// Pools in static storage, and what becomes of their blocks before and after `main`.
#pragma once

#include <cenote/concurrent/concurrent_multi_pool.hpp>
#include <cenote/concurrent/concurrent_object_pool.hpp>
#include <cenote/concurrent/concurrent_pool.hpp>

#include "immortal.hpp"

#include <atomic>
#include <string>

namespace cenote::test {

struct point {
    int x = 0;
    int y = 0;
};

// Destructed at the end of the process.
extern concurrent_pool static_blocks;
extern concurrent_multi_pool static_sizes;
extern concurrent_object_pool<point> static_points;

// Never destructed.
extern immortal<concurrent_pool> lasting_blocks;
extern immortal<concurrent_multi_pool> lasting_sizes;
extern immortal<concurrent_object_pool<point>> lasting_points;

/// A block of each pool, held for as long as the holder lives.
struct one_of_each {
    void* block = nullptr;
    char* sized = nullptr;
    point* object = nullptr;
    void* lasting_block = nullptr;
    char* lasting_sized = nullptr;
    point* lasting_object = nullptr;

    void take(char mark, bool also_static = true);
    /// Whether all of them hold what they should.
    [[nodiscard]] bool is_whole(char mark) const;
    void give_back(bool also_static = true);
};

/// What was used before `main`, and where: one letter a place, in order.
extern char early_places[16];
extern int early_count;
extern one_of_each from_early[16];

void use_early(char place);

} // namespace cenote::test
