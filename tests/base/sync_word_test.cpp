// cenote: SPDX-License-Identifier: MIT
#include <cenote/base/sync_word.hpp>

#include <gtest/gtest.h>
#include <thread>

namespace {

using namespace cenote;

TEST(sync_word, a_release_shows_what_was_written_before_it) {
    for (int round = 0; round < 200; ++round) {
        int value = 0;
        int ready = 0;
        std::thread writer([&] {
            value = round;
            sync::store_release(ready, 1);
        });
        while (sync::load_acquire(ready) == 0) std::this_thread::yield();
        ASSERT_EQ(value, round);
        writer.join();
    }
}

TEST(sync_word, relaxed_words_are_read_whole_while_they_are_written) {
    unsigned long word = 0;
    std::thread writer([&] {
        for (int i = 0; i < 100000; ++i) sync::store_relaxed(word, i % 2 == 0 ? ~0ul : 0ul);
    });
    for (int i = 0; i < 100000; ++i) {
        const unsigned long seen = sync::load_relaxed(word);
        ASSERT_TRUE(seen == 0 || seen == ~0ul);
    }
    writer.join();
}

} // namespace
