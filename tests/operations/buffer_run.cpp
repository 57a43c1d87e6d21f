// cenote: SPDX-License-Identifier: MIT
//
// The interpreter of operation programs for buffer_pool: splits, merges, growth in place, slices and time,
// beside a map of what is live, in which nothing may overlap and every byte that was written stays.
#include <cenote/buffer/shared_buffer.hpp>

#include "operations/frame.hpp"

#include <algorithm>
#include <memory>

namespace cenote::test {
namespace {

constexpr std::size_t most_live_bytes = std::size_t{2} << 20;
constexpr std::size_t most_held = 200;
constexpr std::size_t smallests[] = {64, 256, 4096};

class buffer_run {
public:
    [[nodiscard]] static buffer_pool_options options_of(const program& script);
    buffer_run(const program& script, const buffer_pool_options& options);
    ~buffer_run() {
        held_.clear(); // before the pool
        pool_.reset();
    }
    void run(const program& script);

private:
    struct loan { // a buffer, or slices of one that share its bytes
        buffer whole;
        std::vector<shared_buffer> parts;
        std::byte* data = nullptr; // as the ledger knows it
        bool is_adopted = false;
    };

    void step(operation how);
    void check();
    void acquire(operation how);
    void release(operation how);
    void resize(operation how);
    static void refuse_to_grow(buffer& empty, std::size_t size);
    void share(operation how);
    void drop_part(operation how);
    void adopt(operation how);
    void pass(operation how);
    void trim_some(operation how);

    [[nodiscard]] std::size_t size_of(operation how) const;
    [[nodiscard]] bool may_refuse() const {
        return !ground_.is_ample() || ground_.is_exact_buffer() || is_limited_ || ground_.refused();
    }
    void enter(buffer&& one, bool is_adopted);
    void leave(std::size_t number);

