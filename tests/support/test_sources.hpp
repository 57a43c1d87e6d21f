// cenote: SPDX-License-Identifier: MIT
//
// Sources that tests put under a pool: one that counts and can be told to refuse, and one with large pages.
#pragma once

#include <cenote/source/heap.hpp>
#include <cenote/source/source.hpp>

#include <cstring>
#include <map>
#include <set>
#include <vector>

namespace cenote::test {

/// The heap with counters and switches. Every region is remembered: `release` of anything else is counted as
/// `wrong_releases`.
class counting_source final : public source {
public:
    [[nodiscard]] void* reserve(const request& wanted) noexcept override {
        ++calls;
        ++reserves;
        if (refuse_reserve || reserved + wanted.bytes > limit) return nullptr;
        void* const data = heap_.reserve(wanted);
        if (data == nullptr) return nullptr;
        if (dirty) std::memset(data, 0xa5, wanted.bytes);
        regions_[data] = wanted;
        reserved += wanted.bytes;
        if (reserved > peak) peak = reserved;
        return data;
    }

    void release(void* region, const request& given) noexcept override {
        ++calls;
        ++releases;
        const auto found = regions_.find(region);
        if (found == regions_.end() || found->second.bytes != given.bytes ||
            found->second.alignment != given.alignment) {
            ++wrong_releases;
            return;
        }
        const auto end = static_cast<std::byte*>(region) + given.bytes;
        absent_.erase(absent_.lower_bound(region), absent_.lower_bound(end));
        regions_.erase(found);
        reserved -= given.bytes;
        heap_.release(region, given);
    }

    [[nodiscard]] bool commit(void* data, std::size_t bytes) noexcept override {
        ++calls;
        ++commits;
        committed += bytes;
        absent_.erase(data);
        return !refuse_commit && commits <= most_commits;
    }
    void purge(void*, std::size_t) noexcept override { ++calls; }
    std::size_t decommit(void* data, std::size_t bytes) noexcept override {
        ++calls;
        if (refuse_decommit) return 0;
        decommitted += bytes;
        absent_[data] = bytes;
        return bytes;
    }
    void populate(void* data, std::size_t bytes) noexcept override {
        ++calls;
        populated += bytes;
        source::populate(data, bytes);
    }

    /// Whether [data, data + bytes) lies in one region.
    [[nodiscard]] bool holds(const void* data, std::size_t bytes) const noexcept {
        for (const auto& [begin, wanted] : regions_) {
            const auto offset = static_cast<std::size_t>(static_cast<const std::byte*>(data) -
                                                         static_cast<const std::byte*>(begin));
            if (offset < wanted.bytes && bytes <= wanted.bytes - offset) return true;
        }
        return false;
    }
    [[nodiscard]] std::size_t regions() const noexcept { return regions_.size(); }
    /// Reserved, without what was decommitted and not committed again. Pieces are the same in both calls.
    [[nodiscard]] std::size_t present() const noexcept {
        std::size_t bytes = reserved;
        for (const auto& [data, gone] : absent_) bytes -= gone;
        return bytes;
    }

    bool refuse_reserve = false;
    bool refuse_commit = false;
    bool refuse_decommit = false; ///< what is decommitted stays, as with the heap
    bool dirty = true;            ///< regions come filled with rubbish
    std::size_t most_commits = unlimited;
    std::size_t limit = unlimited;
    std::size_t calls = 0;
    std::size_t reserves = 0;
    std::size_t releases = 0;
    std::size_t wrong_releases = 0;
    std::size_t commits = 0;
    std::size_t committed = 0;
    std::size_t decommitted = 0;
    std::size_t populated = 0;
    std::size_t reserved = 0;
    std::size_t peak = 0;

private:
    heap heap_;
    std::map<void*, request> regions_;
    std::map<void*, std::size_t> absent_;
};

/// The heap, which would rather give whole MiB: the sizes that it was asked for.
class large_region_source final : public source {
public:
    static constexpr std::size_t best = std::size_t{1} << 20;

    [[nodiscard]] void* reserve(const request& wanted) noexcept override {
        asked.push_back(wanted.bytes);
        return heap_.reserve(wanted);
    }
    void release(void* region, const request& given) noexcept override { heap_.release(region, given); }
    [[nodiscard]] std::size_t granularity() const noexcept override { return 4096; }
    [[nodiscard]] std::size_t best_granularity() const noexcept override { return best; }

    /// How many of those fill whole units of `best` but for less than an eighth of one.
    [[nodiscard]] std::size_t filled() const noexcept {
        std::size_t count = 0;
        for (const std::size_t bytes : asked) count += (best - bytes % best) % best < best / 8 ? 1 : 0;
        return count;
    }
    /// How many are smaller than a sixteenth, as a table of slabs is.
    [[nodiscard]] std::size_t small() const noexcept {
        std::size_t count = 0;
        for (const std::size_t bytes : asked) count += bytes < best / 16 ? 1 : 0;
        return count;
    }

    std::vector<std::size_t> asked;

private:
    heap heap_;
};

/// The heap as a system with pages of 64 KiB gives memory: a page that is committed in part is there as a
/// whole, and only whole pages go.
class large_page_source final : public source {
public:
    static constexpr std::size_t page = std::size_t{64} << 10;

    [[nodiscard]] void* reserve(const request& wanted) noexcept override {
        return heap_.reserve({wanted.bytes, page, wanted.node});
    }
    void release(void* region, const request& given) noexcept override {
        decommit(region, given.bytes);
        heap_.release(region, {given.bytes, page, given.node});
    }
    [[nodiscard]] bool commit(void* data, std::size_t bytes) noexcept override {
        const auto begin = reinterpret_cast<std::uintptr_t>(data);
        for (std::uintptr_t at = begin / page; at * page < begin + bytes; ++at) present_.insert(at);
        return true;
    }
    std::size_t decommit(void* data, std::size_t bytes) noexcept override {
        const auto begin = reinterpret_cast<std::uintptr_t>(data);
        std::size_t gone = 0;
        for (std::uintptr_t at = (begin + page - 1) / page; (at + 1) * page <= begin + bytes; ++at)
            gone += present_.erase(at) * page;
        return gone;
    }
    [[nodiscard]] std::size_t granularity() const noexcept override { return page; }

    [[nodiscard]] std::size_t present() const noexcept { return present_.size() * page; }

private:
    heap heap_;
    std::set<std::uintptr_t> present_;
};

} // namespace cenote::test
