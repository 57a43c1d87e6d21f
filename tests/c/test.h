/* cenote: SPDX-License-Identifier: MIT
 *
 * The smallest test harness: CHECK prints what did not hold and goes on; main returns how many did not.
 */
#pragma once

#include <cenote/cenote.h>

#include <stdint.h>
#include <stdio.h>
#include <string.h>

static int failures = 0;

#define CHECK(condition)                                                                                     \
    do {                                                                                                     \
        if (!(condition)) {                                                                                  \
            ++failures;                                                                                      \
            printf("%s:%d: does not hold: %s\n", __FILE__, __LINE__, #condition);                            \
        }                                                                                                    \
    } while (0)

#define CHECK_STATUS(call, wanted)                                                                           \
    do {                                                                                                     \
        const cenote_status got_ = (call);                                                                   \
        if (got_ != (wanted)) {                                                                              \
            ++failures;                                                                                      \
            printf("%s:%d: %s: %s\n", __FILE__, __LINE__, #call, cenote_status_text(got_));                  \
        }                                                                                                    \
    } while (0)
