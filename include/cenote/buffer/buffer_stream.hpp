// cenote: SPDX-License-Identifier: MIT
//
// The streams of the standard library over bytes of a pool: `byte_ostream` appends to a byte_buffer,
// `byte_istream` reads bytes that stay where they are. When the pool is exhausted the stream goes bad, as
// streams do, and what was written before is there. One thread at a time. The headers behind it are heavy:
// include it where streams are used.
#pragma once

#include <cenote/buffer/byte_buffer.hpp>

#include <istream>
#include <ostream>
#include <streambuf>

namespace cenote::inline v0_1 {

namespace engine {

class appending final : public std::streambuf {
public:
    explicit appending(byte_buffer& to) noexcept : to_(to) {}

protected:
    int_type overflow(int_type one) override {
        if (traits_type::eq_int_type(one, traits_type::eof())) return traits_type::not_eof(one);
        const char letter = traits_type::to_char_type(one);
        to_.append(&letter, 1);
        return one;
    }
    std::streamsize xsputn(const char* text, std::streamsize count) override {
        if (count <= 0) return 0;
        to_.append(text, static_cast<std::size_t>(count));
        return count;
    }
    /// Where it writes, and nothing else: it only appends.
    pos_type seekoff(off_type by, std::ios_base::seekdir from, std::ios_base::openmode which) override {
        const bool is_tell = by == 0 && from != std::ios_base::beg && (which & std::ios_base::out) != 0;
        return is_tell ? pos_type(static_cast<off_type>(to_.size())) : pos_type(off_type(-1));
    }

private:
    byte_buffer& to_;
};

class reading final : public std::streambuf {
public:
    explicit reading(std::span<const std::byte> bytes) noexcept {
        auto* const text = const_cast<char*>(reinterpret_cast<const char*>(bytes.data())); // never written
        setg(text, text, text + bytes.size());
    }

protected:
    pos_type seekoff(off_type by, std::ios_base::seekdir from, std::ios_base::openmode which) override {
        const off_type size = egptr() - eback();
        const off_type base = from == std::ios_base::beg   ? 0
                              : from == std::ios_base::end ? size
                                                           : gptr() - eback();
        if ((which & std::ios_base::in) == 0 || by < -base || by > size - base) return pos_type(off_type(-1));
        setg(eback(), eback() + base + by, egptr());
        return pos_type(base + by);
    }
    pos_type seekpos(pos_type to, std::ios_base::openmode which) override {
        return seekoff(off_type(to), std::ios_base::beg, which);
    }
};

/// A base, so that it is made before the stream that writes to it.
template<class Buffer>
struct with_buffer {
    template<class From>
    explicit with_buffer(From&& from) noexcept : buffer_(from) {}
    Buffer buffer_;
};

} // namespace engine

/// Appends what is written to a byte_buffer, which must outlive it.
class byte_ostream : private engine::with_buffer<engine::appending>, public std::ostream {
public:
    explicit byte_ostream(byte_buffer& to) : with_buffer(to), std::ostream(&buffer_) {}
};

/// Reads bytes, which must outlive it, and stay where they are.
class byte_istream : private engine::with_buffer<engine::reading>, public std::istream {
public:
    explicit byte_istream(std::span<const std::byte> bytes) : with_buffer(bytes), std::istream(&buffer_) {}
};

} // namespace cenote::inline v0_1
