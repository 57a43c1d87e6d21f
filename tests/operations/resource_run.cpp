// cenote: SPDX-License-Identifier: MIT
//
// The interpreter of operation programs for the allocator interface.
#include "operations/resource_run.hpp"

#include <cenote/cenote.h>
#include <cenote/concurrent/concurrent_multi_pool.hpp>
#include <cenote/concurrent/concurrent_pool.hpp>
#include <cenote/concurrent/locked.hpp>
#include <cenote/face/default_resource.hpp>
#include <cenote/pool/arena.hpp>
#include <cenote/pool/fixed_pool.hpp>
#include <cenote/pool/multi_pool.hpp>
#include <cenote/pool/variable_pool.hpp>

#include "operations/frame.hpp"
#include "support/memcheck.hpp"

#include <algorithm>

namespace cenote::test {
namespace {

constexpr std::size_t most_live_bytes = std::size_t{4} << 20;

constexpr std::size_t sizes[] = {0, 1, 8, 24, 48, 64, 100, 300, 1000, 4096, 20'000, 70'000};
constexpr std::size_t alignments[] = {1, 2, 8, 16, 16, 16, 64, 256, 4096};
constexpr std::size_t no_alignments[] = {0, 3, 12, 24, 4095};

struct itself final : resource_run::subject {
    explicit itself(memory_resource& one) : one_(&one) {}
    memory_resource& face() override { return *one_; }
    memory_resource* one_;
};

// A pool that draws from its parent.
template<class Pool>
struct drawn final : resource_run::subject {
    drawn(memory_resource& parent, const typename Pool::options& wanted,
          const memory_resource_options& options)
        : before(parent, wanted, options) {
        if constexpr (block_pool<Pool>) {
            largest = before.pool().block_size();
            most_aligned = before.pool().alignment();
        }
        judges = wanted.checks;
    }
    memory_resource& face() override { return before; }
    pool_resource<Pool> before;
};

struct nested final : resource_run::subject {
    nested(memory_resource& parent, const memory_resource_options& options)
        : outer(parent, {}), inner(outer, {}, options) {}
    memory_resource& face() override { return inner; }
    pool_resource<variable_pool> outer;
    pool_resource<multi_pool> inner;
};

// A pool of one size that draws from a stranger, who also gets what does not fit.
struct with_one_beyond final : resource_run::subject {
    with_one_beyond(std::pmr::memory_resource& parent, bool checks, const memory_resource_options& options)
        : from(parent), pool({.block_size = 64, .source = &from, .checks = checks}),
          before(pool, options, &parent) {
        largest = pool.block_size();
        most_aligned = pool.alignment();
        has_beyond = true;
        judges = checks;
    }
    memory_resource& face() override { return before; }
    resource_source from;
    fixed_pool pool;
    resource<fixed_pool> before;
};

// Which allocator the one for C leads to: its context is always the same, as contexts are kept for ever.
memory_resource*& led_to() {
    static memory_resource* now = nullptr;
    return now;
}
cenote_allocator lead_of_c() {
    return {&led_to(),
            [](void*, std::size_t size, std::size_t alignment, unsigned options) {
                return led_to()->try_allocate(size, alignment, static_cast<memory_options>(options));
            },
            [](void*, void* block, std::size_t old_size, std::size_t size, std::size_t alignment,
               unsigned options) {
                return led_to()->try_reallocate(block, old_size, size, alignment,
                                                static_cast<memory_options>(options));
            },
            [](void*, void* block, std::size_t size, std::size_t alignment) {
                led_to()->deallocate(block, size, alignment);
                return CENOTE_OK;
            },
            nullptr};
}

} // namespace

ground::kind resource_run::kind_of(const program& script) {
    static constexpr ground::kind kinds[] = {ground::kind::strict,      ground::kind::strict_pages,
                                             ground::kind::heap,        ground::kind::os_pages,
                                             ground::kind::some_buffer, ground::kind::budget};
    return pick(kinds, script.choices[8]);
}

memory_resource_options resource_run::options_of(const program& script) {
    memory_resource_options result{.name = "run", .stats = (script.choices[7] & 1) != 0};
    if ((script.choices[7] & 2) != 0) result.then = when_exhausted::null;
    if ((script.choices[7] & 4) == 0) return result;
    // What it makes possible or not depends on how often it was asked.
    result.on_exhaustion = {[](void* self, const shortage& what) {
                                auto& here = *static_cast<resource_run*>(self);
                                require(std::string(what.pool) == "run", "a handler is told of another");
                                require(++here.asked_ <= here.options_.on_exhaustion.retries,
                                        "a handler is asked too often");
                                if (here.asked_ == 2) here.ground_.source().relent();
                                return here.asked_ != 3;
                            },
                            this, script.choices[6] % 5u};
    return result;
}

std::unique_ptr<resource_run::subject> resource_run::make(const program& script) {
    const auto& choices = script.choices;
    memory_resource& parent = *root_;
    const bool checks = (choices[7] & 8) != 0;
    const bool is_watched = (choices[7] & 16) == 0; // else threads have caches under sanitizers, too
    const std::size_t maximum = choices[1] % 4 == 1 ? 200'000u : unlimited;
    std::unique_ptr<subject> made;
    switch (choices[0] % 10) {
    case 0:
        made = std::make_unique<drawn<multi_pool>>(
            parent, multi_pool_options{.maximum_bytes = maximum, .checks = checks, .sanitizers = is_watched},
            options_);
        break;
    case 1:
        made = std::make_unique<drawn<variable_pool>>(
            parent, variable_pool_options{.maximum_bytes = maximum, .checks = checks}, options_);
        made->judges = true;
        break;
    case 2:
        made = std::make_unique<drawn<fixed_pool>>(
            parent,
            fixed_pool_options{.block_size = 1 + choices[2] * 4u, .checks = checks, .sanitizers = is_watched},
            options_);
        break;
    case 3:
        made = std::make_unique<drawn<arena>>(
            parent, arena_options{.maximum_bytes = maximum, .checks = checks}, options_);
        break;
    case 4:
        made = std::make_unique<drawn<concurrent_multi_pool>>(
            parent, concurrent_multi_pool_options{.checks = checks, .sanitizers = is_watched}, options_);
        break;
    case 5:
        made = std::make_unique<drawn<locked<variable_pool>>>(
            parent, variable_pool_options{.maximum_bytes = maximum, .checks = checks}, options_);
        made->judges = true;
        break;
    case 6:
        made = std::make_unique<drawn<concurrent_pool>>(
            parent, concurrent_pool_options{.block_size = 64, .checks = checks, .sanitizers = is_watched},
            options_);
        break;
    case 7:
        return std::make_unique<nested>(parent, options_);
    case 8:
        return std::make_unique<with_one_beyond>(parent, checks, options_);
    default:
        return std::make_unique<itself>(parent);
    }
    made->is_bounded = maximum != unlimited;
    return made;
}

resource_run::resource_run(const program& script)
    : ground_(kind_of(script), 0, script.choices[9] * 16u + script.choices[10]) {
    options_ = options_of(script);
    const bool is_alone = script.choices[0] % 10 == 9;
    const auto fresh = kind_of(script) == ground::kind::os_pages ? direct_resource::fresh::zero
                                                                 : direct_resource::fresh::unknown;
    root_ = std::make_unique<direct_resource>(
        ground_.source(), is_alone ? options_ : memory_resource_options{.name = "root"}, fresh);
    of_ = make(script);
}

// What is expected.

std::size_t resource_run::size_of(operation how) const {
    const std::size_t size = how.which % 3 == 0 ? how.amount % 3000u : pick(sizes, how.amount);
    return live_.bytes() + size > most_live_bytes ? size % 100 : size;
}

void resource_run::note_live(std::size_t bytes) {
    live_bytes_ += std::max<std::size_t>(bytes, 1);
    peak_ = std::max(peak_, live_bytes_);
}

void resource_run::enter(void* data, std::size_t size, std::size_t alignment, std::size_t zero_from) {
    if (zero_from < size)
        require(all_are(std::byte{0}, static_cast<std::byte*>(data) + zero_from, size - zero_from),
                "bytes are not zeroed");
    require_good(live_.add(data, size, alignment));
}

void resource_run::note_refusal(std::size_t size, std::size_t alignment, bool was_armed) {
    ++calls_.failures;
    require(was_armed || !ground_.is_ample() || of_->is_bounded || !fits(size, alignment),
            "a request was refused without a reason");
}

// One of the verbs; null when it was refused, however that is said.
void* resource_run::get(operation how, std::size_t size, std::size_t alignment, memory_options wanted) {
    memory_resource& face = of_->face();
    asked_ = 0;
    switch (how.verb % 3) {
    case 0: {
        void* const block = face.try_allocate(size, alignment, wanted);
        require(asked_ == 0, "a handler was asked by a verb that asks none");
        return block;
    }
    case 1:
        try {
            void* const block = face.allocate(size, alignment, wanted);
            require(block != nullptr || options_.then == when_exhausted::null, "null although it raises");
            return block;
        } catch (const std::bad_alloc&) {
            require(options_.then == when_exhausted::raise, "an exception although it says null");
            return nullptr;
        }
    default:
        try { // as std::pmr does, which knows no options
            void* const block = static_cast<std::pmr::memory_resource&>(face).allocate(size, alignment);
            require(block != nullptr, "std::pmr was given null");
            if (has(wanted, memory_options::zero)) std::memset(block, 0, size);
            return block;
        } catch (const std::bad_alloc&) {
            return nullptr;
        }
    }
}

// Verbs.

void resource_run::allocate(operation how) {
    const std::size_t size = size_of(how);
    const std::size_t alignment = pick(alignments, how.which / 3);
    const auto wanted = how.which % 2 == 0 ? memory_options::none : memory_options::zero;
    const bool was_armed = ground_.source().is_armed();
    void* const data = get(how, size, alignment, wanted);
    if (data == nullptr) return note_refusal(size, alignment, was_armed);
    enter(data, size, alignment, has(wanted, memory_options::zero) ? 0 : size);
    note_live(size);
    ++calls_.allocations;
}

void resource_run::allocate_by_default(operation how) {
    memory_resource& face = of_->face();
    const auto reach = how.which % 2 == 0 ? use_by_default::reach::thread : use_by_default::reach::process;
    const use_by_default here(face, reach);
    require(&default_resource() == &face, "another default than was set");
    const std::size_t size = size_of(how);
    const bool was_armed = ground_.source().is_armed();
    asked_ = 0;
    void* data = nullptr;
    if (how.which % 4 < 2) {
        data = default_resource().try_allocate(size, 8);
    } else { // C's goes before it, and leads to the same
        led_to() = &face;
        const cenote_allocator lead = lead_of_c();
        require(cenote_set_thread_allocator(&lead) == CENOTE_OK, "a default of C was refused");
        require(&default_resource() != &face, "a default of C is not used");
        data = default_resource().try_allocate(size, 8, memory_options::zero);
        require(data == nullptr || all_are(std::byte{0}, static_cast<std::byte*>(data), size),
                "bytes are not zeroed");
        if (data != nullptr) {
            void* const again = default_resource().try_reallocate(data, size, size, 8);
            if (again != nullptr && again != data) {
                ++calls_.allocations;
                ++calls_.deallocations;
                note_live(size); // both are there for a moment
                note_live(size);
                note_gone(2 * std::max<std::size_t>(size, 1));
                data = again;
            } else if (again == nullptr) {
                ++calls_.failures;
            } else {
                require(false, "a default of C cannot know that a block may stay");
            }
        }
        require(cenote_set_thread_allocator(nullptr) == CENOTE_OK, "a default of C stays");
    }
    if (data == nullptr) return note_refusal(size, 8, was_armed);
    enter(data, size, 8, size);
    note_live(size);
    ++calls_.allocations;
}

// Not by std::pmr's verb, which may not be asked so.
void resource_run::refuse_no_alignment(operation how) {
    how.verb %= 2;
    require(get(how, how.amount, pick(no_alignments, how.which), memory_options::none) == nullptr,
            "what is no alignment was served");
    require(asked_ == 0, "a handler was asked for what is no alignment");
    ++calls_.failures;
}

void resource_run::reallocate(operation how) {
    if (live_.empty()) return;
    const block_ledger::entry old = live_[how.amount % live_.size()];
    const std::size_t size = size_of(how);
    const std::size_t kept = std::min(old.size, size);
    read_on_purpose(old.data, kept); // of a large block only the ends were filled
    const std::vector<std::byte> before(old.data, old.data + kept);
    const auto wanted = how.which % 4 == 0 ? memory_options::zero : memory_options::none;
    const bool was_armed = ground_.source().is_armed();
    memory_resource& face = of_->face();
    asked_ = 0;
    void* data = nullptr;
    try {
        data = how.verb % 2 == 0 ? face.try_reallocate(old.data, old.size, size, old.alignment, wanted)
                                 : face.reallocate(old.data, old.size, size, old.alignment, wanted);
    } catch (const std::bad_alloc&) {
        require(how.verb % 2 != 0 && options_.then == when_exhausted::raise, "an exception not asked for");
    }
    if (data == nullptr) return note_refusal(size, old.alignment, was_armed);
    require(std::equal(before.begin(), before.end(), static_cast<std::byte*>(data)),
            "a reallocated block lost its contents");
    live_.forget(old.data);
    enter(data, size, old.alignment, has(wanted, memory_options::zero) ? kept : size);
    if (data == old.data) {
        note_gone(std::max<std::size_t>(old.size, 1));
        return note_live(size);
    }
    note_live(size);
    note_gone(std::max<std::size_t>(old.size, 1));
    ++calls_.allocations;
    ++calls_.deallocations;
}

void resource_run::free_some(operation how) {
    for (std::size_t left = how.amount % 5u + 1; left != 0 && !live_.empty(); --left) {
        const std::size_t number = how.which % 2 == 0 ? live_.size() - 1 : how.amount % live_.size();
        const block_ledger::entry gone = live_[number];
        require_good(live_.remove(number));
        of_->face().deallocate(gone.data, gone.size, gone.alignment);
        note_gone(std::max<std::size_t>(gone.size, 1));
        ++calls_.deallocations;
    }
}

void resource_run::expect_misuse() {
    require(recorder::count() == 1, "misuse was not told, or not once");
    recorder::count() = 0;
}

void resource_run::free_twice(operation how) {
    if (!of_->judges || live_.empty()) return;
    const block_ledger::entry gone = live_[how.amount % live_.size()];
    if (!fits(gone.size, gone.alignment)) return;
    require_good(live_.remove(how.amount % live_.size()));
    memory_resource& face = of_->face();
    face.deallocate(gone.data, gone.size, gone.alignment);
    note_gone(std::max<std::size_t>(gone.size, 1));
    ++calls_.deallocations;
    const std::size_t size = size_of(how);
    require(face.try_reallocate(gone.data, gone.size, size, gone.alignment) == nullptr,
            "a free block was reallocated");
    expect_misuse();
    require(face.reallocate(gone.data, gone.size, size, gone.alignment) == nullptr,
            "a free block was reallocated");
    expect_misuse();
    face.deallocate(gone.data, gone.size, gone.alignment);
    expect_misuse();
}

// What is beyond a pool does not know of its reset.
void resource_run::reset(operation) {
    const bool is_alone = dynamic_cast<itself*>(of_.get()) != nullptr;
    require(of_->face().reset() != is_alone, "reset, or not");
    if (is_alone) return;
    live_bytes_ = 0;
    for (std::size_t i = live_.size(); i-- > 0;) {
        if (fits(live_[i].size, live_[i].alignment) || !of_->has_beyond) live_.forget(live_[i].data);
    }
}

// Pages of a region that stays go back too.
void resource_run::trim(operation) {
    const std::size_t before = of_->face().stats().reserved_bytes;
    const std::size_t bytes = of_->face().trim();
    const std::size_t after = of_->face().stats().reserved_bytes;
    require(after <= before && before - after <= bytes, "trim gave more back than it says, or took some");
}

void resource_run::refuse(operation how) {
    ground_.source().refuse(how.amount % 4u + 1, how.which % 2 == 0 ? refusal::once : refusal::from_then_on);
    if (how.which % 4 == 3) ground_.source().relent();
}

void resource_run::step(operation how) {
    using verb = void (resource_run::*)(operation);
    static constexpr verb verbs[] = {&resource_run::allocate,
                                     &resource_run::allocate,
                                     &resource_run::allocate,
                                     &resource_run::allocate,
                                     &resource_run::allocate_by_default,
                                     &resource_run::reallocate,
                                     &resource_run::reallocate,
                                     &resource_run::reallocate,
                                     &resource_run::free_some,
                                     &resource_run::free_some,
                                     &resource_run::free_twice,
                                     &resource_run::trim,
                                     &resource_run::refuse,
                                     &resource_run::refuse_no_alignment,
                                     &resource_run::free_some,
                                     &resource_run::reset};
    const operation within{static_cast<std::uint8_t>(how.verb / 16), how.which, how.amount};
    (this->*verbs[how.verb % std::size(verbs)])(within);
}

void resource_run::check() {
    const memory_stats now = of_->face().stats();
    require(now.calls.has_value() == options_.stats && now.peak_bytes.has_value() == options_.stats,
            "calls are counted without the option, or not with it");
    if (now.calls) {
        require(now.live_bytes == live_bytes_, "live bytes are miscounted");
        require(*now.peak_bytes == peak_, "the peak is wrong");
        require(now.calls->allocations == calls_.allocations, "allocations are miscounted");
        require(now.calls->deallocations == calls_.deallocations, "deallocations are miscounted");
        require(now.calls->failures == calls_.failures, "failures are miscounted");
    } else if (!of_->has_beyond) {
        require(now.live_bytes >= live_.bytes(), "fewer bytes are live than were handed out");
        require(now.reserved_bytes >= now.live_bytes, "fewer bytes are reserved than live");
    }
    require(recorder::count() == 0, "misuse was reported though there was none");
    require_good(live_.look_at_all());
    ground_.check(root_->stats().reserved_bytes);
}

void resource_run::run(const program& script) {
    go_through(script, 300, [this](operation one) { step(one); }, [this](std::size_t) { check(); });
    while (!live_.empty()) free_some({0, 0, 4});
    check();
    of_.reset();
    require(recorder::leaked().blocks == 0, "a leak of nothing is told");
    require(root_->stats().live_bytes == 0 && root_->stats().reserved_bytes == 0,
            "not everything went back to the parent");
    ground_.check_end();
}

void run_on_resource(const program& script) {
    const recorder record;
    resource_run(script).run(script);
}

} // namespace cenote::test
