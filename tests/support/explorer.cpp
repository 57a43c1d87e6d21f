// cenote: SPDX-License-Identifier: MIT
#include "explorer.hpp"

#include "explorer_machine.hpp"

#include <ostream>
#include <sstream>
#include <stdexcept>

namespace cenote::test {
namespace exploring {
namespace {

bool acquires(sync::memory_order order) {
    return order != sync::memory_order_relaxed && order != sync::memory_order_release;
}
bool releases(sync::memory_order order) {
    return order != sync::memory_order_relaxed && order != sync::memory_order_acquire;
}

const char* name_of(location::access what) {
    static constexpr std::array names{"load",      "store",     "exchange",  "compare_exchange",
                                      "fetch_add", "fetch_sub", "fetch_and", "fetch_or"};
    return names[static_cast<std::size_t>(what)];
}

} // namespace

void location::arrive(access what) const {
    if (active != nullptr) active->arrive(what == access::load);
}

void location::read(std::uint32_t slot, sync::memory_order order) const {
    event& from = events_[slot];
    clock& now = active->now();
    from.read_by.ticks[active->current()] = now.ticks[active->current()];
    if (acquires(order)) now.join(from.released);
}

// A load may return any store that no other one, which the thread knows of, has overwritten.
std::uint32_t location::load(sync::memory_order order) const {
    if (active == nullptr) return newest();
    const clock& now = active->now();
    const auto is_known = [&](const event& one) {
        if (one.tick <= now.ticks[one.thread]) return true;
        for (std::size_t i = 0; i < most_threads; ++i)
            if (one.read_by.ticks[i] != 0 && one.read_by.ticks[i] <= now.ticks[i]) return true;
        return false;
    };
    std::uint32_t ages = 1;
    while (ages < depth && ages <= newest_ && !is_known(events_[(newest_ - (ages - 1)) % depth])) ++ages;
    const auto age = static_cast<std::uint32_t>(active->choose_age(ages));
    const std::uint32_t slot = (newest_ - age) % depth;
    read(slot, order);
    return slot;
}

void location::acquire_newest(sync::memory_order order) const {
    if (active != nullptr) read(newest(), order);
}

std::uint32_t location::store(sync::memory_order order, bool modifies, bool changes) {
    if (active == nullptr) return newest();
    clock& now = active->now();
    const auto thread = static_cast<std::uint32_t>(active->current());
    const clock before = modifies ? events_[newest()].released : clock{}; // a release sequence goes on
    ++newest_;
    event& one = events_[newest()];
    one = {before, thread, now.ticks[thread], {}};
    if (releases(order)) {
        one.released.join(now);
        ++now.ticks[thread];
    }
    if (changes) active->note_change();
    return newest();
}

void location::tell(access what, sync::memory_order order, std::uint64_t value) const {
    if (active == nullptr || !active->is_tracing()) return;
    const char* const how = order == sync::memory_order_relaxed   ? "relaxed"
                            : order == sync::memory_order_acquire ? "acquire"
                            : order == sync::memory_order_release ? "release"
                            : order == sync::memory_order_acq_rel ? "acq_rel"
                                                                  : "seq_cst";
    std::ostringstream text;
    text << name_of(what) << " " << how << ": " << (value > 0xffff ? std::hex : std::dec) << value;
    active->tell(*this, text.str());
}

void track::read() const {
    if (active == nullptr) return;
    const clock& now = active->now();
    if (written_ > now.ticks[writer_])
        active->fail(failure::race, "reads what thread ", writer_, " wrote, and nothing orders them");
    read_.ticks[active->current()] = now.ticks[active->current()];
}

void track::write() {
    if (active == nullptr) return;
    const clock& now = active->now();
    if (written_ > now.ticks[writer_])
        active->fail(failure::race, "writes what thread ", writer_, " wrote, and nothing orders them");
    for (std::size_t i = 0; i < most_threads; ++i)
        if (read_.ticks[i] > now.ticks[i])
            active->fail(failure::race, "writes what thread ", i, " read, and nothing orders them");
    writer_ = static_cast<std::uint32_t>(active->current());
    written_ = now.ticks[writer_];
    read_ = {};
}

void pause() {
    if (active != nullptr) active->pause();
}
void yield() {
    if (active != nullptr) active->yield();
}
void arrive_to_sleep(const location&) {
    if (active != nullptr) active->arrive(false);
}
bool sleep(const location& word) {
    return active != nullptr && active->sleep(word);
}
bool sleep_until(const location& word) {
    return active != nullptr && active->sleep_until(word);
}
void wake(const location& word, bool all) {
    if (active == nullptr) return;
    active->arrive(false);
    active->wake(word, all);
}

} // namespace exploring

findings explore(const std::function<void(program&)>& make, const exploration& limits) {
    return exploring::machine(make, limits).explore_all();
}

void require(bool holds, const char* what) {
    if (holds) return;
    if (exploring::active == nullptr) throw std::logic_error(what);
    exploring::active->fail(failure::requirement, what);
}

std::size_t this_thread() noexcept {
    return exploring::active != nullptr ? exploring::active->current() : 0;
}

std::ostream& operator<<(std::ostream& out, const findings& found) {
    static constexpr std::array names{"nothing", "a broken requirement", "a race", "a deadlock",
                                      "no end",  "not the same twice"};
    out << "found " << names[static_cast<std::size_t>(found.kind)] << " in " << found.schedules
        << " schedules" << (found.complete ? " (all)" : "");
    if (found.seed != 0) out << ", seed " << found.seed;
    if (found.kind == failure::none) return out;
    return out << "\n  " << found.what << "\n  schedule " << found.schedule << "\n" << found.trace;
}

} // namespace cenote::test
