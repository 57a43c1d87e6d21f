// cenote: SPDX-License-Identifier: MIT
//
// The relay: threads with a loop each, connections dealt to them in turn, one table in which they find each
// other. `Memory` says where blocks and payloads come from.
#pragma once

#include "connection.hpp"

#include <asio/steady_timer.hpp>
#include <deque>
#include <mutex>
#include <thread>

namespace relay {

struct server_options {
    limits memory{};
    unsigned threads = 2;
    std::uint32_t connections = 256; // their numbers are below this
    int send_buffer = 0;             // of the system, for each connection; 0: what it gives by itself
};

template<class Memory>
class server {
    using tcp = asio::ip::tcp;
    using link = connection<Memory, server>;

public:
    // Listens on a free port of the loopback interface. Throws std::system_error, and what pools throw.
    explicit server(const server_options& wanted)
        : memory_(wanted.memory), share_(wanted.memory.share), send_buffer_(wanted.send_buffer),
          workers_(wanted.threads),
          acceptor_(workers_.front().io, tcp::endpoint(asio::ip::address_v4::loopback(), 0)),
          table_(wanted.connections) {
        accept();
        for (worker& one : workers_) rest(one);
        for (worker& one : workers_) one.thread = std::thread([&one] { one.io.run(); });
    }
    server(const server&) = delete;
    server& operator=(const server&) = delete;
    ~server() {
        for (worker& one : workers_) one.io.stop();
        for (worker& one : workers_) one.thread.join();
        memory_.close(); // who waits for a block is in no loop any more
    }

    [[nodiscard]] std::uint16_t port() const { return acceptor_.local_endpoint().port(); }
    [[nodiscard]] Memory& memory() noexcept { return memory_; }

    // For connections.
    [[nodiscard]] std::size_t share() const noexcept { return share_; }
    [[nodiscard]] bool enter(std::uint32_t number, std::shared_ptr<link> one) {
        const std::lock_guard here(lock_);
        if (number >= table_.size() || table_[number]) return false;
        table_[number] = std::move(one);
        return true;
    }
    void leave(std::uint32_t number) {
        std::shared_ptr<link> gone; // ends after the lock
        const std::lock_guard here(lock_);
        std::swap(gone, table_[number]);
    }
    [[nodiscard]] std::shared_ptr<link> find(std::uint32_t number) {
        const std::lock_guard here(lock_);
        return number < table_.size() ? table_[number] : nullptr;
    }

private:
    struct worker {
        asio::io_context io{1};
        asio::steady_timer timer{io};
        std::uint64_t received = 0;
        std::uint64_t seen = 0;
        std::thread thread;
    };

    void accept() {
        worker& next = workers_[turn_++ % workers_.size()];
        acceptor_.async_accept(next.io, [this, &next](const asio::error_code& failed, tcp::socket socket) {
            if (failed == asio::error::operation_aborted) return;
            if (failed) return accept_later();
            asio::error_code ignored; // it may have gone again
            (void)socket.set_option(tcp::no_delay(true), ignored);
            if (send_buffer_ != 0)
                (void)socket.set_option(asio::socket_base::send_buffer_size(send_buffer_), ignored);
            const auto made = std::make_shared<link>(*this, std::move(socket), next.received);
            asio::dispatch(next.io, [made] { made->start(); });
            accept();
        });
    }

    // Descriptors or memory are short: whoever knocks waits in the system's queue.
    void accept_later() {
        pause_.expires_after(std::chrono::milliseconds(20));
        pause_.async_wait([this](const asio::error_code& failed) {
            if (!failed) accept();
        });
    }

    void rest(worker& one) {
        one.timer.expires_after(std::chrono::milliseconds(100));
        one.timer.async_wait([this, &one](const asio::error_code& failed) {
            if (failed) return;
            memory_.rest(std::exchange(one.seen, one.received) == one.received);
            rest(one);
        });
    }

    Memory memory_; // outlives all that holds blocks
    std::size_t share_;
    int send_buffer_;
    std::deque<worker> workers_;
    tcp::acceptor acceptor_;
    asio::steady_timer pause_{workers_.front().io};
    std::size_t turn_ = 0;
    std::mutex lock_;
    std::vector<std::shared_ptr<link>> table_;
};

} // namespace relay
