// cenote: SPDX-License-Identifier: MIT
//
// Pools that draw from pools: a table of every kind of child with every kind of parent, in C++.
#include <cenote/buffer/buffer_pool.hpp>
#include <cenote/concurrent/arena_pool.hpp>
#include <cenote/concurrent/bounded_object_pool.hpp>
#include <cenote/concurrent/bounded_pool.hpp>
#include <cenote/concurrent/concurrent_multi_pool.hpp>
#include <cenote/concurrent/concurrent_object_pool.hpp>
#include <cenote/concurrent/concurrent_pool.hpp>
#include <cenote/concurrent/locked.hpp>
#include <cenote/face/direct_resource.hpp>
#include <cenote/face/resource.hpp>
#include <cenote/pool/arena.hpp>
#include <cenote/pool/fixed_pool.hpp>
#include <cenote/pool/multi_pool.hpp>
#include <cenote/pool/object_pool.hpp>
#include <cenote/pool/variable_pool.hpp>
#include <cenote/source/budget.hpp>

#include <algorithm>
#include <cstring>
#include <functional>
#include <gtest/gtest.h>
#include <memory>
#include <ostream>
#include <string>
#include <tuple>
#include <vector>

namespace {

using namespace cenote;

// What hands out handles that return themselves has no way back for a pointer, and what waits cannot refuse:
// no parent, and the compiler says so. An arena that a pool lends is one.
static_assert(!raw_pool<arena_pool> && !raw_pool<bounded_pool> && !raw_pool<buffer_pool>);
static_assert(raw_pool<arena>);

// Parents.

struct any_parent {
    any_parent() = default;
    any_parent(const any_parent&) = delete;
    any_parent& operator=(const any_parent&) = delete;
    virtual ~any_parent() = default;
    virtual memory_resource& face() = 0;
};

struct system_parent final : any_parent {
    explicit system_parent(memory_resource& one) : it(one) {}
    memory_resource& face() override { return it; }
    memory_resource& it;
};

template<class Pool>
struct pool_parent final : any_parent {
    explicit pool_parent(const typename Pool::options& wanted) : pool(wanted) {}
    memory_resource& face() override { return before; }
    Pool pool;
    resource<Pool> before{pool};
};

struct lent_parent final : any_parent {
    memory_resource& face() override { return before; }
    arena_pool arenas{{.arenas = 1}};
    arena_pool::lease lease = arenas.acquire();
    resource<arena> before{*lease};
};

struct budget_parent final : any_parent {
    memory_resource& face() override { return before; }
    budget limit{default_source(), std::size_t{64} << 20};
    direct_resource before{limit};
};

struct nested_parent final : any_parent {
    memory_resource& face() override { return inner; }
    pool_resource<variable_pool> outer{heap_resource()};
    pool_resource<multi_pool> inner{outer};
};

struct parent_kind {
    const char* name;
    std::function<std::unique_ptr<any_parent>()> make;
    bool takes_back = true; // an arena does when it is reset
    friend std::ostream& operator<<(std::ostream& out, const parent_kind& one) { return out << one.name; }
};

template<class Pool>
parent_kind parent_of(const char* name, const typename Pool::options& wanted = {}, bool takes_back = true) {
    return {name, [wanted] { return std::make_unique<pool_parent<Pool>>(wanted); }, takes_back};
}
template<class Pool>
parent_kind parent_of_blocks(const char* name, std::size_t bytes) {
    typename Pool::options wanted;
    wanted.block_size = bytes;
    wanted.alignment = bytes;
    return parent_of<Pool>(name, wanted);
}

constexpr std::size_t large = std::size_t{4}
                              << 20; // the region of a buffer pool is the largest that is asked for

const parent_kind parents[] = {
    {"heap", [] { return std::make_unique<system_parent>(heap_resource()); }},
    {"pages", [] { return std::make_unique<system_parent>(pages_resource()); }},
    {"budget", [] { return std::make_unique<budget_parent>(); }},
    parent_of<multi_pool>("multi_pool"),
    parent_of<concurrent_multi_pool>("concurrent_multi_pool"),
    parent_of<variable_pool>("variable_pool"),
    parent_of<locked<multi_pool>>("locked_multi_pool"),
    parent_of<locked<variable_pool>>("locked_variable_pool"),
    parent_of<arena>("arena", {}, false),
    {"arena_on_loan", [] { return std::make_unique<lent_parent>(); }, false},
    {"pool_of_a_pool", [] { return std::make_unique<nested_parent>(); }},
    parent_of_blocks<fixed_pool>("fixed_pool", large),
    parent_of_blocks<concurrent_pool>("concurrent_pool", large),
    parent_of_blocks<locked<fixed_pool>>("locked_fixed_pool", large),
};

// Children: each is made, used and ended; false when its parent has refused it.

bool uses_interface(memory_resource& child) {
    constexpr std::size_t size = 96;
    std::vector<unsigned char*> live;
    for (int i = 0; i < 300; ++i) {
        auto* const block = static_cast<unsigned char*>(child.try_allocate(size, 8));
        if (block == nullptr) break;
        std::memset(block, i, size);
        live.push_back(block);
    }
    for (std::size_t i = 0; i < live.size(); ++i) {
        EXPECT_EQ(live[i][0], static_cast<unsigned char>(i));
        EXPECT_EQ(live[i][size - 1], static_cast<unsigned char>(i));
    }
    for (std::size_t i = live.size(); i-- > 0;) child.deallocate(live[i], size, 8);
    EXPECT_EQ(child.stats().live_bytes, 0u);
    EXPECT_EQ(child.stats().reserved_bytes != 0, !live.empty());
    return live.size() == 300;
}

template<class Pool>
bool draws(memory_resource& parent, const typename Pool::options& wanted) {
    const std::size_t before = parent.stats().live_bytes;
    pool_resource<Pool> child(parent, wanted);
    EXPECT_EQ(child.parent(), &parent);
    const bool served = uses_interface(child);
    EXPECT_EQ(parent.stats().live_bytes > before, served);
    (void)child.try_allocate(90, 8); // left behind: the end gives everything back
    return served;
}

// Kinds that are used by handles, or by type. `get(pool)` is a handle or a pointer, for so long.
template<class Pool, class Get>
bool lends(memory_resource& parent, typename Pool::options wanted, const Get& get) {
    resource_source from(parent);
    wanted.source = &from;
    const std::size_t before = parent.stats().live_bytes;
    try {
        Pool pool(wanted);
        const bool served = get(pool);
        EXPECT_EQ(parent.stats().live_bytes > before, served);
        return served;
    } catch (const out_of_memory&) {
        return false;
    }
}

struct child_kind {
    const char* name;
    std::function<bool(memory_resource& parent)> use;
    friend std::ostream& operator<<(std::ostream& out, const child_kind& one) { return out << one.name; }
};

template<class Pool>
child_kind child_of(const char* name, const typename Pool::options& wanted = {}) {
    return {name, [wanted](memory_resource& parent) { return draws<Pool>(parent, wanted); }};
}
template<class Pool>
child_kind child_of_blocks(const char* name) {
    typename Pool::options wanted;
    wanted.block_size = 96;
    return child_of<Pool>(name, wanted);
}
template<class Pool>
child_kind child_of_objects(const char* name) {
    return {name, [](memory_resource& parent) {
                return lends<Pool>(parent, {}, [](Pool& pool) {
                    long* const one = pool.try_make(7);
                    if (one == nullptr) return false;
                    EXPECT_EQ(*one, 7);
                    pool.destroy(one);
                    return true;
                });
            }};
}

const child_kind children[] = {
    child_of_blocks<fixed_pool>("fixed_pool"),
    child_of_blocks<concurrent_pool>("concurrent_pool"),
    child_of_blocks<locked<fixed_pool>>("locked_fixed_pool"),
    child_of<multi_pool>("multi_pool"),
    child_of<concurrent_multi_pool>("concurrent_multi_pool"),
    child_of<locked<multi_pool>>("locked_multi_pool"),
    child_of<variable_pool>("variable_pool"),
    child_of<locked<variable_pool>>("locked_variable_pool"),
    child_of<arena>("arena"),
    child_of_objects<object_pool<long>>("object_pool"),
    child_of_objects<concurrent_object_pool<long>>("concurrent_object_pool"),
    {"arena_pool",
     [](memory_resource& parent) {
         return lends<arena_pool>(parent, {.arenas = 2, .arena_size = 1000}, [](arena_pool& pool) {
             auto lease = pool.acquire();
             void* const grown = lease->try_allocate(100'000);
             if (grown != nullptr) std::memset(grown, 1, 100'000);
             return grown != nullptr;
         });
     }},
    {"bounded_pool",
     [](memory_resource& parent) {
         return lends<bounded_pool>(parent, {.block_size = 96, .blocks = 100}, [](bounded_pool& pool) {
             auto block = pool.acquire();
             std::memset(block.data(), 1, 96);
             pool.grow(10);
             return pool.blocks() == 110;
         });
     }},
    {"bounded_object_pool",
     [](memory_resource& parent) {
         return lends<bounded_object_pool<long>>(parent, {.objects = 10}, [](auto& pool) {
             auto one = pool.acquire(7);
             return *one == 7;
         });
     }},
    {"buffer_pool",
     [](memory_resource& parent) {
         return lends<buffer_pool>(parent, {.largest = 256 << 10}, [](buffer_pool& pool) {
             buffer one = pool.try_acquire(5000);
             if (!one) return false;
             std::memset(one.data(), 1, 5000);
             return true;
         });
     }},
};

using pair = std::tuple<child_kind, parent_kind>;
class parent_and_child : public ::testing::TestWithParam<pair> {};
INSTANTIATE_TEST_SUITE_P(pairs, parent_and_child,
                         ::testing::Combine(::testing::ValuesIn(children), ::testing::ValuesIn(parents)),
                         [](const auto& tested) {
                             return std::string(std::get<child_kind>(tested.param).name) + "_from_" +
                                    std::get<parent_kind>(tested.param).name;
                         });

TEST_P(parent_and_child, go_together_and_everything_goes_back) {
    const auto& [child, kind] = GetParam();
    const std::unique_ptr<any_parent> parent = kind.make();
    const std::size_t before = parent->face().stats().live_bytes;
    EXPECT_TRUE(child.use(parent->face()));
    if (kind.takes_back) {
        EXPECT_EQ(parent->face().stats().live_bytes, before);
    }
    if (parent->face().reset()) {
        EXPECT_EQ(parent->face().stats().live_bytes, 0u);
    }
}

// Blocks smaller than what a child asks for: it says that there is no memory, and has taken none.
class parent_of_small_blocks : public ::testing::TestWithParam<child_kind> {};
INSTANTIATE_TEST_SUITE_P(children, parent_of_small_blocks, ::testing::ValuesIn(children),
                         [](const auto& tested) { return std::string(tested.param.name); });

TEST_P(parent_of_small_blocks, refuses_and_keeps_nothing) {
    fixed_pool small({.block_size = 64});
    resource parent(small, {.stats = true});
    EXPECT_FALSE(GetParam().use(parent));
    EXPECT_EQ(small.stats().live, 0u);
    EXPECT_GT(parent.stats().calls->failures, 0u);
}

} // namespace
