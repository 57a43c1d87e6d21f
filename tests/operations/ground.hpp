// cenote: SPDX-License-Identifier: MIT
//
// What both interpreters stand on: memory of every kind behind a source that can be told to refuse, handlers
// that record, the map of what is live, and the one way to say that pool and map disagree.
#pragma once

#include <cenote/pool/options.hpp>
#include <cenote/source/budget.hpp>
#include <cenote/source/heap.hpp>
#include <cenote/source/os_pages.hpp>
#include <cenote/source/region.hpp>

#include "conformance/block_ledger.hpp"
#include "conformance/failing_source.hpp"
#include "conformance/strict_source.hpp"

#include <memory>
#include <set>
#include <stdexcept>
#include <string>
#include <vector>

namespace cenote::test {

/// The pool did something that the map says is wrong.
class disagreement : public std::runtime_error {
public:
    using std::runtime_error::runtime_error;
};

inline namespace operations { // the explorer has a `require`, too
inline void require(bool holds, const char* what) {
    if (!holds) throw disagreement(what);
}
inline void require_good(const std::string& wrong) {
    if (!wrong.empty()) throw disagreement(wrong);
}
} // namespace operations

/// Records misuse and leaks while it lives.
class recorder {
public:
    recorder() noexcept
        : misuse_before_(set_misuse_handler([](const misuse_report& report) noexcept { record(report); })),
          leaks_before_(set_leak_handler([](const leak_report& report) noexcept { leaked() = report; })) {
        count() = 0;
        leaked() = {};
    }
    recorder(const recorder&) = delete;
    recorder& operator=(const recorder&) = delete;
    ~recorder() {
        set_misuse_handler(misuse_before_);
        set_leak_handler(leaks_before_);
    }

    static std::size_t& count() noexcept {
        static std::size_t reports = 0;
        return reports;
    }
    static misuse_report& last() noexcept {
        static misuse_report report;
        return report;
    }
    static leak_report& leaked() noexcept {
        static leak_report report;
        return report;
    }

private:
    static void record(const misuse_report& report) noexcept {
        ++count();
        last() = report;
    }

    misuse_handler misuse_before_;
    leak_handler leaks_before_;
};

/// Where the memory of a run comes from.
class ground {
public:
    enum class kind { strict, strict_pages, heap, os_pages, exact_buffer, some_buffer, budget };

    /// `exact`: bytes of an exact buffer. `amount` is its misalignment, the size of another, the budget.
    ground(kind what, std::size_t exact, std::size_t amount)
        : what_(what), strict_(what == kind::strict_pages ? 4096 : 1),
          buffer_(what == kind::exact_buffer  ? exact + 256
                  : what == kind::some_buffer ? amount * 64 + 256
                                              : 0,
                  std::byte{0x77}),
          place_(begin_of(amount), buffer_.empty() ? 0 : buffer_.size() - 256),
          budget_(strict_, amount * 512), source_(below()) {}

    [[nodiscard]] failing_source& source() noexcept { return source_; }
    /// Whether only the pool's own limit and an armed refusal can be a reason to refuse.
    [[nodiscard]] bool is_ample() const noexcept {
        return what_ != kind::some_buffer && what_ != kind::budget &&
               (what_ != kind::exact_buffer || !refused());
    }
    [[nodiscard]] bool is_exact_buffer() const noexcept { return what_ == kind::exact_buffer; }
    [[nodiscard]] bool refused() const noexcept { return source_.refused() != 0; }
    /// Whether two regions never touch.
    [[nodiscard]] bool is_sparse() const noexcept {
        return what_ == kind::strict || what_ == kind::strict_pages || what_ == kind::budget;
    }
    /// Compares what the pool says of reserved bytes.
    void check(std::size_t reserved) const {
        require_good(strict_.complaint());
        if (is_sparse())
            require(strict_.reserved() == reserved, "reserved bytes are not what the source gave");
        if (buffer_.empty()) return;
        require(all_are(std::byte{0x77}, buffer_.data(), begin_) &&
                    all_are(std::byte{0x77}, buffer_.data() + begin_ + buffer_.size() - 256, 256 - begin_),
                "bytes around the buffer were written");
    }
    /// When the pool is gone.
    void check_end() const {
        check(0);
        require(strict_.regions() == 0, "a region was not given back");
        require(buffer_.empty() || place_.available() == buffer_.size() - 256,
                "the buffer did not come back");
    }

private:
    std::byte* begin_of(std::size_t amount) noexcept {
        begin_ = buffer_.empty() ? 0 : amount % 200;
        return buffer_.empty() ? nullptr : buffer_.data() + begin_;
    }
    cenote::source& below() noexcept {
        switch (what_) {
        case kind::heap:
            return heap_;
        case kind::os_pages:
            return pages_;
        case kind::exact_buffer:
        case kind::some_buffer:
            return place_;
        case kind::budget:
            return budget_;
        default:
            return strict_;
        }
    }

    kind what_;
    std::size_t begin_ = 0;
    strict_source strict_;
    cenote::heap heap_;
    cenote::os_pages pages_;
    std::vector<std::byte> buffer_;
    region place_;
    cenote::budget budget_;
    failing_source source_;
};

/// The map beside the pool.
struct chronicle {
    block_ledger live;
    std::vector<void*> freed; // some of those freed, the last last
    std::set<void*> ever;     // allocated since memory last went back
    bool is_whole = true;     // whether `ever` knows them all
    std::size_t peak = 0;
    call_counts calls;

    void note_freed(void* block) {
        if (freed.size() == 64) freed.erase(freed.begin(), freed.begin() + 32);
        freed.push_back(block);
    }
    /// Addresses of free blocks mean nothing any more.
    void forget_addresses() {
        freed.clear();
        ever.clear();
        is_whole = false;
        for (const auto& one : live) ever.insert(one.data);
    }
};

/// What holds between any pool's statistics and the map. The peak may be so much too low, or too high.
inline void compare(const pool_stats& now, const chronicle& map, std::size_t too_low,
                    std::size_t too_high = 0) {
    require(now.live == map.live.size(), "the number of live blocks is wrong");
    require(now.live + now.cached + now.idle == now.blocks, "live, cached and idle blocks do not add up");
    require(now.peak_live <= map.peak + too_high, "the peak is above what was ever live");
    require(now.peak_live + too_low >= map.peak, "the peak is too low");
    require(now.reserved_bytes >= now.live_bytes, "fewer bytes are reserved than live");
    if (!now.calls) return;
    require(now.calls->allocations == map.calls.allocations, "allocations are miscounted");
    require(now.calls->deallocations == map.calls.deallocations, "deallocations are miscounted");
    require(now.calls->failures == map.calls.failures, "failures are miscounted");
}

} // namespace cenote::test
