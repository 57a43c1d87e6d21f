// cenote: SPDX-License-Identifier: MIT
#include <cenote/base/arith.hpp>
#include <cenote/base/sanitizer.hpp>
#include <cenote/base/sync_word.hpp>
#include <cenote/source/os_pages.hpp>

namespace cenote::inline v0_1 {
namespace {

// What fits beside a page's address.
constexpr std::uintptr_t low_bits = 0xfff;

bool may_be_kept(const source::request& what, std::size_t page) noexcept {
    const bool is_whole = what.bytes != 0 && what.bytes % page == 0;
    return is_whole && what.bytes <= kept_pages::largest_kept && what.node == source::any_node &&
           !base::watched();
}

std::size_t bytes_of(std::uintptr_t kept, std::size_t page) noexcept {
    return (kept & low_bits) * page;
}

void* region_of(std::uintptr_t kept) noexcept {
    return reinterpret_cast<void*>(kept & ~low_bits);
}

} // namespace

void* kept_pages::reserve(const request& wanted) noexcept {
    const std::size_t page = pages_.granularity();
    if (may_be_kept(wanted, page)) {
        const std::uintptr_t pages = wanted.bytes / page;
        for (std::uintptr_t& place : kept_) {
            std::uintptr_t seen = sync::load_relaxed(place);
            if ((seen & low_bits) != pages || base::padding_to(region_of(seen), wanted.alignment) != 0)
                continue;
            if (sync::compare_exchange(place, seen, std::uintptr_t{0})) return region_of(seen);
        }
    }
    return pages_.reserve(wanted);
}

// The newcomer stays, because its size is the one in use: of kept regions that nobody asks for all places
// would fill up in time.
void kept_pages::release(void* region, const request& given) noexcept {
    const std::size_t page = pages_.granularity();
    if (!may_be_kept(given, page)) return pages_.release(region, given);
    const std::uintptr_t fresh = reinterpret_cast<std::uintptr_t>(region) | given.bytes / page;
    for (std::uintptr_t& place : kept_) {
        std::uintptr_t none = 0;
        if (sync::load_relaxed(place) == 0 && sync::compare_exchange(place, none, fresh)) return;
    }
    const std::uintptr_t turn = sync::load_relaxed(turn_);
    sync::store_relaxed(turn_, turn + 1);
    const std::uintptr_t gone = sync::exchange(kept_[turn % most_kept], fresh);
    if (gone != 0) pages_.release(region_of(gone), {.bytes = bytes_of(gone, page)});
}

void kept_pages::trim() noexcept {
    for (std::uintptr_t& place : kept_) {
        const std::uintptr_t gone = sync::exchange(place, std::uintptr_t{0});
        if (gone != 0) pages_.release(region_of(gone), {.bytes = bytes_of(gone, pages_.granularity())});
    }
}

namespace base {

constinit kept_pages default_pages;

namespace {

// When the library is unloaded nobody is left who would use what it keeps. After the destructors of statics,
// among which are pools.
__attribute__((destructor(101))) void give_kept_pages_back() noexcept {
    default_pages.trim();
}

} // namespace
} // namespace base
} // namespace cenote::inline v0_1
