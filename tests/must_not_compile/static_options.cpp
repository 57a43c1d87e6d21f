// cenote: SPDX-License-Identifier: MIT
//
// A pool in static storage has its options judged by the compiler.
#include <cenote/pool/object_pool.hpp>

constinit cenote::fixed_pool nodes{{.block_size = 64, .alignment = 64, .name = "nodes"}};
constinit cenote::object_pool<double> numbers{{.maximum_blocks = 10}};

#if CASE == 1
// expect: raise_bad_options
constinit cenote::fixed_pool crooked{{.block_size = 64, .alignment = 12}};
#elif CASE == 2
// expect: raise_bad_options
constinit cenote::fixed_pool empty{{.block_size = 0}};
#elif CASE == 3
// expect: raise_bad_options
constinit cenote::fixed_pool nothing{{.block_size = 64, .alignment = 0}};
#elif CASE == 4
// expect: raise_bad_options
constinit cenote::fixed_pool inverted{{.block_size = 64, .initial_blocks = 2, .maximum_blocks = 1}};
#elif CASE == 5
// expect: raise_bad_options
constinit cenote::fixed_pool huge{{.block_size = static_cast<std::size_t>(-8)}};
#elif CASE == 6
// expect: raise_bad_options
constinit cenote::object_pool<double> still{{.growth = cenote::growth::geometric(1)}};
#endif
