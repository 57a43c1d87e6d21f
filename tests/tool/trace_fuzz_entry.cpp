// cenote: SPDX-License-Identifier: MIT
//
// Reads whatever it is given, first as a whole file, then as the payloads of frames whose checksums are
// right, since a fuzzer would not find those. Succeeds when the reader either reads or throws `trace::error`.
#include "trace/reader.hpp"
#include "trace/writer.hpp"

#include <algorithm>
#include <cstddef>
#include <cstdint>

namespace {

using namespace cenote::trace;
using byte_view = std::span<const unsigned char>;

void read_all(byte_view file) {
    memory_source source(file);
    try {
        reader in(source, limits{.live_blocks = 1 << 16, .processes = 1 << 8});
        for (event e; in.next(e);) {
        }
    } catch (const error&) {
    }
}

void append(bytes& out, const bytes& more) {
    out.insert(out.end(), more.begin(), more.end());
}

} // namespace

int cenote_trace_fuzz(const std::uint8_t* data, std::size_t size) {
    const byte_view input(data, size);
    read_all(input);
    if (size < 2 || size > max_frame_bytes) return 0;

    memory_sink sink;
    writer out(sink);
    if (data[0] % 2 == 0) out.begin_process({.program = "fuzz"});
    bytes file = sink.data();
    const std::size_t cut = 1 + data[1] % (size - 1);
    constexpr frame_kind kinds[]{frame_kind::events, frame_kind::process, frame_kind::totals,
                                 frame_kind::end};
    append(file, pack_frame(kinds[data[0] / 2 % 4], input.first(cut)));
    append(file, pack_frame(kinds[data[0] / 8 % 4], input.subspan(cut)));
    read_all(file);

    // With the head of an events frame that is right for a process just begun.
    bytes payload{0, 0, 0, 0, 0};
    payload[4] = static_cast<unsigned char>(std::clamp<std::size_t>(data[1], 1, 127));
    payload.insert(payload.end(), data, data + std::min(size, max_frame_bytes - payload.size()));
    memory_sink plain;
    writer begun(plain);
    begun.begin_process({.program = "fuzz"});
    file = plain.data();
    append(file, pack_frame(frame_kind::events, payload));
    read_all(file);
    return 0;
}
