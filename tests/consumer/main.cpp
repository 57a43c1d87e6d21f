// cenote: SPDX-License-Identifier: MIT
// What a user's first program does; built against an installed cenote, and without exceptions and RTTI.
#include <cenote/concurrent/concurrent_pool.hpp>
#include <cenote/pool/fixed_pool.hpp>
#include <cenote/pool/multi_pool.hpp>
#include <cenote/pool/object_pool.hpp>

#include <cstdio>
#include <cstring>
#include <thread>

namespace {

struct order {
    int number;
    const char* side;
};

bool fixed_blocks_work() {
    cenote::fixed_pool pool{{.block_size = 64, .alignment = 64, .name = "consumer"}};
    void* block = pool.try_allocate();
    if (block == nullptr) return false;
    std::memset(block, 1, 64);
    std::size_t seen = 0;
    pool.for_each([&](void* live) { seen += live == block ? 1 : 0; });
    pool.deallocate(block);
    return seen == 1 && pool.is_valid();
}

bool objects_work() {
    cenote::object_pool<order> orders{{.name = "orders"}};
    order* made = orders.make(42, "buy");
    const bool right = made != nullptr && made->number == 42;
    orders.destroy(made);
    return right;
}

bool sizes_work() {
    cenote::multi_pool sizes;
    void* small = sizes.allocate(24);
    void* large = sizes.allocate(1 << 20);
    std::memset(large, 1, 1 << 20);
    sizes.deallocate(large);
    sizes.deallocate(small);
    return sizes.is_valid();
}

bool threads_work() {
    cenote::concurrent_pool pool{{.block_size = 64, .name = "shared"}};
    void* block = pool.try_allocate();
    if (block == nullptr) return false;
    std::thread([&] { pool.deallocate(block); }).join();
    return pool.stats(cenote::quiet).live == 0 && pool.is_valid();
}

} // namespace

int main() {
    if (fixed_blocks_work() && objects_work() && sizes_work() && threads_work()) return 0;
    std::puts("a pool did not do what it promises");
    return 1;
}
