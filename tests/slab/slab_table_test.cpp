// cenote: SPDX-License-Identifier: MIT
#include <cenote/slab/slab_table.hpp>

#include "support/sizes.hpp"

#include <atomic>
#include <cstdlib>
#include <deque>
#include <gtest/gtest.h>
#include <map>
#include <random>
#include <set>
#include <thread>
#include <vector>

namespace {

using namespace cenote::engine;

// A table in memory of the test's own; slabs are addresses that nobody reads.
class test_table {
public:
    explicit test_table(std::size_t slab_bytes, bool aligned = false) : slab_bytes_(slab_bytes) {
        table.configure(slab_bytes, aligned);
    }
    void make_room(std::size_t slabs) {
        std::vector<std::uint64_t> memory(table.bytes_for(slabs) / sizeof(std::uint64_t) + 1,
                                          0xdddddddddddddddd);
        table.move_to(memory.data(), slabs);
        memory_.swap(memory);
    }
    std::uint32_t insert(std::uintptr_t begin, std::size_t bytes = 0, std::uint32_t owner = 0) {
        if (count_++ == table.capacity()) make_room(2 * table.capacity());
        return table.insert(
            {reinterpret_cast<std::byte*>(begin), bytes == 0 ? slab_bytes_ : bytes, record(owner), nullptr});
    }
    void remove(std::uint32_t id) {
        --count_;
        table.remove(id);
    }
    [[nodiscard]] std::uint32_t find(std::uintptr_t address) const {
        return table.find(reinterpret_cast<const void*>(address));
    }

    slab_table table;

private:
    slab* record(std::uint32_t owner) {
        slab& one = records_[owner];
        one.owner = owner;
        return &one;
    }

