// cenote: SPDX-License-Identifier: MIT
//
// Clients of the relay, in pairs: each sends messages to its partner, and another one for each that it gets.
// What arrives is compared byte for byte, and must come in the order in which it was sent.
#pragma once

#include "connection.hpp"

#include <asio/connect.hpp>
#include <asio/steady_timer.hpp>
#include <bit>
#include <chrono>
#include <deque>
#include <functional>
#include <random>

namespace relay {

struct load {
    std::uint32_t connections = 256; // an even number
    std::size_t window = 4;          // messages that each has on the way
    std::size_t smallest = 64;       // bytes of a payload, as often as twice as many; powers of two
    std::size_t largest = std::size_t{64} << 10;
    std::size_t messages = 0;           // that each sends; 0: until the time is over
    std::chrono::milliseconds length{}; // of what is counted
    std::chrono::milliseconds warm_up{};
    std::chrono::seconds patience{30}; // without any message, then it is given up if it may be
    int receive_buffer = 0;            // of the system; 0: what it gives by itself
    // Until this says true no client receives anything.
    std::function<bool()> may_receive = [] { return true; };
    // False while it is known that messages will come, however long it takes.
    std::function<bool()> may_give_up = [] { return true; };
    // When all has come back, with the connections still open.
    std::function<void()> afterwards = [] {};
};

struct report {
    std::size_t sent = 0;
    std::size_t received = 0;
    std::size_t wrong = 0;                   // whose contents or place in the order were not those sent
    std::size_t counted = 0;                 // received in `length`
    std::vector<std::uint32_t> latencies_us; // of these, from when the message was due
};

class clients {
    using tcp = asio::ip::tcp;
    using clock = std::chrono::steady_clock;
    using error = const asio::error_code&;

public:
    // Throws std::system_error.
    clients(const load& wanted, std::uint16_t port) : wanted_(wanted) {
        std::mt19937_64 random(1);
        contents_.resize(2 * wanted.largest);
        for (std::byte& one : contents_) one = static_cast<std::byte>(random());
        for (std::uint32_t i = 0; i < wanted.connections; ++i)
            all_.emplace_back(*this, i, tcp::endpoint(asio::ip::address_v4::loopback(), port));
    }

    report run() {
        begin_ = clock::now() + wanted_.warm_up;
        for (client& one : all_) one.start();
        wait_to_receive();
        watch(0);
        io_.run();
        return std::move(report_);
    }

private:
    // Stands before the rest of a payload.
    struct stamp {
        std::int64_t due;
        std::uint32_t from;
        std::uint32_t number;
    };
    struct head {
        frame_header frame;
        stamp what;
    };

    class client {
    public:
        client(clients& all, std::uint32_t number, const tcp::endpoint& to)
            : all_(all), number_(number), random_(number), socket_(all.io_), room_(all.wanted_.largest) {
            socket_.open(tcp::v4());
            if (const int size = all.wanted_.receive_buffer; size != 0)
                socket_.set_option(asio::socket_base::receive_buffer_size(size));
            socket_.connect(to);
            socket_.set_option(tcp::no_delay(true));
            asio::write(socket_, asio::buffer(&number_, sizeof number_));
            asio::read(socket_, asio::buffer(&number_, sizeof number_));
        }
        void start() {
            for (std::size_t i = 0; i < all_.wanted_.window; ++i) owe();
        }
        void receive() {
            asio::async_read(socket_, asio::buffer(&got_, sizeof got_), [this](error failed, std::size_t) {
                if (failed || got_.frame.size < sizeof(stamp) || got_.frame.size > room_.size())
                    return all_.io_.stop();
                receive_rest();
            });
        }

