// cenote: SPDX-License-Identifier: MIT
//
// Whether a sanitizer's runtime is in the program: some things it does itself, or does not allow.
#pragma once

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define CENOTE_TEST_SANITIZED 1
#elif defined(__has_feature)
#if __has_feature(thread_sanitizer) || __has_feature(address_sanitizer)
#define CENOTE_TEST_SANITIZED 1
#endif
#endif
#if !defined(CENOTE_TEST_SANITIZED)
#define CENOTE_TEST_SANITIZED 0
#endif
