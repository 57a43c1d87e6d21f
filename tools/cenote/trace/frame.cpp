// cenote: SPDX-License-Identifier: MIT
#include "trace/frame.hpp"

#include "trace/crc32.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zstd.h>

namespace cenote::trace {
namespace {

using byte_view = std::span<const unsigned char>;

std::uint32_t load_u32(byte_view in, std::size_t at) {
    return static_cast<std::uint32_t>(in[at]) | static_cast<std::uint32_t>(in[at + 1]) << 8 |
           static_cast<std::uint32_t>(in[at + 2]) << 16 | static_cast<std::uint32_t>(in[at + 3]) << 24;
}

void store_u32(std::span<unsigned char> out, std::size_t at, std::uint32_t value) {
    for (std::size_t i = 0; i < 4; ++i) out[at + i] = static_cast<unsigned char>(value >> (8 * i));
}

constexpr std::array<unsigned char, 2> frame_magic{'C', 'F'};

[[noreturn]] void damaged(std::uint64_t offset, const char* what) {
    throw error(
        fmt::format("the recording is damaged: the frame at byte {} {}. Copy it again from its source, or "
                    "record it anew",
                    offset, what));
}

struct frame_header {
    frame_kind kind{};
    std::uint32_t stored = 0;
    std::uint32_t plain = 0;
    std::uint32_t checksum = 0;
};

frame_header parse_header(byte_view raw, std::uint64_t offset) {
    if (raw[0] != frame_magic[0] || raw[1] != frame_magic[1])
        damaged(offset, "does not begin as a frame does");
    if (load_u32(raw, 16) != crc32(raw.first(16))) damaged(offset, "has a header whose checksum is wrong");
    const frame_header h{static_cast<frame_kind>(raw[2]), load_u32(raw, 4), load_u32(raw, 8),
                         load_u32(raw, 12)};
    if (raw[3] != 0) damaged(offset, "uses a feature that this version does not know");
    if (h.kind != frame_kind::process && h.kind != frame_kind::events && h.kind != frame_kind::totals &&
        h.kind != frame_kind::end)
        damaged(offset, "is of an unknown kind");
    if (h.plain == 0 || h.plain > max_frame_bytes) damaged(offset, "claims an impossible size");
    if (h.stored == 0 || h.stored > ZSTD_compressBound(max_frame_bytes))
        damaged(offset, "claims an impossible size");
    return h;
}

} // namespace

std::size_t memory_source::read(std::span<unsigned char> out) {
    const std::size_t n = std::min(out.size(), rest_.size());
    std::copy_n(rest_.begin(), n, out.begin());
    rest_ = rest_.subspan(n);
    return n;
}

file_source::file_source(const std::string& path)
    : path_(path), fd_(::open(path.c_str(), O_RDONLY | O_CLOEXEC)) {
    if (fd_ < 0) throw error(fmt::format("cannot open {}: {}", path, std::strerror(errno)));
    struct stat info{};
    if (::fstat(fd_, &info) == 0 && S_ISDIR(info.st_mode)) {
        ::close(fd_);
        throw error(fmt::format("{} is a directory, not a recording", path));
    }
}

file_source::~file_source() {
    ::close(fd_);
}

std::size_t file_source::read(std::span<unsigned char> out) {
    std::size_t done = 0;
    while (done < out.size()) {
        const ssize_t n = ::read(fd_, out.data() + done, out.size() - done);
        if (n < 0 && errno == EINTR) continue;
        if (n < 0) throw error(fmt::format("cannot read {}: {}", path_, std::strerror(errno)));
        if (n == 0) break;
        done += static_cast<std::size_t>(n);
    }
    return done;
}

bytes pack_file_header() {
    bytes out(file_header_bytes);
    std::copy(file_magic.begin(), file_magic.end(), out.begin());
    store_u32(out, 8, file_version);
    store_u32(out, 12, crc32(byte_view(out).first(12)));
    return out;
}

bytes pack_frame(frame_kind kind, byte_view payload) {
    if (payload.empty() || payload.size() > max_frame_bytes)
        throw error("a frame of the recording has no legal size");
    bytes out(frame_header_bytes + ZSTD_compressBound(payload.size()));
    const std::size_t stored = ZSTD_compress(out.data() + frame_header_bytes, out.size() - frame_header_bytes,
                                             payload.data(), payload.size(), 3);
    if (ZSTD_isError(stored) != 0)
        throw error(fmt::format("zstd cannot compress: {}", ZSTD_getErrorName(stored)));
    out.resize(frame_header_bytes + stored);
    std::copy(frame_magic.begin(), frame_magic.end(), out.begin());
    out[2] = static_cast<unsigned char>(kind);
    store_u32(out, 4, static_cast<std::uint32_t>(stored));
    store_u32(out, 8, static_cast<std::uint32_t>(payload.size()));
    store_u32(out, 12, crc32(byte_view(out).subspan(frame_header_bytes)));
    store_u32(out, 16, crc32(byte_view(out).first(16)));
    return out;
}

void check_file_header(byte_source& source) {
    std::array<unsigned char, file_header_bytes> raw{};
    const std::size_t got = source.read(raw);
    const std::size_t compared = std::min(got, file_magic.size());
    if (!std::equal(raw.begin(), raw.begin() + static_cast<std::ptrdiff_t>(compared), file_magic.begin()))
        throw error("this is not a cenote recording; make one with: cenote record -o FILE -- PROGRAM");
    if (got < raw.size()) throw error("the file is too short to be a cenote recording; record it anew");
    const std::uint32_t version = load_u32(raw, 8);
    if (load_u32(raw, 12) != crc32(byte_view(raw).first(12)))
        throw error("the recording's header is damaged; copy it again from its source, or record it anew");
    if (version > file_version)
        throw error(
            fmt::format("the recording was made by a newer cenote (format {}; this one reads format {}); "
                        "update cenote",
                        version, file_version));
    if (version == 0) throw error("the recording claims format 0, which does not exist");
}

frame_state read_frame(byte_source& source, frame& out, std::uint64_t& offset) {
    std::array<unsigned char, frame_header_bytes> raw{};
    const std::size_t got = source.read(raw);
    if (got == 0) return frame_state::end_of_file;
    if (got < raw.size()) return frame_state::cut_off;
    const frame_header h = parse_header(raw, offset);
    bytes stored(h.stored);
    if (source.read(stored) < stored.size()) return frame_state::cut_off;
    if (crc32(stored) != h.checksum) damaged(offset, "has contents whose checksum is wrong");
    if (ZSTD_getFrameContentSize(stored.data(), stored.size()) != h.plain)
        damaged(offset, "is not as large as it claims");
    out.kind = h.kind;
    out.payload.resize(h.plain);
    const std::size_t plain =
        ZSTD_decompress(out.payload.data(), out.payload.size(), stored.data(), stored.size());
    if (ZSTD_isError(plain) != 0 || plain != h.plain) damaged(offset, "cannot be decompressed");
    offset += frame_header_bytes + h.stored;
    return frame_state::whole;
}

} // namespace cenote::trace
