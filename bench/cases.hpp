// cenote: SPDX-License-Identifier: MIT
//
// What is measured: a pattern of traffic at a block size, by some threads, among some live blocks.
#pragma once

#include <cstddef>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace cenote::bench {

enum class pattern {
    pair,               // get a block, put it back
    batch_reverse,      // get 1,000, put them back last first
    batch_in_order,     // first first
    batch_shuffled,     // in random order
    random_replacement, // among many live: get a new block, put a random old one back
    drop_in_order,      // get 1,000,000, then (only this is timed) put them back first first
    drop_shuffled,      // in random order
    bulk_32,            // get 32 in one call, put them back in one call
    random_sizes,       // random replacement of 16 to 1,024 bytes
    threads_pair,       // each thread its own pairs
    producer_consumer,  // half of the threads get, each hands its blocks to one that puts them
    free_each_other,    // parcels of blocks go round: a thread puts what the one before it got
    threads_sizes,      // random sizes in one table that all threads replace
    unsized_pair,       // a pair, put back without its size
    alternating,        // pairs, from one pool after the other
    short_threads,      // threads that live for 100 pairs
    lifecycle,          // a pool is made, gives a block, takes it back, and is destroyed
    metadata,           // put all back and get all again, ten times: what does the pool take beside them?
    scratch,            // get 1,000, then all of them are free at once
    bounded_plenty,     // pairs from a hard number of blocks, half of which are always free
    bounded_short,      // the same with half as many blocks as threads, which wait
    wake_up,            // one thread gives what another waits for
    buffers,            // get bytes of a random size, put them back
    buffers_over,       // of more than the size, up to twice as many
    buffers_16,         // random replacement among 16 live
    buffers_16_touched, // a byte of each page is written
    buffers_touched,    // as those of the same names without it; a byte of each page is written
    buffers_over_touched,
    buffer_workers,  // get, work, put, less the work alone
    workers_touched, // the same
    relay,           // messages of up to the size, over TCP between 256 connections
    buffers_hour,    // after a peak load an hour of little traffic, by a clock of the bench's own
};

[[nodiscard]] constexpr bool is_touched(pattern what) {
    return what == pattern::buffers_16_touched || what == pattern::buffers_touched ||
           what == pattern::buffers_over_touched || what == pattern::workers_touched;
}
[[nodiscard]] constexpr bool is_over(pattern what) {
    return what == pattern::buffers_over || what == pattern::buffers_over_touched;
}
[[nodiscard]] constexpr bool is_of_workers(pattern what) {
    return what == pattern::buffer_workers || what == pattern::workers_touched;
}

// What a contender must be able to do to take part in a pattern.
enum class ability {
    alone,        // blocks of one size for one thread
    replacement,  // the same, but only worth showing where many blocks are live
    calls,        // the same, but only worth showing where the calls are all there is: pairs
    shared,       // for many threads
    bulk,         // many blocks a call
    sizes,        // of any size, for one thread
    shared_sizes, // and for many
    unsized,      // that need not be told the size when they come back
    several,      // several pools at once
    brief,        // pools that can be made and destroyed
    scratch,      // freed as a whole
    bounded,      // a hard number of things, waited for
    unwaited,     // the same, where nobody need wait
    waking,       // waited for, by one thread at least
    buffers,      // bytes of any size up to megabytes, for many threads
    relaying,     // a relay of messages over it
};

inline constexpr std::size_t batch_blocks = 1'000;
inline constexpr std::size_t random_blocks = 100'000;
inline constexpr std::size_t parcel_blocks = 256;
inline constexpr std::size_t large_parcel_blocks = 2'048; // more than a thread's magazines hold
inline constexpr std::size_t bulk_blocks = 32;
inline constexpr std::size_t drop_blocks = 1'000'000;
inline constexpr std::size_t smallest_random = 16;
inline constexpr std::size_t largest_random = 1'024;
inline constexpr std::size_t largest_buffer = 4'194'304;
inline constexpr std::size_t largest_message = 65'536;
inline constexpr std::size_t largest_of_hour = 262'144;
inline constexpr std::size_t metadata_rounds = 10;
inline constexpr std::size_t short_thread_count = 1'000;
inline constexpr std::size_t short_thread_pairs = 100;

struct test_case {
    pattern what = pattern::pair;
    std::size_t block_size = 64; // for random sizes: the largest
    unsigned threads = 0;        // 0: the process's own thread
    std::size_t live = 0;        // blocks live all the time; 0: what the pattern says
    unsigned pools = 1;
    std::size_t parcel = parcel_blocks; // how many blocks go round at a time
    bool is_fragmented = false;         // the heap was cut up before the contender began

    [[nodiscard]] std::string name() const; // "pair/64/2_threads"
    // What one operation of it is, as the table's reader wants to know.
    [[nodiscard]] const char* operation() const;
    // What the contender is asked for beside the time: "metadata_percent".
    [[nodiscard]] std::span<const char* const> figures() const;
    // Its place among these. Throws std::out_of_range.
    [[nodiscard]] std::size_t figure(std::string_view name) const;
    // Whether the worst of its only figure is the least: huge pages are wanted, memory is not.
    [[nodiscard]] bool wants_much() const { return what == pattern::random_replacement; }
    // One process a round, which takes long, and rounds enough for an interval.
    [[nodiscard]] bool is_long() const { return what == pattern::relay; }
    // Whether it only shows how cost grows: nothing is demanded of it, fewer rounds do.
    [[nodiscard]] bool is_survey() const;
    [[nodiscard]] bool admits(unsigned abilities) const;
};

enum class extent {
    quick,
    growing, // and what takes long: 8 and 32 threads at every block size, and how cost grows, with 10,000,000
             // live blocks and everything on a fragmented heap
    whole,   // and crowds of workers with buffers
};
[[nodiscard]] std::vector<test_case> all_cases(extent wanted);
// The case of that name, on a heap cut up beforehand where "/fragmented" stands behind it.
[[nodiscard]] std::optional<test_case> find_case(std::string_view name);

[[nodiscard]] constexpr unsigned operator|(ability a, ability b) {
    return 1u << static_cast<unsigned>(a) | 1u << static_cast<unsigned>(b);
}
[[nodiscard]] constexpr unsigned operator|(unsigned many, ability one) {
    return many | 1u << static_cast<unsigned>(one);
}
[[nodiscard]] constexpr bool has(unsigned abilities, ability one) {
    return (abilities >> static_cast<unsigned>(one) & 1u) != 0;
}

} // namespace cenote::bench
