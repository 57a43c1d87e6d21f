// cenote: SPDX-License-Identifier: MIT
//
// A block of a bounded_pool as an asynchronous operation of Asio: with a callback, a future or a coroutine,
// on the executor that the token brings, else on `io`. It stands in the pool's one line with all other
// waiters; no thread waits. Its signature is void(asio::error_code, bounded_pool::block); the error is
// operation_aborted when it was cancelled by its slot, and shut_down when the pool was closed.
#pragma once

#include <cenote/base/error.hpp>
#include <cenote/concurrent/bounded_pool.hpp>

#include <asio/associated_cancellation_slot.hpp>
#include <asio/associated_executor.hpp>
#include <asio/async_result.hpp>
#include <asio/error.hpp>
#include <asio/executor_work_guard.hpp>
#include <asio/post.hpp>
#include <memory>
#include <utility>

namespace relay {

template<class Handler, class Io>
class acquiring final : cenote::bounded_pool::ticket {
    using block = cenote::bounded_pool::block;
    using executor = asio::associated_executor_t<Handler, Io>;

public:
    static void begin(cenote::bounded_pool& pool, Handler handler, const Io& io) {
        auto own = std::make_unique<acquiring>(pool, std::move(handler), io);
        acquiring& self = *own;
        self.listen();
        try {
            // Nothing of `self` may be touched after this, unless a block came at once.
            (void)own.release();
            block got = pool.acquire_or_call(self);
            if (got) called(self, std::move(got));
        } catch (const cenote::pool_closed&) {
            called(self, {});
        }
    }

    acquiring(cenote::bounded_pool& pool, Handler handler, const Io& io)
        : ticket(&called), pool_(pool), handler_(std::move(handler)),
          work_(asio::get_associated_executor(handler_, io)) {}

private:
    // Within somebody's release: the handler runs later, where it belongs. Without memory for that there is
    // nothing to be told to, and the program ends.
    static void called(ticket& told, block got) noexcept {
        auto& self = static_cast<acquiring&>(told);
        if (!got) self.error_ = asio::error::shut_down;
        self.got_ = std::move(got);
        self.finish_later();
    }

    // The slot's executor is the handler's: `finish` has not run, so this is still there.
    void listen() {
        auto slot = asio::get_associated_cancellation_slot(handler_);
        if (!slot.is_connected()) return;
        slot.assign([this](asio::cancellation_type) {
            if (!pool_.cancel(*this)) return;
            error_ = asio::error::operation_aborted;
            finish_later();
        });
    }

    void finish_later() {
        const executor where = work_.get_executor();
        asio::post(where, [own = std::unique_ptr<acquiring>(this)]() mutable { finish(std::move(own)); });
    }

    static void finish(std::unique_ptr<acquiring> own) {
        auto slot = asio::get_associated_cancellation_slot(own->handler_);
        if (slot.is_connected()) slot.clear();
        Handler handler = std::move(own->handler_);
        const asio::error_code error = own->error_;
        block got = std::move(own->got_);
        own.reset();
        std::move(handler)(error, std::move(got));
    }

    cenote::bounded_pool& pool_;
    Handler handler_;
    asio::executor_work_guard<executor> work_; // its loop does not end before
    asio::error_code error_;
    block got_;
};

template<class Io, class Token>
auto async_acquire(cenote::bounded_pool& pool, const Io& io, Token&& token) {
    return asio::async_initiate<Token, void(asio::error_code, cenote::bounded_pool::block)>(
        [&pool, io](auto&& handler) {
            using handler_type = std::decay_t<decltype(handler)>;
            acquiring<handler_type, Io>::begin(pool, std::forward<decltype(handler)>(handler), io);
        },
        token);
}

} // namespace relay
