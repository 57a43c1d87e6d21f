// cenote: SPDX-License-Identifier: MIT
//
// A C++ program to be recorded: every form of operator new and delete, from two call sites, and one that
// throws.
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <new>

namespace {

struct alignas(64) wide {
    char bytes[51008];
};

__attribute__((noinline)) void* first_site() {
    return ::operator new(51001);
}
__attribute__((noinline)) void* second_site() {
    return ::operator new(51001);
}

bool refuses_too_much() {
    volatile std::size_t size = SIZE_MAX / 2;
    try {
        ::operator delete(::operator new(size));
    } catch (const std::bad_alloc&) {
        return ::operator new(size, std::nothrow) == nullptr;
    }
    return false;
}

} // namespace

int main() {
    for (int i = 0; i < 10; ++i) {
        ::operator delete(first_site());
        ::operator delete(second_site(), std::size_t{51001});
        auto* array = new char[51003];
        asm volatile("" : : "r"(array) : "memory");
        delete[] array;
        ::operator delete(::operator new(51005, std::nothrow), std::nothrow);
        auto* w = new wide;
        asm volatile("" : : "r"(w) : "memory");
        delete w;
        ::operator delete[](::operator new[](51200, std::align_val_t{256}), std::align_val_t{256});
    }
    const bool good = refuses_too_much();
    std::puts(good ? "good" : "bad");
    return good ? 0 : 1;
}
