// cenote: SPDX-License-Identifier: MIT
#include <cenote/pool/options.hpp>

#include <cstdio>
#include <cstdlib>

namespace cenote::inline v0_1 {

namespace {

struct running { // a handler's call, on the stack of the thread that makes it
    const void* pool;
    running* outer;
};

constinit thread_local running* innermost = nullptr;

bool is_running(const void* pool) noexcept {
    const running* call = innermost;
    while (call != nullptr && call->pool != pool) call = call->outer;
    return call != nullptr;
}

} // namespace

bool engine::may_retry(const exhaustion_handler& handler, unsigned attempt, const shortage& what,
                       const void* pool) {
    if (handler.call == nullptr || attempt >= handler.retries || is_running(pool)) return false;
    struct inside : running { // also when the handler throws
        explicit inside(const void* of) : running{of, innermost} { innermost = this; }
        ~inside() { innermost = outer; }
    } const here(pool);
    return handler.call(handler.context, what);
}

bool abort_on_exhaustion(void* /*context*/, const shortage& what) {
    std::fprintf(stderr, "%s\n", out_of_memory(what).what());
    std::abort();
}

} // namespace cenote::inline v0_1
