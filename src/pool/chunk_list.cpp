// cenote: SPDX-License-Identifier: MIT
#include <cenote/base/arith.hpp>
#include <cenote/base/sanitizer.hpp>
#include <cenote/pool/chunk_list.hpp>

#include <algorithm>
#include <new>

namespace cenote::inline v0_1::engine {
namespace {

constexpr std::size_t header = base::rounded_up(sizeof(chunk), chunk_list::alignment);
constexpr int most_skipped = 16;

struct room {
    std::byte* begin;
    std::byte* end;
    [[nodiscard]] std::size_t size() const noexcept { return static_cast<std::size_t>(end - begin); }
};

// The most that so many bytes can hold behind its edges: where these are as long as they need to be, but for
// the alignment, or the last place before, which has edges for some bytes less. So more bytes never hold
// less.
room behind_edges(void* data, std::size_t bytes, bool checked) noexcept {
    constexpr std::size_t bytes_an_edge = 4 * edge_map::unit;
    auto* const begin = static_cast<std::byte*>(data);
    if (!checked || bytes == 0) return {begin, begin + bytes};
    const std::size_t edges = bytes / (edge_map::bytes_for(0) + bytes_an_edge) + 1;
    const std::size_t behind = edges + base::padding_to(begin + edges, chunk_list::alignment);
    room most{begin + bytes, begin + bytes};
    for (const std::size_t offset : {behind, behind - chunk_list::alignment}) {
        if (offset - 1 >= bytes) continue; // also of 0, or below
        const std::size_t held = std::min(bytes - offset, offset * bytes_an_edge - 1);
        if (held > most.size()) most = {begin + offset, begin + offset + held};
    }
    return most;
}

} // namespace

std::size_t chunk_list::held_by(const void* buffer, std::size_t bytes, bool checked) noexcept {
    return behind_edges(const_cast<void*>(buffer), bytes, checked).size();
}

bool chunk::fits(std::size_t bytes, std::size_t alignment) const noexcept {
    const std::size_t padding = base::padding_to(begin, alignment);
    return padding <= size() && bytes <= size() - padding;
}

void chunk_list::configure(const chunk_plan& plan, void* buffer, std::size_t buffer_bytes) noexcept {
    plan_ = plan;
    if (buffer == nullptr || buffer_bytes == 0) return;
    const room rest = behind_edges(buffer, buffer_bytes, plan_.checked);
    buffer_.begin = buffer_.top = rest.begin;
    buffer_.end = rest.end;
    if (plan_.watched) base::forbid(buffer_.begin, buffer_.size());
    held_ = buffer_.size();
    link_behind(nullptr, buffer_);
}

bool chunk_list::first_request(const source& from, std::size_t bytes, bool checked,
                               std::size_t& rounded) noexcept {
    const std::size_t least = header + bytes_to_hold(1, checked);
    if (bytes < least) bytes = least;
    return base::round_up(bytes, from.granularity(), rounded);
}

// The first that fits. What is skipped stays for smaller requests.
chunk* chunk_list::find_kept(std::size_t bytes, std::size_t wanted_alignment) const noexcept {
    chunk* kept = current_ != nullptr ? current_->next : first_;
    for (int looks = 0; kept != nullptr && looks < most_skipped; kept = kept->next, ++looks) {
        if (kept->fits(bytes, wanted_alignment)) return kept;
    }
    return nullptr;
}

bool chunk_list::advance(std::size_t bytes, std::size_t wanted_alignment) noexcept {
    chunk* next = find_kept(bytes, wanted_alignment);
    if (next != nullptr) {
        unlink(*next);
    } else {
        next = reserve(bytes, wanted_alignment);
        if (next == nullptr) return false;
    }
    link_behind(current_, *next);
    enter(*next);
    return true;
}

void chunk_list::enter(chunk& one) noexcept {
    one.top = one.begin;
    one.below =
        current_ == nullptr ? 0 : current_->below + static_cast<std::size_t>(current_->top - current_->begin);
    one.floor = current_ == nullptr ? 0 : current_->floor + current_->size();
    current_ = &one;
}

// What the growth says, but as much as this request needs; as much as can be had, when that is less.
chunk* chunk_list::reserve(std::size_t bytes, std::size_t wanted_alignment) noexcept {
    const std::size_t padding = wanted_alignment > alignment ? wanted_alignment - alignment : 0;
    std::size_t least = 0;
    if (!base::add(bytes, header + padding, least) || least > base::size_max / 2) return nullptr;
    least = header + bytes_to_hold(least - header, plan_.checked);
    if (!base::round_up(least, plan_.from->granularity(), least) || least > base::size_max / 2)
        return nullptr;
    const std::size_t room = plan_.maximum - reserved_;
    if (least > room) return nullptr;
    std::size_t wanted = plan_.first_bytes;
    if (reserved_ != 0) {
        const std::size_t step = plan_.growth.step(reserved_);
        if (step == 0) return nullptr;
        wanted = step > wanted || plan_.growth.how == growth::kind::constant ? step : wanted;
    }
    if (wanted > room) wanted = room;
    if (plan_.from->is_prepaid()) {
        const std::size_t available = plan_.from->available();
        const std::size_t most = available > alignment ? available - alignment + 1 : 0;
        if (wanted > most) wanted = most;
    }
    const std::size_t granularity = plan_.from->granularity();
    for (; wanted > least; wanted /= 2) {
        std::size_t rounded = wanted;
        if (!base::round_up(wanted, granularity, rounded) || rounded > room)
            rounded = wanted / granularity * granularity;
        if (rounded <= least) break;
        if (chunk* const made = reserve_exactly(rounded)) return made;
    }
    return reserve_exactly(least);
}

chunk* chunk_list::reserve_exactly(std::size_t bytes) noexcept {
    const source::request wanted{bytes, alignment, source::any_node};
    auto* const data = static_cast<std::byte*>(plan_.from->reserve(wanted));
    if (data == nullptr) return nullptr;
    if (!plan_.from->commit(data, bytes)) {
        plan_.from->release(data, wanted);
        return nullptr;
    }
    auto* const made = ::new (data) chunk;
    const room rest = behind_edges(data + header, bytes - header, plan_.checked);
    made->begin = made->top = rest.begin;
    made->end = rest.end;
    made->reserved = wanted;
    held_ += made->size();
    reserved_ += bytes;
    if (plan_.watched) base::forbid(made->begin, made->size());
    return made;
}

void chunk_list::link_behind(chunk* before, chunk& one) noexcept {
    one.previous = before;
    one.next = before != nullptr ? before->next : first_;
    (before != nullptr ? before->next : first_) = &one;
    (one.next != nullptr ? one.next->previous : last_) = &one;
}

void chunk_list::unlink(chunk& one) noexcept {
    (one.previous != nullptr ? one.previous->next : first_) = one.next;
    (one.next != nullptr ? one.next->previous : last_) = one.previous;
}

void chunk_list::release(chunk& idle) noexcept {
    unlink(idle);
    held_ -= idle.size();
    if (plan_.watched) base::permit(idle.begin, idle.size());
    if (&idle == &buffer_) return;
    const source::request reserved = idle.reserved;
    reserved_ -= reserved.bytes;
    plan_.from->release(&idle, reserved);
}

std::size_t chunk_list::trim(std::size_t keep) noexcept {
    const std::size_t before = reserved_;
    if (is_empty()) current_ = nullptr;
    for (chunk* one = last_; one != current_;) {
        chunk* const earlier = one->previous;
        if (one != &buffer_) {
            if (held_ - one->size() < keep) break;
            release(*one);
        }
        one = earlier;
    }
    if (current_ == nullptr && first_ != nullptr) enter(*first_);
    return before - reserved_;
}

void chunk_list::release_all() noexcept {
    current_ = nullptr;
    while (last_ != nullptr) release(*last_);
}

bool chunk_list::is_valid() const noexcept {
    std::size_t held = 0;
    std::size_t reserved = 0;
    bool is_behind = current_ == nullptr;
    std::size_t below = 0;
    for (const chunk* one = first_; one != nullptr; one = one->next) {
        if (one->begin > one->top || one->top > one->end) return false;
        if ((one->next != nullptr ? one->next->previous : last_) != one) return false;
        if (!is_behind && (one->floor != held || one->below != below)) return false;
        held += one->size();
        below += static_cast<std::size_t>(one->top - one->begin);
        reserved += one->reserved.bytes;
        is_behind = is_behind || one == current_;
    }
    return is_behind && held == held_ && reserved == reserved_;
}

} // namespace cenote::inline v0_1::engine
