// cenote: SPDX-License-Identifier: MIT
//
// The verbs of a pool of many sizes that every such pool has.
#pragma once

#include "operations/pool_run.hpp"

#include <algorithm>
#include <span>

namespace cenote::test {

template<class Pool, class Options>
class sized_run : public pool_run<Pool, Options> {
    using base = pool_run<Pool, Options>;

protected:
    static constexpr std::size_t most_live = 2000;

    using base::free_burst, base::ground_, base::index_, base::leave, base::map_, base::options_, base::pool_,
        base::throughout_, base::was_short_;

    /// `sizes`: those that are asked for, up to `most_bytes` live at once, smaller ones then.
    sized_run(const program& script, const Options& options, std::span<const std::size_t> sizes,
              std::size_t most_bytes)
        : base(script, options), sizes_(sizes), most_bytes_(most_bytes) {
        try {
            pool_ = std::make_unique<Pool>(options_);
        } catch (const out_of_memory&) {
            require(!ground_.is_ample() || options_.maximum_bytes != unlimited,
                    "the first memory was refused");
        }
    }

    /// Whether the options limit what the pool may reserve.
    [[nodiscard]] virtual bool is_bounded() const noexcept = 0;
    /// Whether a refused call leaves the peak as it was.
    [[nodiscard]] virtual bool tells_peak_at_once() const noexcept { return true; }
    /// What the pool grew by for a call was taken back.
    virtual void may_have_shrunk() {}

    [[nodiscard]] static bool is_zero(const void* block, std::size_t bytes) {
        return all_are(std::byte{0}, static_cast<const std::byte*>(block), bytes);
    }

    [[nodiscard]] static std::size_t alignment_of(operation how) {
        constexpr std::size_t alignments[] = {1, 8, 32, 64, 256, 1024, 4096, 8192};
        return how.which % 4 == 0 ? pick(alignments, how.which / 4) : Pool::default_alignment;
    }

    [[nodiscard]] std::size_t size_of(operation how) const {
        const std::size_t size = how.which % 3 == 0 ? how.amount % 3000u : sizes_[how.amount % sizes_.size()];
        return map_.live.bytes() + size > most_bytes_ ? size % 100 : size;
    }

    void enter(void* block, std::size_t size, std::size_t alignment) {
        if (options_.zero_on_allocate) require(is_zero(block, size), "a block is not zeroed");
        require(pool_->size_of(block) >= size, "a block is smaller than asked");
        require_good(map_.live.add(block, size, alignment));
        map_.peak = std::max(map_.peak, map_.live.size());
        ++map_.calls.allocations;
    }

    void free(std::size_t number) override {
        const block_ledger::entry gone = map_.live[number];
        void* const block = leave(number);
        if (number % 2 == 0) {
            pool_->deallocate(block);
        } else {
            pool_->deallocate(block, gone.size, gone.alignment);
        }
    }

    /// True when the verb was given what it asks for; refusals need a reason and change nothing.
    bool tries(bool is_possible, const std::function<bool()>& verb) {
        const pool_stats before = pool_->stats();
        const std::size_t live = map_.live.size();
        const bool given = this->attempt(verb);
        if (!given || was_short_) may_have_shrunk();
        if (given) return true;
        const bool had_reason = !is_possible || is_bounded() || !ground_.is_ample() ||
                                ground_.is_exact_buffer() || this->is_armed_;
        require(had_reason, "a request was refused without a reason");
        const pool_stats after = pool_->stats();
        if (live != map_.live.size() || (was_short_ && live != 0)) return false; // the handler has freed
        require(after.live == before.live, "a refused request changed the live blocks");
        require(!tells_peak_at_once() || after.peak_live == before.peak_live,
                "a refused request changed the peak");
        require(after.live_bytes == before.live_bytes, "a refused request changed the live bytes");
        return false;
    }

    void allocate(operation how) {
        if (map_.live.size() >= most_live) return;
        std::size_t size = size_of(how);
        const std::size_t alignment = alignment_of(how);
        void* block = nullptr;
        const bool given = tries(true, [&] {
            switch (how.verb % 4) {
            case 0:
                block = pool_->try_allocate(size, alignment);
                break;
            case 1:
                block = pool_->allocate(size, alignment);
                break;
            case 2:
                block = pool_->allocate_zeroed(size, alignment);
                require(is_zero(block, size), "a block is not zeroed");
                break;
            default:
                const allocation got = pool_->allocate_at_least(size, alignment);
                require(got.size >= size, "allocate_at_least gives less");
                block = got.pointer;
                size = got.size;
            }
            return block != nullptr;
        });
        if (given) {
            enter(block, size, alignment);
        } else {
            ++map_.calls.failures;
        }
    }

    void allocate_many(operation how) {
        const std::size_t size = size_of(how) % 5000;
        const std::size_t room = most_live - std::min(most_live, map_.live.size());
        const std::size_t count =
            std::min<std::size_t>({how.amount % 900u, room, (std::size_t{1} << 20) / (size + 1)});
        std::vector<void*> blocks(count + 1, &blocks);
        const bool given = tries(true, [&] {
            if (how.which % 4 < 2) return pool_->try_allocate_n(size, blocks.data(), count);
            pool_->allocate_n(size, blocks.data(), count);
            return true;
        });
        require(blocks.back() == &blocks, "allocate_n wrote too far");
        if (!given) {
            ++map_.calls.failures;
            return;
        }
        for (std::size_t i = 0; i < count; ++i) enter(blocks[i], size, Pool::default_alignment);
    }

