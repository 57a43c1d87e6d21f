// cenote: SPDX-License-Identifier: MIT
//
// A buffer in the hands of Asio without Boost.
#include <asio/buffer.hpp>
#include <asio/io_context.hpp>
#include <asio/ip/tcp.hpp>
#include <asio/read.hpp>
#include <asio/write.hpp>

#define CENOTE_TEST_NET asio
#define CENOTE_TEST_SUITE buffer_asio
#include "buffer_asio_cases.hpp"
