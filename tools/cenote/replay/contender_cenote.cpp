// cenote: SPDX-License-Identifier: MIT
#include "replay/contender_cenote.hpp"

#include "replay/contenders.hpp"

namespace cenote::tool {

outcome run_cenote(const job& j) {
    cenote_contender<multi_pool, false> contender;
    return run_job(contender, j);
}

outcome run_cenote_sized(const job& j) {
    cenote_contender<multi_pool, true> contender;
    return run_job(contender, j);
}

} // namespace cenote::tool
