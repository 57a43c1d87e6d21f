/* cenote: SPDX-License-Identifier: MIT
 *
 * Which functions a shared library of cenote exports; for C and C++.
 */
#pragma once

#if defined(_WIN32) && defined(CENOTE_SHARED)
#if defined(CENOTE_BUILDING)
#define CENOTE_API __declspec(dllexport)
#else
#define CENOTE_API __declspec(dllimport)
#endif
#elif defined(__GNUC__)
#define CENOTE_API __attribute__((visibility("default")))
#else
#define CENOTE_API
#endif
