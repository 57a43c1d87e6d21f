// cenote: SPDX-License-Identifier: MIT
#include <cenote/pool/options.hpp>

#include <cstdio>
#include <cstdlib>

namespace cenote {

bool engine::may_retry(const exhaustion_handler& handler, unsigned attempt, const shortage& what,
                       bool& is_running) {
    if (handler.call == nullptr || attempt >= handler.retries || is_running) return false;
    struct running { // also when the handler throws
        bool& flag;
        ~running() { flag = false; }
    } const inside{is_running};
    is_running = true;
    return handler.call(handler.context, what);
}

bool abort_on_exhaustion(void* /*context*/, const shortage& what) {
    std::fprintf(stderr, "%s\n", out_of_memory(what).what());
    std::abort();
}

} // namespace cenote
