// cenote: SPDX-License-Identifier: MIT
//
// The caller's bytes as a source: a pool that draws from one never touches the heap or the system. Bytes are
// handed out from front to back; what is given back in reverse order can be had again, and once everything
// is back the whole is free. Each pool's `required_bytes(options)` says how large the buffer must be.
// The bytes must outlive the region, and the region its pools. Not thread-safe.
#pragma once

#include <cenote/source/source.hpp>

namespace cenote::inline v0_1 {

class CENOTE_API region final : public source {
public:
    constexpr region(void* data, std::size_t bytes) noexcept
        : data_(static_cast<std::byte*>(data)), bytes_(data == nullptr ? 0 : bytes) {}
    /// A whole array. In static storage it can be `constinit`, and pools over it are ready before `main`.
    template<std::size_t Bytes>
    constexpr explicit region(std::byte (&array)[Bytes]) noexcept : data_(array), bytes_(Bytes) {}

    region(const region&) = delete;
    region& operator=(const region&) = delete;

    [[nodiscard]] void* reserve(const request& wanted) noexcept override;
    void release(void* part, const request& given) noexcept override;
    [[nodiscard]] bool is_prepaid() const noexcept override { return true; }
    [[nodiscard]] std::size_t available() const noexcept override { return bytes_ - used_; }

private:
    std::byte* data_;
    std::size_t bytes_;
    std::size_t used_ = 0;
    std::size_t parts_ = 0; // handed out and not returned
};

} // namespace cenote::inline v0_1
