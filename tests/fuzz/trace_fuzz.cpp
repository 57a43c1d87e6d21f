// cenote: SPDX-License-Identifier: MIT
//
// libFuzzer's way into the trace reader.
#include <cstddef>
#include <cstdint>

int cenote_trace_fuzz(const std::uint8_t* data, std::size_t size);

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    return cenote_trace_fuzz(data, size);
}
