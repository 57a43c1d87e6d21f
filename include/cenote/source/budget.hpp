// cenote: SPDX-License-Identifier: MIT
//
// A limit around another source, never exceeded by one byte: the bytes are claimed before the source is
// asked and given back when it refuses. Several pools may share one budget, and budgets nest. Counts whole
// reservations, metadata included. Thread-safe when the source behind it is.
#pragma once

#include <cenote/base/sync.hpp>
#include <cenote/source/source.hpp>

namespace cenote::inline v0_1 {

class CENOTE_API budget final : public source {
public:
    /// At most `limit` bytes of `upstream` at any time.
    constexpr budget(source& upstream, std::size_t limit) noexcept : upstream_(&upstream), limit_(limit) {}

    [[nodiscard]] void* reserve(const request& wanted) noexcept override;
    void release(void* region, const request& given) noexcept override;
    [[nodiscard]] bool commit(void* data, std::size_t bytes) noexcept override;
    void purge(void* data, std::size_t bytes) noexcept override;
    std::size_t decommit(void* data, std::size_t bytes) noexcept override;
    void populate(void* data, std::size_t bytes) noexcept override;
    void trim() noexcept override;
    [[nodiscard]] std::size_t granularity() const noexcept override;
    [[nodiscard]] std::size_t best_granularity() const noexcept override;
    [[nodiscard]] bool is_prepaid() const noexcept override;
    [[nodiscard]] std::size_t available() const noexcept override;

    [[nodiscard]] std::size_t limit() const noexcept { return limit_; }
    [[nodiscard]] std::size_t used() const noexcept { return used_.load(sync::memory_order_relaxed); }

private:
    source* upstream_;
    std::size_t limit_;
    sync::atomic<std::size_t> used_{0};
};

} // namespace cenote::inline v0_1
