// cenote: SPDX-License-Identifier: MIT
//
// What a pool keeps goes back as soon as the system tells that memory is short: of a group of processes that
// has reached its limit, and of the whole machine.
#include <cenote/buffer/buffer_keeper.hpp>

#include "child.hpp"
#include "memory_group.hpp"
#include "sanitized.hpp"

#include <chrono>
#include <cstring>
#include <filesystem>
#include <gtest/gtest.h>
#include <string>
#include <sys/mman.h>
#include <vector>

#if __has_include(<sys/eventfd.h>)
#include <sys/eventfd.h>
#define CENOTE_TEST_EVENTFD 1
#endif

namespace {

using namespace cenote;
using namespace std::chrono_literals;
using test::require;

constexpr std::size_t mib = std::size_t{1} << 20;
[[maybe_unused]] constexpr std::size_t kept = 32 * mib;
constexpr std::size_t limit = 64 * mib;

#if defined(CENOTE_TEST_EVENTFD) && defined(MADV_FREE) && !CENOTE_TEST_SANITIZED
constexpr bool can_be_short = true;

/// Uses memory that the system may have back, until it is told to stop: beyond the limit it must look for it.
template<class Done>
void use_memory_until(Done done) {
    constexpr std::size_t piece = 8 * mib;
    const auto deadline = std::chrono::steady_clock::now() + 60s;
    while (!done()) {
        require(std::chrono::steady_clock::now() < deadline, "nothing was trimmed in a minute");
        void* const data = ::mmap(nullptr, limit, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        require(data != MAP_FAILED, "no memory");
        for (std::size_t at = 0; at < limit && !done(); at += piece) {
            std::memset(static_cast<char*>(data) + at, 1, piece);
            (void)::madvise(static_cast<char*>(data) + at, piece, MADV_FREE);
        }
        ::munmap(data, limit);
    }
}

/// In the group: a pool keeps what was released, for hours if time were all, until pressure comes.
void keep_until_pressure(const test::memory_group& group, const buffer_keeper_options& told) {
    require(group.enter(), "cannot enter the group");
    buffer_pool pool(
        {.retained_bytes = 2 * kept, .lazy_after = 1h, .return_after = 4h, .trim = trim::manual});
    const buffer_keeper keeper(pool, told);
    require(keeper.watches_pressure(), "nothing is watched");
    {
        std::vector<buffer> held;
        for (std::size_t bytes = 0; bytes < kept; bytes += mib) {
            held.push_back(pool.acquire(mib));
            std::memset(held.back().data(), 1, mib);
        }
    }
    pool.release_thread_caches();
    require(pool.stats().reserved_bytes >= kept, "the memory is gone already");
    use_memory_until([&] { return pool.stats().reserved_bytes < mib; });
    require(pool.is_valid(), "the pool is not valid");
}
#else
constexpr bool can_be_short = false;
void keep_until_pressure(const test::memory_group&, const buffer_keeper_options&) {}
#endif

TEST(buffer_pressure, of_a_group_trims_the_pool) {
    if (!can_be_short) GTEST_SKIP() << "a sanitizer has memory of its own, or nothing tells of pressure";
    const test::memory_group group(limit);
    if (!group.is_there()) GTEST_SKIP() << "no group with a limit of memory can be made here";
#if defined(CENOTE_TEST_EVENTFD)
    const int event = ::eventfd(0, EFD_CLOEXEC);
    ASSERT_GE(event, 0);
    if (!group.tell_of_pressure(event)) {
        ::close(event);
        GTEST_SKIP() << "groups here tell of pressure in another way";
    }
    EXPECT_EQ(test::ending_of_child([&] { keep_until_pressure(group, {.pressure_event = event}); }), "");
    ::close(event);
#endif
}

TEST(buffer_pressure, of_the_machine_trims_the_pool) {
    if (!can_be_short) GTEST_SKIP() << "a sanitizer has memory of its own, or nothing tells of pressure";
    const test::memory_group group(limit);
    if (!group.is_there()) GTEST_SKIP() << "no group with a limit of memory can be made here";
    const char* const file = "/proc/pressure/memory";
    const int known = sync::open_memory_pressure(file);
    if (known < 0) GTEST_SKIP() << "the system does not tell of memory pressure";
    sync::close_memory_pressure(known);
    EXPECT_EQ(test::ending_of_child(
                  [&] { keep_until_pressure(group, {.watch_pressure = true, .pressure_file = file}); }),
              "");
}

// Of the group that the process is in, which the keeper finds by itself.
TEST(buffer_pressure, of_its_own_group_is_found_and_trims_the_pool) {
    if (!can_be_short) GTEST_SKIP() << "a sanitizer has memory of its own, or nothing tells of pressure";
    const test::memory_group group(limit);
    if (!group.is_there()) GTEST_SKIP() << "no group with a limit of memory can be made here";
    const test::telling_group own;
    if (!own.is_there()) GTEST_SKIP() << "no group that tells of pressure can be made here";
    EXPECT_EQ(test::ending_of_child([&] {
                  require(own.enter(), "cannot enter the group that tells");
                  const int found = sync::open_memory_pressure(nullptr);
                  std::error_code problem;
                  const std::string file =
                      std::filesystem::read_symlink("/proc/self/fd/" + std::to_string(found), problem);
                  require(file.find(own.name() + "/memory.pressure") != std::string::npos, "another file");
                  sync::close_memory_pressure(found);
                  keep_until_pressure(group, {.watch_pressure = true});
              }),
              "");
}

} // namespace
