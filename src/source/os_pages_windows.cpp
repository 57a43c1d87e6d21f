// cenote: SPDX-License-Identifier: MIT
#include <cenote/base/arith.hpp>
#include <cenote/source/os_pages.hpp>

#include <windows.h>

namespace cenote::inline v0_1 {
namespace {

const SYSTEM_INFO& machine() noexcept {
    static const SYSTEM_INFO found = [] {
        SYSTEM_INFO info{};
        GetSystemInfo(&info);
        return info;
    }();
    return found;
}

// Pools are used inside code that inspects the last error.
class error_keeper {
public:
    error_keeper() noexcept : saved_(GetLastError()) {}
    error_keeper(const error_keeper&) = delete;
    error_keeper& operator=(const error_keeper&) = delete;
    ~error_keeper() { SetLastError(saved_); }

private:
    DWORD saved_;
};

void* reserve_at(void* wanted, std::size_t bytes, int node) noexcept {
    if (node == source::any_node) return VirtualAlloc(wanted, bytes, MEM_RESERVE, PAGE_READWRITE);
    return VirtualAllocExNuma(GetCurrentProcess(), wanted, bytes, MEM_RESERVE, PAGE_READWRITE,
                              static_cast<DWORD>(node));
}

// A reservation cannot be cut: a larger one shows where there is room, and is given back for one that starts
// there. Another thread may take the place meanwhile; then once more.
void* reserve_aligned(std::size_t bytes, std::size_t alignment, int node) noexcept {
    constexpr int tries = 64;
    std::size_t with_slack = 0;
    if (!base::add(bytes, alignment, with_slack)) return nullptr;
    for (int i = 0; i < tries; ++i) {
        void* const roomy = reserve_at(nullptr, with_slack, node);
        if (roomy == nullptr) return nullptr;
        VirtualFree(roomy, 0, MEM_RELEASE);
        void* const wanted = static_cast<std::byte*>(roomy) + base::padding_to(roomy, alignment);
        if (void* const region = reserve_at(wanted, bytes, node)) return region;
    }
    return nullptr;
}

// The whole pages inside a stretch: only they can be given back.
struct whole_pages {
    whole_pages(void* data, std::size_t bytes) noexcept {
        const std::size_t page = machine().dwPageSize;
        const std::size_t skip = base::padding_to(data, page);
        if (skip >= bytes) return;
        begin = static_cast<std::byte*>(data) + skip;
        length = (bytes - skip) / page * page;
    }

    std::byte* begin = nullptr;
    std::size_t length = 0;
};

} // namespace

void* os_pages::reserve(const request& wanted) noexcept {
    const error_keeper keeper;
    if (wanted.bytes == 0) return nullptr;
    if (wanted.alignment <= granularity()) return reserve_at(nullptr, wanted.bytes, wanted.node);
    return reserve_aligned(wanted.bytes, wanted.alignment, wanted.node);
}

void os_pages::release(void* region, const request& /*given*/) noexcept {
    const error_keeper keeper;
    VirtualFree(region, 0, MEM_RELEASE);
}

bool os_pages::commit(void* data, std::size_t bytes) noexcept {
    const error_keeper keeper;
    return bytes == 0 || VirtualAlloc(data, bytes, MEM_COMMIT, PAGE_READWRITE) != nullptr;
}

void os_pages::purge(void* data, std::size_t bytes) noexcept {
    const error_keeper keeper;
    const whole_pages pages(data, bytes);
    if (pages.length != 0) (void)VirtualAlloc(pages.begin, pages.length, MEM_RESET, PAGE_READWRITE);
}

std::size_t os_pages::decommit(void* data, std::size_t bytes) noexcept {
    const error_keeper keeper;
    const whole_pages pages(data, bytes);
    const bool gone = pages.length != 0 && VirtualFree(pages.begin, pages.length, MEM_DECOMMIT) != 0;
    return gone ? pages.length : 0;
}

void os_pages::populate(void* data, std::size_t bytes) noexcept {
    source::populate(data, bytes);
}

std::size_t os_pages::granularity() const noexcept {
    return machine().dwAllocationGranularity;
}

std::size_t os_pages::best_granularity() const noexcept {
    return granularity();
}

} // namespace cenote::inline v0_1
