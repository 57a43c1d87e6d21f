// cenote: SPDX-License-Identifier: MIT
// A program of two sources and one header, cenote_single.hpp. This is the one that has the implementation.
#define CENOTE_IMPLEMENTATION
#include "cenote_single.hpp"

#include <cstdio>
#include <memory_resource>
#include <thread>
#include <vector>

bool other_source_works(cenote::fixed_pool& pool);

namespace {

struct order {
    int number;
    const char* side;
};

bool fixed_blocks_work() {
    cenote::fixed_pool pool{{.block_size = 64, .alignment = 64, .name = "nodes"}};
    void* block = pool.allocate();
    void* other = pool.try_allocate();
    int live = 0;
    pool.for_each([&](void* at) { live += at == block || at == other; });
    pool.deallocate(block);
    pool.deallocate(other);
    return live == 2 && pool.is_valid() && other_source_works(pool);
}

bool objects_work() {
    cenote::object_pool<order> orders{{.name = "orders"}};
    order* made = orders.make(42, "buy");
    const bool right = made->number == 42;
    orders.destroy(made);
    return right;
}

bool faces_work() {
    cenote::multi_pool sizes;
    cenote::resource face{sizes};
    std::pmr::vector<int> numbers{&face};
    numbers.assign({1, 2, 3});
    cenote::variable_pool any;
    void* block = any.allocate(600);
    any.deallocate(block);
    return numbers.size() == 3 && sizes.is_valid();
}

bool threads_work() {
    cenote::concurrent_pool pool{{.block_size = 64}};
    void* block = pool.allocate();
    std::thread other([&] { pool.deallocate(block); });
    other.join();
    auto cache = pool.local_cache();
    cache.deallocate(cache.allocate());
    cenote::bounded_pool few{{.block_size = 64, .blocks = 1}};
    const auto one = few.try_acquire();
    return one && !few.try_acquire();
}

bool exhaustion_is_told() {
    cenote::fixed_pool pool{{.block_size = 64, .maximum_blocks = 1}};
    void* only = pool.allocate();
    try {
        pool.deallocate(pool.allocate());
    } catch (const cenote::out_of_memory&) {
        pool.deallocate(only);
        return true;
    }
    return false;
}

} // namespace

int main() {
    if (fixed_blocks_work() && objects_work() && faces_work() && threads_work() && exhaustion_is_told())
        return 0;
    std::puts("a pool of the single header does not do what it promises");
    return 1;
}
