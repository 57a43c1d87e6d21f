// cenote: SPDX-License-Identifier: MIT
//
// What the system says of this process's memory: pages that are resident, bytes that are mapped.
#pragma once

#include <cstddef>

namespace cenote::test {

[[nodiscard]] std::size_t page_size();

/// How many pages of [data, data + bytes) are in memory; `data` need not be aligned.
[[nodiscard]] std::size_t resident_pages(const void* data, std::size_t bytes);

/// Anonymous memory of this process that is resident, in bytes.
[[nodiscard]] std::size_t resident_bytes();

/// Address space of this process, in bytes; on Windows what it has committed, of pages that need it.
[[nodiscard]] std::size_t mapped_bytes();

/// Whether the mapping that holds `address` has a flag such as "hg".
[[nodiscard]] bool has_vm_flag(const void* address, const char* flag);

} // namespace cenote::test
