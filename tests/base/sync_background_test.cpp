// cenote: SPDX-License-Identifier: MIT
#include <cenote/base/sync.hpp>
#include <cenote/base/sync_background.hpp>

#include <arpa/inet.h>
#include <array>
#include <atomic>
#include <filesystem>
#include <fstream>
#include <gtest/gtest.h>
#include <string>
#include <sys/socket.h>
#include <sys/wait.h>
#include <thread>
#include <unistd.h>

namespace {

using namespace cenote;

struct counted {
    std::atomic<int> calls{0};
    std::atomic<int> urgent{0};
    std::atomic<std::int64_t> next{sync::no_deadline};

    static std::int64_t work(void* context, bool is_urgent) noexcept {
        auto& all = *static_cast<counted*>(context);
        if (is_urgent) ++all.urgent;
        ++all.calls;
        return all.next;
    }
    void wait_for(int calls_wanted) const {
        while (calls < calls_wanted) std::this_thread::yield();
    }
};

TEST(sync_background, calls_its_work_at_once_and_when_woken) {
    counted all;
    sync::background thread;
    ASSERT_TRUE(thread.start(&counted::work, &all));
    EXPECT_FALSE(thread.start(&counted::work, &all)); // there is one
    all.wait_for(1);
    thread.wake();
    all.wait_for(2);
    thread.stop();
    EXPECT_FALSE(thread.is_running());
    thread.stop();
    thread.wake(); // nobody
    const int calls = all.calls;
    ASSERT_TRUE(thread.start(&counted::work, &all)); // and again
    all.wait_for(calls + 1);
}

TEST(sync_background, comes_again_when_it_said) {
    counted all;
    all.next = 0; // at once
    sync::background thread;
    ASSERT_TRUE(thread.start(&counted::work, &all));
    all.wait_for(10);
    all.next = sync::steady_now() + 1'000'000;
    all.wait_for(all.calls + 2);
}

TEST(sync_background, an_urgent_descriptor_wakes_it) {
    // What is urgent on a connection is what came out of band.
    const int listener = ::socket(AF_INET, SOCK_STREAM, 0);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t length = sizeof address;
    ASSERT_EQ(::bind(listener, reinterpret_cast<sockaddr*>(&address), length), 0);
    ASSERT_EQ(::listen(listener, 1), 0);
    ASSERT_EQ(::getsockname(listener, reinterpret_cast<sockaddr*>(&address), &length), 0);
    const int sender = ::socket(AF_INET, SOCK_STREAM, 0);
    ASSERT_EQ(::connect(sender, reinterpret_cast<sockaddr*>(&address), length), 0);
    const int receiver = ::accept(listener, nullptr, nullptr);
    counted all;
    sync::background thread;
    ASSERT_TRUE(thread.start(&counted::work, &all, receiver));
    all.wait_for(1);
    EXPECT_EQ(all.urgent, 0);
    ASSERT_EQ(::send(sender, "!", 1, MSG_OOB), 1);
    while (all.urgent == 0) std::this_thread::yield();
    thread.stop();
    for (const int one : {listener, sender, receiver}) ::close(one);
}

TEST(sync_background, a_child_of_a_fork_has_none_and_can_stop_it) {
    counted all;
    sync::background thread;
    ASSERT_TRUE(thread.start(&counted::work, &all));
    all.wait_for(1);
    const pid_t child = ::fork();
    if (child == 0) {
        thread.stop();
        ::_exit(thread.is_running() ? 1 : 0);
    }
    int status = -1;
    ASSERT_EQ(::waitpid(child, &status, 0), child);
    EXPECT_EQ(status, 0);
    thread.wake(); // the parent's is still there
    all.wait_for(2);
}

TEST(sync_background, pressure_is_watched_only_where_it_is_told) {
    EXPECT_EQ(sync::open_memory_pressure("/nowhere/memory.pressure"), -1);
    const int known = sync::open_memory_pressure("/proc/pressure/memory");
    if (known >= 0) {
        counted all;
        sync::background thread;
        ASSERT_TRUE(thread.start(&counted::work, &all, known));
        all.wait_for(1);
        thread.stop();
    }
    sync::close_memory_pressure(known);
    sync::close_memory_pressure(-1);
}

/// A system of files, as far as it tells of groups and pressure.
class small_system {
public:
    small_system()
        : root_(std::filesystem::temp_directory_path() / ("cenote-" + std::to_string(::getpid()))) {}
    small_system(const small_system&) = delete;
    small_system& operator=(const small_system&) = delete;
    ~small_system() { std::filesystem::remove_all(root_); }
    void put(const char* file, const char* text) const {
        std::filesystem::create_directories(at(file).parent_path());
        std::ofstream(at(file)) << text;
    }
    void remove(const char* file) const { std::filesystem::remove(at(file)); }
    /// Which file of pressure was opened, and told what is wished.
    [[nodiscard]] std::string watched() const {
        const int descriptor = sync::open_memory_pressure(nullptr, root_.c_str());
        sync::close_memory_pressure(descriptor);
        std::string found;
        for (const char* const file : files) {
            if (!std::filesystem::exists(at(file)) || std::filesystem::is_empty(at(file))) continue;
            found += file;
            put(file, "");
        }
        EXPECT_EQ(descriptor >= 0, !found.empty());
        return found;
    }
    static constexpr const char* own = "/sys/fs/cgroup/a/b/memory.pressure";
    static constexpr const char* beside = "/sys/fs/cgroup/unified/a/b/memory.pressure";
    static constexpr const char* machine = "/proc/pressure/memory";
    static constexpr std::array<const char*, 3> files{own, beside, machine};

private:
    [[nodiscard]] std::filesystem::path at(const char* file) const { return root_.string() + file; }
    std::filesystem::path root_;
};

TEST(sync_background, pressure_of_the_own_group_is_watched_and_else_that_of_the_machine) {
    const small_system here;
    for (const char* const file : here.files) here.put(file, "");
    if (const int known = sync::open_memory_pressure("/proc/pressure/memory"); known < 0)
        GTEST_SKIP() << "this build, or this system, watches no pressure";
    else
        sync::close_memory_pressure(known);
    here.put("/proc/self/cgroup", "4:memory:/c\n1:name=x:/0::\n0::/a/b\n");
    EXPECT_EQ(here.watched(), here.own);
    here.remove(here.own);
    EXPECT_EQ(here.watched(), here.beside); // groups of both versions
    here.remove(here.beside);
    EXPECT_EQ(here.watched(), here.machine); // the group does not tell
    here.put(here.own, "");
    here.put("/proc/self/cgroup", "4:memory:/a/b\n"); // groups of the first version alone
    EXPECT_EQ(here.watched(), here.machine);
    here.remove("/proc/self/cgroup");
    EXPECT_EQ(here.watched(), here.machine);
    here.remove(here.machine);
    EXPECT_EQ(here.watched(), "");
}

} // namespace
