// cenote: SPDX-License-Identifier: MIT
#include <cenote/source/source.hpp>

namespace cenote::inline v0_1 {
namespace {

constexpr std::size_t smallest_page = 4096;

void touch(volatile std::byte& byte) noexcept {
    byte = byte;
}

} // namespace

// Writing back what stands there is enough for every system; the caller owns the bytes.
void source::populate(void* data, std::size_t bytes) noexcept {
    auto* const begin = static_cast<std::byte*>(data);
    for (std::size_t at = 0; at < bytes; at += smallest_page) touch(begin[at]);
    if (bytes != 0) touch(begin[bytes - 1]);
}

} // namespace cenote::inline v0_1
