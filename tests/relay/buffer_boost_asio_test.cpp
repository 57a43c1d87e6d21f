// cenote: SPDX-License-Identifier: MIT
//
// A buffer in the hands of Boost.Asio, where that is installed.
#if __has_include(<boost/asio/buffer.hpp>)
#include <boost/asio/buffer.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/read.hpp>
#include <boost/asio/write.hpp>

#define CENOTE_TEST_NET boost::asio
#define CENOTE_TEST_SUITE buffer_boost_asio
#include "buffer_asio_cases.hpp"
#endif
