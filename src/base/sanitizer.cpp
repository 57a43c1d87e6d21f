// cenote: SPDX-License-Identifier: MIT
#include <cenote/base/sanitizer.hpp>

#if __has_include(<valgrind/memcheck.h>)
#include <valgrind/memcheck.h>
#define CENOTE_MEMCHECK 1
#endif

// Weak: null unless the program was linked with AddressSanitizer.
#if defined(__ELF__)
extern "C" __attribute__((weak)) void __asan_poison_memory_region(const volatile void*, std::size_t);
extern "C" __attribute__((weak)) void __asan_unpoison_memory_region(const volatile void*, std::size_t);
extern "C" __attribute__((weak)) void* __asan_region_is_poisoned(void*, std::size_t);
#define CENOTE_ASAN 1
#endif

namespace cenote::inline v0_1::base {
namespace {

enum class watcher { none, asan, memcheck };

watcher find_watcher() noexcept {
#if defined(CENOTE_ASAN)
    if (&__asan_poison_memory_region != nullptr) return watcher::asan;
#endif
#if defined(CENOTE_MEMCHECK)
    // Other Valgrind tools answer 0 to memcheck's requests.
    static char probe = 0;
    if (RUNNING_ON_VALGRIND != 0 && VALGRIND_MAKE_MEM_DEFINED(&probe, 1) != 0) return watcher::memcheck;
#endif
    return watcher::none;
}

watcher who() noexcept {
    static const watcher found = find_watcher();
    return found;
}

} // namespace

bool watched() noexcept {
    return who() != watcher::none;
}

void forbid([[maybe_unused]] const void* data, [[maybe_unused]] std::size_t bytes) noexcept {
#if defined(CENOTE_ASAN)
    if (who() == watcher::asan) __asan_poison_memory_region(data, bytes);
#endif
#if defined(CENOTE_MEMCHECK)
    if (who() == watcher::memcheck) (void)VALGRIND_MAKE_MEM_NOACCESS(data, bytes);
#endif
}

void permit([[maybe_unused]] const void* data, [[maybe_unused]] std::size_t bytes) noexcept {
#if defined(CENOTE_ASAN)
    if (who() == watcher::asan) __asan_unpoison_memory_region(data, bytes);
#endif
#if defined(CENOTE_MEMCHECK)
    if (who() == watcher::memcheck) (void)VALGRIND_MAKE_MEM_UNDEFINED(data, bytes);
#endif
}

void permit_kept([[maybe_unused]] const void* data, [[maybe_unused]] std::size_t bytes) noexcept {
#if defined(CENOTE_ASAN)
    if (who() == watcher::asan) __asan_unpoison_memory_region(data, bytes);
#endif
#if defined(CENOTE_MEMCHECK)
    if (who() == watcher::memcheck) (void)VALGRIND_MAKE_MEM_DEFINED(data, bytes);
#endif
}

std::size_t permitted([[maybe_unused]] const void* data, std::size_t bytes) noexcept {
#if defined(CENOTE_ASAN)
    if (who() == watcher::asan) {
        auto* const begin = static_cast<char*>(const_cast<void*>(data));
        const auto* const bad = static_cast<char*>(__asan_region_is_poisoned(begin, bytes));
        return bad != nullptr ? static_cast<std::size_t>(bad - begin) : bytes;
    }
#endif
#if defined(CENOTE_MEMCHECK)
    // What may be touched ends in the last granules of a block: asked from behind, it is soon found.
    const auto* const begin = static_cast<const char*>(data);
    char validity = 0;
    while (who() == watcher::memcheck && bytes != 0 &&
           VALGRIND_GET_VBITS(begin + bytes - 1, &validity, 1) == 3) {
        --bytes;
    }
#endif
    return bytes;
}

} // namespace cenote::inline v0_1::base
