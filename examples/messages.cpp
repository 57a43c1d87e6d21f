// cenote: SPDX-License-Identifier: MIT
//
// One thread makes messages, another destroys them: the pool brings the blocks back, in bounded memory.
#include <cenote/concurrent/concurrent_object_pool.hpp>

#include <array>
#include <atomic>
#include <cinttypes>
#include <cstdint>
#include <cstdio>
#include <thread>

struct message {
    explicit message(std::size_t of) : number(of) {}
    std::size_t number;
    std::array<char, 240> text{};
};

// A ring of handles: whoever empties a place destroys the message in it.
class ring {
public:
    using handle = cenote::concurrent_object_pool<message>::handle;

    void push(handle made) {
        while (head_ - tail_.load(std::memory_order_acquire) == places) std::this_thread::yield();
        ring_[head_ % places] = std::move(made);
        published_.store(++head_, std::memory_order_release);
    }
    handle pop() {
        const std::size_t at = tail_.load(std::memory_order_relaxed);
        while (published_.load(std::memory_order_acquire) == at) std::this_thread::yield();
        handle got = std::move(ring_[at % places]);
        tail_.store(at + 1, std::memory_order_release);
        return got;
    }

private:
    static constexpr std::size_t places = 256;
    std::array<handle, places> ring_;
    std::size_t head_ = 0;
    std::atomic<std::size_t> published_{0};
    std::atomic<std::size_t> tail_{0};
};

int main() {
    constexpr std::size_t messages = 200000;
    cenote::concurrent_object_pool<message> pool{{.name = "messages"}};
    std::uint64_t sum = 0;
    {
        ring between;
        std::thread consumer([&] {
            for (std::size_t i = 0; i < messages; ++i) sum += between.pop()->number;
        });
        for (std::size_t i = 0; i < messages; ++i) between.push(pool.make_unique(i));
        consumer.join();
    }
    const cenote::pool_stats now = pool.stats();
    std::printf("%zu messages, sum %" PRIu64 ", %zu blocks in all, %zu bytes reserved, %zu live\n", messages,
                sum, now.blocks, now.reserved_bytes, now.live);
    return now.live == 0 && sum == std::uint64_t{messages} * (messages - 1) / 2 ? 0 : 1;
}
