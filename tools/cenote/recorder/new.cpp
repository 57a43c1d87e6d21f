// cenote: SPDX-License-Identifier: MIT
//
// operator new and delete, for two reasons. The call site of a C++ allocation is the caller of operator new
// and not the line in the C++ library that calls malloc. And allocators that bring their own operator new
// (tcmalloc, for one) never call malloc from it. The functions bear the mangled names of the C++ ABI,
// because the real ones must be found by name; an exception of the real one passes through.
#include "recorder/interpose.hpp"
#include "recorder/real.hpp"
#include "recorder/site.hpp"
#include "recorder/system.hpp"

#include <atomic>
#include <cstdint>
#include <cstdlib>
#include <dlfcn.h>

namespace cenote::recorder {
namespace {

// Never zero once looked up. The C++ library need not stand in the global scope: a plain C program may have
// loaded it with a plugin.
void* find_operator(const char* name) {
    void* found = dlsym(RTLD_NEXT, name);
    for (const char* library : {"libstdc++.so.6", "libc++.so.1"}) {
        if (found != nullptr) break;
        if (void* handle = dlopen(library, RTLD_LAZY | RTLD_NOLOAD); handle != nullptr) {
            found = dlsym(handle, name);
            dlclose(handle);
        }
    }
    if (found != nullptr) return found;
    say("cenote: the recorder finds no ");
    say(name);
    say(" in this program and must stop it\n");
    abort();
}

// One operator of the real C++ library.
class real_operator {
public:
    constexpr explicit real_operator(const char* name) : name_(name) {}

    template<class Function>
    [[nodiscard]] Function* get() {
        if (found_.load(std::memory_order_acquire) == nullptr) look_up();
        return reinterpret_cast<Function*>(found_.load(std::memory_order_relaxed));
    }

private:
    void look_up() {
        const saved_errno keep;
        const bool was_inside = my_pen.inside;
        my_pen.inside = true;
        void* found = find_operator(name_);
        found_.store(found, std::memory_order_release);
        my_pen.inside = was_inside;
    }

    const char* name_;
    std::atomic<void*> found_{nullptr};
};

// An operator new of somebody's own returned a place within the block it got from malloc. Then what it gets
// and frees is the program's memory, and its operators' own addresses are none of ours.
std::atomic<bool> translated{false};

bool lies_within(const void* p, const void* block, std::size_t size) {
    return reinterpret_cast<std::uintptr_t>(p) - reinterpret_cast<std::uintptr_t>(block) < size;
}

template<class... Arguments>
void* make(real_operator& which, const void* caller, std::size_t size, std::size_t alignment,
           Arguments... arguments) {
    auto* function = which.get<void*(std::size_t, Arguments...)>();
    if (!ready() || !outermost()) return function(size, arguments...);
    pen& mine = my_pen;
    if (mine.site == 0) mine.site = site_of(caller);
    mine.last_noted = nullptr;
    void* p = function(size, arguments...);
    mine.site = 0;
    if (p == nullptr || mine.last_noted == p) return p;
    if (mine.last_noted != nullptr && lies_within(p, mine.last_noted, mine.last_size)) translated.store(true);
    return translated.load(std::memory_order_relaxed) ? p : noted(p, size, alignment, false, caller);
}

// Noted here, and what it calls in turn is not: so it is noted once, whether or not that is `free`.
template<class... Arguments>
void unmake(real_operator& which, const void* caller, void* p, Arguments... arguments) {
    auto* function = which.get<void(void*, Arguments...)>();
    if (p == nullptr || !ready() || !outermost() || translated.load(std::memory_order_relaxed))
        return function(p, arguments...);
    note_free(p, caller);
    const entered inside;
    function(p, arguments...);
}

} // namespace
} // namespace cenote::recorder

using namespace cenote::recorder;

// NOLINTBEGIN: names and shapes are the ABI's. z: size_t, r: const nothrow_t&.
#define CENOTE_CALLER __builtin_extract_return_addr(__builtin_return_address(0))
#define CENOTE_OPERATOR(name) static constinit real_operator real_##name{#name};

using z = std::size_t;
using r = const void*;

#define CENOTE_NEW(name)                                                                                     \
    CENOTE_OPERATOR(name)                                                                                    \
    CENOTE_OPERATOR(name##RKSt9nothrow_t)                                                                    \
    CENOTE_OPERATOR(name##St11align_val_t)                                                                   \
    CENOTE_OPERATOR(name##St11align_val_tRKSt9nothrow_t)                                                     \
    extern "C" CENOTE_EXPORT void* name(z size) {                                                            \
        return make<>(real_##name, CENOTE_CALLER, size, 16);                                                 \
    }                                                                                                        \
    extern "C" CENOTE_EXPORT void* name##RKSt9nothrow_t(z size, r tag) {                                     \
        return make<r>(real_##name##RKSt9nothrow_t, CENOTE_CALLER, size, 16, tag);                           \
    }                                                                                                        \
    extern "C" CENOTE_EXPORT void* name##St11align_val_t(z size, z alignment) {                              \
        return make<z>(real_##name##St11align_val_t, CENOTE_CALLER, size, alignment, alignment);             \
    }                                                                                                        \
    extern "C" CENOTE_EXPORT void* name##St11align_val_tRKSt9nothrow_t(z size, z alignment, r tag) {         \
        return make<z, r>(real_##name##St11align_val_tRKSt9nothrow_t, CENOTE_CALLER, size, alignment,        \
                          alignment, tag);                                                                   \
    }

#define CENOTE_DELETE(name)                                                                                  \
    CENOTE_OPERATOR(name)                                                                                    \
    CENOTE_OPERATOR(name##m)                                                                                 \
    CENOTE_OPERATOR(name##RKSt9nothrow_t)                                                                    \
    CENOTE_OPERATOR(name##St11align_val_t)                                                                   \
    CENOTE_OPERATOR(name##mSt11align_val_t)                                                                  \
    CENOTE_OPERATOR(name##St11align_val_tRKSt9nothrow_t)                                                     \
    extern "C" CENOTE_EXPORT void name(void* p) {                                                            \
        unmake<>(real_##name, CENOTE_CALLER, p);                                                             \
    }                                                                                                        \
    extern "C" CENOTE_EXPORT void name##m(void* p, z size) {                                                 \
        unmake<z>(real_##name##m, CENOTE_CALLER, p, size);                                                   \
    }                                                                                                        \
    extern "C" CENOTE_EXPORT void name##RKSt9nothrow_t(void* p, r tag) {                                     \
        unmake<r>(real_##name##RKSt9nothrow_t, CENOTE_CALLER, p, tag);                                       \
    }                                                                                                        \
    extern "C" CENOTE_EXPORT void name##St11align_val_t(void* p, z alignment) {                              \
        unmake<z>(real_##name##St11align_val_t, CENOTE_CALLER, p, alignment);                                \
    }                                                                                                        \
    extern "C" CENOTE_EXPORT void name##mSt11align_val_t(void* p, z size, z alignment) {                     \
        unmake<z, z>(real_##name##mSt11align_val_t, CENOTE_CALLER, p, size, alignment);                      \
    }                                                                                                        \
    extern "C" CENOTE_EXPORT void name##St11align_val_tRKSt9nothrow_t(void* p, z alignment, r tag) {         \
        unmake<z, r>(real_##name##St11align_val_tRKSt9nothrow_t, CENOTE_CALLER, p, alignment, tag);          \
    }

CENOTE_NEW(_Znwm)
CENOTE_NEW(_Znam)
CENOTE_DELETE(_ZdlPv)
CENOTE_DELETE(_ZdaPv)
// NOLINTEND
