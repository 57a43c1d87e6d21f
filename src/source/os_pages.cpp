// cenote: SPDX-License-Identifier: MIT
#include <cenote/source/os_pages.hpp>

namespace cenote {

source& default_source() noexcept {
    static constinit os_pages pages;
    return pages;
}

} // namespace cenote
