// cenote: SPDX-License-Identifier: MIT
//
// A limit that is never exceeded by a byte, shared by two pools, and what an exhausted pool says.
#include <cenote/face/resource.hpp>
#include <cenote/pool/fixed_pool.hpp>
#include <cenote/pool/multi_pool.hpp>
#include <cenote/source/budget.hpp>
#include <cenote/source/os_pages.hpp>

#include <cstdio>
#include <map>
#include <memory_resource>
#include <string>

int main() {
    cenote::budget limit(cenote::default_source(), std::size_t{8} << 20);
    cenote::multi_pool sizes{{.source = &limit, .name = "index"}};
    cenote::fixed_pool packets{{.block_size = 2048, .source = &limit, .name = "packets"}};

    cenote::resource face{sizes};
    std::pmr::map<int, std::pmr::string> index{&face};
    for (int key = 0; key < 1000; ++key)
        index.emplace(key, "a text too long to be kept inside the string itself");
    std::printf("%zu entries, %zu of %zu bytes used\n", index.size(), limit.used(), limit.limit());

    std::size_t taken = 0;
    try {
        for (;; ++taken) (void)packets.allocate();
    } catch (const cenote::out_of_memory& full) {
        std::printf("after %zu packets: %s\n", taken, full.what());
    }
    packets.reset();
    return limit.used() <= limit.limit() ? 0 : 1;
}