    private:
        void owe() {
            if (!all_.may_send(sent_)) return;
            ++sent_;
            ++all_.report_.sent;
            due_.push_back(clock::now());
            if (due_.size() == 1) send();
        }
        void send() {
            const unsigned doublings =
                static_cast<unsigned>(std::countr_zero(all_.wanted_.largest / all_.wanted_.smallest));
            const std::size_t base = all_.wanted_.smallest << random_() % (doublings == 0 ? 1 : doublings);
            const std::size_t size = doublings == 0 ? base : base + random_() % base;
            made_ = {{static_cast<std::uint32_t>(size), number_ ^ 1},
                     {due_.front().time_since_epoch().count(), number_, next_to_send_}};
            const std::array<asio::const_buffer, 2> parts{
                asio::buffer(&made_, sizeof made_),
                asio::buffer(all_.content_of(next_to_send_++), size - sizeof(stamp))};
            asio::async_write(socket_, parts, [this](error failed, std::size_t) {
                if (failed) return all_.io_.stop();
                due_.pop_front();
                if (!due_.empty()) send();
            });
        }
        void receive_rest() {
            asio::async_read(socket_, asio::buffer(room_.data(), got_.frame.size - sizeof(stamp)),
                             [this](error failed, std::size_t size) {
                                 if (failed) return all_.io_.stop();
                                 check(size);
                                 if (all_.is_over()) return;
                                 owe();
                                 receive();
                             });
        }
        void check(std::size_t size) {
            const bool is_right = got_.what.from == (number_ ^ 1) && got_.frame.to == number_ &&
                                  got_.what.number == next_to_receive_++ &&
                                  std::memcmp(room_.data(), all_.content_of(got_.what.number), size) == 0;
            if (!is_right) ++all_.report_.wrong;
            all_.note(clock::now(), clock::time_point(clock::duration(got_.what.due)));
        }

        clients& all_;
        std::uint32_t number_;
        std::minstd_rand random_;
        tcp::socket socket_;
        std::deque<clock::time_point> due_; // to be sent
        head made_{};
        std::size_t sent_ = 0;
        std::uint32_t next_to_send_ = 0;
        head got_{};
        std::vector<std::byte> room_;
        std::uint32_t next_to_receive_ = 0;
    };

    [[nodiscard]] const std::byte* content_of(std::uint32_t number) const {
        return contents_.data() + std::size_t{number} * 61 % wanted_.largest;
    }
    [[nodiscard]] bool may_send(std::size_t sent) const {
        return wanted_.messages != 0 ? sent < wanted_.messages : clock::now() < begin_ + wanted_.length;
    }
    void note(clock::time_point now, clock::time_point due) {
        ++report_.received;
        if (now < begin_ || (wanted_.messages == 0 && now >= begin_ + wanted_.length)) return;
        ++report_.counted;
        const auto took = std::chrono::duration_cast<std::chrono::microseconds>(now - due);
        report_.latencies_us.push_back(static_cast<std::uint32_t>(took.count()));
    }
    // Whether all that will be sent has come; then the loop ends.
    bool is_over() {
        if (report_.received < report_.sent) return false;
        if (wanted_.messages != 0 ? report_.sent < wanted_.messages * all_.size() : may_send(0)) return false;
        wanted_.afterwards();
        io_.stop();
        return true;
    }
    void wait_to_receive() {
        if (wanted_.may_receive()) {
            for (client& one : all_) one.receive();
            return;
        }
        waiting_.expires_after(std::chrono::milliseconds(1));
        waiting_.async_wait([this](error failed) {
            if (!failed) wait_to_receive();
        });
    }
    void watch(std::size_t received_before) {
        patience_.expires_after(wanted_.patience);
        patience_.async_wait([this, received_before](error failed) {
            if (failed) return;
            if (report_.received == received_before && wanted_.may_give_up()) return io_.stop();
            watch(report_.received);
        });
    }

    load wanted_;
    clock::time_point begin_;
    std::vector<std::byte> contents_;
    asio::io_context io_{1};
    asio::steady_timer waiting_{io_};
    asio::steady_timer patience_{io_};
    std::deque<client> all_;
    report report_;
};

} // namespace relay