    std::map<std::uint32_t, slab> records_;
    std::vector<std::uint64_t> memory_;
    std::size_t slab_bytes_;
    std::size_t count_ = 0;
};

constexpr std::uintptr_t somewhere = cenote::test::nobodys_address;

TEST(slab_table, an_empty_table_finds_nothing) {
    test_table one(65536);
    for (const std::uintptr_t address :
         {std::uintptr_t{0}, std::uintptr_t{1}, somewhere, ~std::uintptr_t{0}}) {
        EXPECT_EQ(one.find(address), no_slab);
    }
    EXPECT_TRUE(one.table.is_valid());
    EXPECT_EQ(one.table.end_id(), 0u);
}

TEST(slab_table, finds_every_byte_of_a_slab_and_none_beside_it) {
    for (const std::uintptr_t shift : {0u, 1u, 8u, 4096u, 65535u}) {
        test_table one(65536);
        const std::uint32_t id = one.insert(somewhere + shift);
        for (std::uintptr_t offset = 0; offset < 65536; offset += 7)
            ASSERT_EQ(one.find(somewhere + shift + offset), id);
        EXPECT_EQ(one.find(somewhere + shift + 65535), id);
        EXPECT_EQ(one.find(somewhere + shift + 65536), no_slab);
        EXPECT_EQ(one.find(somewhere + shift - 1), no_slab);
        EXPECT_TRUE(one.table.is_valid());
    }
}

TEST(slab_table, a_removed_slab_is_not_found_and_its_number_is_used_again) {
    test_table one(4000);
    const std::uint32_t first = one.insert(somewhere);
    const std::uint32_t second = one.insert(somewhere + 4000);
    EXPECT_NE(first, second);
    one.remove(first);
    EXPECT_EQ(one.find(somewhere), no_slab);
    EXPECT_EQ(one.find(somewhere + 3999), no_slab);
    EXPECT_EQ(one.find(somewhere + 4000), second);
    EXPECT_EQ(one.table.at(first).begin, nullptr);
    EXPECT_EQ(one.insert(somewhere + 8000), first);
    EXPECT_EQ(one.table.end_id(), 2u);
}

TEST(slab_table, tells_owners_of_aligned_slabs_apart) {
    test_table one(65536, true);
    one.make_room(64);
    for (std::uint32_t i = 0; i < 50; ++i) (void)one.insert(somewhere + i * 65536, 0, i % 7);
    for (std::uint32_t i = 0; i < 50; ++i) {
        const auto* inside = reinterpret_cast<const void*>(somewhere + i * 65536 + 100 * i);
        EXPECT_EQ(one.table.owner_of(inside), i % 7);
    }
    EXPECT_EQ(one.table.owner_of(reinterpret_cast<const void*>(somewhere - 1)), no_slab);
    EXPECT_EQ(one.table.owner_of(nullptr), no_slab);
}

// Slabs far apart whose granules differ by multiples that the hash sends to one neighbourhood.
TEST(slab_table, keys_that_collide_are_told_apart_also_after_removals) {
    constexpr std::size_t slab_bytes = 4096;
    test_table one(slab_bytes, true);
    one.make_room(200);
    std::map<std::uintptr_t, std::uint32_t> slabs;
    std::mt19937_64 random(9);
    // The table has a few hundred cells: among keys whose product with the hash constant starts alike, most
    // meet.
    for (std::uintptr_t key = 1; slabs.size() < 200; ++key) {
        if ((std::uint64_t{key} * 0x9e3779b97f4a7c15u) >> 58 != 63) continue;
        slabs[key * slab_bytes] = one.insert(key * slab_bytes);
    }
    ASSERT_TRUE(one.table.is_valid());
    while (!slabs.empty()) {
        auto which = slabs.begin();
        std::advance(which, static_cast<std::ptrdiff_t>(random() % slabs.size()));
        one.remove(which->second);
        ASSERT_EQ(one.find(which->first), no_slab);
        slabs.erase(which);
        for (const auto& [begin, id] : slabs) ASSERT_EQ(one.find(begin), id);
        ASSERT_TRUE(one.table.is_valid());
    }
}

// Against an ordered map: slabs of any size up to the usual one, anywhere, touching each other or not.
void compare_with_a_map(std::size_t slab_bytes, std::uintptr_t step, unsigned seed, bool short_slabs) {
    test_table one(slab_bytes);
    std::map<std::uintptr_t, std::pair<std::size_t, std::uint32_t>> model;
    std::mt19937_64 chance(seed);
    const auto random = [&] { return static_cast<std::size_t>(chance()); };
    const auto in_model = [&](std::uintptr_t address) {
        auto after = model.upper_bound(address);
        if (after == model.begin()) return no_slab;
        --after;
        return address - after->first < after->second.first ? after->second.second : no_slab;
    };
    for (int round = 0; round < 4000; ++round) {
        const std::uintptr_t begin = somewhere + random() % 200 * step;
        const std::size_t bytes = short_slabs ? 1 + random() % slab_bytes : slab_bytes;
        const auto next = model.lower_bound(begin);
        const bool is_free =
            in_model(begin) == no_slab && (next == model.end() || next->first - begin >= bytes);
        if (is_free && random() % 3 != 0) {
            model[begin] = {bytes, one.insert(begin, bytes)};
        } else if (!model.empty()) {
            auto which = model.begin();
            std::advance(which, static_cast<std::ptrdiff_t>(random() % model.size()));
            one.remove(which->second.second);
            model.erase(which);
        }
        for (const auto& [at, what] : model) {
            ASSERT_EQ(one.find(at), what.second);
            ASSERT_EQ(one.find(at + what.first - 1), what.second);
            ASSERT_EQ(one.find(at + what.first), in_model(at + what.first));
            ASSERT_EQ(one.find(at - 1), in_model(at - 1));
        }
        if (round % 16 == 0) {
            const std::uintptr_t probe = somewhere + random() % (200 * step);
            ASSERT_EQ(one.find(probe), in_model(probe));
            ASSERT_TRUE(one.table.is_valid());
        }
    }
}

TEST(slab_table, agrees_with_a_map_for_slabs_side_by_side) {
    compare_with_a_map(65536, 65536, 1, false);
    compare_with_a_map(65536 - 24, 65536 - 24, 2, false);
}

TEST(slab_table, agrees_with_a_map_for_slabs_of_odd_sizes_at_odd_places) {
    compare_with_a_map(1000, 1003, 3, false);
    compare_with_a_map(65500, 16411, 4, false);
    compare_with_a_map(1, 1, 5, false);
    compare_with_a_map(3, 2, 6, false);
}

TEST(slab_table, agrees_with_a_map_for_short_slabs_that_meet_in_a_granule) {
    compare_with_a_map(4096, 517, 7, true);
    compare_with_a_map(1000, 100, 8, true);
    compare_with_a_map(64, 1, 9, true);
}

TEST(slab_table, moving_keeps_numbers_slabs_and_free_numbers) {
    test_table one(4096, true);
    std::map<std::uintptr_t, std::uint32_t> slabs;
    for (std::uintptr_t i = 0; i < 1000; ++i) slabs[somewhere + i * 4096] = one.insert(somewhere + i * 4096);
    for (std::uintptr_t i = 0; i < 1000; i += 3) {
        one.remove(slabs[somewhere + i * 4096]);
        slabs.erase(somewhere + i * 4096);
    }
    const std::uint32_t end = one.table.end_id();
    one.make_room(5000);
    for (const auto& [begin, id] : slabs) ASSERT_EQ(one.find(begin), id);
    EXPECT_TRUE(one.table.is_valid());
    std::set<std::uint32_t> reused;
    for (std::uintptr_t i = 0; i < 1000; i += 3) reused.insert(one.insert(somewhere + i * 4096));
    EXPECT_EQ(reused.size(), 334u);
    EXPECT_EQ(one.table.end_id(), end);
}

// Against a map: stretches of 1 byte to 64 MiB that stand apart, close together, and one behind the other.
TEST(slab_table, a_table_of_any_size_finds_each_stretch_by_every_byte_of_it) {
    std::mt19937 random(21);
    slab_table table;
    table.configure_any_size(4096);
    std::vector<std::uint64_t> memory(table.bytes_for(400) / sizeof(std::uint64_t) + 1);
    table.move_to(memory.data(), 400);
    slab record;
    std::map<std::uintptr_t, std::pair<std::size_t, std::uint32_t>> model; // begin: bytes, number
    const auto expected = [&](std::uintptr_t address) {
        auto found = model.upper_bound(address);
        if (found == model.begin()) return no_slab;
        --found;
        return address - found->first < found->second.first ? found->second.second : no_slab;
    };
    const auto check = [&](std::uintptr_t address) {
        ASSERT_EQ(table.find_of_any_size(reinterpret_cast<const void*>(address)), expected(address));
    };
    for (int round = 0; round < 20; ++round) {
        std::uintptr_t at = somewhere;
        model.clear();
        while (model.size() < 400) {
            const std::size_t bytes = 1 + random() % (std::size_t{1} << random() % 27);
            const std::uint32_t id =
                table.insert({reinterpret_cast<std::byte*>(at), bytes, &record, nullptr});
            model[at] = {bytes, id};
            at += bytes + (random() % 2 == 0 ? 0 : random() % (std::size_t{1} << random() % 27));
        }
        ASSERT_TRUE(table.is_valid());
        while (!model.empty()) {
            for (const auto& [begin, length] : model) {
                for (const std::uintptr_t one : {begin - 1, begin, begin + random() % length.first,
                                                 begin + length.first - 1, begin + length.first})
                    check(one);
            }
            for (auto one = model.begin(); one != model.end();) {
                const bool goes = random() % 2 == 0;
                if (goes) table.remove(one->second.second);
                one = goes ? model.erase(one) : std::next(one);
            }
            ASSERT_TRUE(table.is_valid());
        }
    }
}

TEST(slab_table, clearing_goes_back_to_the_table_inside) {
    test_table one(4096);
    for (std::uintptr_t i = 0; i < 100; ++i) (void)one.insert(somewhere + i * 4096);
    one.table.clear();
    EXPECT_EQ(one.table.capacity(), 1u);
    EXPECT_EQ(one.table.end_id(), 0u);
    EXPECT_EQ(one.find(somewhere), no_slab);
    slab record;
    const std::uint32_t id =
        one.table.insert({reinterpret_cast<std::byte*>(somewhere), 4096, &record, nullptr});
    EXPECT_EQ(one.find(somewhere + 4095), id);
    EXPECT_TRUE(one.table.is_valid());
}

// A shared table in memory that is kept when it is outgrown, as its readers need.
class shared_table {
public:
    explicit shared_table(std::size_t slab_bytes) : slab_bytes_(slab_bytes) {
        table.configure(slab_bytes, true, true);
        for (std::uint32_t i = 0; i < owners; ++i) records_[i].owner = i;
    }
    std::uint32_t insert(std::uintptr_t begin, std::size_t /*bytes*/, std::uint32_t owner) {
        ++count_;
        if (!table.has_room_for(count_)) {
            const std::size_t room = 2 * table.capacity();
            memory_.emplace_back(table.bytes_for(room) / sizeof(std::uint64_t) + 1);
            table.move_to(memory_.back().data(), room);
        }
        return table.insert({reinterpret_cast<std::byte*>(begin), slab_bytes_, &records_[owner], nullptr});
    }
    void remove(std::uint32_t id) {
        --count_;
        table.remove(id);
    }
    [[nodiscard]] std::uint32_t owner_of(std::uintptr_t address) const {
        return table.owner_of(reinterpret_cast<const void*>(address));
    }
    [[nodiscard]] std::size_t moves() const { return memory_.size(); }

