// cenote: SPDX-License-Identifier: MIT
//
// The interpreter of operation programs for arena.
#include "operations/arena_run.hpp"

#include "operations/frame.hpp"
#include "support/memcheck.hpp"

#include <algorithm>

namespace cenote::test {
namespace {

constexpr std::size_t most_live_bytes = std::size_t{4} << 20;

constexpr std::size_t chunks[] = {1024, 1, 300, 4096, 65536, 5000};
constexpr std::size_t maxima[] = {unlimited, unlimited, unlimited, 2000, 60'000, 500'000};
constexpr std::size_t buffers[] = {0, 0, 1, 100, 3000};
constexpr std::size_t sizes[] = {0, 1, 7, 8, 16, 24, 100, 300, 1000, 4096, 20'000};
constexpr std::size_t alignments[] = {1, 2, 8, 16, 16, 64, 256, 4096};

} // namespace

arena_options arena_run::options_of(const program& script) {
    const auto& choices = script.choices;
    arena_options result{.chunk_size = pick(chunks, choices[0])};
    result.maximum_bytes = pick(maxima, choices[2]);
    if (choices[3] % 5 == 1) result.growth = growth::none();
    if (choices[3] % 5 == 2) result.growth = growth::constant(choices[4] * 16u + 1);
    if (choices[3] % 5 == 3) result.growth = growth::geometric(1.5, choices[4] * 64u + 1);
    result.checks = (choices[7] & 1) != 0;
    result.stats = (choices[7] & 2) != 0;
    result.zero_on_allocate = (choices[7] & 12) == 12;
    result.erase_on_free = (choices[7] & 48) == 48;
    result.sanitizers = (choices[7] & 64) != 0;
    result.name = "run";
    return result;
}

arena_run::arena_run(const program& script, const arena_options& options)
    : ground_(ground_of<arena>(script, options)), buffer_(pick(buffers, script.choices[5])),
      options_(options) {
    options_.source = &ground_.source();
    options_.buffer = buffer_.empty() ? nullptr : buffer_.data();
    options_.buffer_bytes = buffer_.size();
    arena_ = std::make_unique<arena>(options_);
}

std::size_t arena_run::size_of(operation how) const {
    const std::size_t size = how.which % 3 == 0 ? how.amount % 3000u : pick(sizes, how.amount);
    return live_.bytes() + size > most_live_bytes ? size % 100 : size;
}

void arena_run::enter(void* data, std::size_t size, std::size_t alignment) {
    if (options_.zero_on_allocate)
        require(all_are(std::byte{0}, static_cast<std::byte*>(data), size), "bytes are not zeroed");
    require_good(live_.add(data, size, alignment));
    require(arena_->owns(data), "an arena does not own what it handed out");
    order_.push_back({data, size, alignment});
}

void arena_run::leave(std::size_t number) {
    require_good(live_.remove(live_.number_of(order_[number].data)));
    order_.erase(order_.begin() + static_cast<std::ptrdiff_t>(number));
    for (place& one : marks_)
        if (one.blocks > number) --one.blocks;
}

void arena_run::drop_down_to(std::size_t blocks) {
    while (order_.size() > blocks) leave(order_.size() - 1);
}

// True when the verb was given what it asks for; refusals need a reason and change nothing.
template<class Verb>
bool arena_run::tries(const Verb& verb) {
    const bool is_armed = ground_.source().is_armed();
    const arena_stats before = arena_->stats();
    bool given = false;
    try {
        given = verb();
    } catch (const out_of_memory& refusal) {
        require(refusal.details().pool == options_.name, "the exception names another pool");
    }
    if (given) return true;
    const bool is_bounded = options_.maximum_bytes != unlimited || options_.growth.how == growth::kind::none;
    require(is_bounded || is_armed || !ground_.is_ample() || ground_.is_exact_buffer(),
            "a request was refused without a reason");
    const arena_stats after = arena_->stats();
    require(after.live_bytes == before.live_bytes && after.peak_bytes == before.peak_bytes &&
                after.reserved_bytes == before.reserved_bytes,
            "a refused request changed the arena");
    return false;
}

void arena_run::allocate(operation how) {
    const std::size_t size = size_of(how);
    const std::size_t alignment = pick(alignments, how.which / 3);
    void* data = nullptr;
    const bool given = tries([&] {
        if (how.verb % 3 == 0) data = arena_->try_allocate(size, alignment);
        if (how.verb % 3 == 1) data = arena_->allocate(size, alignment);
        if (how.verb % 3 == 2) {
            data = arena_->allocate_zeroed(size, alignment);
            require(all_are(std::byte{0}, static_cast<std::byte*>(data), size), "bytes are not zeroed");
        }
        return data != nullptr;
    });
    if (given) enter(data, size, alignment);
}

void arena_run::free_some(operation how) {
    for (std::size_t left = how.amount % 5u + 1; left != 0 && !order_.empty(); --left) {
        const std::size_t number = how.which % 2 == 0 ? order_.size() - 1 : how.amount % order_.size();
        const block gone = order_[number];
        leave(number);
        arena_->deallocate(gone.data, gone.size, gone.alignment);
    }
}

void arena_run::resize(operation how) {
    if (order_.empty()) return;
    const std::size_t number = how.which % 2 == 0 ? order_.size() - 1 : how.amount % order_.size();
    const block old = order_[number];
    const std::size_t size = size_of(how);
    const std::size_t kept = std::min(old.size, size);
    read_on_purpose(old.data, kept); // of a large block only the ends were filled
    const std::vector<std::byte> before(static_cast<std::byte*>(old.data),
                                        static_cast<std::byte*>(old.data) + kept);
    void* data = nullptr;
    const bool given = tries([&] {
        if (how.amount % 3 == 0) {
            data = arena_->try_extend(old.data, old.size, size) ? old.data : nullptr;
            return true; // false only says that it moves
        }
        data = how.amount % 3 == 1 ? arena_->try_reallocate(old.data, old.size, size, old.alignment)
                                   : arena_->reallocate(old.data, old.size, size, old.alignment);
        return data != nullptr;
    });
    if (!given || data == nullptr) return;
    require(std::equal(before.begin(), before.end(), static_cast<std::byte*>(data)),
            "a resized block lost its contents");
    live_.forget(old.data);
    require_good(live_.add(data, size, old.alignment));
    if (data == old.data) {
        order_[number].size = size;
        return;
    }
    order_.erase(order_.begin() + static_cast<std::ptrdiff_t>(number));
    for (place& one : marks_)
        if (one.blocks > number) --one.blocks;
    order_.push_back({data, size, old.alignment});
}

void arena_run::make(operation how) {
    const bool given = tries([&] {
        counted* const made =
            how.which % 2 == 0 ? arena_->make<counted>(this) : arena_->try_make<counted>(this);
        if (made != nullptr) ++objects_;
        return made != nullptr;
    });
    (void)given;
}

void arena_run::mark(operation) {
    place made;
    if (!tries([&] { return made.mark = arena_->mark(), true; })) return;
    made.blocks = order_.size();
    made.objects = objects_;
    made.live = arena_->stats().live_bytes;
    marks_.push_back(made);
}

void arena_run::rewind(operation how) {
    if (marks_.empty()) return;
    const place to = marks_[how.amount % marks_.size()];
    drop_down_to(to.blocks);
    arena_->rewind(to.mark);
    require(objects_ == to.objects, "other destructors ran than those behind the mark");
    require(arena_->stats().live_bytes == to.live, "an arena was not rewound to its mark");
    while (marks_.back().live != to.live) { // the same place may be marked several times
        past_.push_back(marks_.back().mark);
        marks_.pop_back();
    }
}

void arena_run::rewind_past(operation how) {
    if (past_.empty()) return;
    const std::size_t live = arena_->stats().live_bytes;
    arena_->rewind(past_[how.amount % past_.size()]);
    require(recorder::count() == 1 && recorder::last().kind == misuse::bad_mark,
            "a mark that was rewound past was not reported");
    require(arena_->stats().live_bytes == live, "a mark that was rewound past changed the arena");
    recorder::count() = 0;
}

void arena_run::reset(operation) {
    drop_down_to(0);
    arena_->reset();
    require(objects_ == 0, "a reset forgot destructors");
    require(arena_->stats().live_bytes == 0, "something is live after a reset");
    for (const place& one : marks_)
        if (one.live != 0) past_.push_back(one.mark);
    std::erase_if(marks_, [](const place& one) { return one.live != 0; });
}

void arena_run::trim(operation how) {
    const arena_stats before = arena_->stats();
    const std::size_t keep = how.which % 2 == 0 ? 0 : how.amount;
    const std::size_t bytes = arena_->trim(keep);
    const arena_stats after = arena_->stats();
    require(before.reserved_bytes - after.reserved_bytes == bytes, "trim says what it did not do");
    require(after.live_bytes == before.live_bytes, "trim changed what is live");
    require(after.held_bytes >= std::min(keep, before.held_bytes), "trim left less than it was told");
}

// A pointer and a size that are no block: foreign, too large, inside, over neighbours, or freed before.
void arena_run::misuse_one(operation how) {
    if (!options_.checks) return;
    static std::byte foreign[64];
    std::byte* wrong = foreign;
    std::size_t size = 1 + how.amount % 64u;
    if (!order_.empty() && how.which % 5 != 0) {
        const block one = order_[how.amount % order_.size()];
        const block& other = order_[how.amount / 7u % order_.size()];
        wrong = static_cast<std::byte*>(one.data);
        if (how.which % 5 == 1) size = most_live_bytes * 4;
        if (how.which % 5 == 2) wrong += one.size > 9 ? 1 + how.amount % (one.size - 1) : 1;
        if (how.which % 5 == 3) {
            if (other.data <= one.data) return;
            size = static_cast<std::size_t>(static_cast<std::byte*>(other.data) - wrong) + other.size + 1;
        }
        if (how.which % 5 == 4) {
            size = one.size;
            leave(how.amount % order_.size());
            arena_->deallocate(one.data, one.size, one.alignment);
        }
    }
    const std::size_t live = arena_->stats().live_bytes;
    require(!arena_->check(wrong, size), "what is no block passes for one");
    arena_->deallocate(wrong, size);
    require(recorder::count() == 2, "a wrong free was not reported");
    require(arena_->stats().live_bytes == live, "a wrong free changed the arena");
    recorder::count() = 0;
}

void arena_run::refuse(operation how) {
    ground_.source().refuse(how.amount % 4u + 1, how.which % 2 == 0 ? refusal::once : refusal::from_then_on);
    if (how.which % 4 == 3) ground_.source().relent();
}

void arena_run::step(operation how) {
    using verb = void (arena_run::*)(operation);
    static constexpr verb verbs[] = {
        &arena_run::allocate,  &arena_run::allocate, &arena_run::allocate,   &arena_run::allocate,
        &arena_run::free_some, &arena_run::resize,   &arena_run::resize,     &arena_run::make,
        &arena_run::mark,      &arena_run::mark,     &arena_run::rewind,     &arena_run::rewind_past,
        &arena_run::reset,     &arena_run::trim,     &arena_run::misuse_one, &arena_run::refuse};
    (this->*verbs[how.verb % std::size(verbs)])(how);
}

void arena_run::check() {
    const arena_stats now = arena_->stats();
    peak_ = std::max(peak_, now.live_bytes);
    require(now.live_bytes >= live_.bytes(), "fewer bytes are live than were handed out");
    require(now.live_bytes <= now.held_bytes, "more bytes are live than the arena holds");
    require(now.peak_bytes >= peak_, "the peak is too low");
    require(now.held_bytes <= now.reserved_bytes + buffer_.size(), "more is held than there is");
    require(now.reserved_bytes <= options_.maximum_bytes, "more is reserved than the maximum");
    require(now.calls.has_value() == options_.stats, "calls are counted without the option, or not with it");
    require(recorder::count() == 0, "misuse was reported though there was none");
    require(arena_->is_valid(), "the arena is not valid");
    require_good(live_.look_at_all());
    ground_.check(now.reserved_bytes);
}

void arena_run::run(const program& script) {
    go_through(script, 300, [this](operation one) { step(one); }, [this](std::size_t) { check(); });
    drop_down_to(0);
    arena_.reset();
    require(objects_ == 0, "the destructor of the arena forgot others");
    require(recorder::count() == 0, "the destructor reported misuse though there was none");
    ground_.check_end();
}

void run_on_arena(const program& script) {
    const recorder record;
    arena_run(script, arena_run::options_of(script)).run(script);
}

} // namespace cenote::test
