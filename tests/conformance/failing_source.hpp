// cenote: SPDX-License-Identifier: MIT
//
// Wraps a source, counts its calls, and refuses the k-th that can be refused (reserve, commit), once or from
// then on. Run a scenario once to learn how many such calls it makes, then once for each of them.
#pragma once

#include <cenote/source/source.hpp>

namespace cenote::test {

enum class refusal { once, from_then_on };

class failing_source final : public source {
public:
    struct counts {
        std::size_t reserve = 0;
        std::size_t commit = 0;
        std::size_t release = 0;
        std::size_t decommit = 0;
        std::size_t purge = 0;
        std::size_t populate = 0;
        [[nodiscard]] std::size_t refusable() const noexcept { return reserve + commit; }
        [[nodiscard]] std::size_t all() const noexcept {
            return refusable() + release + decommit + purge + populate;
        }
    };

    explicit failing_source(source& upstream) noexcept : upstream_(&upstream) {}

    /// Refuses call number `call` (1 is the next) of those that can be refused.
    void refuse(std::size_t call, refusal how) noexcept {
        until_ = call;
        how_ = how;
    }
    void relent() noexcept { until_ = 0; }
    /// Whether a refusal is still to come, or goes on.
    [[nodiscard]] bool is_armed() const noexcept { return until_ != 0; }
    [[nodiscard]] std::size_t refused() const noexcept { return refused_; }

    [[nodiscard]] const counts& calls() const noexcept { return calls_; }
    void forget_calls() noexcept { calls_ = {}; }

    [[nodiscard]] void* reserve(const request& wanted) noexcept override {
        ++calls_.reserve;
        return must_refuse() ? nullptr : upstream_->reserve(wanted);
    }
    void release(void* region, const request& given) noexcept override {
        ++calls_.release;
        upstream_->release(region, given);
    }
    [[nodiscard]] bool commit(void* data, std::size_t bytes) noexcept override {
        ++calls_.commit;
        return !must_refuse() && upstream_->commit(data, bytes);
    }
    void purge(void* data, std::size_t bytes) noexcept override {
        ++calls_.purge;
        upstream_->purge(data, bytes);
    }
    std::size_t decommit(void* data, std::size_t bytes) noexcept override {
        ++calls_.decommit;
        return upstream_->decommit(data, bytes);
    }
    void populate(void* data, std::size_t bytes) noexcept override {
        ++calls_.populate;
        upstream_->populate(data, bytes);
    }
    [[nodiscard]] std::size_t granularity() const noexcept override { return upstream_->granularity(); }
    [[nodiscard]] std::size_t available() const noexcept override { return upstream_->available(); }
    [[nodiscard]] bool is_prepaid() const noexcept override { return upstream_->is_prepaid(); }

private:
    [[nodiscard]] bool must_refuse() noexcept {
        if (until_ == 0) return false;
        if (until_ > 1) {
            --until_;
            return false;
        }
        if (how_ == refusal::once) until_ = 0;
        ++refused_;
        return true;
    }

    source* upstream_;
    std::size_t until_ = 0; // refusable calls until the refusal; 0: none
    refusal how_ = refusal::once;
    std::size_t refused_ = 0;
    counts calls_;
};

} // namespace cenote::test
