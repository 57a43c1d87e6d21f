// cenote: SPDX-License-Identifier: MIT
#include <cenote/base/error.hpp>
#include <cenote/base/misuse_trap.hpp>
#include <cenote/base/sync.hpp>

#include <cinttypes>
#include <cstdint>
#include <cstdio>
#include <cstdlib>

namespace cenote::inline v0_1 {
namespace {

sync::atomic<misuse_handler> current_misuse_handler{nullptr};
sync::atomic<leak_handler> current_leak_handler{nullptr};

CENOTE_INITIAL_EXEC constinit thread_local misuse_trap* innermost_trap = nullptr;

void print_leak(const leak_report& report) noexcept {
    std::fprintf(stderr, "cenote: pool '%s' was destroyed with %zu blocks (%zu bytes) still live\n",
                 report.pool, report.blocks, report.bytes);
}

template<class Exception>
[[noreturn]] void raise(const Exception& exception) {
#if defined(__cpp_exceptions)
    throw exception;
#else
    std::fprintf(stderr, "%s\n", exception.what());
    std::abort();
#endif
}

} // namespace

out_of_memory::out_of_memory(const shortage& what) noexcept : details_(what), text_{} {
    char limit[40] = "no limit";
    if (what.limit == unknown_limit) {
        std::snprintf(limit, sizeof limit, "limit unknown");
    } else if (what.limit != unlimited) {
        std::snprintf(limit, sizeof limit, "limit %zu", what.limit);
    }
    char left[64] = "";
    if (what.available != unlimited) {
        std::snprintf(left, sizeof left, "; its source has %zu left", what.available);
    }
    char cached[64] = "";
    if (what.cached != 0) std::snprintf(cached, sizeof cached, "; other threads cache %zu", what.cached);
    std::snprintf(
        text_, sizeof text_,
        "cenote: pool '%.64s' is out of memory: requested %zu bytes, in use %zu, reserved %zu, %s%s%s",
        what.pool, what.requested, what.live, what.reserved, limit, left, cached);
}

bad_options::bad_options(const char* pool, const char* reason) noexcept : text_{} {
    std::snprintf(text_, sizeof text_, "cenote: pool '%.64s': %s", pool, reason);
}

pool_closed::pool_closed(const char* pool) noexcept : text_{} {
    std::snprintf(text_, sizeof text_, "cenote: pool '%.64s' is closed", pool);
}

misuse_handler set_misuse_handler(misuse_handler handler) noexcept {
    return current_misuse_handler.exchange(handler, sync::memory_order_acq_rel);
}

leak_handler set_leak_handler(leak_handler handler) noexcept {
    return current_leak_handler.exchange(handler, sync::memory_order_acq_rel);
}

misuse_trap::misuse_trap(then reports) noexcept : outer_(innermost_trap), reports_(reports) {
    innermost_trap = this;
}

misuse_trap::~misuse_trap() {
    innermost_trap = outer_;
}

const char* misuse_text(misuse kind) noexcept {
    switch (kind) {
    case misuse::foreign_pointer:
        return "foreign pointer";
    case misuse::interior_pointer:
        return "interior pointer";
    case misuse::past_the_end:
        return "pointer past the end";
    case misuse::never_allocated:
        return "pointer never allocated";
    case misuse::double_free:
        return "double free";
    case misuse::wrong_size:
        return "wrong size";
    case misuse::use_after_free:
        return "use after free";
    case misuse::not_quiet:
        return "pool not quiet";
    case misuse::bad_mark:
        return "mark of another arena, or rewound past";
    }
    return "unknown misuse";
}

namespace base {

void raise_out_of_memory(const shortage& what) {
    raise(out_of_memory(what));
}

void raise_bad_options(const char* pool, const char* reason) {
    raise(bad_options(pool, reason));
}

void raise_pool_closed(const char* pool) {
    raise(pool_closed(pool));
}

void report_misuse(const misuse_report& report) noexcept {
    for (misuse_trap* at = innermost_trap; at != nullptr; at = at->outer_) {
        at->take(report);
        if (at->reports_ == misuse_trap::then::keep) return;
    }
    if (const misuse_handler handler = current_misuse_handler.load(sync::memory_order_acquire)) {
        handler(report);
        return;
    }
    // Not %p, which every system writes as it likes.
    std::fprintf(stderr, "cenote: %s: 0x%" PRIxPTR " was given to pool '%s'", misuse_text(report.kind),
                 reinterpret_cast<std::uintptr_t>(report.pointer), report.pool);
    if (report.block_size != 0) std::fprintf(stderr, " (blocks of %zu bytes)", report.block_size);
    std::fprintf(stderr, "\n");
    std::abort();
}

void report_leak(const leak_report& report, bool checked) noexcept {
    if (const leak_handler handler = current_leak_handler.load(sync::memory_order_acquire)) {
        handler(report);
    } else if (checked) {
        print_leak(report);
    }
}

} // namespace base
} // namespace cenote::inline v0_1
