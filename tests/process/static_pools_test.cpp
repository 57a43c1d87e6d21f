// cenote: SPDX-License-Identifier: MIT
//
// Pools in static storage work before their translation unit was initialised, and to the end of the process.
#include "child.hpp"
#include "sanitized.hpp"
#include "static_pools.hpp"

#include <cstdlib>
#include <cstring>
#include <gtest/gtest.h>
#include <string>
#include <sys/mman.h>
#include <thread>

namespace cenote::test {

constinit concurrent_pool static_blocks{
    {.block_size = 48, .initial_blocks = 100, .sanitizers = false, .name = "static blocks"}};
constinit concurrent_multi_pool static_sizes{{.sanitizers = false, .name = "static sizes"}};
constinit concurrent_object_pool<point> static_points{{.sanitizers = false, .name = "static points"}};

constinit immortal<concurrent_pool> lasting_blocks{
    concurrent_pool_options{.block_size = 48, .sanitizers = false, .name = "lasting blocks"}};
constinit immortal<concurrent_multi_pool> lasting_sizes{
    concurrent_multi_pool_options{.sanitizers = false, .name = "lasting sizes"}};
constinit immortal<concurrent_object_pool<point>> lasting_points{
    concurrent_object_pool_options{.sanitizers = false, .name = "lasting points"}};

constinit char early_places[16] = {};
constinit int early_count = 0;
constinit one_of_each from_early[16] = {};

void one_of_each::take(char mark, bool also_static) {
    if (also_static) {
        block = static_blocks.allocate();
        std::memset(block, mark, 48);
        sized = static_cast<char*>(static_sizes.allocate(300));
        std::memset(sized, mark, 300);
        object = static_points.make(mark, -mark);
    }
    lasting_block = lasting_blocks->allocate();
    lasting_sized = static_cast<char*>(lasting_sizes->allocate(200));
    std::memset(lasting_sized, mark, 200);
    lasting_object = lasting_points->make(mark, mark);
}

bool one_of_each::is_whole(char mark) const {
    return static_cast<char*>(block)[47] == mark && sized[299] == mark && object->y == -mark &&
           lasting_sized[199] == mark && lasting_object->x == mark && static_blocks.is_live(block) &&
           static_sizes.is_live(sized) && lasting_blocks->is_live(lasting_block);
}

void one_of_each::give_back(bool also_static) {
    if (also_static) {
        static_blocks.deallocate(block);
        static_sizes.deallocate(sized);
        static_points.destroy(object);
    }
    lasting_blocks->deallocate(lasting_block);
    lasting_sizes->deallocate(lasting_sized, 200);
    lasting_points->destroy(lasting_object);
}

void use_early(char place) {
    early_places[early_count] = place;
    one_of_each short_lived;
    short_lived.take('-');
    from_early[early_count].take(place);
    short_lived.give_back();
    ++early_count;
}

namespace {

TEST(static_pools, serve_whoever_comes_before_main) {
#if CENOTE_TEST_SANITIZED
    EXPECT_STREQ(early_places, "cs");
#else
    EXPECT_STREQ(early_places, "pcs"); // .preinit_array, constructor attribute, constructor of a static
#endif
    for (int i = 0; i < early_count; ++i) EXPECT_TRUE(from_early[i].is_whole(early_places[i])) << i;
    const auto held = static_cast<std::size_t>(early_count);
    EXPECT_EQ(static_blocks.stats(quiet).live, held);
    EXPECT_EQ(static_sizes.stats(quiet).live, held);
    EXPECT_EQ(static_points.stats().live, held);
    EXPECT_GE(static_blocks.stats(quiet).blocks, 100u);
    EXPECT_TRUE(static_blocks.is_valid() && static_sizes.is_valid() && lasting_blocks->is_valid());
    EXPECT_FALSE(static_blocks.is_instrumented()) << "the main thread has no cache";
}

// What runs after `main` notes it here, where the parent of the process that ends reads it.
struct shared_note {
    std::atomic<int> at_exit{0};
    std::atomic<int> destructors{0};
};
shared_note* note = nullptr;

struct freed_by_destructor {
    one_of_each held;
    std::atomic<int>* count = nullptr;
    bool also_static = false;
    char mark = 0;

    ~freed_by_destructor() {
        if (count == nullptr) return;
        require(!also_static || held.is_whole(mark), "a block did not keep its contents until after main");
        held.give_back(also_static);
        held.take(mark, also_static);
        held.give_back(also_static);
        std::thread([this] {
            one_of_each other;
            other.take('t', also_static);
            other.give_back(also_static);
        }).join();
        ++*count;
    }
};

// Of these two the first is destructed after the static pools, the second before.
freed_by_destructor after_the_pools __attribute__((init_priority(103)));
freed_by_destructor before_the_pools;

TEST(static_pools, serve_whoever_comes_after_main) {
    void* const shared =
        mmap(nullptr, sizeof(shared_note), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    ASSERT_NE(shared, MAP_FAILED);
    note = ::new (shared) shared_note;
    const std::string ending = ending_of_child([] {
        static one_of_each from_main;
        from_main.take('m');
        for (int i = 0; i < early_count; ++i) from_early[i].give_back();
        before_the_pools.held.take('b');
        before_the_pools.mark = 'b';
        before_the_pools.also_static = true;
        before_the_pools.count = &note->destructors;
        after_the_pools.held.take('a', false);
        after_the_pools.mark = 'a';
        after_the_pools.count = &note->destructors;
        require(std::atexit([] {
                    require(from_main.is_whole('m'), "a block did not keep its contents until atexit");
                    from_main.give_back();
                    ++note->at_exit;
                }) == 0,
                "atexit failed");
        set_leak_handler([](const leak_report&) noexcept { require(false, "a static pool saw a leak"); });
        std::exit(0);
    });
    EXPECT_EQ(ending, "");
    EXPECT_EQ(note->at_exit, 1);
    EXPECT_EQ(note->destructors, 2);
    munmap(shared, sizeof(shared_note));
}

} // namespace
} // namespace cenote::test
