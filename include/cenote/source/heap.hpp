// cenote: SPDX-License-Identifier: MIT
//
// The C++ heap as a source, for programs that want one heap under everything or have no pages to map.
// Memory that goes back goes to the heap, not to the system. Thread-safe; stateless.
#pragma once

#include <cenote/source/source.hpp>

namespace cenote::inline v0_1 {

class CENOTE_API heap final : public source {
public:
    constexpr heap() noexcept = default;
    [[nodiscard]] void* reserve(const request& wanted) noexcept override;
    void release(void* region, const request& given) noexcept override;
};

} // namespace cenote::inline v0_1