    ground ground_;
    bool is_limited_;
    block_ledger live_;
    std::vector<loan> held_;
    std::vector<std::unique_ptr<std::byte[]>> foreign_;
    std::size_t adopted_ = 0; // live
    std::size_t returned_ = 0;
    std::int64_t now_ = 0;
    std::unique_ptr<buffer_pool> pool_;
};

buffer_pool_options buffer_run::options_of(const program& script) {
    const auto& choices = script.choices;
    buffer_pool_options result;
    result.smallest = smallests[choices[0] % 3];
    result.largest = result.smallest << choices[1] % 7;
    result.most_retained = choices[2] % 40u;
    result.least_retained = choices[3] % 5u;
    result.retained_bytes = choices[4] * 1024u;
    result.cached_bytes = choices[5] * 512u;
    if (choices[6] % 4 == 1) result.maximum_bytes = 300'000 + choices[6] * 1000u;
    if (kind_of_ground(script) == ground::kind::exact_buffer) {
        result.initial_bytes = 1 + choices[6] * 300u;
        result.maximum_bytes = unlimited;
    }
    result.erase = (choices[7] & 3) == 3;
    result.stats = (choices[7] & 4) != 0;
    result.sanitizers = (choices[7] & 8) != 0;
    result.trim = (choices[7] & 16) != 0 ? trim::manual : trim::automatic;
    result.name = "run";
    return result;
}

buffer_run::buffer_run(const program& script, const buffer_pool_options& options)
    : ground_(ground_of<buffer_pool>(script, options)), is_limited_(options.maximum_bytes != unlimited) {
    buffer_pool_options wanted = options;
    wanted.source = &ground_.source();
    pool_ = std::make_unique<buffer_pool>(wanted);
}

std::size_t buffer_run::size_of(operation how) const {
    const std::size_t largest = pool_->largest();
    std::size_t size = how.amount % (largest + 1);
    if (how.which % 8 == 0) size = largest + 1 + how.amount % 5000u; // straight from the source
    if (how.which % 8 == 1) size = largest >> how.amount % 7;
    return live_.bytes() + size > most_live_bytes ? size % 64 : size;
}

void buffer_run::enter(buffer&& one, bool is_adopted) {
    loan fresh;
    fresh.data = one.data();
    fresh.is_adopted = is_adopted;
    require(one.capacity() >= one.size(), "a buffer is larger than its capacity");
    require_good(live_.add(one.data(), one.capacity(), 1)); // all of it is ours
    fresh.whole = std::move(one);
    held_.push_back(std::move(fresh));
}

void buffer_run::leave(std::size_t number) {
    loan& gone = held_[number];
    require_good(live_.remove(live_.number_of(gone.data)));
    adopted_ -= gone.is_adopted;
    std::swap(gone, held_.back());
    held_.pop_back();
}

void buffer_run::acquire(operation how) {
    if (held_.size() == most_held) return release(how);
    const std::size_t size = size_of(how);
    buffer one = pool_->try_acquire(size);
    if (!one) return require(may_refuse(), "a request was refused without a reason");
    require(one.size() == size, "a buffer has another size than was asked for");
    if (how.which % 3 == 0) one.resize(one.capacity());
    enter(std::move(one), false);
}

void buffer_run::release(operation how) {
    if (!held_.empty()) leave(how.amount % held_.size());
}

void buffer_run::refuse_to_grow(buffer& empty, std::size_t size) {
    bool is_refused = false;
    try {
        empty.resize(size);
    } catch (const out_of_memory&) {
        is_refused = true;
    }
    require(is_refused == (size != 0) && !empty && empty.empty(), "a handle that is empty has grown");
}

void buffer_run::resize(operation how) {
    if (held_.empty()) return;
    loan& one = held_[how.amount % held_.size()];
    const std::size_t size = size_of(how);
    if (!one.whole) return refuse_to_grow(one.whole, size); // its slices have the bytes
    const std::size_t kept = std::min({one.whole.size(), size, std::size_t{4096}});
    const std::byte sign = one.whole.data()[0];
    require_good(live_.remove(live_.number_of(one.data)));
    const bool was_adopted = one.is_adopted;
    try {
        one.whole.resize(size);
    } catch (const out_of_memory&) {
        require(may_refuse(), "growth was refused without a reason");
    }
    require(kept == 0 || all_are(sign, one.whole.data(), kept), "a buffer that grew lost what it held");
    one.is_adopted = was_adopted && one.whole.data() == one.data;
    adopted_ -= was_adopted && !one.is_adopted;
    one.data = one.whole.data();
    require_good(live_.add(one.data, one.whole.capacity(), 1));
}

void buffer_run::share(operation how) {
    if (held_.empty()) return;
    loan& one = held_[how.amount % held_.size()];
    if (!one.whole || one.whole.empty()) return;
    shared_buffer whole(std::move(one.whole));
    const std::size_t cut = how.which % (whole.size() + 1);
    for (const shared_buffer& part : {whole.slice(0, cut), whole.slice(cut)}) {
        if (part) one.parts.push_back(part);
    }
    std::size_t bytes = 0;
    for (const shared_buffer& part : one.parts) bytes += part.size();
    require(bytes == whole.size(), "two slices do not make the whole");
    require(whole.uses() == one.parts.size() + 1, "the holders are miscounted");
}

void buffer_run::drop_part(operation how) {
    if (held_.empty()) return;
    const std::size_t number = how.amount % held_.size();
    loan& one = held_[number];
    if (one.parts.empty()) return;
    if (one.parts.size() == 1) return leave(number);
    one.parts.erase(one.parts.begin() + how.which % 2);
    require(one.parts[0].uses() == 1, "the holders are miscounted");
}

void buffer_run::adopt(operation how) {
    if (held_.size() == most_held) return;
    const std::size_t size = 1 + how.amount % 2000u;
    foreign_.push_back(std::make_unique<std::byte[]>(size));
    enter(pool_->adopt({foreign_.back().get(), size}, [this](std::span<std::byte>) { ++returned_; }), true);
    ++adopted_;
}

void buffer_run::pass(operation how) {
    now_ += std::int64_t{how.amount} * 100'000'000;
    (void)pool_->tick(buffer_pool::clock::time_point(std::chrono::nanoseconds(now_)));
}

void buffer_run::trim_some(operation how) {
    if (how.which % 2 == 0) return pool_->release_thread_caches();
    (void)pool_->trim();
    if (!held_.empty()) return;
    const buffer_stats now = pool_->stats();
    require(now.counts.split == now.counts.merged || ground_.is_exact_buffer() || now.retained_bytes != 0 ||
                now.idle_bytes != 0,
            "pieces of nothing live have not merged");
}

void buffer_run::check() {
    require(pool_->is_valid(), "the pool is not valid");
    const buffer_stats now = pool_->stats();
    require(now.live == held_.size() - adopted_, "the number of live buffers is wrong");
    require(returned_ + adopted_ == foreign_.size(), "adopted memory did not come back once");
    ground_.check(now.reserved_bytes);
}

void buffer_run::step(operation how) {
    switch (how.verb % 14) {
    case 0:
    case 1:
    case 2:
        return acquire(how);
    case 3:
    case 4:
        return release(how);
    case 5:
    case 6:
        return resize(how);
    case 7:
        return share(how);
    case 8:
        return drop_part(how);
    case 9:
        return adopt(how);
    case 10:
        return pass(how);
    case 11:
        return trim_some(how);
    case 12:
        return ground_.source().refuse(1 + how.amount % 4u, refusal::once);
    default:
        return require_good(live_.look_at_all());
    }
}

void buffer_run::run(const program& script) {
    go_through(script, unlimited, [this](operation one) { step(one); }, [this](std::size_t) { check(); });
    require_good(live_.look_at_all());
    while (!held_.empty()) leave(0);
    check();
    pool_.reset();
    require(recorder::leaked().blocks == 0, "a leak of nothing is told");
    ground_.check_end();
}

} // namespace

void run_on_buffer_pool(const program& script) {
    const recorder record;
    const buffer_pool_options options = buffer_run::options_of(script);
    if (!are_good<buffer_pool>(options)) return;
    try {
        buffer_run(script, options).run(script);
    } catch (const out_of_memory&) {
        require(options.initial_bytes != 0, "memory was asked for before it was needed");
    }
}

} // namespace cenote::test
