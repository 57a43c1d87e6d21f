// cenote: SPDX-License-Identifier: MIT
//
// two_copies PLUGIN local|global cached|exact: a program with the library in it loads, uses and unloads a
// plugin that has a library of its own. The same threads use both; blocks of one are unknown to the other;
// nothing comes back to the plugin's code when it is gone. `exact`: the plugin's copy works without caches.
#include "host.hpp"

#include <cstring>
#include <optional>

namespace {

using namespace cenote::test;

const copy_face& own = *CENOTE_TEST_COPY();
bool plugin_caches = true;

void use_both(const copy_face& other, unsigned seed) {
    for (unsigned i = 0; i < 5; ++i) {
        expect_none(own.use(seed + i), "the program's copy");
        expect_none(other.use(seed + i + 100), "the plugin's copy");
    }
    void* const mine = own.allocate();
    void* const its = other.allocate();
    expect(own.owns(mine) && !own.owns(its), "the program takes the plugin's block for its own");
    expect(other.owns(its) && !other.owns(mine), "the plugin takes the program's block for its own");
    own.deallocate(mine);
    other.deallocate(its);
    expect(own.has_cache(), "a thread has no cache of the program's copy");
    expect(other.has_cache() == plugin_caches, plugin_caches ? "a thread has no cache of the plugin's copy"
                                                             : "the plugin's copy uses the program's table");
}

void check(const copy_face& one, const char* whose) {
    expect_none(one.check(), whose);
}

void one_round(const char* path, int scope, squad& old_threads) {
    std::optional<plugin> loaded(std::in_place, path, scope);
    const copy_face& its = **loaded;
    old_threads.all([&](unsigned i) { use_both(its, i); });
    use_both(its, 50);
    {
        squad ends_before_the_plugin(2);
        ends_before_the_plugin.all([&](unsigned i) { use_both(its, 10 + i); });
    }
    squad ends_after_the_plugin(2);
    ends_after_the_plugin.all([&](unsigned i) { use_both(its, 20 + i); });
    in_child([&] {
        use_both(its, 60);
        check(its, "the plugin's copy in a child");
        check(own, "the program's copy in a child");
    });
    check(its, "the plugin's copy");
    check(own, "the program's copy");
    loaded.reset();
    expect(!is_loaded(path), "the plugin was not unloaded, so this shows nothing");
    in_child([] {
        expect_none(own.use(70), "the program's copy in a child, without the plugin");
        check(own, "the program's copy in a child, without the plugin");
    });
    old_threads.all([](unsigned i) { expect_none(own.use(i), "the program's copy, without the plugin"); });
}

} // namespace

int main(int count, char** words) {
    if (count != 4) fail("usage: two_copies PLUGIN local|global cached|exact");
    plugin_caches = std::strcmp(words[3], "cached") == 0;
    const int scope = std::strcmp(words[2], "global") == 0 ? RTLD_GLOBAL : RTLD_LOCAL;
    expect_none(own.use(1), "the program's copy");
    for (int round = 0; round < rounds(12); ++round) {
        squad old_threads(3);
        old_threads.all([](unsigned i) { expect_none(own.use(i), "the program's copy before the plugin"); });
        one_round(words[1], scope, old_threads);
        one_round(words[1], scope, old_threads);
    }
    check(own, "the program's copy at the end");
    own.close();
    std::puts("two copies of the library left each other alone");
}
