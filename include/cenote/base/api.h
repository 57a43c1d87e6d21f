/* cenote: SPDX-License-Identifier: MIT
 *
 * Which functions a shared library of cenote exports; for C and C++.
 */
#pragma once

/* On Windows the linker exports and imports all: docs/decisions/0029. */
#if defined(__GNUC__) && !defined(_WIN32)
#define CENOTE_API __attribute__((visibility("default")))
#else
#define CENOTE_API
#endif
