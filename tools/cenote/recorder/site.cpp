// cenote: SPDX-License-Identifier: MIT
#include "recorder/site.hpp"

#include "recorder/system.hpp"

#include <cstddef>
#include <dlfcn.h>
#include <link.h>

namespace cenote::recorder {
namespace {

struct remembered {
    std::uintptr_t address;
    std::uint32_t site;
};

constexpr std::size_t memory_places = 128;
constinit thread_local remembered memory[memory_places] __attribute__((tls_model("initial-exec"))) = {};

// Lock-free and indifferent to what the dynamic linker is doing, but only in glibc 2.35 and later.
using find_object_function = int (*)(void*, dl_find_object*);
find_object_function find_object = nullptr;

std::uint64_t hash_name(const char* path) {
    const char* name = path;
    for (const char* c = path; *c != '\0'; ++c)
        if (*c == '/') name = c + 1;
    std::uint64_t hash = 0xCBF29CE484222325U;
    for (; *name != '\0'; ++name) hash = (hash ^ static_cast<unsigned char>(*name)) * 0x100000001B3U;
    return hash;
}

std::uint32_t mix(std::uint64_t module, std::uint64_t offset) {
    std::uint64_t value = module ^ offset * 0x9E3779B97F4A7C15U;
    value = (value ^ value >> 32) * 0xD6E8FEB86659FD93U;
    const auto site = static_cast<std::uint32_t>(value ^ value >> 32);
    return site != 0 ? site : 1;
}

std::uint32_t look_up(std::uintptr_t address) {
    const saved_errno keep;
    const auto where = reinterpret_cast<void*>(address);
    if (find_object != nullptr) {
        dl_find_object found{};
        if (find_object(where, &found) != 0) return mix(0, 0);
        return mix(hash_name(found.dlfo_link_map->l_name), address - found.dlfo_link_map->l_addr);
    }
    Dl_info info{};
    if (dladdr(where, &info) == 0 || info.dli_fname == nullptr) return mix(0, 0);
    return mix(hash_name(info.dli_fname), address - reinterpret_cast<std::uintptr_t>(info.dli_fbase));
}

} // namespace

void prepare_sites() noexcept {
    find_object = reinterpret_cast<find_object_function>(dlsym(RTLD_DEFAULT, "_dl_find_object"));
}

std::uint32_t site_of(const void* return_address) noexcept {
    const auto address = reinterpret_cast<std::uintptr_t>(return_address);
    remembered& place = memory[(address ^ address >> 7) % memory_places];
    if (place.address != address) place = {address, look_up(address)};
    return place.site;
}

} // namespace cenote::recorder