    void allocate_burst(operation how) {
        for (std::size_t left = how.amount % 700u; left != 0; --left) {
            const std::size_t before = map_.live.size();
            const auto number =
                static_cast<std::uint16_t>(how.which % 2 == 0 ? how.amount : how.amount * left);
            allocate({static_cast<std::uint8_t>(left), how.which, number});
            if (map_.live.size() <= before) return;
        }
    }

    void free_some(operation how) {
        if (map_.live.empty()) return;
        const std::size_t number = how.amount % map_.live.size();
        switch (how.which % 3) {
        case 0:
            return free(number);
        case 1:
            return pool_->deallocate_erased(leave(number));
        default: {
            std::vector<void*> blocks;
            for (std::size_t left = how.amount % 900u; left != 0 && !map_.live.empty(); --left)
                blocks.push_back(leave(how.which % map_.live.size()));
            pool_->deallocate_n(blocks.data(), blocks.size());
        }
        }
    }

    void free_many(operation how) { free_burst(how, 900); }

    void ask(operation how) {
        int foreign = 0;
        require(!pool_->owns(&foreign) && !pool_->is_live(&foreign), "a foreign pointer is owned");
        require(!pool_->owns(nullptr) && !pool_->is_live(nullptr), "null is owned");
        require(pool_->size_of(&foreign) == 0 && pool_->size_of(nullptr) == 0,
                "a foreign pointer has a size");
        require(pool_->try_allocate(8, 24) == nullptr, "an alignment that is no power of two was accepted");
        ++map_.calls.failures;
        try {
            (void)pool_->allocate(8, 0);
            throw disagreement("an alignment of zero was accepted");
        } catch (const bad_options&) {
        }
        for (void* const gone : map_.freed) {
            if (!map_.live.holds(gone)) require(!pool_->is_live(gone), "a freed block is live");
        }
        if (map_.live.empty()) return;
        const block_ledger::entry one = map_.live[how.amount % map_.live.size()];
        require(pool_->owns(one.data) && pool_->is_live(one.data), "a live block is not known");
        if (one.size < 2) return;
        std::byte* const inside = one.data + 1 + how.which % (one.size - 1);
        require(!pool_->owns(inside) && !pool_->is_live(inside), "a pointer into a block is owned");
        require(pool_->size_of(inside) == 0, "a pointer into a block has a size");
    }

    void walk(operation how) {
        const std::size_t most = how.which % 2 == 0 ? unlimited : how.amount % 50u;
        std::set<void*> seen;
        pool_->for_each([&](void* block, std::size_t size) {
            require(map_.live.holds(block), "a walk visits a block that is not live");
            require(size == pool_->size_of(block), "a walk tells a wrong size");
            require(seen.insert(block).second, "a walk visits a block twice");
            return seen.size() < most;
        });
        const std::size_t expected = std::min(std::max<std::size_t>(most, 1), map_.live.size());
        require(seen.size() == expected, "a walk misses live blocks, or does not stop");
    }

    /// A walk whose visitor allocates, frees, walks and tries to trim.
    void walk_on(operation how) {
        throughout_.clear();
        for (const auto& one : map_.live) throughout_.insert(one.data);
        std::multiset<void*> seen;
        std::size_t steps = 0;
        pool_->for_each([&](void* block, std::size_t) {
            require(map_.live.holds(block), "a walk visits a block that is not live");
            seen.insert(block);
            if (++steps > 400) return;
            if (steps % (how.which % 5u + 1) == 0) {
                const std::size_t number =
                    how.amount % 2 == 0 ? map_.live.number_of(block) : how.amount * steps % map_.live.size();
                free(number);
            }
            if (steps % (how.which / 16u + 1) == 0) {
                allocate({static_cast<std::uint8_t>(steps), how.which,
                          static_cast<std::uint16_t>(how.amount + steps)});
            }
            if (steps == 7) walk({0, 0, 0});
            if (steps == 9) require(pool_->trim() == 0, "a trim in the middle of a walk");
            if constexpr (requires { pool_->is_instrumented(); })
                require(pool_->is_instrumented(), "the fast path is open in the middle of a walk");
        });
        for (void* const block : throughout_)
            require(seen.count(block) == 1, "a walk visits a block not once that was live throughout");
    }

    void reset(operation how) {
        if (how.which % 4 != 0) return; // rarely
        pool_->reset();
        for (const auto& one : map_.live) map_.note_freed(one.data);
        map_.live.clear();
        index_.clear();
        const pool_stats now = pool_->stats();
        require(now.live_bytes == 0, "a reset left live bytes");
        require(now.cached == 0 && now.idle == now.blocks, "a reset left blocks that are not idle");
    }

private:
    std::span<const std::size_t> sizes_;
    std::size_t most_bytes_;
};

} // namespace cenote::test
