// cenote: SPDX-License-Identifier: MIT
//
// What the recorder puts in front of the C library: each function calls the real one and notes what happened.
// A free is noted before it is done and an allocation after it, so that in the order of the notes no address
// is live twice.
#include "recorder/interpose.hpp"

#include "recorder/real.hpp"
#include "recorder/site.hpp"
#include "recorder/stream.hpp"

#include <bit>
#include <cerrno>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <malloc.h>
#include <unistd.h>

namespace cenote::recorder {
namespace {

using spool::kind;

unsigned log2_of(std::size_t alignment) {
    return alignment == 0 ? 0 : static_cast<unsigned>(std::bit_width(alignment) - 1);
}

std::size_t page_bytes() {
    return static_cast<std::size_t>(sysconf(_SC_PAGESIZE));
}

std::uint32_t site_for(const void* caller) {
    const std::uint32_t better = my_pen.site;
    my_pen.site = 0;
    return better != 0 ? better : site_of(caller);
}

bool overflows(std::size_t a, std::size_t b) {
    return b != 0 && a > SIZE_MAX / b;
}

void* early(std::size_t size, std::size_t alignment) {
    void* p = bootstrap_allocate(size, alignment);
    if (p == nullptr) errno = ENOMEM;
    return p;
}

// Moves a bootstrap block to the real heap; its first life was not recorded.
void* grow_bootstrap(void* old, std::size_t size, const void* caller) {
    void* p = ready() ? allocate_noted(size, caller) : early(size, 16);
    if (p != nullptr) memcpy(p, old, bootstrap_size(old) < size ? bootstrap_size(old) : size);
    return p;
}

void* reallocate(void* old, std::size_t size, const void* caller) {
    if (old == nullptr) return ready() ? allocate_noted(size, caller) : early(size, 16);
    if (is_bootstrap(old)) return grow_bootstrap(old, size, caller);
    if (!ready() || !outermost()) return real.realloc(old, size);
    const std::uint32_t site = site_for(caller);
    note(kind::reallocate_begin, old, 0, 0, site);
    const entered inside;
    void* p = real.realloc(old, size);
    if (p != nullptr)
        note(kind::reallocate_end, p, size, usual_log2_alignment, site);
    else
        note(size == 0 ? kind::reallocate_freed : kind::reallocate_failed, old, 0, 0, site);
    return p;
}

} // namespace

bool outermost() noexcept {
    return state.load(std::memory_order_relaxed) == readiness::recording && !my_pen.inside;
}

void* noted(void* p, std::size_t size, std::size_t alignment, bool zeroed, const void* caller) noexcept {
    const std::uint32_t site = site_for(caller);
    if (p == nullptr) return p;
    note(zeroed ? kind::allocate_zeroed : kind::allocate, p, size, log2_of(alignment), site);
    my_pen.last_noted = p;
    my_pen.last_size = size;
    return p;
}

void note_free(const void* p, const void* caller) noexcept {
    note(kind::deallocate, p, 0, 0, site_for(caller));
}

void* allocate_noted(std::size_t size, const void* caller) noexcept {
    if (!outermost()) return real.malloc(size);
    const entered inside;
    return noted(real.malloc(size), size, 16, false, caller);
}

} // namespace cenote::recorder

using namespace cenote::recorder;

#define CENOTE_CALLER __builtin_extract_return_addr(__builtin_return_address(0))

extern "C" {

CENOTE_EXPORT void* malloc(std::size_t size) noexcept {
    if (!ready()) return early(size, 16);
    return allocate_noted(size, CENOTE_CALLER);
}

CENOTE_EXPORT void* calloc(std::size_t count, std::size_t size) noexcept {
    if (!ready()) return overflows(count, size) ? nullptr : early(count * size, 16);
    if (!outermost()) return real.calloc(count, size);
    const entered inside;
    return noted(real.calloc(count, size), count * size, 16, true, CENOTE_CALLER);
}

CENOTE_EXPORT void* realloc(void* old, std::size_t size) noexcept {
    return reallocate(old, size, CENOTE_CALLER);
}

CENOTE_EXPORT void* reallocarray(void* old, std::size_t count, std::size_t size) noexcept {
    if (overflows(count, size)) {
        errno = ENOMEM;
        return nullptr;
    }
    return reallocate(old, count * size, CENOTE_CALLER);
}

CENOTE_EXPORT void free(void* p) noexcept {
    if (p == nullptr || is_bootstrap(p)) return;
    if (!ready()) return;
    if (!outermost()) return real.free(p);
    note_free(p, CENOTE_CALLER);
    const entered inside;
    real.free(p);
}

CENOTE_EXPORT int posix_memalign(void** out, std::size_t alignment, std::size_t size) noexcept {
    if (!ready()) return (*out = early(size, alignment)) != nullptr ? 0 : ENOMEM;
    if (!outermost()) return real.posix_memalign(out, alignment, size);
    const entered inside;
    const int result = real.posix_memalign(out, alignment, size);
    if (result == 0) noted(*out, size, alignment, false, CENOTE_CALLER);
    return result;
}

CENOTE_EXPORT void* aligned_alloc(std::size_t alignment, std::size_t size) noexcept {
    if (!ready()) return early(size, alignment);
    if (!outermost()) return real.aligned_alloc(alignment, size);
    const entered inside;
    return noted(real.aligned_alloc(alignment, size), size, alignment, false, CENOTE_CALLER);
}

CENOTE_EXPORT void* memalign(std::size_t alignment, std::size_t size) noexcept {
    if (!ready()) return early(size, alignment);
    if (!outermost()) return real.memalign(alignment, size);
    const entered inside;
    return noted(real.memalign(alignment, size), size, alignment, false, CENOTE_CALLER);
}

CENOTE_EXPORT void* valloc(std::size_t size) noexcept {
    if (!ready()) return early(size, page_bytes());
    if (!outermost()) return real.valloc(size);
    const entered inside;
    return noted(real.valloc(size), size, page_bytes(), false, CENOTE_CALLER);
}

CENOTE_EXPORT void* pvalloc(std::size_t size) noexcept {
    const std::size_t page = page_bytes();
    if (!ready()) return early(size, page);
    if (!outermost()) return real.pvalloc(size);
    const entered inside;
    return noted(real.pvalloc(size), (size + page - 1) & ~(page - 1), page, false, CENOTE_CALLER);
}

} // extern "C"
