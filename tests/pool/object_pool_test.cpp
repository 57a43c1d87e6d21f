// cenote: SPDX-License-Identifier: MIT
#include <cenote/pool/object_pool.hpp>
#include <cenote/source/region.hpp>

#include "support/heap_calls.hpp"
#include "support/misuse_watch.hpp"
#include "support/test_sources.hpp"

#include <gtest/gtest.h>
#include <memory>
#include <set>
#include <stdexcept>
#include <string>
#include <vector>

namespace {

using namespace cenote;

// Counts what lives, and remembers how it was made.
struct order {
    order(int number, std::string what) : id(number), text(std::move(what)) { ++alive; }
    explicit order(std::unique_ptr<int> number) : id(*number) { ++alive; }
    order() { ++alive; }
    order(const order&) = delete;
    ~order() {
        --alive;
        id = -1;
    }
    int id = 0;
    std::string text{};
    static inline int alive = 0;
};

TEST(object_pool, make_constructs_and_destroy_destructs) {
    for (const bool checks : {false, true}) {
        object_pool<order> pool({.checks = checks, .name = "orders"});
        order* const one = pool.make(42, "a text that is too long for the small string optimisation");
        EXPECT_EQ(one->id, 42);
        EXPECT_EQ(one->text.size(), 57u);
        order* const other = pool.try_make();
        EXPECT_EQ(order::alive, 2);
        EXPECT_TRUE(pool.is_live(one));
        pool.destroy(one);
        EXPECT_EQ(order::alive, 1);
        EXPECT_FALSE(pool.is_live(one));
        EXPECT_TRUE(pool.owns(one));
        pool.destroy(other);
        EXPECT_EQ(order::alive, 0);
        EXPECT_EQ(pool.stats().live, 0u);
        EXPECT_STREQ(pool.name(), "orders");
    }
}

TEST(object_pool, arguments_are_forwarded_and_may_be_move_only) {
    object_pool<order> pool;
    order* const one = pool.make(std::make_unique<int>(7));
    EXPECT_EQ(one->id, 7);
    pool.destroy(one);
}

struct alignas(256) wide {
    char bytes[300];
};

template<class T>
void expect_aligned(bool handles) {
    object_pool<T> pool({.handles = handles});
    std::set<T*> seen;
    for (int i = 0; i < 500; ++i) {
        T* const one = pool.make();
        ASSERT_EQ(reinterpret_cast<std::uintptr_t>(one) % alignof(T), 0u);
        ASSERT_TRUE(seen.insert(one).second);
    }
    EXPECT_TRUE(pool.is_valid());
}

TEST(object_pool, objects_are_aligned_however_they_want_it) {
    for (const bool handles : {false, true}) {
        expect_aligned<char>(handles);
        expect_aligned<short>(handles);
        expect_aligned<double>(handles);
        expect_aligned<long double>(handles);
        expect_aligned<wide>(handles);
    }
}

TEST(object_pool, without_handles_an_object_takes_its_size_and_no_more) {
    struct line {
        char bytes[64];
    };
    EXPECT_EQ(object_pool<line>({.handles = false}).stride(), 64u);
    EXPECT_EQ(object_pool<char>({.handles = false}).stride(), 1u);
    EXPECT_EQ(object_pool<line>().stride(), 72u);
}

// Throws when told to.
struct moody {
    explicit moody(bool throws) {
        if (throws) throw std::runtime_error("not today");
    }
    char bytes[64] = {};
};

TEST(object_pool, a_constructor_that_throws_gives_its_block_back) {
    for (const bool checks : {false, true}) {
        object_pool<moody> pool({.maximum_blocks = 10, .checks = checks});
        for (int i = 0; i < 1000; ++i) {
            EXPECT_THROW((void)pool.make(true), std::runtime_error);
            EXPECT_THROW((void)pool.try_make(true), std::runtime_error);
            EXPECT_THROW((void)pool.make_unique(true), std::runtime_error);
        }
        EXPECT_EQ(pool.stats().live, 0u);
        moody* all[10];
        for (moody*& one : all) one = pool.make(false);
        EXPECT_EQ(pool.try_make(false), nullptr);
        EXPECT_THROW((void)pool.make(false), out_of_memory);
        for (moody* const one : all) pool.destroy(one);
    }
}

TEST(object_pool, handles_are_one_pointer_and_destroy_what_they_own) {
    static_assert(sizeof(unique_handle<order>) == sizeof(void*));
    object_pool<order> pool;
    {
        unique_handle<order> first = pool.make_unique(1, "one");
        unique_handle<order> second = pool.make_unique(2, "two");
        EXPECT_TRUE(first);
        EXPECT_EQ(first->id, 1);
        EXPECT_EQ((*second).text, "two");
        EXPECT_EQ(order::alive, 2);
        first = std::move(second); // the first goes
        EXPECT_EQ(order::alive, 1);
        EXPECT_EQ(first->id, 2);
        EXPECT_FALSE(second);
        unique_handle<order> third(std::move(first));
        EXPECT_EQ(third.get()->id, 2);
        unique_handle<order>& same = third;
        third = std::move(same);
        EXPECT_EQ(third->id, 2);
        unique_handle<order> empty;
        empty.reset();
        empty.swap(third);
        EXPECT_EQ(empty->id, 2);
        order* const released = empty.release();
        EXPECT_FALSE(empty);
        EXPECT_EQ(order::alive, 1);
        pool.destroy(released);
    }
    EXPECT_EQ(order::alive, 0);
    EXPECT_EQ(pool.stats().live, 0u);
}

TEST(object_pool, each_handle_knows_its_own_pool) {
    object_pool<order> a;
    object_pool<order> b;
    std::vector<unique_handle<order>> mixed;
    for (int i = 0; i < 100; ++i) mixed.push_back(i % 2 == 0 ? a.make_unique() : b.make_unique());
    EXPECT_EQ(a.stats().live, 50u);
    EXPECT_EQ(b.stats().live, 50u);
    mixed.clear();
    EXPECT_EQ(a.stats().live + b.stats().live, 0u);
}

TEST(object_pool, without_room_for_handles_make_unique_says_so_and_makes_nothing) {
    object_pool<order> pool({.handles = false, .name = "bare"});
    EXPECT_THROW((void)pool.make_unique(), bad_options);
    EXPECT_EQ(order::alive, 0);
    EXPECT_EQ(pool.stats().live, 0u);
}

TEST(object_pool, for_each_visits_live_objects_and_may_make_and_destroy) {
    object_pool<order> pool;
    std::set<order*> live;
    for (int i = 0; i < 1000; ++i) live.insert(pool.make(i, ""));
    for (auto at = live.begin(); at != live.end();) {
        const bool goes = (*at)->id % 3 == 0;
        if (goes) pool.destroy(*at);
        at = goes ? live.erase(at) : std::next(at);
    }
    std::set<order*> seen;
    pool.for_each([&](order& one) {
        EXPECT_TRUE(live.count(&one) == 0 || seen.insert(&one).second);
        pool.destroy(pool.make());
    });
    EXPECT_EQ(seen, live);
    int visits = 0;
    pool.for_each([&](order&) { return ++visits < 5; });
    EXPECT_EQ(visits, 5);
    pool.destroy_all();
    EXPECT_EQ(order::alive, 0);
}

TEST(object_pool, destroy_all_destructs_each_object_once_and_keeps_the_memory) {
    test::counting_source from;
    object_pool<order> pool({.source = &from, .sanitizers = false});
    for (int round = 0; round < 3; ++round) {
        for (int i = 0; i < 5000; ++i)
            (void)pool.make(i, "a text that is too long for the small string optimisation");
        EXPECT_EQ(order::alive, 5000);
        pool.destroy_all();
        EXPECT_EQ(order::alive, 0);
        EXPECT_EQ(pool.stats().live, 0u);
        EXPECT_GT(from.reserved, 0u);
    }
}

// A tree in one pool: each node destroys its children.
struct node {
    node(object_pool<node>& home, node* first) : pool(home), child(first) { ++alive; }
    ~node() {
        --alive;
        if (child != nullptr) pool.destroy(child);
    }
    object_pool<node>& pool;
    node* child;
    static inline int alive = 0;
};

TEST(object_pool, a_destructor_may_destroy_other_objects_of_the_pool) {
    for (const bool checks : {false, true}) {
        object_pool<node> pool({.checks = checks});
        node* list = nullptr;
        for (int i = 0; i < 1000; ++i) list = pool.make(pool, list);
        EXPECT_EQ(node::alive, 1000);
        pool.destroy(list);
        EXPECT_EQ(node::alive, 0);
        EXPECT_EQ(pool.stats().live, 0u);
        EXPECT_TRUE(pool.is_valid());
    }
}

TEST(object_pool, destroy_all_destructs_an_object_once_although_its_owner_destroys_it_too) {
    test::misuse_watch watch;
    object_pool<node> pool;
    node* list = nullptr;
    for (int i = 0; i < 100; ++i) list = pool.make(pool, list); // owned before its owner
    pool.destroy_all();
    EXPECT_EQ(node::alive, 0);
    EXPECT_EQ(pool.stats().live, 0u);
    EXPECT_EQ(watch.count(), 0u);
    EXPECT_TRUE(pool.is_valid());
}

TEST(object_pool, with_checks_a_bad_pointer_is_reported_and_not_destructed) {
    object_pool<order> pool({.checks = true, .name = "orders"});
    order* const one = pool.make(1, "");
    pool.destroy(one);
    const int alive = order::alive;
    test::misuse_watch watch;
    pool.destroy(one);
    order local;
    pool.destroy(&local);
    ASSERT_EQ(watch.count(), 2u);
    EXPECT_EQ(watch.seen()[0].kind, misuse::double_free);
    EXPECT_EQ(watch.seen()[1].kind, misuse::foreign_pointer);
    EXPECT_STREQ(watch.seen()[0].pool, "orders");
    EXPECT_EQ(order::alive, alive + 1);
}

TEST(object_pool, numbers_lead_to_objects_and_back) {
    object_pool<long> pool({.sanitizers = false});
    for (long i = 0; i < 5000; ++i) {
        long* const one = pool.make(i);
        ASSERT_EQ(pool.at(pool.index_of(one)), one);
    }
    EXPECT_EQ(pool.at(1u << 30), nullptr);
    pool.reset();
    EXPECT_EQ(pool.stats().live, 0u);
}

TEST(object_pool, every_option_reaches_the_pool_below) {
    test::counting_source from;
    struct told {
        static bool note(void* context, const shortage& what) {
            EXPECT_STREQ(what.pool, "all");
            ++*static_cast<int*>(context);
            return false;
        }
    };
    int calls = 0;
    object_pool<long> pool({.initial_blocks = 4,
                            .maximum_blocks = 9,
                            .blocks_per_slab = 4,
                            .growth = growth::constant(4),
                            .source = &from,
                            .stats = true,
                            .zero_on_allocate = true,
                            .trim = trim::manual,
                            .name = "all",
                            .on_exhaustion = {&told::note, &calls, 2}});
    EXPECT_EQ(pool.stats().blocks, 4u);
    for (int i = 0; i < 9; ++i) (void)pool.make();
    EXPECT_EQ(pool.stats().blocks, 9u);
    EXPECT_EQ(pool.try_make(), nullptr);
    EXPECT_THROW((void)pool.make(), out_of_memory);
    EXPECT_EQ(calls, 1);
    EXPECT_EQ(pool.stats().calls->allocations, 9u);
    EXPECT_THROW(object_pool<long>({.maximum_blocks = 0}), bad_options);
    pool.reset();
    EXPECT_GT(pool.trim(), 0u);
    EXPECT_EQ(from.regions(), 0u);
    pool.reserve(9);
    EXPECT_THROW(pool.reserve(10), out_of_memory);
}

TEST(object_pool, lives_in_a_buffer_of_required_bytes_without_the_heap) {
    alignas(64) static std::byte buffer[20000];
    for (const bool handles : {false, true}) {
        const object_pool_options wanted{.maximum_blocks = 100, .handles = handles, .sanitizers = false};
        region from(buffer + 3, object_pool<long>::required_bytes(wanted));
        object_pool_options options = wanted;
        options.source = &from;
        const std::size_t heap_calls = test::heap_calls();
        object_pool<long> pool(options);
        for (long i = 0; i < 100; ++i) ASSERT_NE(pool.try_make(i), nullptr);
        EXPECT_EQ(pool.try_make(100), nullptr);
        EXPECT_EQ(test::heap_calls(), heap_calls);
    }
}

struct parent {
    unique_handle<parent> child;
    int* gone;
    explicit parent(int* count) : gone(count) {}
    ~parent() { ++*gone; }
};

TEST(object_pool, destroy_all_destructs_a_child_that_stands_before_its_owner_once) {
    for (int mode = 0; mode < 3; ++mode) {
        test::misuse_watch misuses;
        int gone = 0;
        object_pool<parent> pool({.checks = mode == 1, .erase_on_free = mode == 2});
        unique_handle<parent> child = pool.make_unique(&gone);
        parent* const owner = pool.make(&gone);
        owner->child = std::move(child);
        pool.destroy_all();
        EXPECT_EQ(gone, 2) << mode;
        EXPECT_EQ(misuses.count(), 0u) << mode;
        EXPECT_EQ(pool.stats().live, 0u);
        EXPECT_TRUE(pool.is_valid());
        pool.destroy(pool.make(&gone));
        EXPECT_EQ(gone, 3);
    }
}

} // namespace
