// cenote: SPDX-License-Identifier: MIT
//
// A C++ program with threads to be recorded: blocks of odd sizes go from the threads that make them to others
// that free them. What it does is said by its first argument, how often by its second.
#include <condition_variable>
#include <cstdio>
#include <cstdlib>
#include <deque>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

namespace {

class queue {
public:
    void put(void* p) {
        const std::lock_guard lock(mutex_);
        items_.push_back(p);
        ready_.notify_one();
    }
    void* take() {
        std::unique_lock lock(mutex_);
        ready_.wait(lock, [&] { return !items_.empty(); });
        void* p = items_.front();
        items_.pop_front();
        return p;
    }

private:
    std::mutex mutex_;
    std::condition_variable ready_;
    std::deque<void*> items_;
};

// One thread allocates, two free; a null pointer is the end.
void produces(int n) {
    queue q;
    std::vector<std::thread> consumers;
    for (int c = 0; c < 2; ++c)
        consumers.emplace_back([&] {
            while (void* p = q.take()) std::free(p);
        });
    std::thread producer([&] {
        for (int i = 0; i < n; ++i) q.put(std::malloc(71001));
        q.put(nullptr);
        q.put(nullptr);
    });
    producer.join();
    for (std::thread& c : consumers) c.join();
}

// Every answer waits for its question, and every question for the answer before.
void asks(int n) {
    queue questions;
    queue answers;
    std::thread other([&] {
        for (int i = 0; i < n; ++i) {
            std::free(questions.take());
            answers.put(std::malloc(72003));
        }
    });
    for (int i = 0; i < n; ++i) {
        questions.put(std::malloc(72001));
        std::free(answers.take());
    }
    other.join();
}

// Threads in sequence, each of which frees what the one before has left.
void comes_and_goes(int n) {
    void* left = std::malloc(73001);
    for (int i = 0; i < n; ++i)
        std::thread([&] {
            std::free(left);
            left = std::malloc(73001);
        }).join();
    std::free(left);
}

} // namespace

int main(int argc, char** argv) {
    const std::string what = argc > 1 ? argv[1] : "";
    const int n = argc > 2 ? std::atoi(argv[2]) : 1;
    if (what == "produces")
        produces(n);
    else if (what == "asks")
        asks(n);
    else if (what == "comes")
        comes_and_goes(n);
    else
        return 64;
    std::puts("done");
    return 0;
}
