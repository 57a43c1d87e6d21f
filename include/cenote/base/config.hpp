// cenote: SPDX-License-Identifier: MIT
//
// What differs between compilers, and nothing else: visibility, inlining, prefetching, thread-locals.
#pragma once

#include <cenote/base/api.h>

#if defined(__GNUC__)
#define CENOTE_NOINLINE __attribute__((noinline))
#define CENOTE_INLINE inline __attribute__((always_inline))
#else
#define CENOTE_NOINLINE
#define CENOTE_INLINE inline
#endif

// Thread-locals at a fixed distance from the thread pointer: one load, also from a shared library. Costs the
// loader's spare room when the library comes by dlopen, so what is declared so is small.
#if defined(__GNUC__) && defined(__ELF__)
#define CENOTE_INITIAL_EXEC __attribute__((tls_model("initial-exec")))
#else
#define CENOTE_INITIAL_EXEC
#endif

// Whether another module can read a thread-local of the library's. MinGW keeps them in tables of which each
// copy of its runtime has one of its own: who asks has to ask by a function of the library's.
#if defined(_WIN32)
#define CENOTE_EXPORTS_THREAD_LOCALS 0
#else
#define CENOTE_EXPORTS_THREAD_LOCALS 1
#endif

// A second name of what this source defines as `symbol`, which no other module's `symbol` can take the place
// of.
#if defined(__GNUC__) && defined(__ELF__)
#define CENOTE_OWN_NAME_OF(symbol) __attribute__((alias(symbol), visibility("hidden")))
#endif

#if defined(__GNUC__)
#define CENOTE_ASSUME(condition) ((condition) ? static_cast<void>(0) : __builtin_unreachable())
#else
#define CENOTE_ASSUME(condition) static_cast<void>(0)
#endif

namespace cenote::inline v0_1::base {

/// Asks for the cache line of `address`, to be written soon: no other core keeps it. A hint: never faults and
/// never writes.
CENOTE_INLINE void prefetch_for_write([[maybe_unused]] const void* address) noexcept {
#if defined(__x86_64__) && defined(__GNUC__)
    // Compilers ask for a line to read unless they may use -mprfchw. To a processor without it, this is a
    // nop.
    asm volatile("prefetchw %0" : : "m"(*static_cast<const char*>(address)));
#elif defined(__GNUC__)
    __builtin_prefetch(address, 1);
#endif
}

/// The same for what likely lies in another core's cache, which is to keep nothing of it.
CENOTE_INLINE void prefetch_to_own(const void* address) noexcept {
#if defined(__x86_64__) && defined(__GNUC__)
    // Compilers ask for a line to read unless they are told -mprfchw. Without it, processors of the last
    // twenty years do nothing here.
    asm volatile("prefetchw %0" : : "m"(*static_cast<const char*>(address)));
#else
    prefetch_for_write(address);
#endif
}

/// What `deallocate` does with the block that it stores: nothing, unless the whole program is compiled with
/// CENOTE_PREFETCH_FREED=1, for processors that wait for every store to a cold block. See
/// docs/decisions/0002.
CENOTE_INLINE void prefetch_freed([[maybe_unused]] const void* block) noexcept {
#if defined(CENOTE_PREFETCH_FREED) && CENOTE_PREFETCH_FREED
    prefetch_for_write(block);
#endif
}

/// The compiler moves no access to memory across this; the processor may. For what this thread's own
/// instructions are interrupted by.
CENOTE_INLINE void keep_order() noexcept {
#if defined(__GNUC__)
    asm volatile("" ::: "memory");
#endif
}

} // namespace cenote::inline v0_1::base
