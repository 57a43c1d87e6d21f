// cenote: SPDX-License-Identifier: MIT
//
// The relay of examples/relay on cenote's pools and on malloc, under the same load: 256 connections between
// this process, which is the relay, and a child of it, which has the clients. Its memory is looked at while
// the load lasts, and when the connections have been idle for a while.
#include "contender.hpp"
#include "patterns/memory.hpp"
#include "relay/clients.hpp"
#include "relay/server.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdio>
#include <poll.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

namespace cenote::bench {
namespace {

constexpr std::chrono::milliseconds memory_interval{100};
constexpr std::chrono::milliseconds rest{800}; // more than the relay needs to give memory back

// What the clients saw of one run, in microseconds; as bytes through a pipe.
struct client_numbers {
    std::uint64_t counted = 0;
    std::uint64_t lost = 0; // or wrong
    std::array<double, 3> latencies{};
};
constexpr std::array<double, 3> quantiles{0.5, 0.99, 0.999};

struct pipe_ends {
    int from = -1;
    int to = -1;
    pipe_ends() {
        std::array<int, 2> both{};
        if (::pipe2(both.data(), O_CLOEXEC) != 0)
            throw std::system_error(errno, std::generic_category(), "pipe");
        from = both[0];
        to = both[1];
    }
};

template<class T>
bool receive(int from, T& what) {
    return ::read(from, &what, sizeof what) == sizeof what; // small: in one piece
}
template<class T>
void send(int to, const T& what) {
    if (::write(to, &what, sizeof what) != sizeof what)
        throw std::system_error(errno, std::generic_category(), "pipe");
}

client_numbers numbers_of(relay::report&& seen) {
    client_numbers result{.counted = seen.counted, .lost = seen.sent - seen.received + seen.wrong};
    std::vector<std::uint32_t>& all = seen.latencies_us;
    for (std::size_t i = 0; i < quantiles.size() && !all.empty(); ++i) {
        const auto at =
            all.begin() + static_cast<std::ptrdiff_t>(quantiles[i] * static_cast<double>(all.size() - 1));
        std::nth_element(all.begin(), at, all.end());
        result.latencies[i] = *at;
    }
    return result;
}

// The clients' process: ends when the relay has rested and closes the pipe.
[[noreturn]] void be_clients(const job& what, int orders, int results) {
    ::prctl(PR_SET_PDEATHSIG, SIGKILL);
    std::uint16_t port = 0;
    if (!receive(orders, port)) std::_Exit(1);
    const auto length = std::chrono::milliseconds(static_cast<std::int64_t>(what.window_ns / 1e6));
    relay::clients all({.largest = what.which.block_size, .length = length, .warm_up = length / 5}, port);
    send(results, numbers_of(all.run()));
    (void)receive(orders, port);
    std::_Exit(0);
}

template<class Memory>
outcome run_relay(const job& what) {
    const pipe_ends orders;
    const pipe_ends results;
    const pid_t child = ::fork();
    if (child == 0) {
        ::close(orders.to);
        be_clients(what, orders.from, results.to);
    }
    ::close(orders.from);
    ::close(results.to);
    const std::uint64_t before = resident_bytes();
    relay::server<Memory> server({.threads = 1}); // the clients have the other one of two cores
    send(orders.to, server.port());

    std::uint64_t most = 0;
    pollfd news{results.from, POLLIN, 0};
    while (::poll(&news, 1, static_cast<int>(memory_interval.count())) == 0)
        most = std::max(most, resident_bytes());
    most = std::max(most, resident_bytes());
    client_numbers seen;
    if (!receive(results.from, seen) || seen.lost != 0 || seen.counted == 0) return {};
    std::this_thread::sleep_for(rest);
    const std::uint64_t after = resident_bytes();
    ::close(orders.to);
    (void)::waitpid(child, nullptr, 0);

    outcome result;
    result.ns.push_back(what.window_ns / static_cast<double>(seen.counted));
    result.peak_bytes = most - std::min(most, before);
    result.figures.assign(seen.latencies.begin(), seen.latencies.end());
    result.figures.push_back(static_cast<double>(most - std::min(most, before)) / 1024);
    result.figures.push_back(static_cast<double>(after - std::min(after, before)) / 1024);
    return result;
}

} // namespace
} // namespace cenote::bench

int main(int argc, char** argv) {
    using namespace cenote::bench;
    return be_child({{"relay_pooled", run_relay<relay::pooled_memory>},
                     {"relay_malloc", run_relay<relay::malloc_memory>}},
                    argc, argv);
}
