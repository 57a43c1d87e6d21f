// cenote: SPDX-License-Identifier: MIT
//
// A source that holds pools to its contract. Pages cannot be touched before `commit` and after `decommit`;
// memory never comes zeroed; behind a region, as close as its alignment allows, stands a page nobody may
// touch; every region must come back once, with the request it was given for. What a pool does wrong is told
// by `complaint()`, or faults on the spot.
#pragma once

#include <cenote/base/arith.hpp>
#include <cenote/source/source.hpp>

#include "support/pages.hpp"

#include <cstdint>
#include <cstring>
#include <map>
#include <string>
#include <vector>

namespace cenote::test {

class strict_source final : public source {
public:
    /// Regions are multiples of `granularity`; all together hold at most `limit` bytes.
    explicit strict_source(std::size_t granularity = 1, std::size_t limit = unlimited) noexcept
        : granularity_(granularity), limit_(limit) {}
    strict_source(const strict_source&) = delete;
    strict_source& operator=(const strict_source&) = delete;
    ~strict_source() {
        for (const auto& [data, left] : regions_) release_pages(left.mapping, left.mapped);
    }

    [[nodiscard]] void* reserve(const request& wanted) noexcept override {
        if (wanted.bytes == 0 || wanted.bytes % granularity_ != 0) complain("reserve: odd number of bytes");
        if (!base::is_power_of_two(wanted.alignment)) complain("reserve: odd alignment");
        if (wanted.bytes > limit_ - reserved_ || wanted.bytes > most_bytes) return nullptr;
        const std::size_t slack = wanted.alignment > page ? wanted.alignment : page;
        const std::size_t mapped = base::rounded_up(wanted.bytes, page) + slack + page;
        std::byte* const mapping = forbidden_pages(mapped);
        if (mapping == nullptr) return nullptr;
        const auto end = reinterpret_cast<std::uintptr_t>(mapping) + mapped - page;
        auto* const data =
            reinterpret_cast<std::byte*>((end - wanted.bytes) & ~(std::uintptr_t{wanted.alignment} - 1));
        region made{wanted, mapping, mapped, {}};
        made.is_committed.resize(mapped / page);
        regions_.emplace(data, std::move(made));
        reserved_ += wanted.bytes;
        if (reserved_ > peak_) peak_ = reserved_;
        return data;
    }

    void release(void* data, const request& given) noexcept override {
        const auto found = regions_.find(static_cast<std::byte*>(data));
        if (found == regions_.end()) return complain("release: not the start of a region that is reserved");
        const region& gone = found->second;
        if (gone.wanted.bytes != given.bytes || gone.wanted.alignment != given.alignment ||
            gone.wanted.node != given.node) {
            complain("release: not the request that the region was reserved with");
        }
        reserved_ -= gone.wanted.bytes;
        release_pages(gone.mapping, gone.mapped);
        regions_.erase(found);
    }

    [[nodiscard]] bool commit(void* data, std::size_t bytes) noexcept override {
        auto* const begin = static_cast<std::byte*>(data);
        region* const home = region_of(begin, bytes);
        if (home == nullptr) {
            complain("commit: outside the regions");
            return false;
        }
        if (bytes == 0) return true;
        const std::size_t first = static_cast<std::size_t>(begin - home->mapping) / page;
        const std::size_t last = static_cast<std::size_t>(begin + bytes - 1 - home->mapping) / page;
        permit_pages(home->mapping + first * page, (last - first + 1) * page);
        for (std::size_t at = first; at <= last; ++at) {
            if (home->is_committed[at]) continue;
            home->is_committed[at] = true;
            std::memset(home->mapping + at * page, 0xc9, page);
        }
        return true;
    }

    void purge(void* data, std::size_t bytes) noexcept override {
        if (region_of(static_cast<std::byte*>(data), bytes) == nullptr)
            return complain("purge: outside the regions");
        std::memset(data, 0xdb, bytes);
    }

    std::size_t decommit(void* data, std::size_t bytes) noexcept override {
        auto* const begin = static_cast<std::byte*>(data);
        region* const home = region_of(begin, bytes);
        if (home == nullptr) {
            complain("decommit: outside the regions");
            return 0;
        }
        const auto from = static_cast<std::size_t>(begin - home->mapping);
        const std::size_t first = (from + page - 1) / page;
        const std::size_t end = (from + bytes) / page;
        for (std::size_t at = first; at < end; ++at) {
            forbid_pages(home->mapping + at * page, page);
            home->is_committed[at] = false;
        }
        return end > first ? (end - first) * page : 0;
    }

    [[nodiscard]] std::size_t granularity() const noexcept override { return granularity_; }

    [[nodiscard]] std::size_t regions() const noexcept { return regions_.size(); }
    [[nodiscard]] std::size_t reserved() const noexcept { return reserved_; }
    [[nodiscard]] std::size_t peak() const noexcept { return peak_; }
    /// What was wrong first, or "".
    [[nodiscard]] const std::string& complaint() const noexcept { return complaint_; }
    /// Whether one region holds [data, data + bytes).
    [[nodiscard]] bool holds(const void* data, std::size_t bytes) noexcept {
        return region_of(static_cast<const std::byte*>(data), bytes) != nullptr;
    }

private:
    static constexpr std::size_t page = 4096;
    static constexpr std::size_t most_bytes = std::size_t{1} << (sizeof(std::size_t) > 4 ? 40 : 30);

    struct region {
        request wanted;
        std::byte* mapping;
        std::size_t mapped;
        std::vector<bool> is_committed; // by page of the mapping
    };

    void complain(const char* what) noexcept {
        if (complaint_.empty()) complaint_ = what;
    }

    region* region_of(const std::byte* data, std::size_t bytes) noexcept {
        auto found = regions_.upper_bound(const_cast<std::byte*>(data));
        if (found == regions_.begin()) return nullptr;
        --found;
        const auto offset = static_cast<std::size_t>(data - found->first);
        const std::size_t size = found->second.wanted.bytes;
        return offset <= size && bytes <= size - offset ? &found->second : nullptr;
    }

    std::size_t granularity_;
    std::size_t limit_;
    std::map<std::byte*, region> regions_;
    std::size_t reserved_ = 0;
    std::size_t peak_ = 0;
    std::string complaint_;
};

} // namespace cenote::test
