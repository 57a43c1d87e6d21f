// cenote: SPDX-License-Identifier: MIT
//
// One connection of the relay. It says its number, is told the same when others can send to it, and sends
// frames, each to the number of another connection. What is read of a frame before there is a block for it
// are eight bytes: without one the connection reads no further, the system's buffers fill, and the sender has
// to slow down. The same when too many messages are on their way to whom it sends: it holds no block then, so
// that a client that does not read stops only who sends to it. That holds for a few of them: each keeps as
// many blocks as its share, without a time limit, and blocks / share of them keep all. A message takes
// nothing else than its block and its payload, so that who holds a block never waits for a second one.
#pragma once

#include "memory.hpp"

#include <asio/dispatch.hpp>
#include <asio/io_context.hpp>
#include <asio/ip/tcp.hpp>
#include <asio/read.hpp>
#include <asio/write.hpp>
#include <cstdint>
#include <cstring>
#include <memory>
#include <mutex>
#include <span>
#include <vector>

namespace relay {

inline constexpr std::size_t largest_payload = std::size_t{4} << 20;

// Both ends are this machine: numbers stand as it has them.
struct frame_header {
    std::uint32_t size; // of the payload
    std::uint32_t to;
};

template<class Memory>
struct message {
    typename Memory::block frame;     // the header, and the payload when it fits
    typename Memory::payload payload; // else
    std::size_t frame_size = 0;
};

// `Server` finds connections: enter(number, connection), leave(number), find(number); share() is how many
// messages may be on their way to one.
template<class Memory, class Server>
class connection : public std::enable_shared_from_this<connection<Memory, Server>> {
    using self_pointer = std::shared_ptr<connection>;
    using error = const asio::error_code&;

public:
    connection(Server& server, asio::ip::tcp::socket socket, std::uint64_t& received)
        : server_(server), socket_(std::move(socket)), received_(received) {}

    void start() {
        asio::async_read(socket_, asio::buffer(&number_, sizeof number_),
                         [self = this->shared_from_this()](error failed, std::size_t) {
                             if (failed || !self->server_.enter(self->number_, self)) return self->close();
                             self->is_known_ = true;
                             self->welcome();
                         });
    }

    // From any thread.
    void send(message<Memory> one) {
        asio::dispatch(socket_.get_executor(),
                       [self = this->shared_from_this(), own = std::move(one)]() mutable {
                           if (!self->socket_.is_open()) return;
                           self->waiting_.push_back(std::move(own));
                           if (self->on_the_way_.empty()) self->write();
                       });
    }

private:
    // The first bytes of an empty connection never wait, and what others send comes after this handler.
    void welcome() {
        asio::error_code failed;
        asio::write(socket_, asio::buffer(&number_, sizeof number_), failed);
        if (failed) return close();
        read_header();
    }

    void read_header() {
        asio::async_read(socket_, asio::buffer(&header_, sizeof header_),
                         [self = this->shared_from_this()](error failed, std::size_t) {
                             if (failed || self->header_.size > largest_payload) return self->close();
                             self->find_receiver();
                         });
    }

    void find_receiver() {
        const auto to = server_.find(header_.to);
        if (!to) return close(); // it speaks to nobody
        to_ = to;
        if (to->make_room(this->weak_from_this())) find_block();
    }

    // From any thread. Room for one more message to this connection, which `give_room` gives back; or false,
    // and the sender goes on when there is.
    bool make_room(std::weak_ptr<connection> sender) {
        const std::lock_guard here(lock_);
        if (room_ == 0 && !is_closed_) {
            senders_.push_back(std::move(sender));
            return false;
        }
        if (room_ != 0) --room_;
        return true;
    }
    void give_room(std::size_t messages) {
        const std::lock_guard here(lock_);
        room_ += messages;
        for (; !senders_.empty() && (room_ != 0 || is_closed_); senders_.erase(senders_.begin())) {
            const self_pointer next = senders_.front().lock();
            if (!next) continue;
            if (room_ != 0) --room_;
            asio::post(next->socket_.get_executor(), [next] { next->find_block(); });
        }
    }

    void find_block() {
        has_room_ = true;
        try {
            typename Memory::block free = server_.memory().try_block();
            if constexpr (Memory::waits) {
                if (!free) return wait_for_block();
            }
            read_payload(std::move(free));
        } catch (const std::bad_alloc&) {
            close();
        }
    }
    void wait_for_block() {
        server_.memory().async_block(socket_.get_executor(), [self = this->shared_from_this()](
                                                                 error failed, typename Memory::block got) {
            if (failed) return self->close();
            try {
                self->read_payload(std::move(got));
            } catch (const std::bad_alloc&) {
                self->close();
            }
        });
    }

    void read_payload(typename Memory::block frame) {
        coming_.frame = std::move(frame);
        std::memcpy(coming_.frame.data(), &header_, sizeof header_);
        const bool fits = header_.size <= coming_.frame.size() - sizeof header_;
        coming_.frame_size = sizeof header_ + (fits ? header_.size : 0);
        if (!fits) coming_.payload = server_.memory().acquire(header_.size);
        const asio::mutable_buffer into =
            fits ? asio::buffer(coming_.frame.data() + sizeof header_, header_.size)
                 : asio::mutable_buffer(coming_.payload);
        asio::async_read(socket_, into, [self = this->shared_from_this()](error failed, std::size_t) {
            if (failed) return self->close();
            self->pass_on();
        });
    }

    void pass_on() {
        ++received_;
        const self_pointer to = to_.lock();
        if (!to) return close(); // it has gone meanwhile
        has_room_ = false;       // the message takes it along
        to->send(std::exchange(coming_, {}));
        read_header();
    }

    // All that waits goes in one call: a header and a payload each.
    void write() {
        std::swap(on_the_way_, waiting_);
        parts_.clear();
        for (const message<Memory>& one : on_the_way_) {
            parts_.emplace_back(one.frame.data(), one.frame_size);
            if (one.payload) parts_.emplace_back(asio::mutable_buffer(one.payload));
        }
        asio::async_write(socket_, std::span<const asio::const_buffer>(parts_),
                          [self = this->shared_from_this()](error failed, std::size_t) {
                              const std::size_t sent = self->on_the_way_.size();
                              self->on_the_way_.clear(); // the memory returns, and lets who waits go on
                              if (failed) return self->close();
                              self->give_room(sent);
                              if (!self->waiting_.empty()) self->write();
                          });
    }

    void close() {
        if (std::exchange(is_known_, false)) server_.leave(number_);
        coming_ = {};
        waiting_.clear();
        asio::error_code ignored;
        socket_.close(ignored);
        const self_pointer to = to_.lock();
        if (std::exchange(has_room_, false) && to) to->give_room(1);
        {
            const std::lock_guard here(lock_);
            is_closed_ = true;
        }
        give_room(0); // who waits for it is told
    }

    Server& server_;
    asio::ip::tcp::socket socket_;
    std::uint64_t& received_; // of the thread
    std::uint32_t number_ = 0;
    bool is_known_ = false;
    frame_header header_{};
    message<Memory> coming_;
    std::weak_ptr<connection> to_; // whom it goes to
    bool has_room_ = false;        // there
    std::vector<message<Memory>> waiting_;
    std::vector<message<Memory>> on_the_way_;
    std::vector<asio::const_buffer> parts_;

    std::mutex lock_; // of what senders see
    std::size_t room_ = server_.share();
    bool is_closed_ = false;
    std::vector<std::weak_ptr<connection>> senders_; // without room, first come first
};

} // namespace relay