    static constexpr std::uint32_t owners = 40;
    slab_table table;

private:
    slab records_[owners];
    std::vector<std::vector<std::uint64_t>> memory_;
    std::size_t slab_bytes_;
    std::size_t count_ = 0;
};

template<class Table>
void expect_owners_while_slabs_come_and_go(Table& one, std::size_t bytes) {
    int quick_answers = 0;
    const auto owner_of = [&](std::uintptr_t address) {
        const auto* const pointer = reinterpret_cast<const void*>(address);
        const std::uint32_t owner = one.table.owner_of(pointer);
        const std::uint64_t quick = one.table.is_shared() ? one.table.quick_shared_owner_of(pointer)
                                                          : one.table.quick_owner_of(pointer);
        EXPECT_TRUE(quick == owner || quick >= slab_table::no_owner);
        quick_answers += quick == owner ? 1 : 0;
        return owner;
    };
    std::map<std::uintptr_t, std::pair<std::uint32_t, std::uint32_t>> live; // begin → number, owner
    std::mt19937 chance(11);
    for (int step = 0; step < 20'000; ++step) {
        const std::uintptr_t begin = somewhere + chance() % 600 * bytes;
        const auto found = live.find(begin);
        if (found != live.end()) {
            EXPECT_EQ(owner_of(begin + chance() % bytes), found->second.second);
            one.remove(found->second.first);
            live.erase(found);
            EXPECT_EQ(owner_of(begin), no_slab);
        } else if (live.size() < 200) {
            const auto owner = static_cast<std::uint32_t>(chance() % shared_table::owners);
            live[begin] = {one.insert(begin, 0, owner), owner};
        }
        if (step % 1'000 == 0) {
            EXPECT_TRUE(one.table.is_valid());
        }
    }
    for (const auto& [begin, what] : live) EXPECT_EQ(owner_of(begin + bytes - 1), what.second);
    EXPECT_EQ(owner_of(somewhere - 1), no_slab);
    EXPECT_EQ(owner_of(0), no_slab);
    EXPECT_GT(quick_answers, 5'000); // of some ten thousand with an owner
}

TEST(slab_table, tells_owners_while_slabs_come_and_go) {
    test_table one(4096, true);
    expect_owners_while_slabs_come_and_go(one, 4096);
}

TEST(slab_table, a_shared_one_tells_owners_while_slabs_come_and_go) {
    shared_table one(4096);
    expect_owners_while_slabs_come_and_go(one, 4096);
}

// The same addresses come back for ever, as they do from an allocator of pages: the table finds an end.
TEST(slab_table, a_shared_one_knows_no_owner_of_the_first_bytes_of_memory) {
    constexpr std::size_t bytes = 1024;
    shared_table one(bytes);
    for (std::uintptr_t slab = 1; slab <= 3; ++slab) {
        EXPECT_EQ(one.owner_of(0), no_slab);
        EXPECT_EQ(one.owner_of(8), no_slab);
        EXPECT_GE(one.table.quick_shared_owner_of(nullptr), slab_table::no_owner);
        one.insert(slab << 20, 0, 0);
    }
    EXPECT_EQ(one.owner_of((std::uintptr_t{3} << 20) + 8), 0u);
}

TEST(slab_table, a_shared_one_is_bounded_when_addresses_return) {
    constexpr std::size_t bytes = 4096;
    shared_table one(bytes);
    std::vector<std::pair<std::uint32_t, std::size_t>> live;
    std::vector<bool> is_used(400);
    std::mt19937 chance(12);
    std::size_t moves = 0;
    for (int step = 0; step < 200'000; ++step) {
        if (live.size() == 50) {
            const std::size_t at = chance() % live.size();
            one.remove(live[at].first);
            is_used[live[at].second] = false;
            live[at] = live.back();
            live.pop_back();
        }
        const std::size_t place = chance() % is_used.size();
        if (!is_used[place]) {
            live.emplace_back(one.insert(somewhere + place * bytes, 0, 1), place);
            is_used[place] = true;
        }
        if (step == 100'000) moves = one.moves();
    }
    EXPECT_EQ(one.moves(), moves) << "it grows for ever";
    EXPECT_LE(one.table.capacity(), 1'024u);
}

// Addresses that never return: what they leave goes when nothing stands behind it.
TEST(slab_table, a_shared_one_is_bounded_when_every_address_is_new) {
    constexpr std::size_t bytes = 4096;
    shared_table one(bytes);
    std::deque<std::pair<std::uint32_t, std::uintptr_t>> live;
    std::size_t moves = 0;
    for (std::uintptr_t step = 0; step < 300'000; ++step) {
        if (live.size() == 50) {
            one.remove(live.front().first);
            live.pop_front();
        }
        live.emplace_back(one.insert(somewhere + step * bytes, 0, 3), somewhere + step * bytes);
        if (step == 1'000) moves = one.moves();
        if (step % 1'000 != 0) continue;
        for (const auto& [id, begin] : live) ASSERT_EQ(one.owner_of(begin), 3u);
        ASSERT_TRUE(one.table.is_valid());
    }
    EXPECT_LE(one.moves(), moves + 1) << "it grows for ever";
}

// Readers hold no lock: they look for slabs that stay while others come, go, and push the table out.
TEST(slab_table, a_shared_one_is_read_without_a_lock_while_it_changes) {
    constexpr std::size_t bytes = 4096;
    constexpr std::size_t staying = 100;
    shared_table one(bytes);
    for (std::uint32_t i = 0; i < staying; ++i) (void)one.insert(somewhere + 3 * i * bytes, 0, i % 40);
    std::atomic<bool> is_over{false};
    std::atomic<std::size_t> looks{0};
    std::vector<std::thread> readers;
    for (unsigned seed = 0; seed < 2; ++seed) {
        readers.emplace_back([&, seed] {
            std::mt19937 chance(seed);
            while (!is_over) {
                const std::size_t i = chance() % staying;
                if (one.owner_of(somewhere + 3 * i * bytes + chance() % bytes) != i % 40) {
                    ADD_FAILURE() << "a slab that stays was not found";
                    return;
                }
                if (one.owner_of(somewhere - (1 + chance() % 1'000) * bytes) != no_slab) {
                    ADD_FAILURE() << "a slab was found where none ever was";
                    return;
                }
                ++looks;
            }
        });
    }
    std::vector<std::pair<std::uint32_t, std::uintptr_t>> passing; // number, place
    std::set<std::uintptr_t> taken;
    constexpr std::uint32_t places = sizeof(std::uintptr_t) > 4 ? 100'000'000 : 100'000;
    std::mt19937 chance(5);
    for (std::size_t step = 0; step < 30'000 || looks < 1'000; ++step) {
        if (!passing.empty() && (passing.size() > step / 20 || chance() % 2 == 0)) {
            one.remove(passing.back().first);
            taken.erase(passing.back().second);
            passing.pop_back();
        } else if (const std::uintptr_t place = chance() % places; taken.insert(place).second) {
            passing.emplace_back(one.insert(somewhere + (3 * place + 1) * bytes, 0, 2), place);
        }
    }
    is_over = true;
    for (std::thread& reader : readers) reader.join();
    EXPECT_GE(one.moves(), 4u);
}

} // namespace
