// cenote: SPDX-License-Identifier: MIT
//
// A library that takes 128 bytes of the loader's spare room for thread-locals, as others do.
#include <cstddef>

namespace {
__attribute__((tls_model("initial-exec"))) thread_local char room[128];
}

extern "C" __attribute__((visibility("default"))) char* cenote_test_room() {
    room[0] = 1;
    return room;
}
