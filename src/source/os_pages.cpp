// cenote: SPDX-License-Identifier: MIT
#include <cenote/source/os_pages.hpp>

namespace cenote::base {

constinit os_pages plain_os_pages;

} // namespace cenote::base
