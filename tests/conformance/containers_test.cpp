// cenote: SPDX-License-Identifier: MIT
//
// The standard containers on every face: each does the same work as its twin on the heap, and gives all back.
#include "conformance/all_subjects.hpp"
#include "conformance/face_subjects.hpp"

#include <deque>
#include <list>
#include <map>
#include <numeric>
#include <string>
#include <unordered_map>

namespace cenote::test {
namespace {

// Work that is the same for a container on a pool and its twin on the heap.
template<class Sequence>
void work_on_sequence(Sequence& numbers) {
    for (int i = 0; i < 3000; ++i) numbers.push_back(i * 7919 % 1000);
    for (auto at = numbers.begin(); at != numbers.end();)
        at = *at % 3 == 0 ? numbers.erase(at) : std::next(at);
    for (int i = 0; i < 500; ++i) numbers.insert(std::next(numbers.begin(), i), -i);
    while (numbers.size() > 1200) numbers.pop_back();
}

template<class Map>
void work_on_map(Map& squares) {
    for (int i = 0; i < 3000; ++i) squares[i * 7919 % 2000] += i;
    for (int i = 0; i < 2000; i += 3) squares.erase(i);
    for (int i = 0; i < 100; ++i) squares.emplace(-i, i);
}

template<class On, class Twin>
void expect_equal(const On& on, const Twin& twin) {
    ASSERT_EQ(on.size(), twin.size());
    if constexpr (requires { twin.bucket_count(); }) {
        for (const auto& [key, value] : twin) EXPECT_EQ(on.at(key), value);
    } else {
        EXPECT_TRUE(std::equal(on.begin(), on.end(), twin.begin(), twin.end()));
    }
}

template<class Pool, class Container, class Twin, class Work>
void compare_with_twin(Pool& pool, Container first, const Work& work) {
    Twin twin;
    work(first);
    work(twin);
    expect_equal(first, twin);
    EXPECT_GT(pool.stats().live, 0u);
    Container copy(first);
    expect_equal(copy, twin);
    Container moved(std::move(copy));
    expect_equal(moved, twin);
    Container assigned(first.get_allocator());
    assigned = moved;
    work(assigned);
    swap(assigned, first);
    expect_equal(assigned, twin);
    EXPECT_TRUE(pool.is_valid());
}

template<class Pool>
class faces : public ::testing::Test {
public:
    static Pool make() {
        if constexpr (std::is_same_v<Pool, fixed_pool>) {
            return Pool({.block_size = 64, .alignment = 16, .checks = true});
        } else {
            return Pool({.checks = true});
        }
    }
};
using pools = ::testing::Types<fixed_pool, multi_pool>;
TYPED_TEST_SUITE(faces, pools);

TYPED_TEST(faces, serve_containers_as_allocators) {
    TypeParam pool = faces<TypeParam>::make();
    using pair = std::pair<const int, int>;
    using list = std::list<int, allocator<int, TypeParam>>;
    using map = std::map<int, int, std::less<>, allocator<pair, TypeParam>>;
    const auto sequence = [](auto& one) { work_on_sequence(one); };
    const auto mapping = [](auto& one) { work_on_map(one); };
    compare_with_twin<TypeParam, list, std::list<int>>(pool, list(allocator<int, TypeParam>(pool)), sequence);
    EXPECT_EQ(pool.stats().live, 0u);
    compare_with_twin<TypeParam, map, std::map<int, int>>(pool, map(allocator<pair, TypeParam>(pool)),
                                                          mapping);
    EXPECT_EQ(pool.stats().live, 0u);
    if constexpr (sized_pool<TypeParam>) { // not all in nodes of one size
        using hashed = std::unordered_map<int, int, std::hash<int>, std::equal_to<>, allocator<pair>>;
        using vector = std::vector<int, allocator<int>>;
        using deque = std::deque<int, allocator<int>>;
        compare_with_twin<TypeParam, hashed, std::unordered_map<int, int>>(
            pool, hashed(allocator<pair>(pool)), mapping);
        compare_with_twin<TypeParam, vector, std::vector<int>>(pool, vector(allocator<int>(pool)), sequence);
        compare_with_twin<TypeParam, deque, std::deque<int>>(pool, deque(allocator<int>(pool)), sequence);
        EXPECT_EQ(pool.stats().live, 0u);
    }
}

TYPED_TEST(faces, serve_containers_as_memory_resources) {
    TypeParam pool = faces<TypeParam>::make();
    resource face(pool);
    const auto work = [&](auto on, auto twin, const auto& act) {
        act(on);
        act(twin);
        expect_equal(on, twin);
        EXPECT_GT(pool.stats().live, 0u);
        EXPECT_TRUE(pool.is_valid());
    };
    const auto sequence = [](auto& one) { work_on_sequence(one); };
    const auto mapping = [](auto& one) { work_on_map(one); };
    // A prvalue each, so that no copy leaves the face.
    work(std::pmr::list<int>(&face), std::list<int>(), sequence);
    EXPECT_EQ(pool.stats().live, 0u);
    work(std::pmr::map<int, int>(&face), std::map<int, int>(), mapping);
    EXPECT_EQ(pool.stats().live, 0u);
    if constexpr (sized_pool<TypeParam>) { // not all in nodes of one size
        work(std::pmr::unordered_map<int, int>(&face), std::unordered_map<int, int>(), mapping);
        work(std::pmr::vector<int>(&face), std::vector<int>(), sequence);
        work(std::pmr::deque<int>(&face), std::deque<int>(), sequence);
        EXPECT_EQ(pool.stats().live, 0u);
    }
}

TYPED_TEST(faces, leave_a_container_whole_when_the_pool_is_exhausted) {
    strict_source strict(1, 60'000);
    auto options = [&] {
        if constexpr (std::is_same_v<TypeParam, fixed_pool>) {
            return fixed_pool_options{.block_size = 64, .alignment = 16, .source = &strict};
        } else {
            return multi_pool_options{.slab_bytes = 4096, .source = &strict};
        }
    }();
    TypeParam pool(options);
    std::list<int, allocator<int, TypeParam>> numbers{allocator<int, TypeParam>(pool)};
    EXPECT_THROW(for (int i = 0;; ++i) numbers.push_back(i), out_of_memory);
    const int count = static_cast<int>(numbers.size());
    EXPECT_GT(count, 100);
    EXPECT_EQ(std::accumulate(numbers.begin(), numbers.end(), 0), count * (count - 1) / 2);
    EXPECT_EQ(pool.stats().live, numbers.size());
    numbers.pop_front();
    numbers.push_back(1); // what was freed can be had again
}

TEST(face_of_one_size, refuses_what_does_not_fit) {
    fixed_pool pool({.block_size = 32, .alignment = 8});
    resource face(pool);
    EXPECT_THROW((void)face.allocate(33), std::bad_alloc);
    EXPECT_THROW((void)face.allocate(8, 16), std::bad_alloc);
    allocator<line, fixed_pool> lines(pool);
    EXPECT_THROW((void)lines.allocate(1), out_of_memory);
    allocator<double, fixed_pool> doubles(pool);
    EXPECT_THROW((void)doubles.allocate(static_cast<std::size_t>(-1) / 4), out_of_memory);
    double* const four = doubles.allocate(4);
    doubles.deallocate(four, 4);
    resource with_more(pool, std::pmr::new_delete_resource());
    void* const large = with_more.allocate(1000, 64);
    with_more.deallocate(large, 1000, 64);
    EXPECT_EQ(pool.stats().live, 0u);
}

} // namespace
} // namespace cenote::test
