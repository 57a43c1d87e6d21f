// cenote: SPDX-License-Identifier: MIT
//
// What the programs that load plugins share: ends with a sentence, plugins that are loaded and unloaded, and
// threads that do what they are told, one task after the other.
#pragma once

#include "../sanitized.hpp"
#include "copy.hpp"

#include <condition_variable>
#include <cstdio>
#include <cstdlib>
#include <dlfcn.h>
#include <functional>
#include <mutex>
#include <sys/wait.h>
#include <thread>
#include <unistd.h>
#include <vector>

namespace cenote::test {

[[noreturn]] inline void fail(const char* what, const char* detail = "") {
    std::fprintf(stderr, "%s%s%s\n", what, *detail != 0 ? ": " : "", detail);
    std::_Exit(1);
}

inline void expect(bool holds, const char* otherwise) {
    if (!holds) fail(otherwise);
}

/// For what gives null or a sentence.
inline void expect_none(const char* sentence, const char* where) {
    if (sentence != nullptr) fail(where, sentence);
}

/// A quarter of them under a sanitizer, which takes a second for each.
constexpr int rounds(int plainly) {
    return CENOTE_TEST_SANITIZED != 0 ? plainly / 4 : plainly;
}

inline bool is_loaded(const char* library) {
    void* const handle = dlopen(library, RTLD_NOW | RTLD_NOLOAD);
    if (handle != nullptr) dlclose(handle);
    return handle != nullptr;
}

class plugin {
public:
    plugin(const char* path, int scope) : handle_(dlopen(path, RTLD_NOW | scope)) {
        if (handle_ == nullptr) fail("the plugin cannot be loaded", dlerror());
        auto* const entry = reinterpret_cast<copy_function*>(dlsym(handle_, copy_symbol));
        if (entry == nullptr) fail("the plugin has no copy", dlerror());
        face_ = entry();
    }
    plugin(const plugin&) = delete;
    plugin& operator=(const plugin&) = delete;
    ~plugin() {
        face_->close();
        if (dlclose(handle_) != 0) fail("the plugin cannot be unloaded", dlerror());
    }
    [[nodiscard]] const copy_face* operator->() const { return face_; }
    [[nodiscard]] const copy_face& operator*() const { return *face_; }

private:
    void* handle_;
    const copy_face* face_ = nullptr;
};

/// Threads that run a task together, and wait for the next.
class squad {
public:
    explicit squad(unsigned size) {
        for (unsigned i = 0; i < size; ++i) threads_.emplace_back([this, i] { serve(i); });
    }
    squad(const squad&) = delete;
    squad& operator=(const squad&) = delete;
    /// The threads end, with what they have cached.
    ~squad() {
        {
            const std::lock_guard hold(guard_);
            ends_ = true;
            ++turn_;
        }
        changed_.notify_all();
        for (std::thread& one : threads_) one.join();
    }
    void all(const std::function<void(unsigned)>& task) {
        std::unique_lock hold(guard_);
        task_ = &task;
        busy_ = threads_.size();
        ++turn_;
        changed_.notify_all();
        changed_.wait(hold, [this] { return busy_ == 0; });
    }

private:
    void serve(unsigned i) {
        for (unsigned seen = 0;;) {
            std::unique_lock hold(guard_);
            changed_.wait(hold, [&] { return turn_ != seen; });
            seen = turn_;
            if (ends_) return;
            hold.unlock();
            (*task_)(i);
            hold.lock();
            if (--busy_ == 0) changed_.notify_all();
        }
    }

    std::mutex guard_;
    std::condition_variable changed_;
    const std::function<void(unsigned)>* task_ = nullptr;
    std::size_t busy_ = 0;
    unsigned turn_ = 0;
    bool ends_ = false;
    std::vector<std::thread> threads_;
};

/// Runs in a child, which must end well.
inline void in_child(const std::function<void()>& run) {
    std::fflush(nullptr);
    const pid_t child = fork();
    expect(child >= 0, "fork failed");
    if (child == 0) {
        alarm(20);
        run();
        std::_Exit(0);
    }
    int status = 0;
    expect(waitpid(child, &status, 0) == child, "waitpid failed");
    expect(WIFEXITED(status), "a child was ended by a signal");
    expect(WEXITSTATUS(status) == 0, "a child failed");
}

} // namespace cenote::test
