// cenote: SPDX-License-Identifier: MIT
#include "recorder/real.hpp"

#include "recorder/site.hpp"
#include "recorder/stream.hpp"
#include "recorder/system.hpp"

#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <dlfcn.h>
#include <sched.h>

namespace cenote::recorder {

allocator real{};
std::atomic<readiness> state{readiness::unknown};

namespace {

constexpr std::size_t bootstrap_bytes = std::size_t{64} << 10;
alignas(64) unsigned char bootstrap[bootstrap_bytes];
std::size_t bootstrap_used = 0;

constinit thread_local bool preparing_here __attribute__((tls_model("initial-exec"))) = false;

template<class Function>
void look_up(Function& out, const char* name) {
    out = reinterpret_cast<Function>(dlsym(RTLD_NEXT, name));
}

void look_up_all() {
    look_up(real.malloc, "malloc");
    look_up(real.calloc, "calloc");
    look_up(real.realloc, "realloc");
    look_up(real.free, "free");
    look_up(real.posix_memalign, "posix_memalign");
    look_up(real.aligned_alloc, "aligned_alloc");
    look_up(real.memalign, "memalign");
    look_up(real.valloc, "valloc");
    look_up(real.pvalloc, "pvalloc");
    if (real.malloc != nullptr && real.calloc != nullptr && real.realloc != nullptr && real.free != nullptr)
        return;
    say("cenote: the recorder finds no malloc behind itself; preload it only into programs linked with the C "
        "library\n");
    abort();
}

} // namespace

bool prepare() noexcept {
    if (preparing_here) return false;
    const saved_errno keep;
    readiness seen = readiness::unknown;
    if (!state.compare_exchange_strong(seen, readiness::preparing)) {
        while (state.load() < readiness::passing) sched_yield();
        return true;
    }
    preparing_here = true;
    look_up_all();
    prepare_sites();
    const bool recording = open_stream();
    preparing_here = false;
    state.store(recording ? readiness::recording : readiness::passing, std::memory_order_release);
    return true;
}

// One thread only ever gets here: the one that is preparing. The size stands in the 16 bytes before the
// block.
void* bootstrap_allocate(std::size_t size, std::size_t alignment) noexcept {
    if (alignment < 16) alignment = 16;
    const std::size_t at = (bootstrap_used + 16 + alignment - 1) & ~(alignment - 1);
    if (alignment > bootstrap_bytes || at > bootstrap_bytes || size > bootstrap_bytes - at) return nullptr;
    bootstrap_used = at + size;
    memcpy(bootstrap + at - 16, &size, sizeof size);
    return bootstrap + at;
}

bool is_bootstrap(const void* p) noexcept {
    return reinterpret_cast<std::uintptr_t>(p) - reinterpret_cast<std::uintptr_t>(bootstrap) <
           bootstrap_bytes;
}

std::size_t bootstrap_size(const void* p) noexcept {
    std::size_t size = 0;
    memcpy(&size, static_cast<const unsigned char*>(p) - 16, sizeof size);
    return size;
}

} // namespace cenote::recorder
