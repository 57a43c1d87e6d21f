// cenote: SPDX-License-Identifier: MIT
//
// object_pool for many threads: any thread makes, any thread destroys, also through a handle. Costs what
// concurrent_pool costs, and the constructor. `for_each` and `destroy_all` need quiet.
#pragma once

#include <cenote/concurrent/concurrent_pool.hpp>
#include <cenote/pool/object_pool.hpp>

namespace cenote::inline v0_1 {

struct concurrent_object_pool_options {
    std::size_t initial_blocks = 0;         ///< objects for which the constructor reserves memory
    std::size_t maximum_blocks = unlimited; ///< never more objects than this
    std::size_t blocks_per_slab = 0;        ///< 0: about 64 KiB of them
    std::size_t magazine_blocks = 0;        ///< 0: as many as suit the size
    cenote::growth growth{};
    cenote::source* source = nullptr; ///< null: `default_source()`
    bool handles = true;              ///< room for `make_unique`: a pointer an object
    bool checks = false;              ///< as in concurrent_pool_options, also the rest
    bool stats = false;
    bool zero_on_allocate = false;
    bool erase_on_free = false;
    bool sanitizers = true;
    hand_out order = hand_out::most_recent;
    cenote::trim trim = cenote::trim::automatic;
    bool adaptive = false;
    const char* name = "unnamed";
    exhaustion_handler on_exhaustion{};
    unsigned threads = 4;
};

template<>
struct engine::object_options<concurrent_pool> {
    using type = concurrent_object_pool_options;
};

template<class T>
using concurrent_object_pool = engine::basic_object_pool<T, concurrent_pool>;

} // namespace cenote::inline v0_1
