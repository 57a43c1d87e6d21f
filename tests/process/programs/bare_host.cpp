// cenote: SPDX-License-Identifier: MIT
//
// bare_host PLUGIN LIBRARY TLS_USER…: a program that knows nothing of cenote loads a plugin that is linked
// with libcenote.so, after other libraries that take thread-local room at a fixed place. Threads that were
// there before use it as well as new ones, and end after it was unloaded.
#include "host.hpp"

#include <memory>

namespace {

using namespace cenote::test;

void use(const copy_face& its, unsigned seed) {
    for (unsigned i = 0; i < 5; ++i) expect_none(its.use(seed + i), "the plugin");
    expect(its.has_cache(), "a thread has no cache");
}

} // namespace

int main(int count, char** words) {
    if (count < 3) fail("usage: bare_host PLUGIN LIBRARY TLS_USER…");
    const char* const library = words[2];
    for (int i = 3; i < count; ++i) {
        if (dlopen(words[i], RTLD_NOW) == nullptr)
            fail("another user of thread-locals does not fit", dlerror());
    }
    expect(!is_loaded(library), "libcenote.so is there before the plugin");
    auto old_threads = std::make_unique<squad>(3);
    old_threads->all([](unsigned) {});
    for (int round = 0; round < rounds(20); ++round) {
        auto new_threads = std::make_unique<squad>(2);
        {
            const plugin loaded(words[1], RTLD_LOCAL);
            old_threads->all([&](unsigned i) { use(*loaded, i); });
            new_threads->all([&](unsigned i) { use(*loaded, 10 + i); });
            use(*loaded, 20);
            in_child([&] {
                use(*loaded, 30);
                expect_none(loaded->check(), "the plugin in a child");
            });
            expect_none(loaded->check(), "the plugin");
        }
        // A thread may be on its way out through the library just now: it must stay.
        expect(is_loaded(library), "libcenote.so was unloaded under threads that have caches");
        new_threads.reset();
        in_child([] {});
        if (round == 10) old_threads = std::make_unique<squad>(3);
    }
    std::puts("a plugin brought libcenote.so into a program without it");
}
