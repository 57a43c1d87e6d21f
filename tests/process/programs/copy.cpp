// cenote: SPDX-License-Identifier: MIT
#include "copy.hpp"

#include <cenote/concurrent/concurrent_multi_pool.hpp>
#include <cenote/concurrent/concurrent_object_pool.hpp>
#include <cenote/concurrent/concurrent_pool.hpp>

#include <cstring>
#include <memory>
#include <mutex>
#include <vector>

namespace {

using namespace cenote;

struct node {
    unsigned seed = 0;
    unsigned check = 0;
};

constinit concurrent_pool blocks{{.block_size = 64, .sanitizers = false, .name = "copy's blocks"}};
constinit concurrent_multi_pool sizes{{.sanitizers = false, .name = "copy's sizes"}};
constinit concurrent_object_pool<node> nodes{{.sanitizers = false, .name = "copy's nodes"}};

struct heap_pools {
    concurrent_pool small{{.block_size = 24, .sanitizers = false, .name = "copy's small"}};
    concurrent_pool checked{{.block_size = 40, .checks = true, .name = "copy's checked"}};
};
std::unique_ptr<heap_pools> heap;
std::mutex heap_guard;

heap_pools& on_heap() {
    const std::lock_guard hold(heap_guard);
    if (heap == nullptr) heap = std::make_unique<heap_pools>();
    return *heap;
}

const char* use(unsigned seed) {
    heap_pools& more = on_heap();
    std::vector<unsigned char*> got;
    std::vector<node*> made;
    const auto mark = static_cast<unsigned char>(seed);
    for (unsigned i = 0; i < 200; ++i) {
        for (void* const block :
             {blocks.allocate(), sizes.allocate(64), more.small.allocate(), more.checked.allocate()}) {
            got.push_back(static_cast<unsigned char*>(block));
            std::memset(block, mark, 24);
        }
        made.push_back(nodes.make(seed, ~seed));
    }
    for (const unsigned char* const block : got) {
        if (block[0] != mark || block[23] != mark) return "a block does not hold what was written there";
    }
    for (std::size_t i = 0; i < got.size(); i += 4) {
        if (!blocks.owns(got[i]) || !sizes.owns(got[i + 1])) return "a pool does not know its block";
        blocks.deallocate(got[i]);
        sizes.deallocate(got[i + 1]);
        more.small.deallocate(got[i + 2]);
        more.checked.deallocate(got[i + 3]);
    }
    for (node* const one : made) {
        if (one->check != ~seed) return "an object does not hold what was written there";
        nodes.destroy(one);
    }
    return nullptr;
}

const char* check() {
    heap_pools& more = on_heap();
    if (blocks.stats(quiet).live != 0 || sizes.stats(quiet).live != 0) return "a block is lost";
    if (more.small.stats(quiet).live != 0 || more.checked.stats(quiet).live != 0) return "a block is lost";
    if (!blocks.is_valid() || !sizes.is_valid() || !more.small.is_valid()) return "a pool is not whole";
    std::size_t live = 0;
    void* const one = more.checked.allocate();
    more.checked.for_each([&](void*) {
        ++live;
        more.checked.deallocate(more.checked.allocate());
    });
    more.checked.deallocate(one);
    return live == 1 ? nullptr : "a walk does not meet the one live block";
}

void close() {
    const std::lock_guard hold(heap_guard);
    heap.reset();
}

constexpr test::copy_face face{.use = use,
                               .check = check,
                               .allocate = [] { return blocks.allocate(); },
                               .deallocate = [](void* block) { blocks.deallocate(block); },
                               .owns = [](const void* block) { return blocks.owns(block); },
                               .has_cache = [] { return !blocks.is_instrumented(); },
                               .close = close,
                               .table = [] { return static_cast<const void*>(&engine::this_thread); }};

} // namespace

const test::copy_face* CENOTE_TEST_COPY() {
    return &face;
}
