// cenote: SPDX-License-Identifier: MIT
//
// A pool in a buffer of the program's own: no heap, no system call, and exactly as many blocks as were asked
// for.
#include <cenote/pool/fixed_pool.hpp>
#include <cenote/source/region.hpp>

#include <cstdio>

namespace {

struct message {
    unsigned char bytes[96];
};

alignas(64) std::byte memory[3000];

} // namespace

int main() {
    cenote::fixed_pool_options options{
        .block_size = sizeof(message), .maximum_blocks = 24, .name = "messages"};
    std::printf("%zu messages need %zu bytes\n", options.maximum_blocks,
                cenote::fixed_pool::required_bytes(options));

    cenote::region home(memory, sizeof memory);
    options.source = &home;
    cenote::fixed_pool messages(options);

    std::size_t count = 0;
    while (messages.try_allocate() != nullptr) ++count;
    std::printf("%zu fit, then try_allocate gives null\n", count);
    messages.reset();
    return count == options.maximum_blocks ? 0 : 1;
}
